"""Nudges: small changes of tensors in a model, to see how they change its loss.

A nudge is a variable of zeros that is added to a tensor; the loss is computed again with other
values in it. No probe, search for readers or derivative of the engine is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any, NamedTuple

from numpy.typing import NDArray

from rnngrad_widgets.engine.backend import Tensor, tf


class Site(NamedTuple):
    """Where a nudge is added.

    Parameters
    ----------
    layer
        Path of the layer.
    kind
        ``"output"``, ``"input"``, ``"state"``, ``"initial"`` (a state before the first timestep) or
        ``"gate"``.
    call
        Which call of the layer.
    direction
        0, or 1 for the backward layer of a Bidirectional.
    cell
        Which cell of a stack.
    part
        Which leaf of an output or input, which state of a cell; of all, before the first timestep.
    """

    layer: str
    kind: str
    call: int
    direction: int = 0
    cell: int = 0
    part: int = 0


class CannotNudge(Exception):  # noqa: N818 - it is a finding, and never leaves the engine
    """A tensor cannot be nudged; the message says why."""


class Nudges:
    """The nudges in a forward pass, made while it is traced (or, in eager mode, run)."""

    def __init__(self) -> None:
        self.reasons: dict[Site, str] = {}
        """Why there is no nudge, for the sites without."""
        self._variables: dict[Site, Any] = {}

    def at(self, site: Site, shape: Sequence[int | None], dtype: Any) -> Tensor:
        """Return the nudge to add at a site.

        Raises
        ------
        CannotNudge
            If the shape is not known.
        """
        if None in shape:
            sizes = ", ".join("any" if size is None else str(size) for size in shape)
            raise CannotNudge(f"its shape must be known when the model is called; it is ({sizes})")
        if site not in self._variables:
            with tf.init_scope():
                zeros = tf.zeros([int(size) for size in shape if size is not None], dtype)
                self._variables[site] = own_variable(zeros)
        return tf.convert_to_tensor(self._variables[site])

    def added(self, site: Site, tensor: Tensor) -> Tensor:
        """Return a tensor with the nudge of a site added, where one is possible."""
        if not isinstance(tensor, tf.Tensor):
            self.reasons[site] = f"it is a {type(tensor).__name__}"
            return tensor
        if not tensor.dtype.is_floating:
            return tensor
        try:
            moved = tensor + self.at(site, tensor.shape, tensor.dtype)
        except CannotNudge as reason:
            self.reasons[site] = str(reason)
            return tensor
        # A later layer may read the mask from the tensor, a loss the logits.
        for name in ("_keras_mask", "_keras_logits"):
            if hasattr(tensor, name):
                setattr(moved, name, getattr(tensor, name))
        return moved

    def shape(self, site: Site) -> tuple[int, ...] | None:
        """Return the shape of the nudge at a site; None if there is none."""
        found = self._variables.get(site)
        return None if found is None else tuple(found.shape)

    def of_call(self, layer: str, kind: str, call: int) -> list[Site]:
        """Return the sites of a kind in one call of a layer."""
        known = {*self._variables, *self.reasons}
        return sorted(site for site in known if site[:3] == (layer, kind, call))

    @contextmanager
    def set(self, values: Mapping[Site, NDArray[Any]]) -> Iterator[None]:
        """Set nudges to values until this is left; then they are zero again."""
        try:
            for site, value in values.items():
                variable = self._variables[site]
                variable.assign(tf.cast(tf.constant(value), variable.dtype))
            yield
        finally:
            for site in values:
                variable = self._variables[site]
                variable.assign(tf.zeros_like(variable))


def own_variable(value: Tensor) -> Any:
    """Make a variable that no distribution scope mirrors, also while a function is traced."""
    kind = import_module("tensorflow.python.ops.resource_variable_ops").ResourceVariable
    return kind(value, trainable=False)

"""The tensors of a pass from its loss: derivatives by sources, clipped, joined and labelled."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.engine.backend import Model, Tensor, tf
from rnngrad_widgets.engine.calls.groups import join_calls
from rnngrad_widgets.engine.keras_api.select import adapter_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator
    from rnngrad_widgets.engine.tracing.findings import Findings
    from rnngrad_widgets.engine.tracing.source import Source

_SUBJECT_WORDS = {"output": "output", "input": "input", "weight": "weights"}
"""What a quantity is the derivative by, for a message; else it is the states."""

_STATES = frozenset(
    each.name
    for each in QUANTITIES.values()
    if each.is_gradient and each.of in ("hidden_state", "cell_state")
)
"""Quantities of which a layer may have several tensors, of one state each."""


@dataclass(frozen=True, eq=False)
class Derivatives:
    """How the loss of a pass is differentiated.

    Parameters
    ----------
    model
        The model.
    differentiator
        It has recorded the forward pass.
    loss
        The loss, a scalar or one value for each sample.
    scale
        What the loss is multiplied by before it is differentiated.
    scaled
        Whether that is to be divided out again: a loss scale, for float16.
    clipped
        Variables of which the gradients are clipped together, as the optimizer does.
    """

    model: Model
    differentiator: Differentiator
    loss: Tensor
    scale: Tensor
    scaled: bool
    clipped: list[Tensor]

    def compute(
        self, sources: Sequence[Source], findings: Findings
    ) -> tuple[list[Source], list[Tensor]]:
        """Differentiate the loss by the sources.

        Returns
        -------
        sources
            Those that the loss depends on, or whose values were asked for.
        tensors
            The mean of the loss; then a tensor for each of these sources; then the mask of each
            that has one.
        """
        by_tensor = self._by_tensor(sources)
        reached = {
            source.call
            for source in sources
            if source.quantity in _STATES
            and any(by_tensor[id(tensor)] is not None for tensor in chain(*source.tensors))
        }
        found, results = [], []
        for source in sources:
            halves: list[list[Tensor]] = [list(half) for half in source.tensors]
            if source.is_gradient:
                halves = [[by_tensor[id(tensor)] for tensor in half] for half in source.tensors]
            # Where the loss reads one state of a call, its derivative by another that it does not
            # read is 0; a loop in a graph gives that by itself.
            zero = source.quantity in _STATES and source.call in reached
            if all(part is None for part in chain(*halves)) and not zero:
                if not source.optional:
                    findings.missing[source.layer, source.quantity] = _independence(source)
                continue
            found.append(source)
            results.append(_join_parts(halves, source))
        masks = [
            join_calls(source.masks, source.joined, rank=2) for source in found if source.masks
        ]
        return found, [tf.reduce_mean(self.loss), *results, *masks]

    def _by_tensor(self, sources: Sequence[Source]) -> dict[int, Tensor]:
        """Return the derivative by each tensor, by its id; None where there is none."""
        tensors = [t for source in sources if source.is_gradient for t in chain(*source.tensors)]
        tensors += self.clipped
        seed = tf.cast(self.scale, self.loss.dtype) * tf.ones_like(self.loss)
        gradients = self.differentiator.gradients([self.loss], tensors, [seed])
        if self.scaled:
            gradients = [g if g is None else _unscaled(g, self.scale) for g in gradients]
        found = {id(tensor): g for tensor, g in zip(tensors, gradients, strict=True)}
        if self.clipped:
            together = adapter_of(self.model).clip(self.model, gradients[-len(self.clipped) :])
            found |= {id(t): g for t, g in zip(self.clipped, together, strict=True)}
        return found


def label(sources: Sequence[Source], arrays: Sequence[NDArray[Any]]) -> list[GradientTensor]:
    """Make tensors of arrays in the order of `Derivatives.compute`, without the loss."""
    masks = iter(arrays[len(sources) :])
    return [
        GradientTensor(
            array,
            dims=source.dims,
            layer=source.layer,
            quantity=source.quantity,
            directions=source.directions,
            gates=source.gates,
            mask=next(masks) if source.masks else None,
        )
        for source, array in zip(sources, arrays, strict=False)
    ]


def _independence(source: Source) -> str:
    subject = _SUBJECT_WORDS.get(QUANTITIES[source.quantity].of, "states")
    return (
        f"the loss does not depend on the {subject} "
        f"of layer '{source.layer}', so there is no {source.quantity}"
    )


def _join_parts(halves: list[list[Tensor]], source: Source) -> Tensor:
    filled = [
        [
            _as_float(tf.zeros_like(tensor) if part is None else part)
            for part, tensor in zip(parts, tensors, strict=True)
        ]
        for parts, tensors in zip(halves, source.tensors, strict=True)
    ]
    joined = [join_calls(parts, source.joined, rank=len(source.dims)) for parts in filled]
    return joined[0] if len(joined) == 1 else tf.concat(joined, axis=-1)


def _as_float(tensor: Tensor) -> Tensor:
    tensor = tf.convert_to_tensor(tensor)
    return tf.cast(tensor, tf.float32) if tensor.dtype in (tf.float16, tf.bfloat16) else tensor


def _unscaled(gradient: Tensor, scale: Tensor) -> Tensor:
    # Division in half precision would lose what the scale has saved.
    gradient = _as_float(gradient)
    return gradient / tf.cast(scale, gradient.dtype)

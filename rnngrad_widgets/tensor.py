"""What the engine hands over: one array per (layer, quantity), and the snapshot that holds them.

Pure numpy: arrays from any framework can be wrapped and explored without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.rules import check_words

SEQUENCE = ("sample", "timestep", "channel")
"""The axes of a sequence quantity, in this order, always."""

NO_TIME = ("sample", "channel")
"""The axes of a quantity of a ``return_sequences=False`` layer."""


@dataclass(frozen=True, eq=False)
class GradientTensor:
    """A read-only array and what it is.

    Parameters
    ----------
    values
        The array; kept without a copy, as a read-only view.
    dims
        One name per axis, for instance ``("sample", "timestep", "channel")``.
    layer
        Stable path of the layer, ``"lstm"`` or ``"encoder/lstm"``; empty for a plain array.
    quantity
        A word of the project's vocabulary (``"output_gradient"``); empty for a plain array.
    directions
        ``("forward", "backward")`` where the channel axis has these two halves, else empty.
    gates
        Names of the gates where the channel axis is split by gate, else empty.
    mask
        Boolean (samples, timesteps), True where the timestep counts; None without a mask.
    step
        Training step at which it was computed, if known.
    loss
        Loss of the batch it was computed on, if known.

    Raises
    ------
    ValueError
        If the number of names differs from the number of axes, or a name is no word (see
        `rnngrad_widgets.rules`).
    """

    values: NDArray[Any]
    dims: tuple[str, ...]
    layer: str = ""
    quantity: str = ""
    directions: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    mask: NDArray[np.bool_] | None = None
    step: int | None = None
    loss: float | None = None

    def __post_init__(self) -> None:
        if len(self.dims) != self.values.ndim:
            raise ValueError(
                f"one name per axis; received {len(self.dims)} names {self.dims} "
                f"for an array of shape {self.values.shape}"
            )
        for what in ("dims", "directions", "gates"):
            object.__setattr__(self, what, check_words(what, getattr(self, what)))
        if self.quantity:
            check_words("a quantity", [self.quantity])
        object.__setattr__(self, "values", _read_only(self.values))
        if self.mask is not None:
            object.__setattr__(self, "mask", _read_only(self.mask))

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the array."""
        return self.values.shape

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Let numpy functions take the tensor as the array it is."""
        array: NDArray[Any] = np.asarray(self.values, dtype=dtype)
        return array.copy() if copy else array

    def __repr__(self) -> str:
        axes = ", ".join(f"{dim}: {size}" for dim, size in zip(self.dims, self.shape, strict=True))
        name = " ".join(part for part in (self.layer, self.quantity) if part) or "array"
        return f"<GradientTensor {name} ({axes}) {self.values.dtype}>"


@dataclass(frozen=True, eq=False)
class GradientSnapshot(Mapping[tuple[str, str], GradientTensor]):
    """The tensors of one training step, keyed by (layer, quantity).

    Parameters
    ----------
    tensors
        The tensors by (layer path, quantity).
    loss
        Loss of the batch, as the model's own ``compute_loss`` gives it.
    step
        Training step (``model.optimizer.iterations``) at which it was computed, if known.
    aliases
        Other accepted layer names (a bare name that is unique) and the path each stands for.
    notes
        What to know about the batch, for instance that it holds NaN.
    """

    tensors: Mapping[tuple[str, str], GradientTensor]
    loss: float | None = None
    step: int | None = None
    aliases: Mapping[str, str] = field(default_factory=dict, repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "tensors", MappingProxyType(dict(self.tensors)))

    def __getitem__(self, key: tuple[str, str]) -> GradientTensor:
        found = None
        if isinstance(key, tuple) and len(key) == 2:  # else a KeyError, which `in` and `get` expect
            layer, quantity = key
            found = self.tensors.get((self.aliases.get(layer, layer), quantity))
        if found is None:
            raise KeyError(f"no {key}; the snapshot holds {list(self.tensors)}")
        return found

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.tensors)

    def __len__(self) -> int:
        return len(self.tensors)


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    view: NDArray[Any] = array.view()
    view.flags.writeable = False
    return view

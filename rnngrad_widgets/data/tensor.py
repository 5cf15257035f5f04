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

from rnngrad_widgets.data.arrays import to_numpy
from rnngrad_widgets.data.rules import (
    LOSS_TIMESTEP,
    check_axes,
    check_loss_timesteps,
    check_mask,
    check_norms,
    check_numbers,
    check_words,
)

SEQUENCE = ("sample", "timestep", "channel")
"""The axes of a sequence quantity, in this order, always."""

REACH = ("sample", "timestep", LOSS_TIMESTEP)
"""The axes of a reach: the timesteps are those of the state."""

NO_TIME = ("sample", "channel")
"""The axes of a quantity of a ``return_sequences=False`` layer."""


class NothingThereError(ValueError):
    """Nothing of what was asked for exists: the loss does not depend on it."""


@dataclass(frozen=True, eq=False)
class GradientTensor:
    """A read-only array and what it is.

    Parameters
    ----------
    values
        The array, of any framework; kept as a read-only view, without a copy where numpy can read
        it in place.
    dims
        One name per axis, for instance ``("sample", "timestep", "channel")``.
    layer
        Stable path of the layer, ``"lstm"`` or ``"encoder/lstm"``; empty for a plain array.
    quantity
        The name of a quantity (``"output_gradient"``, ...); empty for a plain array.
    directions
        ``("forward", "backward")`` where the channel axis has these two halves; ``("backward",)``
        of a layer that processes the last timestep first, in the order of its input; else empty.
    gates
        Names of the gates where the channel axis is split by gate, else empty.
    mask
        Boolean (samples, timesteps), True where the timestep counts; None without a mask.
    step
        Training step at which it was computed, if known.
    loss
        Loss of the batch it was computed on, if known.
    loss_timesteps
        Of a reach, the timesteps of the loss along ``loss_timestep``. What the loss reads by other
        ways than its timesteps, as a regularisation of activities, comes after them.
    norms_over
        Of a summary, over how many channels each value is the Euclidean norm: the channel axis is
        the directions then. 0 where the values are those of the quantity itself.

    Raises
    ------
    TypeError
        If the values are no real numbers.
    ValueError
        If a name is no word, or the axes do not fit: one name for each, sample and timestep first,
        directions and gates that divide the channels evenly, a mask of samples and timesteps,
        timesteps of the loss that rise, one less than along their axis, norms of one channel for
        each direction.
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
    loss_timesteps: tuple[int, ...] = ()
    norms_over: int = 0

    def __post_init__(self) -> None:
        for what in ("dims", "directions", "gates"):
            object.__setattr__(self, what, check_words(what, getattr(self, what)))
        if self.quantity:
            check_words("a quantity", [self.quantity])
        values = np.asarray(to_numpy(self.values))
        check_loss_timesteps(self.loss_timesteps, values.shape, self.dims)
        check_numbers(values.dtype)
        check_axes(values.shape, self.dims, self.directions, self.gates)
        check_norms(self.norms_over, values.shape, self.dims, self.directions, self.gates)
        object.__setattr__(self, "values", _read_only(values))
        if self.mask is not None:
            mask = np.asarray(to_numpy(self.mask))
            if mask.dtype != bool:
                raise ValueError(
                    "a mask must be boolean, True where the timestep counts; received dtype "
                    f"{mask.dtype}. For instance: mask != 0"
                )
            check_mask(mask.shape, values.shape, self.dims)
            object.__setattr__(self, "mask", _read_only(mask))

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
        What to know about the batch and the result: that it holds NaN, what is left out and why.
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

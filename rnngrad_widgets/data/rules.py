"""What a tensor must be, whoever made it: an engine, a hand, or a stranger's recording."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

BACKWARD = "backward"
DIRECTIONS = ("forward", BACKWARD)
"""The direction of a layer that processes the last timestep first."""

LOSS_TIMESTEP = "loss_timestep"
"""The axis of the timesteps of the loss, in a reach; its last entry is what is of none of them."""

NO_RECURRENT_LAYER = (
    "the model must have a recurrent layer: LSTM, GRU, SimpleRNN, RNN, ConvLSTM, or one of yours "
    "made of them; it has none. GradientExplorer.from_array shows gradients of other layers"
)

_WORD = re.compile(r"\w[\w .-]{0,39}")


def check_words(what: str, words: Iterable[object]) -> tuple[str, ...]:
    """Check names of axes, directions, gates or a quantity: short words, no markup.

    Parameters
    ----------
    what
        What they name, for the message.
    words
        The names.

    Returns
    -------
    tuple
        The names.

    Raises
    ------
    ValueError
        If one of them is no word: 1 to 40 letters, digits, ``_``, ``.``, ``-`` or spaces.
    """
    found = tuple(words)
    for word in found:
        if not isinstance(word, str) or not _WORD.fullmatch(word):
            raise ValueError(
                f"{what} must be words: 1 to 40 letters, digits, _ . - or spaces; "
                f"received {shortened(word)}"
            )
    return found  # type: ignore[return-value]  # each was looked at


def check_axes(
    shape: Sequence[int], dims: Sequence[str], directions: Sequence[str], gates: Sequence[str]
) -> None:
    """Check what every summary, view and readout takes for granted of the axes of a tensor.

    Parameters
    ----------
    shape
        Sizes of the axes.
    dims
        Their names.
    directions, gates
        Names of the parts into which the channels are divided; the gates divide each direction.

    Raises
    ------
    ValueError
        If names and axes differ in number, a name occurs twice, sample and timestep do not come
        first, directions are not as said, or the parts do not divide the channels evenly.
    """
    if len(dims) != len(shape) or not dims:
        raise ValueError(
            f"one name per axis, and at least one axis; received {len(dims)} names {tuple(dims)} "
            f"for an array of shape {tuple(shape)}"
        )
    if len(set(dims)) != len(dims):
        raise ValueError(f"dims must differ from one another; received {tuple(dims)}")
    front = [name for name in ("sample", "timestep") if name in dims]
    if list(dims[: len(front)]) != front:
        raise ValueError(
            f"dims must begin with {', then '.join(map(repr, front))}; received {tuple(dims)}. "
            "Move the axes: numpy.moveaxis(values, ...)"
        )
    if len(directions) not in (0, 2) and tuple(directions) != (BACKWARD,):
        raise ValueError(
            f"directions must be two, none, or {BACKWARD!r} alone; received {tuple(directions)}"
        )
    parts = max(len(directions), 1) * max(len(gates), 1)
    divided = {shape[-1], shape[list(dims).index("channel")] if "channel" in dims else shape[-1]}
    if all(size % parts for size in divided):
        raise ValueError(
            f"directions and gates must divide the channels evenly; received {len(directions)} "
            f"directions and {len(gates)} gates for shape {tuple(shape)}"
        )


def check_mask(mask_shape: Sequence[int], shape: Sequence[int], dims: Sequence[str]) -> None:
    """Check that a mask is of samples and timesteps.

    Raises
    ------
    ValueError
        If the tensor has no such axes, or they have other sizes.
    """
    if tuple(dims[:2]) != ("sample", "timestep") or tuple(mask_shape) != tuple(shape[:2]):
        raise ValueError(
            "a mask must be (samples, timesteps) of the values; received shape "
            f"{tuple(mask_shape)} for {dict(zip(dims, shape, strict=False))}"
        )


def check_loss_timesteps(
    timesteps: Sequence[int], shape: Sequence[int], dims: Sequence[str]
) -> None:
    """Check the timesteps of the loss along an axis of that name.

    Raises
    ------
    ValueError
        If they do not rise, or are not one less than there are along the axis; if there are any
        without such an axis.
    """
    axis = [size for size, name in zip(shape, dims, strict=False) if name == LOSS_TIMESTEP]
    rising = all(0 <= a < b for a, b in pairwise((*timesteps, float("inf"))))
    if not rising or len(timesteps) != (axis[0] - 1 if axis and timesteps else 0):
        raise ValueError(
            "loss_timesteps must rise, one less than there are along the axis "
            f"{LOSS_TIMESTEP!r}; "
            f"received {shortened(tuple(timesteps))} for {dict(zip(dims, shape, strict=False))}"
        )


def check_norms(
    over: int,
    shape: Sequence[int],
    dims: Sequence[str],
    directions: Sequence[str],
    gates: Sequence[str],
) -> None:
    """Check that norms over channels have one channel for each direction, and no gates.

    Parameters
    ----------
    over
        Over how many channels they are; 0 where the values are no norms.
    shape, dims, directions, gates
        As for `check_axes`.

    Raises
    ------
    ValueError
        If they have other axes.
    """
    if over == 0:
        return
    known = tuple(dims) in (("sample", "timestep", "channel"), ("sample", "channel"))
    if over < 0 or not known or gates or shape[-1] != (2 if len(directions) == 2 else 1):
        raise ValueError(
            "norms over channels must be (samples, timesteps, directions) or (samples, directions) "
            f"without gates; received norms_over {over} with "
            f"{dict(zip(dims, shape, strict=False))}, {len(directions)} directions, "
            f"{len(gates)} gates"
        )


def check_numbers(dtype: np.dtype) -> None:
    """Check that values are real numbers.

    Raises
    ------
    TypeError
        If the dtype holds something else: complex numbers, texts, objects.
    """
    if dtype.kind not in "biuf" and dtype.name != "bfloat16":
        way_out = (
            "Take a part of them, or their magnitude: array.real, abs(array)"
            if dtype.kind == "c"
            else "Convert it first, for instance with array.astype('float32')"
        )
        raise TypeError(f"the array must hold real numbers; received dtype {dtype}. {way_out}")


def shortened(value: object, most: int = 100) -> str:
    """Return the value as Python writes it, its end left out where it is long."""
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."

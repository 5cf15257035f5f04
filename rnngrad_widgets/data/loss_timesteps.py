"""Which timesteps of the loss a reach is computed for."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

MAX_DEFAULT = 32
"""How many timesteps are taken where nothing is said."""


def choose_timesteps(wanted: int | Sequence[int] | None, count: int) -> tuple[int, ...]:
    """Return the timesteps of the loss that are wanted, in order.

    Parameters
    ----------
    wanted
        None for at most `MAX_DEFAULT`, evenly spaced from the first to the last; a number n for
        every n-th, the last among them; or the timesteps themselves, negative ones from the end.
    count
        How many timesteps there are.

    Returns
    -------
    tuple of int
        Ascending, each once.

    Raises
    ------
    ValueError
        If there is no such timestep, none is wanted, or a number is below 1.
    TypeError
        If it is neither a whole number nor several.
    """
    if wanted is None:
        spaced = np.linspace(0, count - 1, min(count, MAX_DEFAULT))
        return tuple(int(timestep) for timestep in np.round(spaced))
    if isinstance(wanted, (str, bytes)):
        raise TypeError(_message(wanted))
    if not isinstance(wanted, Iterable):
        every = _whole(wanted)
        if every < 1:
            raise ValueError(_message(wanted))
        return tuple(range((count - 1) % every, count, every))
    found = [_whole(timestep) for timestep in wanted]
    if not found:
        raise ValueError(f"loss_timesteps must name at least one timestep; received {wanted!r}")
    for timestep in found:
        if not -count <= timestep < count:
            raise ValueError(
                f"loss_timesteps must be timesteps of the loss, 0 to {count - 1}; "
                f"received {timestep}"
            )
    return tuple(sorted({timestep % count for timestep in found}))


def _whole(value: Any) -> int:
    if not isinstance(value, (bool, np.bool_)):
        with suppress(TypeError):
            return operator.index(value)
    raise TypeError(_message(value))


def _message(received: object) -> str:
    return (
        "loss_timesteps must be None, a number n of at least 1 for every n-th timestep, or a "
        f"sequence of timesteps; received {received!r}"
    )

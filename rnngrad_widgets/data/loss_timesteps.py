"""Which timesteps of the loss a reach is computed for, and what they are timesteps of."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Literal, TypeAlias

import numpy as np

Entrance: TypeAlias = Literal["loss", "output"]
"""Where a loss is split by timesteps: at the model's prediction, or at what a layer returns."""

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
    wanted = _checked(wanted)
    if wanted is None:
        spaced = np.linspace(0, count - 1, min(count, MAX_DEFAULT))
        return tuple(int(timestep) for timestep in np.round(spaced))
    if isinstance(wanted, int):
        return tuple(range((count - 1) % wanted, count, wanted))
    for timestep in wanted:
        if not -count <= timestep < count:
            raise ValueError(
                f"loss_timesteps must be timesteps of the loss, 0 to {count - 1}; "
                f"received {timestep}"
            )
    return tuple(sorted({timestep % count for timestep in wanted}))


def _checked(wanted: Any) -> int | tuple[int, ...] | None:
    if wanted is None:
        return None
    if isinstance(wanted, (str, bytes, Iterator)):
        raise TypeError(_message(wanted))  # an iterator could be asked only once
    if not isinstance(wanted, Iterable) or getattr(wanted, "ndim", None) == 0:
        every = _whole(wanted)
        if every < 1:
            raise ValueError(_message(wanted))
        return every
    found = tuple(_whole(timestep) for timestep in wanted)
    if not found:
        raise ValueError(f"loss_timesteps must name at least one timestep; received {wanted!r}")
    return found


def check_reach_options(loss_timesteps: object, by: object) -> None:
    """Refuse what is no choice of timesteps of a loss, however many it has.

    Parameters
    ----------
    loss_timesteps, by
        As in `GradientEngine.compute`.

    Raises
    ------
    ValueError
        If `by` is no such word, no timestep is wanted, or a number is below 1.
    TypeError
        If `loss_timesteps` is neither a whole number nor several.
    """
    if by is not None and not (isinstance(by, str) and by in ("loss", "output")):
        raise ValueError(f"by must be 'loss', 'output' or None; received {by!r}")
    _checked(loss_timesteps)


def check_reach(words: Sequence[str], loss_timesteps: object, by: object) -> None:
    """Refuse to split a loss where that has no meaning.

    Parameters
    ----------
    words
        The quantities that are asked for.
    loss_timesteps, by
        As in `GradientEngine.compute`.

    Raises
    ------
    ValueError
        If they are given and there is no reach among the quantities, or as `check_reach_options`.
    TypeError
        As `check_reach_options`.
    """
    check_reach_options(loss_timesteps, by)
    if "reach" in words:
        return
    for name, value in (("loss_timesteps", loss_timesteps), ("by", by)):
        if value is not None:
            raise ValueError(
                f"{name} is for the quantity 'reach'; received {name}={value!r} with "
                f"{', '.join(words)}; leave it out, or ask for 'reach'"
            )


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

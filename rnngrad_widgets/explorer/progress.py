"""How far a reach is, in words for the widget that waits for it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

_LEAST_LEFT = 10.0
"""Seconds from which on the time that is left is said."""


class ReachProgress:
    """Say how many timesteps of the loss are done, and how long the others will take.

    Parameters
    ----------
    say
        Called with the words.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._begun = time.monotonic()
        self._traced: tuple[int, float] | None = None

    def __call__(self, done: int, count: int) -> None:
        """Say it, but not of the last one: then the picture comes."""
        if done >= count:
            return
        now = time.monotonic()
        if (
            self._traced is None or done <= self._traced[0]
        ):  # functions were traced meanwhile, which is done once
            self._traced = (done, now)
            seconds, about = (now - self._begun) / done * (count - done), "at most"
        else:
            first, then = self._traced
            seconds, about = (now - then) / (done - first) * (count - done), "about"
        left = f", {about} {_as_words(seconds)} left" if seconds >= _LEAST_LEFT else ""
        self._say(f"Computing: {done} of {count} timesteps of the loss{left}…")


def _as_words(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{math.ceil(seconds / 60)} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"

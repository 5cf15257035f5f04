"""How far a computation is that takes longer than a second."""

from __future__ import annotations

import time

from rnngrad_widgets.engine.backend import keras

_PATIENCE = 1.0
"""Seconds after which a progress bar appears."""


class ProgressBar:
    """Keras' progress bar, which also says how long it will take; not for what is soon done.

    Parameters
    ----------
    unit
        What is counted.
    least_left
        Seconds that must be left, by what it took so far, for the bar to appear.
    """

    def __init__(self, unit: str = "timestep of the loss", least_left: float = 0.0) -> None:
        self._begun = time.monotonic()
        self._least_left = least_left
        self._bar = keras.utils.Progbar(None, unit_name=unit)  # it measures from here
        self._is_shown = False

    def __call__(self, done: int, count: int) -> None:
        """Show how many of how many are done."""
        taken = time.monotonic() - self._begun
        left = taken * (count - done) / max(done, 1)
        soon = done == count or taken < _PATIENCE or left < self._least_left
        if self._is_shown or not soon:
            self._is_shown, self._bar.target = True, count
            self._bar.update(done)

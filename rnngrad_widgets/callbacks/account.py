"""`Account`: what several callbacks of one display have taken and spent together."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock
from typing import Any

from rnngrad_widgets.callbacks.overhead import Overhead
from rnngrad_widgets.callbacks.status import Status


@dataclass
class Account:
    """What was taken and spent, of all fits together, by one callback or by several.

    Parameters
    ----------
    overhead
        What it cost.
    status
        The counts; of whichever callback told them last.
    traced
        The model that functions were traced for: the first snapshot of another one is startup.
    lock
        Held while a snapshot is taken: hooks and `update` may come from several threads.
    """

    overhead: Overhead = field(default_factory=Overhead)
    status: Status = field(default_factory=Status)
    traced: Any = None
    lock: RLock = field(default_factory=RLock)

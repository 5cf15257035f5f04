"""What is known to fail today, and is not tried: to be emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .steps import COPIES

if TYPE_CHECKING:
    from collections.abc import Callable

    from .spec import Spec

KNOWN: dict[str, Callable[[Spec], bool]] = {
    "A: the state is another tensor than the output": lambda s: s.has(*COPIES, "Function"),
    "B: variables assigned inside the loop": lambda s: s.has("Dropping", "Counting"),
    "S: a variable assigned and read in one pass": lambda s: any(
        r.wrapper in ("chunks", "twice") and r.stateful for r in s.rnns
    ),
    "C: Keras' unrolled loop masks backward outputs otherwise": lambda s: (
        bool(s.front) and any(r.unroll or s.eager for r in s.rnns)
    ),
    "D: a fixed batch is left open": lambda s: s.fixed_batch,
    "new: a weight without an axis fails the whole call": lambda s: s.has("Counting"),
    "F: two kinds in one Bidirectional": lambda s: any(r.backward for r in s.rnns),
    "V: an unbuilt model is changed": lambda s: s.style in ("unbuilt", "subclassed") and s.trains,
}
"""By the fault's letter and what it is: the models that have it."""


def known(spec: Spec) -> bool:
    """Tell whether a model is one of those."""
    return any(holds(spec) for holds in KNOWN.values())

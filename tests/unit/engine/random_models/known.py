"""What is known to fail today, and is not tried: to be emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from .spec import Spec

KNOWN: dict[str, Callable[[Spec], bool]] = {
    "states are changed where the model runs eagerly": lambda s: (
        s.eager and any(rnn.stateful for rnn in s.rnns)
    ),
    "weight of a variable that the pass assigns is what it holds afterwards": lambda s: (
        s.has("Counting") and (not s.quantities or "weight" in s.quantities)
    ),
}
"""By what is wrong: the models that have it."""


def known(spec: Spec) -> bool:
    """Tell whether a model is one of those."""
    return any(holds(spec) for holds in KNOWN.values())

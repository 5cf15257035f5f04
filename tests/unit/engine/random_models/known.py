"""What is known to fail today, and is not tried: to be emptied."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.unit.engine.random_models.spec import Spec

KNOWN: dict[str, Callable[[Spec], bool]] = {}
"""By what is wrong: the models that have it."""


def known(spec: Spec) -> bool:
    """Tell whether a model is one of those."""
    return any(holds(spec) for holds in KNOWN.values())

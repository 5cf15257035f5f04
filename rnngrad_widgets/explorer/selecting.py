"""Traits of an explorer whose values are computed before they change."""

from __future__ import annotations

from typing import Any

from traitlets import Unicode

from rnngrad_widgets.explorer.frame import ValidatedAny


class SelectingAny(ValidatedAny):
    """A trait that `ExplorerBase.select` sets: its value is computed before it changes."""

    def set(self, obj: Any, value: Any) -> None:
        """Select the value, or set it where it is what is displayed."""
        if not _selects(self, obj, value):
            super().set(obj, value)


class SelectingText(Unicode[Any, Any]):
    """The same for text."""

    def set(self, obj: Any, value: Any) -> None:
        """Select the value, or set it where it is what is displayed."""
        if not _selects(self, obj, value):
            super().set(obj, value)


def _selects(trait: Any, obj: Any, value: Any) -> bool:
    value = trait._validate(obj, value)  # noqa: SLF001 - as TraitType.set does
    if value == getattr(obj.displayed.key, trait.name):
        return False
    obj.select(**{trait.name: value})
    return True

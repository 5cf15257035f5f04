"""Traits that take numpy's integers and bools, whatever the version of traitlets.

``explorer.channel = grads.argmax()`` is how channels are found. Traitlets before 5.15 refuses an
``np.int64`` where it wants an integer, and every version refuses an ``np.bool_``.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
import traitlets


class Int(traitlets.Int[Any, Any]):
    """An integer of Python; those of numpy become one."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Check a value, and return the integer that it is."""
        if isinstance(value, np.integer):
            value = operator.index(value)
        return super().validate(obj, value)


class Bool(traitlets.Bool[Any, Any]):
    """A bool of Python; numpy's becomes one."""

    def validate(self, obj: Any, value: Any) -> Any:
        """Check a value, and return the bool that it is."""
        if isinstance(value, np.bool_):
            value = bool(value)
        return super().validate(obj, value)

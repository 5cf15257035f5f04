"""The array that is explored, on its way to the browser."""

from __future__ import annotations

from typing import Any

import numpy as np
from ipywidgets import Widget, register
from numpy.typing import NDArray
from traitlets import Dict, Instance, List, Tuple, Unicode

from rnngrad_widgets.data.wire import encode
from rnngrad_widgets.widgets.browser_module import BrowserModel
from rnngrad_widgets.widgets.traits import Int


def to_wire(array: NDArray[np.float32] | None, _widget: Widget) -> dict[str, Any] | None:
    """Return the array as it is sent to the browser."""
    return None if array is None else encode(array)


def _from_wire(_value: Any, widget: Tensor) -> NDArray[np.float32] | None:
    return widget.array  # the browser never changes the array


class ArrayTrait(Instance[NDArray[np.float32] | None]):
    """An array, compared by identity: traitlets compares None with 16 million values in 0.4 s."""

    def set(self, obj: Any, value: Any) -> None:
        """Set the value, and notify unless it is the same object."""
        new = self._validate(obj, value)
        old = obj._trait_values.get(self.name)  # noqa: SLF001 - as TraitType.set does
        obj._trait_values[self.name] = new  # noqa: SLF001
        if new is not old:
            obj._notify_trait(self.name, old, new)  # noqa: SLF001


@register
class Tensor(BrowserModel, Widget):  # type: ignore[misc]  # ipywidgets has no types
    """The array and the few facts about it that the browser words need."""

    _model_name = Unicode("TensorModel").tag(sync=True)

    array = ArrayTrait(np.ndarray, allow_none=True).tag(
        sync=True, to_json=to_wire, from_json=_from_wire
    )
    directions = List(Unicode()).tag(sync=True)
    sections = List(Dict()).tag(sync=True)
    """Named ranges of rows, from the lowest: ``{"name", "start", "rows"}``."""
    mask = ArrayTrait(np.ndarray, allow_none=True).tag(
        sync=True, to_json=to_wire, from_json=lambda _, widget: widget.mask
    )
    columns = Unicode("timestep").tag(sync=True)
    rows = Unicode("channel").tag(sync=True)
    row_labels = List(Unicode()).tag(sync=True)
    """A label of each row, from the lowest; empty where its index is one."""
    gates = List(Unicode()).tag(sync=True)
    gates_along = Unicode("").tag(sync=True)
    noun = Unicode("Value v").tag(sync=True)
    symbol = Unicode("v").tag(sync=True)
    flow = Unicode("Flow").tag(sync=True)
    name = Unicode("").tag(sync=True)
    told = Dict(allow_none=True).tag(sync=True)
    """What is told of it: the fields of `diagnosis.telling.Told`. None, set in the browser, of a
    difference of two steps, of which nothing is told."""
    compared_steps = Tuple(Int(), Int(allow_none=True), default_value=None, allow_none=True).tag(
        sync=True
    )
    """The training step that is compared, and the one that is subtracted from it; None where it is
    shown alone. None as a whole where nothing is compared. Set in the browser."""

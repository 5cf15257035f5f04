"""The array that is explored, on its way to the browser."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from ipywidgets import Widget, register
from numpy.typing import ArrayLike, NDArray
from traitlets import Dict, Instance, List, Unicode

from rnngrad_widgets.widgets._module import MODULE

KINDS = "biuf"  # bool, integers, floats


def as_float32(array: ArrayLike) -> NDArray[np.float32]:
    """The array as the browser keeps it: float32, C order.

    Parameters
    ----------
    array
        (samples, timesteps, channels) or (samples, channels), of bools, integers or floats.

    Raises
    ------
    TypeError
        If the array is not numeric: object, complex, string.
    ValueError
        If its rank is wrong, an axis is empty, or a finite value does not fit float32.
    """
    values = np.asarray(array)
    if values.dtype.kind not in KINDS and values.dtype.name != "bfloat16":
        raise TypeError(
            f"the array must hold real numbers; received dtype {values.dtype}. "
            "Convert it first, for instance with array.astype('float32')"
        )
    if values.ndim not in (2, 3):
        raise ValueError(
            "the array must be (samples, timesteps, channels) or (samples, channels); "
            f"received shape {values.shape}. Add the missing axes: array[None] for one sample"
        )
    if 0 in values.shape:
        raise ValueError(f"the array must not be empty; received shape {values.shape}")
    with np.errstate(over="ignore"):
        converted = np.ascontiguousarray(values, dtype=np.float32)
    if values.dtype.itemsize > 4 and np.isinf(converted).sum() > np.isinf(values).sum():
        raise ValueError(
            "values must fit float32 (magnitudes up to 3.4e38); received larger ones. "
            "Scale the array first"
        )
    return converted


Precision = Literal["float32", "bfloat16"]


def as_bfloat16(array: NDArray[np.float32]) -> NDArray[np.uint16]:
    """The upper halves of float32 numbers: every decade, with 8 bits of precision.

    Rounded to nearest, ties to even. Infinities stay, and NaN stays NaN.
    """
    bits = np.ascontiguousarray(array).view(np.uint32)
    halves = (bits + (0x7FFF + (bits >> 16 & 1)) >> 16).astype(np.uint16)
    nan = np.isnan(array)
    # rounding could carry a NaN to infinity, or around to zero
    halves[nan] = (bits[nan] >> 16 | 0x40).astype(np.uint16)
    return halves


def encode(array: NDArray[np.float32], precision: Precision = "float32") -> dict[str, Any]:
    """Name, shape and bytes: ipywidgets sends the memory view as a binary buffer."""
    little = (
        as_bfloat16(array).astype("<u2", copy=False)
        if precision == "bfloat16"
        else np.ascontiguousarray(array, dtype="<f4")
    )
    return {"dtype": precision, "shape": list(array.shape), "data": little.data.cast("B")}


def to_wire(array: NDArray[np.float32] | None, _widget: Widget) -> dict[str, Any] | None:
    """The array as it is sent to the browser."""
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
class Tensor(Widget):  # type: ignore[misc]  # ipywidgets has no types
    """The array and the few facts about it that the browser words need."""

    _model_module = Unicode(MODULE.name).tag(sync=True)
    _model_module_version = Unicode(MODULE.version).tag(sync=True)
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
    gates = List(Unicode()).tag(sync=True)
    gates_along = Unicode("").tag(sync=True)
    noun = Unicode("Value v").tag(sync=True)
    symbol = Unicode("v").tag(sync=True)
    flow = Unicode("Flow").tag(sync=True)
    name = Unicode("").tag(sync=True)
    compared = Unicode("").tag(sync=True)
    """What is subtracted, in words; set in the browser."""

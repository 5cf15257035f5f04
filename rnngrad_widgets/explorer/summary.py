"""The summary line: what the tensor is, in words computed from its numbers.

What a gradient over time says is told beside it: `diagnosis.telling`.
"""

from __future__ import annotations

from html import escape
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.data.plot_array import PlotArray, axis_words, labels_of_loss_timesteps
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.rules import LOSS_TIMESTEP
from rnngrad_widgets.data.statistics import Extreme, extreme
from rnngrad_widgets.data.tensor import NO_TIME, GradientTensor
from rnngrad_widgets.diagnosis.gradient import is_gradient_over_time

_KNOWN: WeakKeyDictionary[GradientTensor, str] = WeakKeyDictionary()


def summary_html(tensor: GradientTensor) -> str:
    """Return the summary line of a tensor.

    Returns
    -------
    str
        HTML: layer, quantity, shape, maximum, what is zero (in bold, where there is no time axis),
        and what is not finite.
    """
    # what is displayed mostly goes to a timeline too; of a large tensor this takes a while
    if tensor not in _KNOWN:
        _KNOWN[tensor] = _summary(tensor)
    return _KNOWN[tensor]


def _summary(tensor: GradientTensor) -> str:
    largest = extreme(tensor.values)
    parts = [
        _bold(escape(tensor.layer)),
        escape(quantity_of(tensor.quantity).summary),
        _shape(tensor),
        _maximum(tensor, largest),
        _bold(_finding(tensor, largest)),
        _non_finite(tensor.values if tensor.mask is None else tensor.values[tensor.mask]),
    ]
    return "<span> · </span>".join(f"<span>{part}</span>" for part in parts if part)


def left_out(tensor: GradientTensor, plot_array: PlotArray) -> str:
    """Say what the browser was not sent, as HTML: samples beyond the budget."""
    sent, all_samples = plot_array.values.shape[0], tensor.shape[0]
    if tensor.dims[0] != "sample" or sent == all_samples:
        return ""
    return (
        f'<span> · </span><b class="rnngrad-alarm">samples {sent}–{all_samples - 1} are not in the '
        f"browser</b><span>: give a part of the batch, or raise <code>budget</code></span>"
    )


# -- the parts, each HTML: words that a user gave are escaped where they go in ---------------------


def _bold(part: str) -> str:
    return f"<b>{part}</b>" if part else ""


def _number(value: float) -> str:
    return "0" if value == 0 else _unbroken(scientific(value))


def _unbroken(number: str) -> str:
    """Keep a number on one line: browsers break after the hyphen of an exponent."""
    return f"<span class='rnngrad-number'>{number}</span>"


def scientific(value: float) -> str:
    """Write ``3.1e-2``: one decimal, a short exponent, a true minus sign; zero is ``0``."""
    if value == 0:
        return "0"
    mantissa, exponent = f"{abs(value):.1e}".split("e")
    return f"{'−' if value < 0 else ''}{mantissa}e{int(exponent)}"


def _shape(tensor: GradientTensor) -> str:
    sizes = [str(size) for size in tensor.shape]
    if tensor.norms_over:
        of = " × ".join(sizes if len(tensor.directions) == 2 else sizes[:-1])
        return f"{of} norms over {tensor.norms_over:,} channels (recorded as a summary)"
    if len(tensor.directions) == 2:
        sizes[-1] = f"2 × {tensor.shape[-1] // 2}"
    text = " × ".join(sizes)
    return f"{text}, no time axis" if _without_time(tensor) else text


def _without_time(tensor: GradientTensor) -> bool:
    return tensor.dims[0] == "sample" and "timestep" not in tensor.dims


def _maximum(tensor: GradientTensor, found: Extreme | None) -> str:
    if found is None:
        return "no finite value"
    symbol = escape(quantity_of(tensor.quantity).symbol)
    sign = f"‖{symbol}‖" if tensor.norms_over else f"|{symbol}|"
    if found.magnitude == 0:
        return f"max {sign} 0"
    return f"max {sign} {_number(found.magnitude)} at {escape(_place(tensor, found))}"


def _place(tensor: GradientTensor, found: Extreme) -> str:
    """Write ``sample 3, timestep 99, channel 41``; halves and gates each count from zero."""
    indices, within = list(found.place), []
    axis = _divided(tensor)
    size = tensor.shape[axis]
    for kind, parts in (("", tensor.directions), ("gate ", tensor.gates)):
        if parts:
            size //= len(parts)
            part, indices[axis] = divmod(indices[axis], size)
            within.append(kind + parts[part])
    places = [f"{dim} {index}" for dim, index in zip(tensor.dims, indices, strict=True)]
    if tensor.norms_over:
        places.pop()  # of all channels
    labels = labels_of_loss_timesteps(tensor)
    if labels:
        places[-1] = f"{axis_words(LOSS_TIMESTEP)} {labels[indices[-1]]}"
    return ", ".join(places) + (f" ({', '.join(within)})" if within else "")


def _divided(tensor: GradientTensor) -> int:
    """Return the axis that directions and gates divide: the channels, if not flattened."""
    parts = max(len(tensor.directions), 1) * max(len(tensor.gates), 1)
    axis = tensor.dims.index("channel") if "channel" in tensor.dims else -1
    return axis if tensor.shape[axis] % parts == 0 else -1


def _finding(tensor: GradientTensor, found: Extreme | None) -> str:
    if found is None or is_gradient_over_time(tensor) or tensor.norms_over:
        return ""
    if found.magnitude == 0:
        return "all values are zero"
    if _without_time(tensor):
        dead = np.all(tensor.values == 0, axis=0)
        counted = "channels" if tensor.dims == NO_TIME else "values"
        return f"{dead.sum()} of {dead.size} {counted} zero in every sample"
    if tensor.dims[:2] != ("sample", "timestep") or len(tensor.dims) < 3:
        zero = tensor.values == 0
        return f"{zero.sum()} of {zero.size} values zero"
    return ""


def _non_finite(values: NDArray[Any]) -> str:
    nan = int(np.isnan(values).sum())
    inf = int(np.isinf(values).sum())
    counts = [f"{count:,} {name}" for count, name in ((nan, "NaN"), (inf, "Inf")) if count]
    return f'<b class="rnngrad-alarm">{", ".join(counts)}</b>' if counts else "no NaN/Inf"

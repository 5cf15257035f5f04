"""How a tensor of any kind is laid out for the browser: columns, rows, and one sample at a time."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.rules import LOSS_TIMESTEP
from rnngrad_widgets.data.statistics import halves
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.data.wire import as_float32


class Section(NamedTuple):
    """Rows that belong together: their name, the first one, and what they count."""

    name: str
    start: int
    rows: str


@dataclass(frozen=True, eq=False)
class PlotArray:
    """What the views show of a tensor.

    Parameters
    ----------
    values
        float32, (samples, columns, rows); (samples, channels) where there is no time axis.
    columns, rows
        What the axes count: ``"timestep"`` and ``"channel"`` of a sequence, ``"channel"`` and
        ``"feature"`` of a kernel.
    gates
        Names of the gates that divide an axis evenly; within each half where there are halves.
    gates_along
        Which axis the gates divide; empty if none.
    sections
        Ranges of rows, from the lowest: the halves of a Bidirectional layer.
    row_labels
        A label of each row, from the lowest; empty where its index is one.
    by_magnitude
        Whether a histogram shows magnitudes at first: gradients, and plain arrays, which may be.
    """

    values: NDArray[np.float32]
    columns: str
    rows: str
    gates: tuple[str, ...] = ()
    gates_along: Literal["", "columns", "rows"] = ""
    sections: tuple[Section, ...] = ()
    by_magnitude: bool = True
    row_labels: tuple[str, ...] = ()

    @property
    def has_columns(self) -> bool:
        """Whether there are columns: else the samples stand side by side."""
        return self.values.ndim == 3


def to_plot_array(tensor: GradientTensor) -> PlotArray:
    """Lay a tensor out; further axes, such as those of ConvLSTM, are flattened into the last one.

    The halves of a Bidirectional layer stay apart: all rows of the first come first. A weight is
    one sample: its last axis (channels, gate by gate) becomes the columns.

    Raises
    ------
    ValueError
        If the tensor is empty, or a finite value does not fit float32.
    """
    dims, gates = tensor.dims, tensor.gates
    by_magnitude = quantity_of(tensor.quantity).by_magnitude
    if dims[0] != "sample":
        matrix = tensor.values.reshape(-1, tensor.shape[-1])
        columns, rows = dims[-1], " × ".join(dims[:-1])
        return PlotArray(
            as_float32(matrix.T[None]),
            columns,
            rows,
            gates,
            "columns" if gates else "",
            by_magnitude=by_magnitude,
        )
    front = 2 if dims[1:2] == ("timestep",) else 1
    rows = " × ".join(axis_words(dim) for dim in dims[front:])
    parts = list(halves(tensor).values()) if len(dims) > front + 1 else [tensor.values]
    flat = [part.reshape(*tensor.shape[:front], -1) for part in parts]
    values = as_float32(flat[0] if len(flat) == 1 else np.concatenate(flat, axis=-1))
    columns = "timestep" if front == 2 else "sample"
    names = tensor.directions if len(tensor.directions) == 2 else ()
    size = values.shape[-1] // 2
    sections = tuple(Section(name, i * size, "") for i, name in enumerate(names))
    return PlotArray(
        values,
        columns,
        rows,
        gates,
        "rows" if gates else "",
        sections,
        by_magnitude,
        row_labels=labels_of_loss_timesteps(tensor),
    )


def axis_words(dim: str) -> str:
    """Return the name of an axis as it is read."""
    return "loss timestep" if dim == LOSS_TIMESTEP else dim


def labels_of_loss_timesteps(tensor: GradientTensor) -> tuple[str, ...]:
    """Return the labels along the axis of the timesteps of a loss; none without such an axis."""
    return (*map(str, tensor.loss_timesteps), "rest") if tensor.loss_timesteps else ()


def to_tensor(values: NDArray[np.float32], like: GradientTensor) -> GradientTensor:
    """Return the tensor that is laid out so: the way back from `to_plot_array`.

    Parameters
    ----------
    values
        As `PlotArray.values` of a tensor like that one, or of its first samples.
    like
        What the tensor is; its own values are not looked at.

    Returns
    -------
    GradientTensor
        float32; a view of `values` where their layouts allow it.
    """
    dims, shape = like.dims, like.shape
    if dims[0] != "sample":
        return replace(like, values=values[0].T.reshape(shape))
    front = 2 if dims[1:2] == ("timestep",) else 1
    count = len(halves(like)) if len(dims) > front + 1 else 1
    inner = (*shape[front:-1], shape[-1] // count) if len(dims) > front else ()
    parts = [
        part.reshape(*values.shape[:front], *inner) for part in np.split(values, count, axis=-1)
    ]
    mask = None if like.mask is None else like.mask[: len(values)]
    joined = parts[0] if count == 1 else np.concatenate(parts, axis=-1)
    return replace(like, values=joined, mask=mask)


def truncate_to_budget(plot_array: PlotArray, budget: int) -> PlotArray:
    """Keep as many samples as fit the budget, from the first.

    Raises
    ------
    ValueError
        If not even one does.
    """
    each = plot_array.values[0].nbytes
    if each > budget:
        raise ValueError(
            f"one sample must fit the budget of {budget:,} bytes; it takes {each:,}. "
            f"Raise it: budget={each}"
        )
    return replace(plot_array, values=plot_array.values[: budget // each])


def without_rest(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the values without what else their memory holds: as they are, or a copy."""
    whole = values
    while isinstance(whole.base, np.ndarray):
        whole = whole.base
    return values if whole.nbytes == values.nbytes else values.copy()

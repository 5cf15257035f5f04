"""`Shown`: what of a tensor a widget shows, sliced by numpy as the browser slices it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from rnngrad_widgets.data.statistics import THRESHOLD

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.data.plot_array import PlotArray


class Companion(NamedTuple):
    """Another gradient of the same layer, as norms over channels."""

    norms: NDArray[np.float32]
    """(samples, timesteps, directions), in time order."""
    quantity: str
    directions: tuple[str, ...]


class Picture(NamedTuple):
    """The cells of a heat map, and which of them are masked: (rows, columns), row 0 the lowest."""

    cells: NDArray[np.float32]
    masked: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Shown:
    """What of a tensor is shown.

    Parameters
    ----------
    plot_array
        The tensor as it is laid out for drawing, and what its axes count.
    quantity
        Its name; empty for a plain array.
    directions
        ``("forward", "backward")`` where the rows have these halves.
    mask
        (samples, columns), True where a timestep counts; None where all do.
    sample, channel
        What is selected.
    norm
        Colour range (vmin, vmax).
    cmap
        Name of the colour map; ``"sequential"`` colours log10 of the magnitude.
    reflect
        Whether the second half of the rows is flipped along time.
    time_range
        The first and the last column that are shown; None for all.
    ylim
        Ends of the value axes; None fits them.
    threshold
        The share of the strongest timestep that a flow has a line at.
    when
        The training step in words, where there are several; ``"step 20 minus step 5"``.
    companion
        What a flow is shown beside; None for nothing.
    is_norm
        Whether the values are norms over channels, of a summary.
    """

    plot_array: PlotArray
    quantity: str = ""
    directions: tuple[str, ...] = ()
    mask: NDArray[np.bool_] | None = None
    sample: int = 0
    channel: int = 0
    norm: tuple[float, float] = (-1.0, 1.0)
    cmap: str = "diverging"
    reflect: bool = False
    time_range: tuple[int, int] | None = None
    ylim: tuple[float, float] | None = None
    threshold: float = THRESHOLD
    when: str = ""
    companion: Companion | None = None
    is_norm: bool = False

    @property
    def values(self) -> NDArray[np.float32]:
        """(samples, columns, rows); one column where the tensor has no time axis."""
        values = self.plot_array.values
        return values if values.ndim == 3 else values[:, None, :]

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return int(self.values.shape[0])

    @property
    def columns(self) -> int:
        """How many columns there are, of timesteps mostly."""
        return int(self.values.shape[1])

    @property
    def rows(self) -> int:
        """How many rows there are, of channels mostly."""
        return int(self.values.shape[2])

    @property
    def is_timed(self) -> bool:
        """Whether the columns are timesteps."""
        return self.plot_array.columns == "timestep"

    @property
    def has_halves(self) -> bool:
        """Whether the rows are a forward and a backward half."""
        return len(self.directions) == 2

    @property
    def span(self) -> tuple[int, int]:
        """The columns [first, end) that are shown."""
        first, last = self.time_range or (0, self.columns - 1)
        return max(first, 0), min(last + 1, self.columns)

    def section(self, index: int) -> tuple[int, int]:
        """Return the rows [start, stop) of a section."""
        starts = [section.start for section in self.plot_array.sections] + [self.rows]
        return starts[index], starts[index + 1]

    def counted(self, sample: int) -> NDArray[np.bool_]:
        """Return which columns of a sample count, in time order."""
        if self.mask is None:
            return np.ones(self.columns, np.bool_)
        counted: NDArray[np.bool_] = self.mask[sample]
        return counted

    def sample_picture(self, sample: int, start: int = 0, stop: int | None = None) -> Picture:
        """Return the rows [start, stop) of a sample, as they are shown."""
        stop = self.rows if stop is None else stop
        cells = self.values[sample, :, start:stop].T
        masked = np.broadcast_to(~self.counted(sample), cells.shape)
        flipped = np.zeros(len(cells), np.bool_)
        if self.reflect:
            flipped[max(self.rows // 2 - start, 0) :] = True
        return self._picture(cells, masked, flipped)

    def channel_picture(self, channel: int) -> Picture:
        """Return a channel of every sample, a row for each."""
        cells = self.values[:, :, channel]
        masked = np.zeros(cells.shape, np.bool_) if self.mask is None else ~self.mask
        flips = self.reflect and channel >= self.rows // 2
        return self._picture(cells, masked, np.full(len(cells), flips))

    def _picture(
        self, cells: NDArray[np.float32], masked: NDArray[np.bool_], flipped: NDArray[np.bool_]
    ) -> Picture:
        first, end = self.span
        turned = flipped[:, None]
        cells = np.where(turned, cells[:, ::-1], cells)
        masked = np.where(turned, masked[:, ::-1], masked)
        return Picture(cells[:, first:end], masked[:, first:end])

    def series(self, sample: int, channel: int) -> NDArray[np.float64]:
        """Return a sample's channel by column as it is shown; NaN where masked or not finite."""
        values = self.values[sample, :, channel].astype(np.float64)
        values[~np.isfinite(values) | ~self.counted(sample)] = np.nan
        return values[::-1] if self.reflect and channel >= self.rows // 2 else values

    def row_name(self, row: int) -> str:
        """Name a row: ``channel 41``, ``channel 88, forward``, ``gate i, channel 3``."""
        sections, (start, stop), section = self.plot_array.sections, (0, self.rows), ""
        for index, (name, first, _) in enumerate(sections):
            if row >= first:
                section, (start, stop) = name, self.section(index)
        place, gate = row - start, ""
        gates = self.plot_array.gates if self.plot_array.gates_along == "rows" else ()
        if gates:
            which, place = divmod(place, max((stop - start) // len(gates), 1))
            gate = f"gate {gates[min(which, len(gates) - 1)]}, "
        labels = self.plot_array.row_labels
        label = labels[row] if labels else str(place)
        name = f"{self.plot_array.rows or 'value'} {label}" if label.isdecimal() else label
        return f"{gate}{name}" + (f", {section}" if section else "")

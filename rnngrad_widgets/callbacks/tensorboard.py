"""`GradientTensorBoard`: writes what TensorBoard shows during ``fit``."""

from __future__ import annotations

import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.callbacks.base import OnError, TrainingCallback
from rnngrad_widgets.callbacks.batch_snapshot import (
    SNAPSHOT_DEFAULTS,
    BatchSnapshot,
    SnapshotOptions,
)
from rnngrad_widgets.callbacks.event_file import EventFile
from rnngrad_widgets.callbacks.numbers import DIAGNOSED, snapshot_numbers
from rnngrad_widgets.callbacks.schedule import Every
from rnngrad_widgets.callbacks.status import Status
from rnngrad_widgets.comparison.curves import quartiles
from rnngrad_widgets.data.keywords import naming, suggesting
from rnngrad_widgets.data.plot_array import to_plot_array
from rnngrad_widgets.data.statistics import norms_over_channels
from rnngrad_widgets.data.tensor import REACH, SEQUENCE, GradientSnapshot, GradientTensor
from rnngrad_widgets.diagnosis.flat import flat_name
from rnngrad_widgets.figures.drawings import Flow, Sheet
from rnngrad_widgets.figures.requirement import INSTALL, has_matplotlib
from rnngrad_widgets.figures.shown import Shown
from rnngrad_widgets.figures.size import Size

if TYPE_CHECKING:
    from typing_extensions import Unpack

_SIZE = Size(4.0, 150)
"""Of a picture: its text can be read in a card of TensorBoard, where it is 350 pixels wide."""


class GradientTensorBoard(TrainingCallback):
    """Write gradients for TensorBoard while a model trains: a callback of Keras 3 and tf_keras.

    For each layer and quantity: a histogram of the values; the norm over channels by timestep (the
    median over samples), as a histogram whose axis is the timestep and whose heights are the norms;
    the flow as an image; the numbers of `diagnose` as scalars, with the loss of the batch and that
    of training. Their names begin with the layer, so that TensorBoard groups them by layer.

    Training is the same with and without it, to the last bit. Always written are the state before
    the first step and the one after the last step of a ``fit``; those between as far as
    `max_overhead` allows. Each is readable as soon as it is written.

    Parameters
    ----------
    log_dir
        The folder of the run, or a URL that TensorFlow knows; several runs lie side by side.
    x, y
        One batch, the same at every step, so that steps compare; or, as `x`, a dataset that
        yields the same `steps` batches each time.
    layers, quantities
        As `GradientEngine.compute` takes them; by default those of `GradientRecorder`.
    every
        Batches, or ``"epoch"``.
    max_overhead
        Share of the training time, of all fits together, that this may cost, computing, drawing
        and writing; as for `GradientRecorder`. None for no limit.
    on_error
        ``"warn"``: a failure, of computing or of writing, is said once, training goes on, and the
        next due step is tried again; ``"raise"``: it ends training.
    **options
        ``sample_weight``, ``class_weight``, ``training``, ``steps`` and ``loss``, see
        `BatchOptions`; of the quantity ``"reach"`` also ``loss_timesteps`` and ``by``, see
        `ReachOptions`.

    Warns
    -----
    RuntimeWarning
        If matplotlib is not installed: then there are no images.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as above.
    """

    @suggesting
    @naming(SnapshotOptions, SNAPSHOT_DEFAULTS)
    def __init__(
        self,
        log_dir: str | os.PathLike[str],
        x: Any,
        y: Any = None,
        layers: Any = None,
        quantities: Any = DIAGNOSED,
        *,
        every: Every = 10,
        max_overhead: float | None = 0.05,
        on_error: OnError = "warn",
        **options: Unpack[SnapshotOptions],
    ) -> None:
        probe = BatchSnapshot(x, y, layers, quantities, **options)
        super().__init__(probe, every=every, max_overhead=max_overhead, on_error=on_error)
        self._log_dir = os.fspath(log_dir)
        self._file: EventFile | None = None
        self._draws = has_matplotlib()
        if not self._draws:
            warnings.warn(
                f"GradientTensorBoard: images are left out without matplotlib: {INSTALL}",
                RuntimeWarning,
                stacklevel=3,  # past `suggesting`
            )

    def on_snapshot(self, snapshot: GradientSnapshot, status: Status, skipped: int) -> None:
        """Write a snapshot; after a failure to a new file."""
        del skipped  # the status counts them
        if self._file is None:
            self._file = EventFile(self._log_dir)
        try:
            with self._file.at_step(status.step or 0):
                for tag, value in snapshot_numbers(snapshot, status).items():
                    self._file.scalar(tag, value)
                for tensor in snapshot.values():
                    self._write(self._file, tensor)
        except Exception:
            self._file = None
            raise

    def on_finish(self, status: Status) -> None:
        """Close the file; another ``fit`` begins another one."""
        del status
        file, self._file = self._file, None
        try:
            if file is not None:
                file.close()
        except Exception as error:  # noqa: BLE001 - training has ended well
            self.on_failure(Status(error=error))

    def _write(self, file: EventFile, tensor: GradientTensor) -> None:
        file.values(flat_name(tensor.layer, tensor.quantity, "values"), _counted(tensor))
        if tensor.dims[:2] != SEQUENCE[:2] or len(tensor.dims) < 3:
            return
        if tensor.dims != REACH:  # whose last axis are timesteps of the loss, not channels
            for direction, norms in _norms_by_timestep(tensor).items():
                tag = flat_name(tensor.layer, tensor.quantity, direction, "norm_by_timestep")
                timesteps = np.flatnonzero(np.isfinite(norms))
                file.heights(tag, timesteps, timesteps + 1, norms[timesteps])
        if self._draws:
            file.image(flat_name(tensor.layer, tensor.quantity, "flow"), _flow(tensor))


def _counted(tensor: GradientTensor) -> np.ndarray:
    """Return the values of timesteps that count."""
    return tensor.values if tensor.mask is None else tensor.values[tensor.mask]


def _norms_by_timestep(tensor: GradientTensor) -> dict[str, np.ndarray]:
    """Return the median norm over samples, (timesteps,), of each direction; NaN where none is."""
    norms = norms_over_channels(tensor).astype(np.float64)
    if tensor.mask is not None:
        norms = np.where(tensor.mask[:, :, None], norms, np.nan)
    names = tensor.directions if len(tensor.directions) == 2 else ("",)
    return {name: quartiles(norms[:, :, place])[1] for place, name in enumerate(names)}


def _flow(tensor: GradientTensor) -> bytes:
    """Draw the flow of every sample, as PNG."""
    # here, because it needs matplotlib, which is an extra
    from rnngrad_widgets.figures.draw import figure_file  # noqa: PLC0415

    shown = Shown(
        to_plot_array(tensor),
        tensor.quantity,
        tensor.directions,
        tensor.mask,
        when=f"step {tensor.step:,}",
    )
    return figure_file(Sheet(shown, Flow(), title=tensor.layer), "png", _SIZE)

"""`GradientRecorder`: writes snapshots during ``fit``."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.callbacks.base import OnError, TrainingCallback
from rnngrad_widgets.callbacks.batch_snapshot import (
    SNAPSHOT_DEFAULTS,
    BatchSnapshot,
    SnapshotOptions,
)
from rnngrad_widgets.callbacks.numbers import DIAGNOSED, snapshot_numbers
from rnngrad_widgets.callbacks.run_info import run_info
from rnngrad_widgets.callbacks.schedule import Every
from rnngrad_widgets.callbacks.status import Status
from rnngrad_widgets.callbacks.workers import is_chief_process
from rnngrad_widgets.data.keywords import naming, suggesting
from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.tensor import GradientSnapshot
from rnngrad_widgets.diagnosis.diagnose import diagnosis_of
from rnngrad_widgets.recording.layout import Store
from rnngrad_widgets.recording.writer import Mode, RecordingWriter

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnngrad_widgets.diagnosis.diagnosis import Diagnosis


class GradientRecorder(TrainingCallback):
    """Record gradients while a model trains: a callback for ``fit``, of Keras 3 and tf_keras.

    The recording is a zarr store that is whole after every step, whenever the process ends; open it
    with `Recording`, ``GradientExplorer.from_recording`` or ``xarray.open_zarr``, also while it is
    being written. Training is the same with and without the recorder, to the last bit.

    Always recorded are the state before the first step and the one after the last step of a
    ``fit``; those between as far as `max_overhead` allows. Steps are the optimizer's; they rise
    over several fits, also where the optimizer starts again. Of several workers of
    ``tf.distribute`` the chief records, by itself: the others neither write nor wait for it.

    Parameters
    ----------
    path
        A local folder, or a URL that fsspec knows (``memory://``, ``s3://``, ``gs://``).
    x, y
        One batch, the same at every step, so that steps compare; or, as `x`, a dataset that
        yields the same `steps` batches each time.
    layers, quantities
        As `GradientEngine.compute` takes them. `diagnose` and `compare` read the total gradient,
        ``"hidden_gradient"``; the direct one beside it tells them where the loss acts, without
        which no rate and no reach can be read.
    every
        Batches, or ``"epoch"``.
    max_overhead
        Share of the training time, of all fits together, that recording may cost, computing and
        writing: due steps are skipped, and counted, to stay below it. The last state of a ``fit``
        is recorded nevertheless, so that a ``fit`` of seconds may cost more; and the first
        snapshot, for which functions are traced, is apart, and paid back from half of the share.
        None for no limit.
    mode
        ``"x"``: a new recording; ``"a"``: continue the one that is there, with the same layers,
        quantities, batch and `store`; ``"w"``: replace it, when the first snapshot comes.
    store
        ``"full"``: every tensor; ``"summary"``: of each by sample (and timestep) the norms over
        the channels of each direction, and a reach as it is. With 512 channels that is a 512th.
        Both hold the numbers of `diagnose` at every step, of gates too; those of recurrent kernels
        are in a summary only: they take long, up to a second for each LSTM(512).
    on_error
        ``"warn"``: a failure, of computing or of writing, is said once, training goes on, and the
        next due step is tried again; ``"raise"``: it ends training.
    on_snapshot
        Called after each snapshot that was recorded, for instance by a tracker of experiments:
        ``on_snapshot(numbers, step)``, with the losses and the numbers of `diagnose` by name
        (``"loss/batch"``, ``"lstm/hidden_gradient/factor_per_step"``) and the training step. Its
        time counts as recording, and its failure as one of recording.
    storage_options
        Options for fsspec, for instance keys.
    **options
        ``sample_weight``, ``class_weight``, ``training``, ``steps`` and ``loss``, see
        `BatchOptions`; of the quantity ``"reach"`` also ``loss_timesteps`` and ``by``, see
        `ReachOptions`.

    Raises
    ------
    FileExistsError
        If there is a recording and `mode` is ``"x"``, or something else than a recording.
    RecordingError
        If what is to be continued is not a sound recording.
    ValueError, TypeError
        If an argument is not as above.
    ModuleNotFoundError
        If zarr is not installed.
    OSError
        If the path cannot be read.
    """

    @suggesting
    @naming(SnapshotOptions, SNAPSHOT_DEFAULTS)
    def __init__(
        self,
        path: str | os.PathLike[str],
        x: Any,
        y: Any = None,
        layers: Any = None,
        quantities: Any = DIAGNOSED,
        *,
        every: Every = 10,
        max_overhead: float | None = 0.05,
        mode: Mode = "x",
        store: Store = "full",
        on_error: OnError = "warn",
        on_snapshot: Callable[[dict[str, float], int], object] | None = None,
        storage_options: Mapping[str, Any] | None = None,
        **options: Unpack[SnapshotOptions],
    ) -> None:
        if on_snapshot is not None and not callable(on_snapshot):
            raise TypeError(
                "on_snapshot must be a function of a dict of numbers and a step; received "
                f"{on_snapshot!r}"
            )
        self._tell_numbers = on_snapshot
        probe = BatchSnapshot(x, y, layers, quantities, **options)
        info = run_info(x, y, options, every=every, max_overhead=max_overhead)
        _check_kept(store, quantities)
        self._path = os.fspath(path)
        self._open = partial(
            RecordingWriter, path, mode, store=store, storage_options=storage_options, info=info
        )
        self._diagnosis: Diagnosis | None = None
        # only the chief: for another worker the recording of the chief would be one that exists
        is_chief = is_chief_process()
        last_step = self._writer.last_step if is_chief else None
        super().__init__(
            probe,
            every=every,
            max_overhead=max_overhead,
            on_error=on_error,
            last_step=None if mode == "w" else last_step,
        )

    @property
    def path(self) -> str:
        """Where the recording is."""
        return self._writer.path if "_writer" in self.__dict__ else self._path

    @cached_property
    def _writer(self) -> RecordingWriter:
        return self._open()

    def on_snapshot(self, snapshot: GradientSnapshot, status: Status, skipped: int) -> None:
        """Write a snapshot."""
        # all of it where somebody is told: of weights it takes long
        self._diagnosis = None if self._tell_numbers is None else diagnosis_of(snapshot)
        self._writer.append(
            snapshot,
            training_loss=status.training_loss,
            skipped=skipped,
            diagnosis=self._diagnosis,
        )

    def after_snapshot(self, snapshot: GradientSnapshot, status: Status) -> None:
        """Hand the numbers of a snapshot over."""
        if self._tell_numbers is not None:
            numbers = snapshot_numbers(snapshot, status, self._diagnosis)
            self._tell_numbers(numbers, status.step or 0)

    def on_finish(self, status: Status) -> None:
        """Bring the metadata that may lag up to date."""
        del status
        try:
            self._writer.close()
        except OSError as error:  # the recording is whole without it
            self.on_failure(Status(error=error))


def _check_kept(store: Store, quantities: Any) -> None:
    """Refuse now what every snapshot would fail with: a summary of which nothing is kept."""
    words = (quantities,) if isinstance(quantities, str) else tuple(quantities)
    if store == "summary" and words and not any(quantity_of(word).dims for word in words):
        raise ValueError(
            f"a summary is of quantities by sample; received {', '.join(map(repr, words))}. "
            "Record another one beside, or with store='full'"
        )

"""`RecordingWriter`: one snapshot after the other, each there whole or not at all.

First the chunks of a step are written, beyond the shapes that are visible, and the chunks of
scalars are replaced; then the root ``zarr.json``, which makes the step visible: one atomic
replacement. A process that is killed anywhere leaves what the root says, and all of that is
complete. (No ``fsync``: a power failure can cost the last steps.)
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from rnngrad_widgets.data.tensor import GradientSnapshot
from rnngrad_widgets.recording.documents import nodes, root_document
from rnngrad_widgets.recording.entry import Entry
from rnngrad_widgets.recording.errors import RecordingError
from rnngrad_widgets.recording.guard import MAX_ROOT, parse_root
from rnngrad_widgets.recording.layout import (
    ROOT,
    STORES,
    Layout,
    Store,
)
from rnngrad_widgets.recording.scalars import (
    Scalars,
    chunk_of,
    no_scalars,
    read_chunk,
    read_scalars,
)
from rnngrad_widgets.recording.series import SeriesWriter
from rnngrad_widgets.recording.store import Files

if TYPE_CHECKING:
    from rnngrad_widgets.diagnosis.diagnosis import Diagnosis

Mode = Literal["x", "a", "w"]

_LAG = 64
"""Steps after which the arrays' own ``zarr.json`` catch up with the root's."""


class RecordingWriter:
    """Write a recording. Nothing is touched before the first `append`.

    Parameters
    ----------
    path
        A local folder, or a URL that fsspec knows.
    mode
        ``"x"``: a new recording; ``"a"``: continue the one that is there, or a new one; ``"w"``:
        replace it when the first snapshot comes.
    store
        ``"full"``: the tensors, their norms over channels and the numbers of `diagnose`;
        ``"summary"``: norms and numbers only. A recording that is continued must be of the same.
    storage_options
        Options for fsspec.
    info
        What the run is made with, by name. A recording that is continued keeps its own, and must
        be of the same ``"batch"``, where both name one.

    Raises
    ------
    FileExistsError
        If there is a recording and `mode` is ``"x"``, or something else than a recording.
    RecordingError
        If what is to be continued is not a sound recording.
    ValueError
        If `mode` or `store` is another word.
    ModuleNotFoundError
        If zarr is not installed.
    OSError
        If the path cannot be read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        mode: Mode = "x",
        *,
        store: Store = "full",
        storage_options: Mapping[str, Any] | None = None,
        info: Mapping[str, str] | None = None,
    ) -> None:
        if mode not in ("x", "a", "w"):
            raise ValueError(
                f"mode must be 'x' (new), 'a' (continue) or 'w' (replace); received {mode!r}"
            )
        if store not in STORES:
            raise ValueError(
                f"store must be 'full' (tensors) or 'summary' (their norms); received {store!r}"
            )
        self._files = Files(path, storage_options, write=True)
        self._info = {} if info is None else dict(info)
        self._store = store
        self._layout = Layout(info=self._info, store=store)
        self._series = SeriesWriter(())
        self._masks: dict[str, np.ndarray] = {}
        self._scalars = no_scalars()
        self._begun = False
        self._stale: tuple[str, ...] = ()
        # In a thread of its own: Ctrl-C in a notebook interrupts who waits, never a half-done step.
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="recording")
        self._root = self._files.read(ROOT, MAX_ROOT)
        self._pending: tuple[bytes, Scalars] = b"", self._scalars
        if self._root is not None:
            self._take_over(self._root, mode)
        elif not self._files.is_empty():
            raise FileExistsError(
                f"a recording must have a new or empty folder; {self.path} holds other files"
            )

    @property
    def path(self) -> str:
        """Where the recording is."""
        return self._files.where

    @property
    def last_step(self) -> int | None:
        """The training step that was recorded last; None before the first."""
        steps = self._scalars["step"]
        return int(steps[-1]) if len(steps) else None

    def __len__(self) -> int:
        return len(self._scalars["step"])

    def append(
        self,
        snapshot: GradientSnapshot,
        *,
        training_loss: float | None = None,
        skipped: int = 0,
        diagnosis: Diagnosis | None = None,
    ) -> None:
        """Write a snapshot; after a failure the earlier ones are as they were.

        Parameters
        ----------
        snapshot
            Tensors of the same layers, quantities, shapes, dtypes and masks as the first one.
            Its step must be greater than the last; None counts one on.
        training_loss
            The loss that Keras logged last.
        skipped
            How many due snapshots were left out before this one.
        diagnosis
            What `diagnose` says of the snapshot, where that is known; None to compute it.

        Raises
        ------
        RecordingError
            If the snapshot does not fit, or another process changed the recording.
        OSError
            If it cannot be written, for instance on a full disk.
        """
        row = {
            "loss": _number_or_nan(snapshot.loss),
            "training_loss": _number_or_nan(training_loss),
            "time": time.time(),
            "skipped": skipped,
        }
        self._worker.submit(self._append, snapshot, row, diagnosis).result()

    def close(self) -> None:
        """Let the arrays' own metadata catch up; `append` can go on afterwards.

        Nothing is written where the recording was removed or replaced meanwhile.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        if self._begun:
            self._worker.submit(self._end).result()

    def _end(self) -> None:
        with self._files.alone():
            if self._files.read(ROOT, MAX_ROOT) == self._root:
                self._catch_up()

    def _append(
        self, snapshot: GradientSnapshot, row: Mapping[str, float], diagnosis: Diagnosis | None
    ) -> None:
        # in the worker, where one follows the other: several threads may append
        new = Entry.of(snapshot, self._store, self._info, diagnosis)
        if not self._begun:
            _encode(new.layout, 0, self.path)  # refuses what could not be read, before all else
            self._files.make()
        with self._files.alone():
            self._append_alone(new, row)

    def _append_alone(self, new: Entry, row: Mapping[str, float]) -> None:
        found = self._files.read(ROOT, MAX_ROOT)
        if found == self._pending[0]:  # a network failed after the last commit went through
            self._root, self._scalars = self._pending
        if found != self._root:
            raise RecordingError(
                f"{self.path} was changed or removed by someone else while it was written; "
                "record to another path"
            )
        row = {**row, "step": self._step_of(new.stored)}
        if not self._begun:
            self._begin(new)
        self._check_fit(new)
        step = len(self)
        scalars = {
            name: np.append(column, np.asarray(row[name], column.dtype))
            for name, column in self._scalars.items()
        }
        chunks = {
            array.chunk_key(step): self._series.chunk(array.name, step, values)
            for array, values in new.arrays(self._layout)
        }
        self._files.write({**chunks, **chunk_of(scalars, step)})
        if step and step % _LAG == 0:
            self._catch_up()
        self._commit(scalars)

    def _step_of(self, snapshot: GradientSnapshot) -> int:
        last = self.last_step
        after = 0 if last is None else last + 1
        step = after if snapshot.step is None else snapshot.step
        if step < after:
            raise RecordingError(
                f"steps must rise; {self.path} goes on with {after} or more; received {step}"
            )
        return step

    def _begin(self, new: Entry) -> None:
        layout = new.layout
        self._files.sweep(())
        # A root without arrays first: whatever happens next, this is a recording.
        self._layout = Layout(id=layout.id, info=self._info, store=self._store)
        self._commit(no_scalars())
        self._files.remove(self._stale)
        self._stale = ()
        self._layout = layout
        self._catch_up()
        shapes = {mask.name: mask for mask in layout.masks}
        self._files.write({shapes[name].chunk_key(None): mask for name, mask in new.masks.items()})
        self._series = SeriesWriter(layout.by_step)
        self._masks, self._begun = dict(new.masks), True

    def _commit(self, scalars: Scalars) -> None:
        root = _encode(self._layout, len(scalars["step"]), self.path)
        self._pending = root, scalars
        self._files.write({ROOT: root})
        self._root, self._scalars = root, scalars

    def _catch_up(self) -> None:
        documents = nodes(self._layout, len(self))
        self._files.write(
            {f"{name}/{ROOT}": _dump(document) for name, document in documents.items()}
        )

    def _check_fit(self, new: Entry) -> None:
        rule = (
            f"every step in {self.path} must be as the first; record the same layers, quantities "
            "and batch"
        )
        here, there = self._layout.arrays, new.layout.arrays
        if [(a.layer, a.quantity) for a in here] != [(a.layer, a.quantity) for a in there]:
            in_one = {(a.layer, a.quantity) for a in here} ^ {(a.layer, a.quantity) for a in there}
            raise RecordingError(f"{rule}; received other tensors: {sorted(in_one) or 'reordered'}")
        for mine, other in zip(here, there, strict=True):
            for what in ("shape", "dtype", "dims", "directions", "gates", "mask", "norms_over"):
                if getattr(mine, what) != getattr(other, what):
                    raise RecordingError(
                        f"{rule}; {what} of {mine.layer} {mine.quantity} was "
                        f"{getattr(mine, what)}; received {getattr(other, what)}"
                    )
        for name, mask in new.masks.items():
            if not np.array_equal(mask, self._masks[name]):
                raise RecordingError(f"{rule}; received another mask")

    def _take_over(self, root: bytes, mode: Mode) -> None:
        if mode == "x":
            raise FileExistsError(
                f"{self.path} exists; give another path, mode='a' to continue it or mode='w' to "
                "replace it"
            )
        layout, steps = parse_root(root, self.path)
        if mode == "w" or not layout.arrays:
            self._stale = layout.names
            return
        theirs, ours = (layout.info or {}).get("batch"), self._info.get("batch")
        if theirs and ours and theirs != ours:
            raise RecordingError(
                f"{self.path} was begun with another batch; continue it with that one, or record "
                "to another path"
            )
        if (layout.store or "full") != self._store:
            raise RecordingError(
                f"{self.path} was begun with store={layout.store or 'full'!r}; continue it with "
                "that one, or record to another path"
            )
        self._files.sweep(layout.names)
        self._scalars = read_scalars(self._files, no_scalars(), steps)
        self._masks = {
            mask.name: read_chunk(self._files, mask.chunk_key(None), mask.shape, mask.dtype)
            for mask in layout.masks
        }
        self._series = SeriesWriter(layout.by_step)
        self._series.read(self._files, steps)
        self._layout, self._begun = layout, True


def _encode(layout: Layout, steps: int, where: str) -> bytes:
    root = _dump(root_document(layout, steps))
    if len(root) > MAX_ROOT:
        raise RecordingError(
            f"metadata must have at most {MAX_ROOT} bytes; {where} would need {len(root)}; "
            "record fewer layers"
        )
    if steps == 0:
        parse_root(root, where)
    return root


def _dump(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def _number_or_nan(value: float | None) -> float:
    return float("nan") if value is None else float(value)

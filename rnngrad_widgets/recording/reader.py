"""`Recording`: the snapshots of a run, read one at a time, also while they are being written."""

from __future__ import annotations

import math
import operator
import os
import time
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.data.summary import summary_of
from rnngrad_widgets.data.tensor import REACH, GradientSnapshot, GradientTensor
from rnngrad_widgets.recording.errors import RecordingError
from rnngrad_widgets.recording.guard import MAX_ROOT, parse_root
from rnngrad_widgets.recording.layout import ROOT, ArrayLayout, Layout, Store
from rnngrad_widgets.recording.scalars import SCALAR_BYTES, no_scalars, read_chunk, read_scalars
from rnngrad_widgets.recording.series import read_series
from rnngrad_widgets.recording.store import Files

BUDGET = 2**29
"""Bytes that one snapshot of a recording may take, unless `budget` says otherwise."""

MAX_ARRAYS = 1000
"""How many arrays a recording may have, unless `max_arrays` says otherwise."""

_PAUSE = 0.2
"""Seconds between two looks for a recording that is not there yet."""


class _Chunk(NamedTuple):
    """A chunk of several steps that was read.

    Parameters
    ----------
    number
        Which one.
    known
        How many steps were in the recording then; those of the chunk after them say nothing.
    values
        (steps, ...).
    """

    number: int
    known: int
    values: np.ndarray


class Recording:
    """A recording, read lazily; needs neither TensorFlow nor the model.

    Nothing in a recording is executed, and what it may take is limited and checked before it is
    taken: one from a stranger can be opened. It can be read while it is written: `refresh` finds
    the new steps.

    Parameters
    ----------
    path
        A local folder, or a URL that fsspec knows.
    storage_options
        Options for fsspec.
    timeout
        Seconds to wait for the first step of a recording that is about to be written.
    budget
        Bytes that one snapshot may take, and what is recorded once a step. A file may claim
        gigabytes without being that large on the disk.
    max_arrays
        How many arrays there may be.

    Raises
    ------
    FileNotFoundError
        If there is no recording.
    RecordingError
        If it is not a sound one, or would take more than `budget` and `max_arrays` allow.
    ModuleNotFoundError
        If zarr is not installed.
    OSError
        If it cannot be read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        storage_options: Mapping[str, Any] | None = None,
        timeout: float = 0.0,
        budget: int = BUDGET,
        max_arrays: int = MAX_ARRAYS,
    ) -> None:
        self._files = Files(path, storage_options)
        self._budget, self._max_arrays = budget, max_arrays
        self._root = b""
        self._layout = Layout()
        self._scalars = no_scalars()
        self._arrays: dict[tuple[str, str], ArrayLayout] = {}
        self._norms: dict[tuple[str, str], ArrayLayout] = {}
        self._masks: dict[str, np.ndarray] = {}
        self._chunks: dict[str, _Chunk] = {}
        self._numbers = np.zeros((0, 0))
        end = time.monotonic() + timeout
        while not (self._take(self._files.read(ROOT, MAX_ROOT)) and len(self)):
            if time.monotonic() >= end:
                break
            time.sleep(_PAUSE)
        if not self._root:
            waited = f" after {timeout:g} s" if timeout else ""
            raise FileNotFoundError(f"there is no recording at {self.path}{waited}")

    @classmethod
    def open(
        cls,
        path: str | os.PathLike[str],
        *,
        storage_options: Mapping[str, Any] | None = None,
        timeout: float = 0.0,
        budget: int = BUDGET,
        max_arrays: int = MAX_ARRAYS,
    ) -> Recording:
        """Open a recording; arguments and errors are those of the class.

        Returns
        -------
        Recording
            The recording.
        """
        return cls(
            path,
            storage_options=storage_options,
            timeout=timeout,
            budget=budget,
            max_arrays=max_arrays,
        )

    @property
    def path(self) -> str:
        """Where it is."""
        return self._files.where

    @property
    def info(self) -> Mapping[str, str]:
        """What the run was made with, by name, as text: ``"batch"``, a digest; versions; arguments.

        Empty for recordings from before there was any.
        """
        return MappingProxyType(dict(self._layout.info or {}))

    @property
    def store(self) -> Store:
        """``"full"``, or ``"summary"``: then the tensors of a snapshot are norms over channels."""
        return self._layout.store or "full"

    @property
    def keys(self) -> tuple[tuple[str, str], ...]:
        """What is recorded at every step: (layer, quantity); nothing before the first step."""
        return tuple((array.layer, array.quantity) for array in self._layout.arrays)

    @property
    def aliases(self) -> Mapping[str, str]:
        """Other accepted layer names and the path each stands for."""
        return self._layout.aliases

    @property
    def notes(self) -> tuple[str, ...]:
        """What to know about the recorded batch."""
        return self._layout.notes

    @property
    def steps(self) -> NDArray[np.int64]:
        """Training step of every snapshot, rising, (snapshots,)."""
        return self._scalars["step"]

    @property
    def losses(self) -> NDArray[np.float64]:
        """Loss of the recorded batch at every snapshot, (snapshots,); NaN where unknown."""
        return self._scalars["loss"]

    @property
    def training_losses(self) -> NDArray[np.float64]:
        """Loss that Keras had logged last, (snapshots,): its mean over the epoch so far, or NaN."""
        return self._scalars["training_loss"]

    @property
    def times(self) -> NDArray[np.float64]:
        """When each snapshot was taken, (snapshots,), in seconds since 1970-01-01 UTC."""
        return self._scalars["time"]

    @property
    def skipped(self) -> NDArray[np.int64]:
        """How many due snapshots were left out before each one, (snapshots,)."""
        return self._scalars["skipped"]

    @property
    def numbers(self) -> Mapping[str, NDArray[np.float64]]:
        """The numbers of `diagnose` at every snapshot, (snapshots,) each; NaN where there is none.

        By name, as `Diagnosis.to_flat` has them, of what was recorded and not of its norms:
        ``"lstm/hidden_gradient/dead_channels"``. Those of recurrent kernels are in a summary only:
        elsewhere the weights say them. Empty for recordings from before there were any.

        Raises
        ------
        RecordingError
            If a chunk is missing or has a wrong size, or they take more than the budget.
        OSError
            If it cannot be read.
        """
        names = self._layout.numbers
        if not names or not len(self):
            return MappingProxyType({})
        array, known = self._layout.of_numbers, self._numbers
        self._check_budget(len(self) * array.nbytes, "the numbers of all steps")
        whole = len(known) // array.steps
        rest = [
            read_series(self._files, array, number)
            for number in range(whole, -(-len(self) // array.steps))
        ]
        start = known[: whole * array.steps].reshape(-1, len(names))
        found = np.concatenate([start, *rest])[: len(self)]
        found.flags.writeable = False
        self._numbers = found
        return MappingProxyType(dict(zip(names, found.T, strict=True)))

    def __len__(self) -> int:
        return len(self._scalars["step"])

    def __repr__(self) -> str:
        kept = "tensors" if self.store == "full" else "summaries"
        return f"<Recording {self.path}: {len(self)} snapshots of {len(self.keys)} {kept}>"

    def refresh(self) -> bool:
        """Look whether there are new steps, or another recording in its place.

        Returns
        -------
        bool
            Whether anything changed.

        Raises
        ------
        FileNotFoundError
            If the recording is gone.
        RecordingError
            If it is not a sound one any more.
        OSError
            If it cannot be read.
        """
        data = self._files.read(ROOT, MAX_ROOT)
        if data is None:
            raise FileNotFoundError(f"there is no recording at {self.path} any more")
        return self._take(data)

    def _take(self, data: bytes | None) -> bool:
        """Take what the root says; tell whether that is new."""
        if data is None or data == self._root:
            return False
        layout, steps = parse_root(data, self.path, self._max_arrays)
        self._check_budget(steps * SCALAR_BYTES, f"{steps:,} steps")
        same = layout == self._layout
        known = self._scalars if same else no_scalars()
        self._scalars = read_scalars(self._files, known, steps)
        for values in self._scalars.values():
            values.flags.writeable = False
        if not same:
            self._masks, self._chunks, self._numbers = {}, {}, np.zeros((0, 0))
        self._layout, self._root = layout, data
        self._arrays = {(array.layer, array.quantity): array for array in layout.arrays}
        self._norms = {(array.layer, array.quantity): array for array in layout.norms}
        return True

    def snapshot(
        self, index: int, keys: Iterable[tuple[str, str]] | None = None
    ) -> GradientSnapshot:
        """Read one snapshot.

        Parameters
        ----------
        index
            Its place, 0 .. ``len(recording) - 1``; negative ones count from the end.
        keys
            Which (layer, quantity) to read; None: all.

        Returns
        -------
        GradientSnapshot
            Tensors as they were recorded: same shapes, dtypes, axes and masks.

        Raises
        ------
        IndexError
            If there is no such place.
        KeyError
            If a key is not recorded.
        RecordingError
            If a chunk is missing or has a wrong size, or they take more than the budget.
        OSError
            If it cannot be read.
        """
        place = self._place(index)
        wanted = self.keys if keys is None else tuple(keys)
        arrays = [self._array(key) for key in wanted]
        self._check_budget(sum(map(self._size, arrays)), "a snapshot of it")
        tensors = [self._tensor(place, array) for array in arrays]
        return GradientSnapshot(
            {(tensor.layer, tensor.quantity): tensor for tensor in tensors},
            loss=float(self.losses[place]),
            step=int(self.steps[place]),
            aliases=self.aliases,
            notes=self.notes,
        )

    def norms(self, index: int, layer: str, quantity: str) -> GradientTensor:
        """Read the norms over channels of a tensor: what comparing runs needs, and little to read.

        Parameters
        ----------
        index
            Place of the snapshot, as for `snapshot`.
        layer, quantity
            Which tensor.

        Returns
        -------
        GradientTensor
            (samples, timesteps, directions), or (samples, directions) of what has no timesteps,
            with ``norms_over``; a reach as it is. Of recordings from before norms were stored, they
            are computed from the tensor.

        Raises
        ------
        IndexError
            If there is no such place.
        KeyError
            If the tensor is not recorded.
        ValueError
            If it has no samples, as a weight.
        RecordingError
            If a chunk is missing or has a wrong size, or takes more than the budget.
        OSError
            If it cannot be read.
        """
        place, array = self._place(index), self._array((layer, quantity))
        own = self._norms.get((array.layer, array.quantity), array)
        self._check_budget(self._size(own), "norms of it")
        found = summary_of(self._tensor(place, own))
        if found is None:
            raise ValueError(
                f"norms are of samples; {quantity} of {array.layer!r} has the axes {array.dims}"
            )
        return found

    def stores_norms(self, layer: str, quantity: str) -> bool:
        """Tell whether `norms` reads them, and need not compute them from the tensor.

        Raises
        ------
        KeyError
            If the tensor is not recorded.
        """
        array = self._array((layer, quantity))
        is_summary = array.norms_over > 0 or array.dims == REACH
        return is_summary or (array.layer, array.quantity) in self._norms

    def _tensor(self, place: int, array: ArrayLayout) -> GradientTensor:
        return GradientTensor(
            self._values(place, array),
            array.dims,
            array.layer,
            array.quantity,
            array.directions,
            array.gates,
            self._mask(array.mask),
            int(self.steps[place]),
            float(self.losses[place]),
            array.loss_timesteps,
            array.norms_over,
        )

    def _values(self, place: int, array: ArrayLayout) -> np.ndarray:
        if array.steps == 1:
            return read_chunk(self._files, array.chunk_key(place), array.shape, array.dtype)
        number, within = divmod(place, array.steps)
        chunk = self._chunks.get(array.name)  # the last one: steps are mostly read in their order
        if chunk is None or chunk.number != number or place >= chunk.known:
            chunk = _Chunk(number, len(self), read_series(self._files, array, number))
            self._chunks[array.name] = chunk
        values: np.ndarray = chunk.values[within]
        return np.array(values)  # the chunk may go

    def _array(self, key: tuple[str, str]) -> ArrayLayout:
        layer, quantity = key
        found = self._arrays.get((self.aliases.get(layer, layer), quantity))
        if found is None:
            raise KeyError(f"no {key}; the recording holds {list(self.keys)}")
        return found

    def _size(self, array: ArrayLayout) -> int:
        """Return the bytes of the chunk of a step; the mask, read once, included."""
        return array.steps * array.nbytes + (
            math.prod(array.shape[:2]) if array.mask is not None else 0
        )

    def _check_budget(self, size: int, what: str) -> None:
        if size > self._budget:
            raise RecordingError(
                f"{what} must fit the budget of {self._budget:,} bytes; in {self.path} it takes "
                f"{size:,}. Read fewer keys, or raise it: Recording.open(path, budget={size}); "
                "GradientExplorer.from_recording takes what that returns"
            )

    def _mask(self, name: str | None) -> np.ndarray | None:
        if name is None:
            return None
        if name not in self._masks:
            layout = next(mask for mask in self._layout.masks if mask.name == name)
            key = layout.chunk_key(None)
            self._masks[name] = read_chunk(self._files, key, layout.shape, layout.dtype)
        return self._masks[name]

    def _place(self, index: int) -> int:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(
                f"index must be in {-len(self)} .. {len(self) - 1}; received {place}"
                if len(self)
                else f"the recording has no steps yet; received index {place}"
            )
        return place % len(self)

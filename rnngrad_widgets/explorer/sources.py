"""The sources of an explorer: a model and a batch, an array, a recording."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from rnngrad_widgets.callbacks.batch_snapshot import (
    REACH_DEFAULTS,
    SnapshotOptions,
    check_repeatable,
)
from rnngrad_widgets.data.keywords import did_you_mean
from rnngrad_widgets.data.loss_timesteps import check_reach_options
from rnngrad_widgets.data.quantities import TRUNCATION_ERROR, check_known, quantity_of
from rnngrad_widgets.data.rules import NO_RECURRENT_LAYER
from rnngrad_widgets.data.slices import counted_timesteps, masked_of, note_on_masked
from rnngrad_widgets.data.tensor import (
    NO_TIME,
    SEQUENCE,
    GradientSnapshot,
    GradientTensor,
    NothingThereError,
)
from rnngrad_widgets.data.wire import as_float32, copied_float32
from rnngrad_widgets.diagnosis.loss_position import DIRECT, needs_direct
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.source import RecordedStep, Source

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from typing_extensions import Unpack

    from rnngrad_widgets.callbacks.recorder import GradientRecorder
    from rnngrad_widgets.engine import GradientEngine, RecurrentLayer
    from rnngrad_widgets.recording import Recording


class ModelSource(Source):
    """A Keras model and a batch; the engine computes."""

    def __init__(
        self, engine: GradientEngine, x: Any, y: Any, **options: Unpack[SnapshotOptions]
    ) -> None:
        check_repeatable(x)
        check_reach_options(options.get("loss_timesteps"), options.get("by"))
        self._engine = engine
        self._batch = (x, y)
        self._options = options
        self._notes: tuple[str, ...] = ()
        # by layer, once known: the notes on why it has no direct gradient; none where it has one
        self._no_direct: dict[str, tuple[str, ...]] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """What the engine noted last."""
        return self._notes

    @property
    def can_train(self) -> bool:
        """Whether there is a model that trains: yes."""
        return True

    @property
    def model(self) -> Any:
        """The Keras model."""
        return self._engine.model

    def layers(self) -> Mapping[str, str]:
        """Return labels by path: ``lstm  LSTM 256``."""
        return {layer.path: _label(layer) for layer in self._engine.layers}

    def resolve(self, layer: object) -> str:
        """Return the path of the layer."""
        if layer is None:
            return first_recurrent(self._engine)
        return self._engine.resolve(layer).path

    def quantities(self, layer: str) -> tuple[str, ...]:
        """Return the quantities that can be shown."""
        return tuple(self._engine.quantities(layer))

    def first(self, layer: str) -> tuple[str, ...]:
        """Return the direct gradient where the layer returns a sequence, else the total one."""
        sequences = self._engine.resolve(layer).return_sequences
        order = ("output_gradient", "hidden_gradient")[:: 1 if sequences else -1]
        known = self.quantities(layer)
        return tuple(word for word in order if word in known) or known[:1]

    def compute(self, layer: str, quantity: str) -> Mapping[str, GradientTensor]:
        """Compute the tensors by part: calls ``[0]``, cells ``0``, weights ``forward/kernel``."""
        if quantity not in self.quantities(layer):
            near = did_you_mean(str(quantity), self.quantities(layer))
            raise ValueError(
                f"the explorer shows {list(self.quantities(layer))} of layer {layer!r}; "
                f"received quantity {quantity!r}" + (f": {near}" if near else "")
            )
        return self.parts(self.snapshot(layer, quantity), layer, quantity)

    def companion(self, layer: str, quantity: str, part: str) -> GradientTensor | None:
        """Compute what *Flow* shows beside a quantity; for a reach what truncation loses."""
        if quantity_of(quantity).companion == TRUNCATION_ERROR.name:
            return self._truncation_error(layer)
        return super().companion(layer, quantity, part)

    def _truncation_error(self, layer: str) -> GradientTensor | None:
        """Return the error of truncated BPTT by k, as one sample; NaN at k = 0, which is none.

        Returns
        -------
        GradientTensor or None
            None where it is not known of such a layer or takes too much memory, or the batch is a
            dataset, of which the error would be that of the first batch.
        """
        # here, because they import TensorFlow
        from rnngrad_widgets.engine.inputs.streams import is_stream  # noqa: PLC0415
        from rnngrad_widgets.engine.tracing.truncation_pass import (  # noqa: PLC0415
            NoTruncationError,
        )

        x, y = self._batch
        if is_stream(x):
            return None
        taken: dict[str, Any] = {
            name: value
            for name, value in self._options.items()
            if name not in ("steps", "loss_timesteps")
        }
        try:
            errors = self._engine.truncation_error(x, y, layer, progress=self.progress, **taken)
        except NoTruncationError:
            return None
        by_k = np.concatenate([[np.nan], errors[:-1]])
        return GradientTensor(
            by_k[None, :, None], SEQUENCE, layer=layer, quantity=TRUNCATION_ERROR.name
        )

    def snapshot(self, layer: str, quantity: str) -> GradientSnapshot:
        """Compute the snapshot with the current weights, mostly with the direct gradient too."""
        found = self._with_direct(layer, quantity) or self._compute(layer, quantity)
        self._notes = found.notes
        return found

    def parts(
        self, snapshot: GradientSnapshot, layer: str, quantity: str
    ) -> Mapping[str, GradientTensor]:
        """Return the tensors of a quantity by part, and keep where the loss acts on their layer."""
        tensors = {key: snapshot[key] for key in snapshot if key[1] == quantity}
        for tensor in tensors.values():
            if any("loss does not depend" in note for note in self._no_direct.get(layer, ())):
                self.note_readable(tensor)  # only the last states go on: no output of another step
            else:
                self.note_reasons(tensor, snapshot)
        return by_part(tensors, layer)

    def _compute(self, layer: str, *quantities: str) -> GradientSnapshot:
        # here, because it imports TensorFlow
        from rnngrad_widgets.engine.progress import ProgressBar  # noqa: PLC0415

        x, y = self._batch
        return self._engine.compute(
            x,
            y,
            layers=layer,
            quantities=quantities,
            progress=self.progress or ProgressBar(least_left=5.0),
            **self._options_for(quantities),
        )

    def _options_for(self, quantities: Iterable[str]) -> SnapshotOptions:
        """Return the options, without those of a reach where none is computed."""
        left_out = () if "reach" in quantities else REACH_DEFAULTS
        kept = {name: value for name, value in self._options.items() if name not in left_out}
        return cast("SnapshotOptions", kept)

    def _with_direct(self, layer: str, quantity: str) -> GradientSnapshot | None:
        """Compute the direct gradient too, which costs nothing more: it says where the loss acts.

        Returns
        -------
        GradientSnapshot or None
            None where the quantity is to be computed alone.
        """
        if not needs_direct(quantity) or DIRECT not in self.quantities(layer):
            return None
        if layer in self._no_direct:
            missing = self._no_direct[layer]
            return None if missing else self._compute(layer, quantity, DIRECT)
        with warnings.catch_warnings():  # nobody has asked for the one that may be left out
            warnings.filterwarnings("ignore", "left out of the snapshot", UserWarning)
            try:
                found = self._compute(layer, quantity, DIRECT)
            except NothingThereError:
                return None
        there = {word for _, word in found}
        missing = tuple(note for note in found.notes if DIRECT in note)
        self._no_direct[layer] = () if DIRECT in there else missing or ("not there",)
        return found if there == {quantity, DIRECT} else None

    def recorder(
        self, path: str | PathLike[str], layers: Any, quantities: Any, **options: Any
    ) -> GradientRecorder:
        """Make a callback that records the batch of the explorer."""
        # here, because it needs zarr, which is an extra
        from rnngrad_widgets.callbacks.recorder import GradientRecorder  # noqa: PLC0415

        self._check_recorded(layers, quantities)
        x, y = self._batch
        words = (quantities,) if isinstance(quantities, str) else quantities
        options = {**self._options_for(words), **options}
        return GradientRecorder(path, x, y, layers, quantities, **options)

    def _check_recorded(self, layers: Any, quantities: Any) -> None:
        """Refuse now what each snapshot would fail with."""
        check_known(quantities)
        several = isinstance(layers, (list, tuple, set))
        for layer in layers if several else (layers,):
            path = self._engine.resolve(layer).path
            for word in (quantities,) if isinstance(quantities, str) else quantities:
                if word not in self.quantities(path):
                    raise ValueError(
                        f"quantities must be of {list(self.quantities(path))}, which layer "
                        f"{path!r} has; received {word!r}"
                    )


def first_recurrent(engine: GradientEngine) -> str:
    """Return the path of the first recurrent layer of an engine's model.

    Raises
    ------
    ValueError
        If it has none.
    """
    if not engine.layers:
        raise ValueError(NO_RECURRENT_LAYER)
    return engine.layers[0].path


def by_part(
    tensors: Mapping[tuple[str, str], GradientTensor], layer: str
) -> dict[str, GradientTensor]:
    """Return the tensors by part: calls ``[0]``, cells ``0``, weights ``forward/kernel``."""
    return {tensor.layer.removeprefix(layer).lstrip("/"): tensor for tensor in tensors.values()}


def _label(layer: RecurrentLayer) -> str:
    """Label a layer: ``lstm  LSTM 256``; ``bi  GRU 2 × 128`` for two equal directions."""
    kind, units = layer.kind, str(layer.units or "")
    if kind.startswith("Bidirectional ") and units:
        kind, units = kind.removeprefix("Bidirectional "), f"2 × {units}"
    return f"{layer.path}  {kind} {units}".rstrip()


class ArraySource(Source):
    """An array of any framework, or a tensor, which stays what it is; nothing is computed.

    Parameters
    ----------
    array
        The array.
    copied
        Whether it is copied, because it may change before it is read.
    """

    def __init__(self, array: ArrayLike | GradientTensor, *, copied: bool = True) -> None:
        values = copied_float32(array) if copied else as_float32(array)
        if isinstance(array, GradientTensor):
            self._notes: tuple[str, ...] = ()
            self._tensor = replace(array, values=values)
            return
        dims = SEQUENCE if values.ndim == 3 else NO_TIME
        masked = masked_of(array)
        mask = counted_timesteps(masked, dims)
        self._notes = note_on_masked(masked, mask)
        self._tensor = GradientTensor(values, dims, mask=mask)

    @property
    def notes(self) -> tuple[str, ...]:
        """How many masked values are shown as NaN."""
        return self._notes

    def layers(self) -> Mapping[str, str]:
        """Return labels by path: ``lstm  LSTM 256``."""
        return {}

    def resolve(self, layer: object) -> str:
        """Return the path of the layer."""
        if not (layer is None or (isinstance(layer, str) and layer == "")):
            raise ValueError(f"an array has no layers; received layer {layer!r}")
        return ""

    def quantities(self, layer: str) -> tuple[str, ...]:
        """Return the quantities that can be shown."""
        del layer
        return ()

    def first(self, layer: str) -> tuple[str, ...]:
        """Return the empty name, which stands for the array."""
        del layer
        return ("",)

    def compute(self, layer: str, quantity: str) -> Mapping[str, GradientTensor]:
        """Return the array, as the only part."""
        del layer
        if quantity:
            raise ValueError(f"an array has no quantities; received {quantity!r}")
        return {"": self._tensor}


class RecordingSource(Source):
    """A recording; its last snapshot is what is shown first.

    Parameters
    ----------
    recording
        What is read.
    norms
        Whether norms over channels are read, and not the tensors.
    """

    def __init__(self, recording: Recording, *, norms: bool = False) -> None:
        self._recording = recording
        self._norms = norms

    def layers(self) -> Mapping[str, str]:
        """Return labels by path."""
        return {layer: layer for layer, _ in self._recording.keys}

    @property
    def notes(self) -> tuple[str, ...]:
        """The notes that were recorded."""
        return self._recording.notes

    def resolve(self, layer: object) -> str:
        """Return the path of the layer."""
        paths = list(self.layers())
        if layer is None and paths:
            return paths[0]
        path = self._recording.aliases.get(str(layer), str(layer))
        if path not in paths:
            # of a layer of which only weights, or single calls, were recorded
            path = next((own for own in paths if own.startswith((f"{path}/", f"{path}["))), path)
        if path not in paths:
            raise ValueError(f"the recording holds layers {paths}; received {layer!r}")
        return path

    def quantities(self, layer: str) -> tuple[str, ...]:
        """Return the quantities that were recorded."""
        return tuple(quantity for path, quantity in self._recording.keys if path == layer)

    def compute(self, layer: str, quantity: str) -> Mapping[str, GradientTensor]:
        """Read the last snapshot."""
        return {"": self._read(len(self._recording) - 1, layer, quantity)}

    @property
    def has_snapshots(self) -> bool:
        """Whether it holds the snapshots of a run: yes."""
        return True

    @property
    def began(self) -> float | None:
        """Time of the first snapshot: another recording in its place has another one."""
        return float(self._recording.times[0]) if len(self._recording) else None

    def refresh(self) -> bool:
        """Look for steps that were written since."""
        return self._recording.refresh()

    @property
    def status(self) -> RunStatus:
        """How many snapshots there are, and how many were skipped."""
        skipped = int(self._recording.skipped.sum())
        return RunStatus(rest=f"{skipped:,} skipped" if skipped else "", of=len(self._recording))

    def places_after(self, step: int | None, at_most: int) -> list[int]:
        """Return the places of the snapshots after a step."""
        steps, count = self._recording.steps, len(self._recording)
        start = 0 if step is None else int(np.searchsorted(steps, step, side="right"))
        places = [*range(start, count, max(-(-(count - start) // at_most), 1))]
        if places and places[-1] != count - 1:
            places.append(count - 1)
        return places

    def step_at(self, place: int) -> int:
        """Return the training step of the snapshot at a place."""
        return int(self._recording.steps[place])

    def read(self, place: int, layer: str, quantity: str) -> RecordedStep:
        """Read the snapshot at a place."""
        step = self.step_at(place)
        return RecordedStep(step, self._read(place, layer, quantity), self.status)

    def _read(self, place: int, layer: str, quantity: str) -> GradientTensor:
        if quantity not in self.quantities(layer):
            own = [path for path, word in self._recording.keys if word == quantity]
            of_it = [path for path in own if path.startswith((f"{layer}/", f"{layer}["))]
            way_out = ""
            if of_it:
                way_out = f". That is of its parts: choose layer={', '.join(map(repr, of_it))}"
            raise ValueError(
                f"the recording holds {list(self.quantities(layer))} of layer {layer!r}; "
                f"received quantity {quantity!r}{way_out}"
            )
        tensor = self._tensor(place, layer, quantity)
        self.note_reasons(tensor, self._direct(place, layer, quantity))
        return tensor

    def _direct(self, place: int, layer: str, quantity: str) -> Mapping[Any, GradientTensor]:
        """Read the direct gradient, where it was recorded: it says where the loss acts."""
        own = (path for path in _and_above(layer) if DIRECT in self.quantities(path))
        path = next(own, None) if needs_direct(quantity) else None
        if path is not None:
            with suppress(ValueError, OSError):  # without it that is not known
                return {(path, DIRECT): self._tensor(place, path, DIRECT)}
        return {}

    def _tensor(self, place: int, layer: str, quantity: str) -> GradientTensor:
        if self._norms:
            return self._recording.norms(place, layer, quantity)
        return self._recording.snapshot(place, [(layer, quantity)])[layer, quantity]


def _and_above(path: str) -> Iterator[str]:
    """Yield a path and those above it: a state of a layer has a longer one."""
    while path:
        yield path
        path = path.rpartition("/")[0]

"""What can be compared: the layers of a source, and the gradient of one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from rnngrad_widgets.data.arrays import is_array
from rnngrad_widgets.data.batch_digest import batch_digest
from rnngrad_widgets.data.tensor import REACH, GradientSnapshot, GradientTensor
from rnngrad_widgets.diagnosis.gradient import is_gradient_over_time
from rnngrad_widgets.diagnosis.loss_position import UNKNOWN, reasons_against_rate
from rnngrad_widgets.explorer.base import ExplorerBase
from rnngrad_widgets.explorer.source import Source
from rnngrad_widgets.explorer.sources import ArraySource, ModelSource, RecordingSource
from rnngrad_widgets.explorer.waiting import open_recording

if TYPE_CHECKING:
    from rnngrad_widgets.callbacks.batch_snapshot import SnapshotOptions
    from rnngrad_widgets.recording import Recording


K = TypeVar("K")
"""What a source is known by; its text names it in an error."""


class Gradient(NamedTuple):
    """A gradient over time, and for each direction why lag 0 is no measure of it."""

    tensor: GradientTensor
    reasons: Mapping[str, str]


class Experiment(ABC):
    """A source of one gradient among others.

    Attributes
    ----------
    paths
        The layers that it has; a plain array has one without a name.
    batch
        The digest of the batch that its gradients are of; empty where that is not known.
    """

    paths: Sequence[str]
    batch: str = ""

    def path_of(self, layer: Any) -> str:
        """Return the path of a layer; None is the first one.

        Raises
        ------
        ValueError
            If it has no such layer.
        """
        if layer is None:
            return self.paths[0]
        if isinstance(layer, int) and 0 <= layer < len(self.paths):
            return self.paths[layer]
        name = self.alias_of(getattr(layer, "name", layer))
        if name not in self.paths:
            raise ValueError(f"the source has layers {list(self.paths)}; received {layer!r}")
        return name

    def alias_of(self, name: Any) -> str:
        """Return the path that a name stands for."""
        return str(name)

    @abstractmethod
    def gradient(self, path: str, quantity: str) -> Gradient:
        """Return the gradient of a layer; ValueError where there is none."""

    def tensor(self, path: str, quantity: str) -> GradientTensor:
        """Return the same with all channels, where `gradient` has norms only."""
        return self.gradient(path, quantity).tensor

    def has_norms(self, path: str, quantity: str) -> bool:
        """Tell whether norms need no reading of arrays; of a recording, whether it stores them."""
        del path, quantity
        return True

    def explored(self, path: str, quantity: str) -> Source:
        """Return what a full explorer shows of it."""
        return ArraySource(self.tensor(path, quantity))


_OF_TENSOR = (
    "whether the loss acts before the last timestep is not known of a tensor alone: compute it "
    "with output_gradient, and compare the snapshots"
)


class _OfTensor(Experiment):
    """A tensor, whatever its layer and quantity: nothing else is there to choose."""

    def __init__(self, tensor: GradientTensor) -> None:
        self._tensor = tensor
        self.paths = (tensor.layer,)

    def gradient(self, path: str, quantity: str) -> Gradient:
        del path, quantity
        reasons = reasons_against_rate(self._tensor, {})
        return Gradient(
            self._tensor,
            {name: _OF_TENSOR if reason == UNKNOWN else reason for name, reason in reasons.items()},
        )


class _OfSnapshot(Experiment):
    def __init__(self, snapshot: GradientSnapshot, quantity: str) -> None:
        self._snapshot = snapshot
        self.paths = tuple(path for path, word in snapshot if word == quantity)
        if not self.paths:
            raise ValueError(
                f"the snapshot must hold {quantity!r}; it holds {list(snapshot)}: compute it, or "
                "choose another with quantity="
            )

    def alias_of(self, name: Any) -> str:
        return self._snapshot.aliases.get(str(name), str(name))

    def gradient(self, path: str, quantity: str) -> Gradient:
        tensor = self._snapshot[path, quantity]
        return Gradient(tensor, reasons_against_rate(tensor, self._snapshot))


class OfSource(Experiment):
    """What an explorer has: a model and a batch, an array, a recording."""

    source: Source

    def __init__(self, source: Source, batch: str = "") -> None:
        self.source = source
        self.batch = batch
        self.paths = tuple(source.layers()) or ("",)

    def path_of(self, layer: Any) -> str:
        """Return the path of a layer, as the source resolves it."""
        return self.source.resolve(layer)

    def gradient(self, path: str, quantity: str) -> Gradient:
        """Return the gradient of a layer, computed with the current weights."""
        return self.only(self.source.compute(path, quantity if path else ""), path, quantity)

    def only(self, parts: Mapping[str, GradientTensor], path: str, quantity: str) -> Gradient:
        """Return the gradient among the parts of a quantity; ValueError where there are several."""
        if len(parts) != 1:
            raise ValueError(
                f"layer {path!r} must have one {quantity}; it has {len(parts)}: {list(parts)}. "
                "Compute them with GradientEngine, and compare the tensors"
            )
        (tensor,) = parts.values()
        return Gradient(tensor, self.source.reasons(tensor))

    def explored(self, path: str, quantity: str) -> Source:
        """Return the source."""
        del path, quantity
        return self.source


class _OfArray(Experiment):
    """An array, which is read at once: a copy of it is made only for what is shown of it later."""

    paths = ("",)

    def __init__(self, array: Any) -> None:
        self._array = array

    def gradient(self, path: str, quantity: str) -> Gradient:
        return OfSource(ArraySource(self._array, copied=False)).gradient(path, quantity)

    def tensor(self, path: str, quantity: str) -> GradientTensor:
        return OfSource(ArraySource(self._array)).gradient(path, quantity).tensor


class _OfRecording(OfSource):
    """A recording: norms are compared, which are little to read."""

    def __init__(self, recording: Recording) -> None:
        super().__init__(RecordingSource(recording, norms=True), recording.info.get("batch", ""))
        self._full = RecordingSource(recording)
        self._recording = recording

    def has_norms(self, path: str, quantity: str) -> bool:
        return self._recording.stores_norms(path, quantity)

    def tensor(self, path: str, quantity: str) -> GradientTensor:
        (tensor,) = self._full.compute(path, quantity).values()
        return tensor

    def explored(self, path: str, quantity: str) -> Source:
        del path, quantity
        return self._full


class _OfExplorer(OfSource):
    """What an explorer shows; another layer or quantity is computed, with the current weights."""

    def __init__(self, explorer: ExplorerBase) -> None:
        super().__init__(explorer.source)
        self._explorer = explorer

    def path_of(self, layer: Any) -> str:
        return self._explorer.displayed.key.layer if layer is None else super().path_of(layer)

    def gradient(self, path: str, quantity: str) -> Gradient:
        key = self._explorer.displayed.key
        if key.layer == path and key.quantity in (quantity, ""):
            shown = self._explorer.evidence()
            return Gradient(shown.tensor, shown.reasons)
        return super().gradient(path, quantity)


@dataclass(frozen=True, eq=False)
class Batch:
    """What models are compared on: arrays, and what else `GradientEngine.compute` takes."""

    x: Any
    y: Any
    options: SnapshotOptions

    @cached_property
    def digest(self) -> str:
        """The digest that a recording of it has."""
        weights = self.options.get("sample_weight"), self.options.get("class_weight")
        return batch_digest(self.x, self.y, *weights) or ""


def experiment(
    name: object,
    source: Any,
    batch: Batch,
    quantity: str,
    storage_options: Mapping[str, Any] | None,
) -> Experiment:
    """Return a source as something that can be compared.

    Parameters
    ----------
    name
        What it is called in an error.
    source, quantity, storage_options
        As for `compare`.
    batch
        For models.

    Raises
    ------
    TypeError
        If it is none.
    ValueError
        If it has not the quantity, or a model comes without a batch.
    """
    if isinstance(source, GradientSnapshot):
        return _OfSnapshot(source, quantity)
    if isinstance(source, GradientTensor):
        return _OfTensor(source)
    if isinstance(source, ExplorerBase):
        return _OfExplorer(source)
    if isinstance(source, (str, PathLike)):
        source = open_recording(source, storage_options, 0.0)
    if type(source).__module__.startswith("rnngrad_widgets.recording"):
        return _OfRecording(source)
    if is_array(source):
        return _OfArray(source)
    if not _is_model(source):
        raise TypeError(
            f"{name} must be a model, an explorer, a GradientSnapshot, a GradientTensor, an array, "
            f"a recording or its path, or a list of these; received a {type(source).__name__}"
        )
    # here, because it imports TensorFlow, which an array does not need
    from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415

    engine = GradientEngine(source)
    if batch.x is None:
        raise ValueError("models are compared on one batch; received none: compare({...}, x, y)")
    return OfSource(ModelSource(engine, batch.x, batch.y, **batch.options), batch.digest)


def _is_model(source: Any) -> bool:
    """Tell whether something may be a Keras model, without importing Keras."""
    packages = {each.__module__.partition(".")[0] for each in type(source).__mro__}
    return bool(packages & {"keras", "tf_keras"})


def matched_paths(sources: Mapping[K, Experiment], layer: Any) -> list[str]:
    """Return the layer of each source that is compared: by path, else by order.

    Parameters
    ----------
    sources
        By what each is called in an error. The first one says which layer it is.
    layer
        As users choose one; None for the first.

    Raises
    ------
    ValueError
        If a source has no such layer; lists both.
    """
    (first_name, first), *others = sources.items()
    try:
        path = first.path_of(layer)
    except ValueError as error:
        raise ValueError(f"{first_name}, whose layer is compared: {error}") from error
    place = list(first.paths).index(path) if path in first.paths else 0
    found = [path]
    for name, source in others:
        if path in source.paths:
            found.append(path)
        elif place < len(source.paths):
            found.append(source.paths[place])
        else:
            raise ValueError(
                f"layer {path!r} of {first_name} must have its like in {name}, by path or by "
                f"order; {first_name} has {list(first.paths)}, {name} has "
                f"{list(source.paths)}. Choose another with layer="
            )
    return found


def check_batches(sources: Mapping[K, Experiment]) -> None:
    """Refuse sources of different batches, where that is known.

    Parameters
    ----------
    sources
        By what each is called in an error.

    Raises
    ------
    ValueError
        If two are of batches that differ.
    """
    known = {name: source.batch for name, source in sources.items() if source.batch}
    for name, batch in known.items():
        first_name, first = next(iter(known.items()))
        if batch != first:
            raise ValueError(
                f"all must be of one batch; that of {name} is another than that of "
                f"{first_name}. Record or compute them on the same x, y and weights"
            )


def check_comparable(gradients: Mapping[K, GradientTensor]) -> None:
    """Refuse gradients without a time axis, and of different batches where that is known.

    Parameters
    ----------
    gradients
        By what each is called in an error.

    Raises
    ------
    ValueError
        If one has no time axis, their quantities differ, or how many samples they have.
    """
    (first_name, first), *others = gradients.items()
    for name, tensor in gradients.items():
        if not is_gradient_over_time(tensor):
            raise ValueError(
                f"gradients over time are compared; {name} is {tensor!r}. hidden_gradient has a "
                "time axis, whatever a layer returns"
            )
    for name, tensor in others:
        if tensor.quantity != first.quantity and tensor.quantity and first.quantity:
            raise ValueError(
                f"one quantity is compared; {first_name} is {first.quantity}, {name} is "
                f"{tensor.quantity}"
            )
        if (tensor.dims == REACH) != (first.dims == REACH):
            raise ValueError(
                f"a reach is compared with reaches only; {first_name} is {first!r}, {name} is "
                f"{tensor!r}"
            )
        same_length = tensor.shape[1] == first.shape[1]
        if same_length and tensor.loss_timesteps != first.loss_timesteps:
            raise ValueError(
                "reaches must be of the same timesteps of the loss; "
                f"{first_name} has {_some(first.loss_timesteps)}, {name} has "
                f"{_some(tensor.loss_timesteps)}. Compute them with the same loss_timesteps="
            )
        if tensor.shape[0] != first.shape[0]:
            raise ValueError(
                f"all must be of one batch, sample by sample; {first_name} has "
                f"{first.shape[0]} samples, {name} has {tensor.shape[0]}. Compute them on the "
                "same samples"
            )


def check_directions(directions: Mapping[K, Sequence[str]]) -> None:
    """Refuse layers of which one has two directions, and another one has not.

    Parameters
    ----------
    directions
        By what each is called in an error.

    Raises
    ------
    ValueError
        If they differ.
    """
    if len(set(map(tuple, directions.values()))) > 1:
        each = ", ".join(
            f"{name} {list(words) if any(words) else 'one'}" for name, words in directions.items()
        )
        raise ValueError(f"all layers must have the same directions; received {each}")


def _some(timesteps: Sequence[int]) -> str:
    shown = ", ".join(map(str, timesteps[:6]))
    return f"{shown}, ... ({len(timesteps)})" if len(timesteps) > 6 else shown

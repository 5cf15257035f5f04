"""What can be compared: the layers of a source, and the gradient of one of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

from rnngrad_widgets.data.batch_digest import batch_digest
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.diagnosis.gradient import is_gradient_over_time
from rnngrad_widgets.diagnosis.loss_position import reasons_against_rate
from rnngrad_widgets.explorer.base import ExplorerBase
from rnngrad_widgets.explorer.source import Source
from rnngrad_widgets.explorer.sources import ArraySource, ModelSource, RecordingSource
from rnngrad_widgets.explorer.waiting import open_recording

if TYPE_CHECKING:
    from rnngrad_widgets.callbacks.batch_snapshot import SnapshotOptions


class Gradient(NamedTuple):
    """A gradient over time, and for each direction why lag 0 is no measure of it."""

    tensor: GradientTensor
    reasons: Mapping[str, str]


class Compared(ABC):
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
        if layer not in self.paths:
            raise ValueError(f"the source has layers {list(self.paths)}; received {layer!r}")
        return str(layer)

    @abstractmethod
    def gradient(self, path: str, quantity: str) -> Gradient:
        """Return the gradient of a layer; ValueError where there is none."""


class _OfTensor(Compared):
    """A tensor, whatever its layer and quantity: nothing else is there to choose."""

    def __init__(self, tensor: GradientTensor) -> None:
        self._tensor = tensor
        self.paths = (tensor.layer,)

    def gradient(self, path: str, quantity: str) -> Gradient:
        del path, quantity
        return Gradient(self._tensor, reasons_against_rate(self._tensor, {}))


class _OfSnapshot(Compared):
    def __init__(self, snapshot: GradientSnapshot, quantity: str) -> None:
        self._snapshot = snapshot
        self.paths = tuple(path for path, word in snapshot if word == quantity)
        if not self.paths:
            raise ValueError(
                f"the snapshot must hold {quantity!r}; it holds {list(snapshot)}: compute it, or "
                "choose another with quantity="
            )

    def path_of(self, layer: Any) -> str:
        return super().path_of(self._snapshot.aliases.get(layer, layer))

    def gradient(self, path: str, quantity: str) -> Gradient:
        tensor = self._snapshot[path, quantity]
        return Gradient(tensor, reasons_against_rate(tensor, self._snapshot))


class _OfSource(Compared):
    """What an explorer has: a model and a batch, an array, a recording."""

    def __init__(self, source: Source, batch: str = "") -> None:
        self._source = source
        self.batch = batch
        self.paths = tuple(source.layers()) or ("",)

    def path_of(self, layer: Any) -> str:
        return self._source.resolve(layer)

    def gradient(self, path: str, quantity: str) -> Gradient:
        parts = self._source.compute(path, quantity if path else "")
        if len(parts) != 1:
            raise ValueError(
                f"layer {path!r} must have one {quantity}; it has {len(parts)}: {list(parts)}. "
                "Compute them with GradientEngine, and compare the tensors"
            )
        (tensor,) = parts.values()
        return Gradient(tensor, self._source.reasons(tensor))


class Batch(NamedTuple):
    """What models are compared on: arrays, and what else `GradientEngine.compute` takes."""

    x: Any
    y: Any
    options: SnapshotOptions

    @property
    def digest(self) -> str:
        """The digest that a recording of it has."""
        weights = self.options.get("sample_weight"), self.options.get("class_weight")
        return batch_digest(self.x, self.y, *weights) or ""


def compared(
    source: Any, batch: Batch, quantity: str, storage_options: Mapping[str, Any] | None
) -> Compared:
    """Return a source as something that can be compared.

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
        return _OfSource(source.source)
    if isinstance(source, (str, PathLike)):
        source = open_recording(source, storage_options, 0.0)
    if type(source).__module__.startswith("rnngrad_widgets.recording"):
        return _OfSource(RecordingSource(source), source.info.get("batch", ""))
    if hasattr(source, "__array__"):
        return _OfSource(ArraySource(source))
    # here, because it imports TensorFlow, which an array does not need
    from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415

    engine = GradientEngine(source)
    if batch.x is None:
        raise ValueError("models are compared on one batch; received none: compare({...}, x, y)")
    return _OfSource(ModelSource(engine, batch.x, batch.y, **batch.options), batch.digest)


def matched_paths(sources: Mapping[str, Compared], layer: Any) -> list[str]:
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
    path = first.path_of(layer)
    place = list(first.paths).index(path) if path in first.paths else 0
    found = [path]
    for name, source in others:
        if path in source.paths:
            found.append(path)
        elif place < len(source.paths):
            found.append(source.paths[place])
        else:
            raise ValueError(
                f"layer {path!r} of {first_name!r} must have its like in {name!r}, by path or by "
                f"order; {first_name!r} has {list(first.paths)}, {name!r} has "
                f"{list(source.paths)}. Choose another with layer="
            )
    return found


def check_batches(sources: Mapping[str, Compared]) -> None:
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
                f"all must be of one batch; that of {name!r} is another than that of "
                f"{first_name!r}. Record or compute them on the same x, y and weights"
            )


def check_comparable(gradients: Mapping[str, GradientTensor]) -> None:
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
                f"gradients over time are compared; {name!r} is {tensor!r}. hidden_gradient has a "
                "time axis, whatever a layer returns"
            )
    for name, tensor in others:
        if tensor.quantity != first.quantity and tensor.quantity and first.quantity:
            raise ValueError(
                f"one quantity is compared; {first_name!r} is {first.quantity}, {name!r} is "
                f"{tensor.quantity}"
            )
        if tensor.shape[0] != first.shape[0]:
            raise ValueError(
                f"all must be of one batch, sample by sample; {first_name!r} has "
                f"{first.shape[0]} samples, {name!r} has {tensor.shape[0]}. Compute them on the "
                "same samples"
            )

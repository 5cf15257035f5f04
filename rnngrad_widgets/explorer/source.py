"""`Source`: what an explorer asks for, and what it opens with."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple
from weakref import WeakKeyDictionary

from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.statistics import halves
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor, NothingThereError
from rnngrad_widgets.diagnosis.loss_position import Tensors, reasons_against_rate
from rnngrad_widgets.explorer.run_status import RunStatus

if TYPE_CHECKING:
    from rnngrad_widgets.callbacks.recorder import GradientRecorder


class RecordedStep(NamedTuple):
    """A snapshot that a source holds."""

    step: int
    tensor: GradientTensor
    status: RunStatus


class Source(ABC):
    """What the explorer asks for.

    The methods about training and snapshots have defaults, for a source that has neither.

    Attributes
    ----------
    progress
        Called with how many timesteps of the loss a reach is computed for by now, and of how many;
        None while there is no widget that could show it.
    """

    progress: Callable[[int, int], None] | None = None

    @abstractmethod
    def layers(self) -> Mapping[str, str]:
        """Return labels of the layers by path; empty where there is no model."""

    @abstractmethod
    def resolve(self, layer: object) -> str:
        """Return the path of a layer.

        Parameters
        ----------
        layer
            Name, index or object; None is the first one.

        Raises
        ------
        ValueError
            If there is no such layer.
        """

    @abstractmethod
    def quantities(self, layer: str) -> tuple[str, ...]:
        """Return the quantities of a layer that can be shown."""

    @abstractmethod
    def compute(self, layer: str, quantity: str) -> Mapping[str, GradientTensor]:
        """Compute the tensors of a quantity with the current weights.

        Parameters
        ----------
        layer
            A path, as `resolve` returns it.
        quantity
            One of `quantities`.

        Returns
        -------
        Mapping
            The tensors by part; a single one has the name "".

        Raises
        ------
        ValueError
            If the layer has no such quantity, or it cannot be computed.
        """

    def companion(self, layer: str, quantity: str, part: str) -> GradientTensor | None:
        """Compute what the view *Flow* shows beside a quantity.

        Parameters
        ----------
        layer, quantity
            As for `compute`.
        part
            Which tensor of the quantity is shown.

        Returns
        -------
        GradientTensor or None
            The total gradient for the direct one, and the other way round, where the layer has it;
            for a reach what truncation loses. None where there is nothing to show.
        """
        other = quantity_of(quantity).companion
        if other not in self.quantities(layer):
            return None
        with suppress(NothingThereError):  # of an encoder, only the states go on
            return self.compute(layer, other).get(part)
        return None

    def first(self, layer: str) -> tuple[str, ...]:
        """Return the quantities to open a layer with, best first; if one fails, the next."""
        return self.quantities(layer)

    @cached_property
    def _reasons(self) -> WeakKeyDictionary[GradientTensor, Mapping[str, str]]:
        return WeakKeyDictionary()

    def note_reasons(self, tensor: GradientTensor, computed_with: Tensors) -> None:
        """Keep where the loss acts on the layer of a tensor: what it was computed with says so."""
        self._reasons[tensor] = reasons_against_rate(tensor, computed_with)

    def note_readable(self, tensor: GradientTensor) -> None:
        """Keep that the loss acts on the last timestep of a tensor's layer only."""
        self._reasons[tensor] = dict.fromkeys(halves(tensor), "")

    def reasons(self, tensor: GradientTensor) -> Mapping[str, str]:
        """Say for each direction of a tensor of this source why no rate can be read from it."""
        found = self._reasons.get(tensor)
        return reasons_against_rate(tensor, {}) if found is None else found

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the batch, for instance that it holds NaN."""
        return ()

    @property
    def can_train(self) -> bool:
        """Whether there is a model that trains; then `model`, `snapshot` and `recorder` exist."""
        return False

    @property
    def model(self) -> Any:
        """The Keras model."""
        raise NotImplementedError

    def snapshot(self, layer: str, quantity: str) -> GradientSnapshot:
        """Compute the snapshot with the current weights; only where `can_train`."""
        raise NotImplementedError

    def parts(
        self, snapshot: GradientSnapshot, layer: str, quantity: str
    ) -> Mapping[str, GradientTensor]:
        """Return the tensors of what `snapshot` returned, by part; only where `can_train`."""
        raise NotImplementedError

    def recorder(
        self, path: str | PathLike[str], layers: Any, quantities: Any, **options: Any
    ) -> GradientRecorder:
        """Make a callback that records the batch of the explorer; only where `can_train`."""
        raise NotImplementedError

    @property
    def has_snapshots(self) -> bool:
        """Whether it holds the snapshots of a run, which are read and not computed."""
        return False

    @property
    def began(self) -> float | None:
        """Time at which the recorded run began, which identifies it; None before its first step."""
        return None

    def refresh(self) -> bool:
        """Look for new snapshots, and tell whether there are some."""
        return False

    @property
    def status(self) -> RunStatus:
        """What is said of the recorded run as a whole."""
        return RunStatus()

    def places_after(self, step: int | None, at_most: int) -> list[int]:
        """Return the places of the snapshots after a training step, in their order.

        Parameters
        ----------
        step
            None for all.
        at_most
            How many, about: of more, evenly chosen ones, the last one always.
        """
        del step, at_most
        return []

    def step_at(self, place: int) -> int:
        """Return the training step of the snapshot at a place; only where `has_snapshots`."""
        raise NotImplementedError

    def read(self, place: int, layer: str, quantity: str) -> RecordedStep:
        """Read the snapshot at a place; only where `has_snapshots`."""
        raise NotImplementedError


class Opened(NamedTuple):
    """What is shown at first, and in a line why it is not something else."""

    layer: str
    quantity: str
    parts: Mapping[str, GradientTensor]
    why: str = ""


def opened(source: Source, layer: object, quantity: str | None) -> Opened:
    """Compute what an explorer shows first.

    Parameters
    ----------
    layer
        As for `Source.resolve`. None: the first one of which something is there.
    quantity
        None: the first of `Source.first` that is there.

    Returns
    -------
    Opened
        What is shown, and in a line why it is not something else.

    Raises
    ------
    NothingThereError
        If nothing of that is there.
    """
    anything = layer is None and quantity is None
    paths = list(source.layers()) if anything else []
    missing: list[NothingThereError] = []
    for path in paths or [source.resolve(layer)]:
        for word in source.first(path) if quantity is None else (quantity,):
            try:
                parts = source.compute(path, word)
            except NothingThereError as error:
                missing.append(error)
                continue
            why = "; ".join(map(str, missing))
            if not why and quantity is None and word != "output_gradient":
                why = _why_not_direct(source, path)
            return Opened(path, word, parts, why)
    raise missing[0]


def _why_not_direct(source: Source, path: str) -> str:
    if "output_gradient" not in source.first(path)[1:]:
        return ""
    return (
        f"layer '{path}' returns only its last output: this is the gradient w.r.t. its hidden "
        "state at every timestep; the direct one is quantity 'output_gradient', where the loss "
        "reads that output"
    )

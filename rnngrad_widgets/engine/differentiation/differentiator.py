"""Gradients of a loss by tensors inside a model: of the finished graph, or by a tape.

In a graph ``tf.gradients`` is used: it sees the graph as it is when the gradient is taken, so that
probes can be put in front of what reads a tensor after the model was traced.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Tensor, components, tf
from rnngrad_widgets.engine.differentiation.probe_points import ProbePoint, insert_probe

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager


class Differentiator(ABC):
    """Watches tensors while a model is called, and then differentiates the loss by them."""

    @abstractmethod
    def recording(self) -> AbstractContextManager[object]:
        """Enter to call the model."""

    @abstractmethod
    def watch(self, tensor: Tensor) -> None:
        """Let the loss be differentiated by a tensor or variable that nothing has read yet."""

    @abstractmethod
    def insert_later(self, place: ProbePoint, probe: Tensor) -> None:
        """Add a probe before everything that will read a tensor by the time of `gradients`."""

    @abstractmethod
    def gradients(self, loss: Tensor, tensors: Sequence[Tensor], seed: Tensor) -> list[Tensor]:
        """Differentiate ``seed * loss`` by tensors and variables.

        Returns
        -------
        list
            A tensor for each, or None where the loss does not depend on it.
        """

    def watched(self, tensor: Tensor) -> Tensor:
        """Return a copy of a tensor that all that comes after reads, and that is watched."""
        copy = tf.identity(tensor)
        # A loss may read the logits from the tensor it is given, a later layer the mask.
        for name in ("_keras_mask", "_keras_logits"):
            if hasattr(tensor, name):
                setattr(copy, name, getattr(tensor, name))
        self.watch(copy)
        return copy


class GraphDifferentiator(Differentiator):
    """Differentiates the graph that is being traced."""

    def __init__(self) -> None:
        self._insertions: list[tuple[ProbePoint, Tensor]] = []

    def recording(self) -> AbstractContextManager[object]:
        """Do nothing: the graph is the record."""
        return nullcontext()

    def watch(self, tensor: Tensor) -> None:
        """Do nothing: a graph can be differentiated by every tensor in it."""

    def insert_later(self, place: ProbePoint, probe: Tensor) -> None:
        """Add a probe before everything that will read a tensor by the time of `gradients`."""
        self._insertions.append((place, probe))

    def gradients(self, loss: Tensor, tensors: Sequence[Tensor], seed: Tensor) -> list[Tensor]:
        """Differentiate ``seed * loss`` by tensors and variables."""
        for place, probe in self._insertions:
            insert_probe(place, probe)
        by = [components(tensor)[0] for tensor in tensors]
        floating = [t for t in by if t.dtype.is_floating or t.dtype.is_complex]
        seeds = [tf.ones_like(loss) * seed]
        found = iter(tf.gradients(loss, floating, grad_ys=seeds) if floating else [])
        return [next(found) if t.dtype.is_floating or t.dtype.is_complex else None for t in by]


class EagerDifferentiator(Differentiator):
    """Differentiates by a tape."""

    def __init__(self) -> None:
        self._tape = tf.GradientTape(persistent=True, watch_accessed_variables=False)
        self._insertions: list[tuple[Tensor, Tensor]] = []

    def recording(self) -> AbstractContextManager[object]:
        """Record what is computed."""
        tape: AbstractContextManager[object] = self._tape
        return tape

    def watch(self, tensor: Tensor) -> None:
        """Let the tape watch a tensor or variable."""
        self._tape.watch(components(tensor)[0])

    def insert_later(self, place: ProbePoint, probe: Tensor) -> None:
        """Let a probe have the derivative that a tensor has, which the tape must watch."""
        self._insertions.append((place.tensor.eager, place.part(probe)))

    def gradients(self, loss: Tensor, tensors: Sequence[Tensor], seed: Tensor) -> list[Tensor]:
        """Differentiate ``seed * loss`` by tensors and variables."""
        by = [components(tensor)[0] for tensor in tensors]
        seeds = tf.ones_like(loss) * seed
        places = [tensor for tensor, _ in self._insertions]
        found = self._tape.gradient(loss, [*by, *places], output_gradients=seeds)
        pairs = zip(self._insertions, found[len(by) :], strict=True)
        parts = [(part, gradient) for (_, part), gradient in pairs if gradient is not None]
        if not parts:
            return list(found[: len(by)])
        by_probes = self._tape.gradient(
            [part for part, _ in parts], by, output_gradients=[gradient for _, gradient in parts]
        )
        return [
            direct if probe is None else probe
            for direct, probe in zip(found[: len(by)], by_probes, strict=True)
        ]

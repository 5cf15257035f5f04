"""Differentiate a loss by tensors inside a model: in a finished graph, or by a tape.

In a graph ``tf.gradients`` is used, not a tape: it reads the graph as it is when the gradient is
computed, so that probes can be inserted before the readers of a tensor after the model was traced.
A tape would have recorded the old readers by then.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import nullcontext
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Nested, Tensor, components, tf
from rnngrad_widgets.engine.differentiation.probe_points import ProbePoint, insert_probe

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from contextlib import AbstractContextManager


class Differentiator(ABC):
    """Watch tensors while a model is called, then differentiate the loss by them."""

    @abstractmethod
    def recording(self) -> AbstractContextManager[object]:
        """Return the context in which to call the model."""

    @abstractmethod
    def watch(self, tensor: Tensor) -> None:
        """Watch a tensor or variable that nothing has read yet, to differentiate by it."""

    @abstractmethod
    def insert_later(self, place: ProbePoint, probe: Tensor) -> None:
        """Add a probe, in `gradients`, before everything that reads a tensor by then."""

    @abstractmethod
    def gradients(
        self, targets: Sequence[Tensor], tensors: Sequence[Tensor], seeds: Sequence[Tensor]
    ) -> list[Tensor]:
        """Differentiate the inner product of targets and seeds by tensors and variables.

        Returns
        -------
        list
            A tensor for each, or None where no target depends on it.
        """

    @abstractmethod
    def gradients_around(
        self, loss: Tensor, tensors: Sequence[Tensor], seed: Tensor, constant: Sequence[Tensor]
    ) -> list[Tensor]:
        """Differentiate ``seed * loss`` by tensors, with others that depend on them held constant.

        Returns
        -------
        list
            A tensor for each, or None where the loss depends on it only through those.
        """

    def watched(self, tensor: Tensor) -> Tensor:
        """Return a watched copy of a tensor, for everything that comes after to read."""
        copy = tf.identity(tensor)
        # A loss may read the logits from the tensor it is given, a later layer the mask.
        for name in ("_keras_mask", "_keras_logits"):
            if hasattr(tensor, name):
                setattr(copy, name, getattr(tensor, name))
        self.watch(copy)
        return copy


class GraphDifferentiator(Differentiator):
    """Differentiate the graph that is being traced."""

    def __init__(self) -> None:
        self._insertions: list[tuple[ProbePoint, Tensor]] = []

    def recording(self) -> AbstractContextManager[object]:
        """Do nothing: the graph is the record."""
        return nullcontext()

    def watch(self, tensor: Tensor) -> None:
        """Do nothing: a loss can be differentiated by every tensor in its graph."""

    def insert_later(self, place: ProbePoint, probe: Tensor) -> None:
        """Add a probe, in `gradients`, before everything that reads a tensor by then."""
        self._insertions.append((place, probe))

    def gradients(
        self, targets: Sequence[Tensor], tensors: Sequence[Tensor], seeds: Sequence[Tensor]
    ) -> list[Tensor]:
        """Differentiate the inner product of targets and seeds by tensors and variables."""
        return self._gradients(targets, tensors, seeds)

    def gradients_around(
        self, loss: Tensor, tensors: Sequence[Tensor], seed: Tensor, constant: Sequence[Tensor]
    ) -> list[Tensor]:
        """Differentiate ``seed * loss`` by tensors, with others held constant."""
        seeds = [tf.ones_like(loss) * seed]
        return self._gradients([loss], tensors, seeds, stop_gradients=list(constant))

    def _gradients(
        self,
        targets: Sequence[Tensor],
        tensors: Sequence[Tensor],
        seeds: Sequence[Tensor],
        **settings: Nested,
    ) -> list[Tensor]:
        while self._insertions:
            insert_probe(*self._insertions.pop(0))
        by = [components(tensor)[0] for tensor in tensors]
        floating = [t for t in by if t.dtype.is_floating or t.dtype.is_complex]
        found: Iterator[Tensor] = iter(())
        if floating:
            found = iter(tf.gradients(list(targets), floating, grad_ys=list(seeds), **settings))
        return [next(found) if t.dtype.is_floating or t.dtype.is_complex else None for t in by]


class EagerDifferentiator(Differentiator):
    """Differentiate by a tape."""

    def __init__(self) -> None:
        self._tape = tf.GradientTape(persistent=True, watch_accessed_variables=False)
        self._insertions: list[tuple[Tensor, Tensor]] = []

    def recording(self) -> AbstractContextManager[object]:
        """Record what is computed."""
        tape: AbstractContextManager[object] = self._tape
        return tape

    def watch(self, tensor: Tensor) -> None:
        """Watch a tensor or variable."""
        self._tape.watch(components(tensor)[0])

    def insert_later(self, place: ProbePoint, probe: Tensor) -> None:
        """Give a probe, in `gradients`, the derivative of a tensor that the tape watches."""
        self._insertions.append((place.tensor.eager, place.part(probe)))

    def gradients(
        self, targets: Sequence[Tensor], tensors: Sequence[Tensor], seeds: Sequence[Tensor]
    ) -> list[Tensor]:
        """Differentiate the inner product of targets and seeds by tensors and variables."""
        by = [components(tensor)[0] for tensor in tensors]
        places = [tensor for tensor, _ in self._insertions]
        found = self._tape.gradient(list(targets), [*by, *places], output_gradients=list(seeds))
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

    def gradients_around(
        self, loss: Tensor, tensors: Sequence[Tensor], seed: Tensor, constant: Sequence[Tensor]
    ) -> list[Tensor]:
        """Differentiate ``seed * loss`` by tensors, with others held constant.

        A tape cannot hold them constant: it is the difference of all and what is through them,
        and nothing where that is no more than rounding.
        """
        every = self.gradients([loss], [*tensors, *constant], [tf.ones_like(loss) * seed])
        total, at_constant = every[: len(tensors)], every[len(tensors) :]
        seeds = [
            tf.zeros_like(tensor) if gradient is None else gradient
            for tensor, gradient in zip(constant, at_constant, strict=True)
        ]
        through = self.gradients(constant, tensors, seeds)
        return [
            all_ if all_ is None or part is None else _difference(all_, part)
            for all_, part in zip(total, through, strict=True)
        ]


def _difference(total: Tensor, part: Tensor) -> Tensor | None:
    rest = total - part
    one = tf.ones([], rest.dtype)
    rounding = 1e3 * (tf.math.nextafter(one, 2 * one) - one)
    return None if tf.reduce_max(abs(rest)) <= rounding * tf.reduce_max(abs(total)) else rest

"""Probes added to the pre-activations of a cell's gates, and the activations, in each timestep."""

from __future__ import annotations

from itertools import cycle, product
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Layer, Tensor, tf
from rnngrad_widgets.engine.differentiation.probe_points import add_probe
from rnngrad_widgets.engine.layers.cells import gates_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rnngrad_widgets.engine.layers.cells import Gates


class GateProbes:
    """The gates of the cells of one recurrence.

    Parameters
    ----------
    cells
        The leaf cells of a stack.
    recorded
        Whether the activations are recorded.
    """

    def __init__(self, cells: Sequence[Layer], *, recorded: bool) -> None:
        self.recorded = recorded
        self._gates: list[Gates | None] = [gates_of(cell) for cell in cells]
        # Of the timestep that is being computed: a probe for each gate, and the activations.
        self._probes: list[list[Tensor]] = []
        self._activated: list[dict[int, Tensor]] = []

    def of(self, position: int) -> Gates | None:
        """Return the gates of the cell at a position in the stack; None where they are unknown."""
        return self._gates[position]

    def begin_step(self, probes: Sequence[Tensor]) -> None:
        """Begin a timestep with one probe for each cell, gate after gate; or without any."""
        self._probes = [
            tf.split(probe, len(gates.names if gates else ()), axis=-1)
            for gates, probe in zip(self._gates, probes, strict=False)
        ]
        self._activated = [{} for _ in self._gates]

    def activated(self) -> list[Tensor]:
        """Return the activations in the last step, of each cell, gate after gate."""
        return [
            tf.concat([now[gate] for gate in range(len(gates.names))], axis=-1)
            for gates, now in zip(self._gates, self._activated, strict=True)
            if gates is not None
        ]

    def probed_activation(
        self,
        original: Callable[[Tensor], Tensor],
        positions: Sequence[int],
        order: tuple[int | None, ...],
    ) -> Callable[[Tensor], Tensor]:
        """Return an activation function that adds the probes of the gates it is called for.

        Parameters
        ----------
        original
            The activation function of a cell.
        positions
            Where in the stack the cell is.
        order
            As in `Gates.calls`.
        """
        calls = cycle(product(positions, order))

        def activation(value: Tensor) -> Tensor:
            position, gate = next(calls)
            if gate is None:
                return original(value)
            if self._probes:
                value = add_probe(value, self._probes[position][gate])
            activated = self._activated[position][gate] = original(value)
            return activated

        return activation

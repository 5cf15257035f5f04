"""Which timestep, and which cell of a stack, is being computed while a loop runs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle
from typing import Any

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, current_graph, keras, tf
from rnngrad_widgets.engine.checking.nudges import own_variable
from rnngrad_widgets.engine.layers.cells import cells_of, is_cell


class TimestepCounter:
    """The timesteps of a loop, or the one of a cell that the model calls by itself.

    Parameters
    ----------
    rnn
        The layer that loops, or the cell.
    """

    def __init__(self, rnn: Layer) -> None:
        self._alone = is_cell(rnn)
        self.timesteps: int | None = 1 if self._alone else None
        """How many there are, where that is known."""
        self._rnn = rnn
        self._graph: object = None
        # Steps of each cell that were seen: unrolled or eager, or before a traced loop begins.
        self._seen: dict[int, int] = {}
        # Steps of each cell in a traced loop, counted as it runs.
        self._counters: dict[int, Any] = {}

    def begin_call(self, sequences: Nested) -> None:
        """Begin a call of the layer with an input, (samples, timesteps, ...), or a nest of them."""
        self._graph = current_graph()
        self.timesteps = keras.tree.flatten(sequences)[0].shape[1]
        self._seen.clear()
        for position in range(len(cells_of(self._rnn))):
            if position not in self._counters:
                with tf.init_scope():
                    self._counters[position] = own_variable(tf.constant(0))
            self._counters[position].assign(0)

    def begin_loop(self) -> None:
        """Count the steps of every cell from here on."""
        for position in range(len(cells_of(self._rnn))):
            # Keras computes a step before the loop, to see the output's shape.
            self._seen[position] = 0 if self._rnn.unroll else -1

    def timestep(self, position: int) -> Tensor | int | None:
        """Return the timestep that a cell computes now; None for a step before the loop."""
        if self._alone:
            return 0
        last = (self.timesteps or 0) - 1
        if current_graph() is self._graph:  # unrolled or eager, or that first step
            # For a stack Keras calls its first cells before, to prepare the dropout of the others.
            step = self._seen.get(position)
            if step is None:
                return None
            self._seen[position] += 1
            if step < 0:
                return None
        else:
            counter = self._counters[position]
            step = tf.identity(counter.read_value())
            with tf.control_dependencies([step]):
                counter.assign_add(1)
        return last - step if self._rnn.go_backwards else step


class StackPositions:
    """The positions of cells in a stack: one that is shared is called for each of its own in turn.

    Parameters
    ----------
    rnn
        A layer, or a cell.
    """

    def __init__(self, rnn: Layer) -> None:
        self._rnn = rnn
        self._cycles: dict[int, Iterator[int]] = {}

    def restart(self) -> None:
        """Let the next call of each cell be the one at its first position."""
        positions: dict[int, list[int]] = {}
        for position, cell in enumerate(cells_of(self._rnn)):
            positions.setdefault(id(cell), []).append(position)
        self._cycles = {key: cycle(own) for key, own in positions.items()}

    def next(self, cell: Layer) -> int:
        """Return the position that a call of a cell is for."""
        return next(self._cycles[id(cell)])

"""One timestep of Keras' own cells, backwards: vectors times the Jacobian of its states.

Of a vector v by the states after a timestep, v' J is the vector by the states before it. The cells
are those of keras/src/layers/rnn/{lstm,gru,simple_rnn}.py, class ...Cell, method `call`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Tensor, tf

if TYPE_CHECKING:
    from rnngrad_widgets.engine.state_jacobians.cell_kind import CellKind
    from rnngrad_widgets.engine.state_jacobians.recorded import Recorded


class Timestep(ABC):
    """The timestep of a cell, at what was recorded.

    Vectors are (samples, vectors, channels), a tensor by each state.

    Parameters
    ----------
    cell
        What is constant of the cell.
    recorded
        Tensors of what it computed.
    """

    def __init__(self, cell: CellKind, recorded: Recorded) -> None:
        self._recorded = recorded
        self._inner, self._gate = cell.activation, cell.recurrent_activation
        self._kernel = recorded.recurrent_kernel
        self._count = len(cell.gates)

    def start(self, by_hidden: Tensor) -> list[Tensor]:
        """Return the vectors by all states, of those by the hidden state."""
        return [by_hidden]

    @abstractmethod
    def back(self, t: Tensor, vectors: list[Tensor]) -> list[Tensor]:
        """Carry vectors from the states after timestep t, not the first, to those before it."""

    def _gates(self, t: Tensor) -> list[Tensor]:
        """Return the activations of each gate."""
        gates: list[Tensor] = tf.split(_at(self._recorded.gates, t), self._count, axis=-1)
        return gates


class SimpleRNNTimestep(Timestep):
    """h_t = a(h_(t-1) U + ...)."""

    def back(self, t: Tensor, vectors: list[Tensor]) -> list[Tensor]:
        """Carry vectors by the hidden state back."""
        (by_hidden,), (h,) = vectors, self._gates(t)
        return [_through([by_hidden * self._inner.slope(h)], self._kernel)]


class LSTMTimestep(Timestep):
    """c_t = f c_(t-1) + i g, h_t = o a(c_t)."""

    def start(self, by_hidden: Tensor) -> list[Tensor]:
        """Return the vectors by both states."""
        return [by_hidden, tf.zeros_like(by_hidden)]

    def back(self, t: Tensor, vectors: list[Tensor]) -> list[Tensor]:
        """Carry vectors by hidden and cell state back."""
        by_hidden, by_cell = vectors
        i, f, g, o = self._gates(t)
        gate, inner = self._gate.slope, self._inner.slope
        cells = self._recorded.cells
        a = self._inner.value(_at(cells, t))
        by_cell += by_hidden * (o * inner(a))
        by_gates = [
            by_cell * (g * gate(i)),
            by_cell * (_at(cells, t - 1) * gate(f)),
            by_cell * (i * inner(g)),
            by_hidden * (a * gate(o)),
        ]
        return [_through(by_gates, self._kernel), by_cell * f]


class GRUTimestep(Timestep):
    """h_t = z h_(t-1) + (1 - z) g.

    With g = a(r (h_(t-1) U + b) + ...), or g = a((r h_(t-1)) U + ...) if it resets before.
    """

    def __init__(self, cell: CellKind, recorded: Recorded) -> None:
        super().__init__(cell, recorded)
        self._reset_after, units = cell.reset_after, self._kernel.shape[0]
        self._of_z_and_r = self._kernel[:, : 2 * units]
        self._of_g = self._kernel[:, 2 * units :]

    def back(self, t: Tensor, vectors: list[Tensor]) -> list[Tensor]:
        """Carry vectors by the hidden state back."""
        (by_hidden,) = vectors
        z, r, g = self._gates(t)
        gate, before = self._gate.slope, _at(self._recorded.hidden, t - 1)
        by_z = by_hidden * ((before - g) * gate(z))
        by_g = by_hidden * ((1 - z) * self._inner.slope(g))
        if self._reset_after:
            reset = before @ self._of_g
            if self._recorded.bias is not None:  # of two rows: by the input, and by the state
                reset += self._recorded.bias[1, -reset.shape[-1] :]
            by_r = by_g * (reset * gate(r))
            return [by_hidden * z + _through([by_z, by_r, by_g * r], self._kernel)]
        by_reset = _through([by_g], self._of_g)
        by_r = by_reset * (before * gate(r))
        through_gates = _through([by_z, by_r], self._of_z_and_r)
        return [by_hidden * z + by_reset * r + through_gates]


_TIMESTEPS: dict[tuple[str, ...], type[Timestep]] = {
    ("h",): SimpleRNNTimestep,
    ("i", "f", "c", "o"): LSTMTimestep,
    ("z", "r", "h"): GRUTimestep,
}


def timestep_of(cell: CellKind, recorded: Recorded) -> Timestep:
    """Return the timestep of a cell; parameters as for `Timestep`."""
    return _TIMESTEPS[cell.gates](cell, recorded)


def _at(values: Tensor, t: Tensor) -> Tensor:
    """Return the values of a timestep, (samples, 1, channels): the same for each vector."""
    return values[t][:, None]


def _through(by_gates: list[Tensor], kernel: Tensor) -> Tensor:
    """Carry vectors by the gates' pre-activations through a kernel to the hidden state."""
    joined = tf.concat(by_gates, axis=-1)
    # one product of matrices is faster than one for each sample
    found = tf.matmul(tf.reshape(joined, [-1, joined.shape[-1]]), kernel, transpose_b=True)
    return tf.reshape(found, tf.concat([tf.shape(joined)[:-1], [kernel.shape[0]]], 0))

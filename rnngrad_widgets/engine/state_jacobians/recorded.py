"""What a layer computed of a batch, as its state Jacobians are worked out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from rnngrad_widgets.data.rules import DIRECTIONS
from rnngrad_widgets.engine.layers.cells import cells_of, has_cell_state
from rnngrad_widgets.engine.layers.kinds import directions, is_backward

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.data.tensor import GradientSnapshot
    from rnngrad_widgets.engine.layers.find import LayerMatch


class Recorded(NamedTuple):
    """What one direction of a layer computed, in the order in which it did: arrays or tensors.

    In double precision of a model of double precision, else in single precision.

    Parameters
    ----------
    hidden
        Hidden states, (timesteps, samples, channels); at a masked timestep those of the one before.
    cells
        Cell states of an LSTM, as `hidden`; else None.
    gates
        Activations of the gates, (timesteps, samples, gates * channels).
    counted
        (timesteps, samples): which timesteps are not masked; None for all.
    recurrent_kernel
        (channels, gates * channels).
    bias
        (2, gates * channels): what a GRU adds before and after the product of matrices, if it
        resets after that; else None.
    """

    hidden: Any
    cells: Any
    gates: Any
    counted: Any
    recurrent_kernel: Any
    bias: Any

    def of_samples(self, chosen: slice) -> Recorded:
        """Return what was computed of some of the samples."""
        return self._replace(
            hidden=self.hidden[:, chosen],
            cells=None if self.cells is None else self.cells[:, chosen],
            gates=self.gates[:, chosen],
            counted=None if self.counted is None else self.counted[:, chosen],
        )


def needed_quantities(target: LayerMatch) -> tuple[str, ...]:
    """Return the quantities that `read_recorded` reads."""
    (cell,) = cells_of(directions(target.layer)[0])
    return ("hidden_state", "gate", "weight", *(("cell_state",) if has_cell_state(cell) else ()))


def runs_backwards(target: LayerMatch, place: int) -> bool:
    """Return whether a direction of a layer begins with the last timestep."""
    return is_backward(directions(target.layer)[place])


def read_recorded(snapshot: GradientSnapshot, target: LayerMatch, place: int) -> Recorded:
    """Read what one direction of a layer computed.

    Parameters
    ----------
    snapshot
        Of the quantities that `needed_quantities` names.
    target, place
        The layer, and which of its directions.

    Raises
    ------
    ValueError
        If the model calls the layer several times.
    """
    path, rnns = target.info.path, directions(target.layer)
    own = f"{path}/{DIRECTIONS[place]}" if len(rnns) > 1 else path
    hidden_state = snapshot.get((path, "hidden_state"), snapshot.get((own, "hidden_state")))
    if hidden_state is None:
        calls = sum(word == "hidden_state" for _, word in snapshot)
        raise ValueError(
            f"a state curve is that of a layer that the model calls once; it calls '{path}' "
            f"{calls} times"
        )
    widths = [cells_of(rnn)[0].units for rnn in rnns]
    order = slice(None, None, -1 if runs_backwards(target, place) else 1)
    kernel = snapshot[f"{own}/recurrent_kernel", "weight"].values
    dtype = np.promote_types(kernel.dtype, np.float32)

    def half(name: str, width: int) -> NDArray[Any]:
        # halves of two sizes have a tensor each
        apart = len(rnns) > 1 and (own, name) in snapshot
        values = snapshot[own if apart else path, name].values
        first = 0 if apart else width * sum(widths[:place])
        part = values[:, order, first : first + width * widths[place]]
        return np.asarray(part.swapaxes(0, 1), dtype)

    hidden = half("hidden_state", 1)
    mask = hidden_state.mask
    bias = snapshot.get((f"{own}/bias", "weight"))
    return Recorded(
        hidden,
        half("cell_state", 1) if has_cell_state(cells_of(rnns[place])[0]) else None,
        half("gate", kernel.shape[1] // widths[place]),
        None if mask is None else mask[:, order].T,
        kernel.astype(dtype),
        bias.values.astype(dtype) if bias is not None and bias.values.ndim == 2 else None,
    )

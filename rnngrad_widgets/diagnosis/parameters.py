"""Numbers of gates and recurrent kernels, which explain how far a gradient reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.data.statistics import halves

if TYPE_CHECKING:
    from rnngrad_widgets.data.tensor import GradientTensor

CANDIDATES = ("c", "h")
"""Gates that are no gates: what an LSTM or a GRU may take over, -1 .. 1."""

KEEPING = ("f", "z")
"""Gates by which the state before is multiplied: of an LSTM and of a GRU."""

LOW, HIGH = 0.1, 0.9
"""A gate below the first is closed, above the second open."""


@dataclass(frozen=True)
class GateNumbers:
    """How often a gate is closed or open, and how long a gate that keeps the state holds it.

    A. Karpathy, J. Johnson and L. Fei-Fei, "Visualizing and understanding recurrent networks", ICLR
    workshop, 2016.

    Parameters
    ----------
    layer, direction, gate
        Which gate.
    closed, open
        Shares of its activations below 0.1 and above 0.9.
    forget_time
        Timesteps in which the state falls to 1/e by this gate alone, -1 / mean ln(gate) over
        samples and timesteps: the median over channels; None for gates that keep no state.
    longest_forget_time
        The 90th percentile over channels.
    """

    layer: str
    direction: str
    gate: str
    closed: float
    open: float
    forget_time: float | None = None
    longest_forget_time: float | None = None


def gate_numbers(tensor: GradientTensor) -> list[GateNumbers]:
    """Return the numbers of the gates of a layer, from their activations.

    Parameters
    ----------
    tensor
        The quantity ``"gate"``.
    """
    found = []
    names = tensor.gates
    for direction, values in halves(tensor).items():
        by_gate = np.split(values, len(names), axis=-1) if names else []
        for gate, activations in zip(names, by_gate, strict=False):
            if gate in CANDIDATES:
                continue
            counted = activations if tensor.mask is None else activations[tensor.mask]
            counted = counted.reshape(-1, counted.shape[-1]).astype(np.float64)
            counted = counted[np.isfinite(counted).all(axis=1)]
            if not counted.size:
                continue
            times = _forget_times(counted) if gate in KEEPING else None
            found.append(
                GateNumbers(
                    tensor.layer,
                    direction,
                    gate,
                    closed=float(np.mean(counted < LOW)),
                    open=float(np.mean(counted > HIGH)),
                    forget_time=None if times is None else float(np.median(times)),
                    longest_forget_time=(
                        None if times is None else float(np.percentile(times, 90, method="lower"))
                    ),
                )
            )
    return found


def _forget_times(activations: np.ndarray) -> np.ndarray:
    """Return the time of each channel; inf where the gate is always open, 0 where once closed."""
    with np.errstate(divide="ignore"):
        logs = np.mean(np.log(activations), axis=0)
        times: np.ndarray = 1 / np.abs(logs)
    return times


@dataclass(frozen=True)
class KernelNumbers:
    """Numbers of the square part of a recurrent kernel that belongs to one gate.

    The spectral radius bounds the reach of a SimpleRNN only (R. Pascanu, T. Mikolov and Y. Bengio,
    "On the difficulty of training recurrent neural networks", ICML 2013). Keras' orthogonal start
    makes the whole kernel of an LSTM orthonormal, not the part of a gate.

    Parameters
    ----------
    weight
        The weight: the layer's path and ``"recurrent_kernel"``.
    gate
        Which gate; empty where there are none.
    largest_singular_value, spectral_radius
        Of U, whose rows are previous channels.
    departure_from_orthogonal
        ||U'U - I|| / sqrt(channels), in Frobenius' norm: 0 of an orthogonal matrix.
    """

    weight: str
    gate: str
    largest_singular_value: float
    spectral_radius: float
    departure_from_orthogonal: float


def kernel_numbers(tensor: GradientTensor) -> list[KernelNumbers]:
    """Return the numbers of a recurrent kernel, gate by gate; none of any other weight."""
    if tensor.layer.rsplit("/", 1)[-1] != "recurrent_kernel" or len(tensor.shape) != 2:
        return []
    gates = tensor.gates or ("",)
    rows, columns = tensor.shape
    if rows * len(gates) != columns or not np.isfinite(tensor.values).all():
        return []
    found = []
    for gate, part in zip(gates, np.split(tensor.values, len(gates), axis=1), strict=True):
        square = part.astype(np.float64)
        departure = np.linalg.norm(square.T @ square - np.eye(rows)) / np.sqrt(rows)
        found.append(
            KernelNumbers(
                tensor.layer,
                gate,
                float(np.linalg.norm(square, 2)),
                float(np.max(np.abs(np.linalg.eigvals(square)))),
                float(departure),
            )
        )
    return found

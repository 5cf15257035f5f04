"""The cell path of an LSTM: the part of dL/dc_t that flows through the cell state alone.

With y' the direct gradient by the output,

    p_t = y'_t o_t (1 - tanh(c_t)^2) + f_(t+1) p_(t+1);

the rest of dL/dc_t flows through the gates, which read the hidden state. That these two behave
differently is the subject of D. Arpit, B. Kanuparthi, G. Kerg, N. R. Ke, I. Mitliagkas and
Y. Bengio, "h-detach: modifying the LSTM gradient towards better optimization", ICLR 2019.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.data.rules import DIRECTIONS
from rnngrad_widgets.data.statistics import halves
from rnngrad_widgets.engine.layers.cell_path import LSTM_GATES
from rnngrad_widgets.engine.layers.kinds import directions, is_backward
from rnngrad_widgets.engine.quantities import offered_quantities

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from rnngrad_widgets.data.tensor import GradientTensor
    from rnngrad_widgets.engine.backend import Layer
    from rnngrad_widgets.engine.layers.find import LayerMatch
    from rnngrad_widgets.engine.tracing.pass_result import PassResult

    _Tensors = dict[tuple[str, str], GradientTensor]

CELL_PATH = "cell_path"
_NEEDED = ("output_gradient", "gate", "cell_state")


def with_needed(words: Sequence[str]) -> tuple[str, ...]:
    """Return the quantities to compute for those that are asked for."""
    if CELL_PATH not in words:
        return tuple(words)
    return tuple(dict.fromkeys((*(word for word in words if word != CELL_PATH), *_NEEDED)))


def with_cell_paths(
    result: PassResult, words: Sequence[str], targets: Sequence[LayerMatch]
) -> PassResult:
    """Add the cell paths to what a pass computed, and leave out what only they needed.

    Parameters
    ----------
    result
        Of the quantities that `with_needed` returns.
    words
        The quantities that are asked for.
    targets
        The layers.
    """
    if CELL_PATH not in words:
        return result
    by_key = {(tensor.layer, tensor.quantity): tensor for tensor in result.tensors}
    found, missing = [], []
    for target in targets:
        if CELL_PATH not in offered_quantities(target):
            continue
        for key in _calls(by_key, target.info.path):
            direct = _direct(by_key, key)
            if direct is None:
                missing.append(f"there is no output_gradient of layer '{key}', so no {CELL_PATH}")
                continue
            found += _tensors(direct, by_key, key, target.layer)
    kept = [tensor for tensor in result.tensors if tensor.quantity in words]
    return replace(result, tensors=[*kept, *found], missing=[*result.missing, *missing])


def _calls(by_key: _Tensors, path: str) -> list[str]:
    """Return the keys of the calls of a layer: one, or ``"path[0]"`` and so on."""
    calls = dict.fromkeys(
        key.removesuffix(f"/{DIRECTIONS[0]}").removesuffix(f"/{DIRECTIONS[1]}")
        for key, word in by_key
        if word == "cell_state"
    )
    return [key for key in calls if key == path or key.startswith(f"{path}[")]


def _direct(by_key: _Tensors, key: str) -> tuple[GradientTensor, ...] | None:
    """Return the direct gradients of a layer: one, or two for ``merge_mode=None``."""
    word = "output_gradient"
    found = by_key.get((key, word))
    if found is not None:
        return (found,)
    both = [by_key.get((f"{key}/{place}", word)) for place in range(2)]
    return None if None in both else tuple(tensor for tensor in both if tensor is not None)


def _by_direction(by_key: _Tensors, key: str, word: str) -> list[NDArray[Any]]:
    """Return the values of each direction, which are in one tensor or have one each."""
    found = by_key.get((key, word))
    if found is not None:
        return list(halves(found).values())
    return [by_key[f"{key}/{direction}", word].values for direction in DIRECTIONS]


def _tensors(
    direct: tuple[GradientTensor, ...], by_key: _Tensors, key: str, layer: Layer
) -> list[GradientTensor]:
    """Return the cell path of a layer, laid out as its cell state is."""
    rnns, word = directions(layer), "cell_state"
    gates, cells = (_by_direction(by_key, key, each) for each in ("gate", word))
    widths = [each.shape[-1] for each in cells]
    joined = by_key.get((key, word))
    tensors = [joined or by_key[f"{key}/{direction}", word] for direction in DIRECTIONS]
    parts = []
    for place, rnn in enumerate(rnns):
        outputs = _of_direction(direct, place, widths, layer)
        if is_backward(rnns[0]) and outputs.ndim == 3:
            outputs = outputs[:, ::-1]  # such a layer returns them in the order of processing
        part = _path(
            outputs,
            gates[place],
            cells[place],
            tensors[place].mask,
            backward=is_backward(rnn),
            zero_output=bool(getattr(rnn, "zero_output_for_mask", False)),
        )
        parts.append(part.astype(cells[place].dtype))
    if joined is not None:
        return [replace(joined, values=np.concatenate(parts, axis=-1), quantity=CELL_PATH)]
    both = zip(tensors, parts, strict=True)
    return [replace(tensor, values=part, quantity=CELL_PATH) for tensor, part in both]


def _of_direction(
    direct: tuple[GradientTensor, ...], place: int, widths: list[int], layer: Layer
) -> NDArray[np.float64]:
    values = [np.asarray(tensor.values, np.float64) for tensor in direct]
    mode = getattr(layer, "merge_mode", None)
    if len(widths) == 1 or mode == "sum":
        return values[0]
    if mode == "ave":
        return values[0] / 2
    if len(values) == 2:
        return values[place]
    return np.split(values[0], [widths[0]], axis=-1)[place]


def _path(
    direct: NDArray[np.float64],
    gates: NDArray[Any],
    cells: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    *,
    backward: bool,
    zero_output: bool,
) -> NDArray[np.float64]:
    """Compute the cell path of one direction.

    Parameters
    ----------
    direct
        y', (samples, timesteps, channels), or (samples, channels) by the last output alone.
    gates, cells
        (samples, timesteps, 4 * channels) and (samples, timesteps, channels), in the order of time.
    mask
        (samples, timesteps): at a masked timestep the states, and without `zero_output` the output
        too, are those of the timestep before.
    backward
        Whether the last timestep is processed first.
    """
    samples, count = cells.shape[:2]
    c = np.asarray(cells, np.float64)
    _, forget, _, output = np.split(np.asarray(gates, np.float64), len(LSTM_GATES), axis=-1)
    counted = np.ones((samples, count), bool) if mask is None else mask
    found = np.zeros_like(c)
    later = np.zeros_like(c[:, 0])  # f_(t+1) p_(t+1)
    repeated = np.zeros_like(later)  # by outputs that repeat that of this timestep
    order = list(range(count)) if backward else list(range(count))[::-1]
    for number, t in enumerate(order):
        y = repeated + direct[:, t] if direct.ndim == 3 else repeated
        if direct.ndim == 2 and number == 0:
            y = direct
        here = counted[:, t, None]
        # of a layer that returns only its last output, that is the one of the last counted timestep
        keeps = direct.ndim == 2 or not zero_output
        repeated = np.where(here | (not keeps), 0.0, y)
        path = y * output[:, t] * (1 - np.tanh(c[:, t]) ** 2) + later
        found[:, t] = np.where(here, path, 0.0)
        later = np.where(here, forget[:, t] * path, later)
    return found

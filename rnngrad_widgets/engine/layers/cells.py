"""The cells of a layer: their states, gates and sizes."""

from __future__ import annotations

import inspect
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from rnngrad_widgets.engine.backend import Layer, Nested
from rnngrad_widgets.engine.keras_api.modules import is_a
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.keras_api.shadowing import is_replaced
from rnngrad_widgets.engine.layers.inner_layers import inner_layers

if TYPE_CHECKING:
    from collections.abc import Iterator

HIDDEN, CELL = "hidden", "cell"


class StateKey(NamedTuple):
    """A state of a layer: its role, and a label where there are several of that role."""

    role: str
    label: str


@dataclass(frozen=True)
class Gates:
    """The gates of one of Keras' own cells.

    Parameters
    ----------
    names
        In the order of the weights.
    calls
        For each activation of the cell, the gates whose pre-activations it is called with, in the
        order of the calls in one timestep; None for a call that is no gate's.
    """

    names: tuple[str, ...]
    calls: dict[str, tuple[int | None, ...]]


# Read off keras/src/layers/rnn/{lstm,gru,simple_rnn}.py, class ...Cell, method `call`.
_GATES = {
    "LSTMCell": Gates(
        ("i", "f", "c", "o"), {"recurrent_activation": (0, 1, 3), "activation": (2, None)}
    ),
    "GRUCell": Gates(("z", "r", "h"), {"recurrent_activation": (0, 1), "activation": (2,)}),
    "SimpleRNNCell": Gates(("h",), {"activation": (0,)}),
}


def cells_of(layer: Layer) -> list[Layer]:
    """Return the cells of an RNN layer or a standalone cell; a stack of cells has several."""
    return leaf_cells(cell_of(layer))


def cell_of(layer: Layer) -> Layer:
    """Return the cell of an RNN layer, or the standalone cell itself."""
    return layer.cell if is_a(layer, "RNN") else layer


def leaf_cells(cell: Layer) -> list[Layer]:
    """Return the cells that a cell consists of: one, or several in a stack."""
    if is_a(cell, "StackedRNNCells"):
        return [leaf for inner in cell.cells for leaf in leaf_cells(inner)]
    return [cell]


def is_cell(layer: Layer) -> bool:
    """Return whether a layer is a cell: it has a state size and is called with states."""
    if is_a(layer, "LSTMCell", "GRUCell", "SimpleRNNCell", "StackedRNNCells"):
        return True
    if is_a(layer, "RNN", "Bidirectional") or not _has_state_size(layer):
        return False
    parameters = list(inspect.signature(layer.call).parameters.values())
    second = parameters[1] if len(parameters) > 1 else None
    if second is None or second.kind not in (second.POSITIONAL_ONLY, second.POSITIONAL_OR_KEYWORD):
        return False
    if second.name.startswith("state"):
        return True
    # Whatever the argument is called: a cell requires its states, a layer does not.
    required = second.default is second.empty and second.name not in _LAYER_ARGUMENTS
    return required and not any(is_a(inner, "RNN") for inner in inner_layers(layer))


_LAYER_ARGUMENTS = ("mask", "training", "initial_state", "constants")
"""Arguments after the inputs that layers have, too."""


def _has_state_size(layer: Layer) -> bool:
    try:
        return hasattr(layer, "state_size")
    except Exception:  # noqa: BLE001 - a property of user code may raise anything
        return False


def gates_of(cell: Layer) -> Gates | None:
    """Describe the gates of a cell; None where the cell is not exactly one of Keras' own.

    A subclass that overrides nothing of the computation counts as Keras' own.
    """
    for name, gates in _GATES.items():
        own = getattr(adapter_of(cell).module.layers, name)
        if isinstance(cell, own) and _computes_as(cell, own):
            return gates
    return None


def _computes_as(cell: Layer, own: type) -> bool:
    methods = [name for name in vars(own) if name == "call" or name.startswith("_compute")]
    return all(
        getattr(type(cell), name) is getattr(own, name) and not is_replaced(cell, name)
        for name in methods
    )


def state_like(cell: Layer) -> Nested:
    """Return a nest of zeros with the structure of a cell's states, as far as it declares that."""
    if is_a(cell, "StackedRNNCells"):
        return [state_like(inner) for inner in cell.cells]
    size = getattr(cell, "state_size", None)
    if isinstance(size, (list, tuple)):
        return [0] * len(size)
    return [0, 0] if has_cell_state(cell) else [0]


def has_cell_state(cell: Layer) -> bool:
    """Return whether the second state of a cell is an LSTM's cell state."""
    # ConvLSTMCell has no public name in either library.
    names = {kind.__name__ for kind in type(cell).__mro__ if _is_keras(kind.__module__)}
    return bool(names & {"LSTMCell", "ConvLSTMCell"})


def _is_keras(module: str) -> bool:
    return module.split(".", 1)[0] in ("keras", "tf_keras")


def state_keys(cell: Layer, states: Nested) -> list[list[StateKey]]:
    """Return the keys of each leaf cell's states, in the order in which Keras flattens them.

    Parameters
    ----------
    states
        The states of the cell, for instance its initial ones.
    """
    cells = leaf_cells(cell)
    keys = []
    for position, (leaf, own) in enumerate(zip(cells, _split_states(cell, states), strict=True)):
        prefix = (str(position),) if len(cells) > 1 else ()
        paths = list(_state_paths(own))
        if has_cell_state(leaf) and len(paths) == 2:
            keys.append([StateKey(role, "/".join(prefix)) for role in (HIDDEN, CELL)])
        else:
            several = len(paths) > 1
            keys.append(
                [
                    StateKey(HIDDEN, "/".join((*prefix, *(path if several else ()))))
                    for path in paths
                ]
            )
    return keys


def _state_paths(states: Nested, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    # In the order of keras.tree.flatten, which sorts keys; Keras 3.5 cannot name the leaves.
    if isinstance(states, dict):
        for key in sorted(states):
            yield from _state_paths(states[key], (*path, str(key)))
    elif isinstance(states, (list, tuple)):
        for position, state in enumerate(states):
            yield from _state_paths(state, (*path, str(position)))
    else:
        yield path


def _split_states(cell: Layer, states: Nested) -> list[Nested]:
    if is_a(cell, "StackedRNNCells"):
        pairs = zip(cell.cells, states, strict=True)
        return [part for inner, own in pairs for part in _split_states(inner, own)]
    return [states]


def units_of(cell: Layer) -> int | None:
    """Return how many channels a cell's output has; None where it does not declare that."""
    names = ("output_size", "units", "filters", "state_size")
    # The output of a cell that does not declare its size is mostly its first state.
    sizes = (getattr(cell, name, None) for name in names)
    size: Any = next((size for size in sizes if size is not None), None)
    if hasattr(size, "as_list"):  # TensorFlow's own kind of shape
        size = size.as_list()[-1]
    if isinstance(size, (list, tuple)) and size:
        size = size[0]
    return size if isinstance(size, int) else None

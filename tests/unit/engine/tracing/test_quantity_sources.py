"""What quantities are made of, from calls that were recorded by hand."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.engine.calls.layer_call import LayerCall, RecordedLoop, RecurrenceRequest
from rnngrad_widgets.engine.layers.cells import CELL, HIDDEN, StateKey
from rnngrad_widgets.engine.layers.find import find_recurrent
from rnngrad_widgets.engine.quantities import offered_quantities, record_request
from rnngrad_widgets.engine.tracing.quantity_sources import list_sources
from rnngrad_widgets.engine.tracing.source import Source, TracedLayer

B, T = 2, 4


def taken(rnn: Any, *calls: LayerCall) -> TracedLayer:
    model = keras.Sequential([keras.Input((T, 2)), rnn])
    (target,) = find_recurrent(model)
    return TracedLayer(target, calls)


def call(outputs: list[Any], mask: Any = None) -> LayerCall:
    return LayerCall(tuple(outputs), (), mask, (), T)


def tensors(*sizes: int) -> list[Any]:
    return [tf.zeros((B, T, size)) for size in sizes]


@pytest.mark.parametrize("quantity", ["output", "output_gradient"])
@pytest.mark.parametrize("count", [2, 3])
def test_nested_outputs_have_a_tensor_each(quantity: str, count: int) -> None:
    rnn = layers.RNN(layers.GRUCell(3), return_sequences=True, name="rnn")
    mask = tf.constant(np.eye(B, T, dtype=bool))
    outputs = tensors(*range(3, 3 + count))
    found = list_sources(taken(rnn, call(outputs, mask)), [quantity])
    assert [source.layer for source in found] == [f"rnn/{i}" for i in range(count)]
    assert [source.tensors for source in found] == [((output,),) for output in outputs]
    for source in found:
        assert source.dims == ("sample", "timestep", "channel")
        assert (source.directions, len(source.masks)) == ((), 1)


def test_nested_outputs_of_both_directions() -> None:
    rnn = layers.GRU(3, return_sequences=True)
    apart = layers.Bidirectional(rnn, merge_mode=None, name="rnn")
    a, b, c, d = tensors(3, 2, 3, 5)
    found = list_sources(taken(apart, call([a, b, c, d])), ["output"])
    assert [source.layer for source in found] == ["rnn/0", "rnn/1"]
    assert [source.tensors for source in found] == [((a,), (c,)), ((b,), (d,))]
    assert [source.directions for source in found] == [("forward", "backward"), ()]


def test_nested_outputs_of_a_layer_that_is_called_twice() -> None:
    rnn = layers.RNN(layers.GRUCell(3), return_sequences=True, name="rnn")
    first, second = tensors(3, 2), tensors(3, 2)
    found = list_sources(taken(rnn, call(first), call(second)), ["output_gradient"])
    keys = [(source.layer, source.tensors) for source in found]
    assert keys == [
        (f"rnn[{place}]/{leaf}", ((outputs[leaf],),))
        for place, outputs in enumerate((first, second))
        for leaf in (0, 1)
    ]


def test_a_weight_that_is_not_trained_may_be_left_out() -> None:
    rnn = layers.GRU(3, name="rnn")
    made = taken(rnn, call(tensors(3)))
    rnn.trainable = False
    held = {id(variable): tf.convert_to_tensor(variable) for variable in rnn.weights}
    found: list[Source] = list_sources(
        TracedLayer(made.target, made.calls, held), ["weight_gradient"]
    )
    assert [source.optional for source in found] == [True] * 3
    rnn.trainable = True
    found = list_sources(
        TracedLayer(made.target, made.calls, held, held), ["weight_gradient", "weight"]
    )
    assert [source.optional for source in found] == [False] * 6


def states(**sizes: int) -> dict[StateKey, Any]:
    """Make initial states: ``hidden_0=3`` is the hidden state of the first cell."""
    keys = [StateKey(*name.replace("_", " ").partition(" ")[::2]) for name in sizes]
    return {key: tf.zeros((B, size)) for key, size in zip(keys, sizes.values(), strict=True)}


def looped(*loops: RecordedLoop, timesteps: int = T) -> LayerCall:
    return LayerCall((), (), tf.ones((B, timesteps), bool), loops, timesteps)


INITIAL: list[tuple[Any, dict[str, int], list[str]]] = [
    (lambda: layers.GRU(3, name="rnn"), {"hidden": 3}, ["rnn"]),
    (lambda: layers.LSTM(3, name="rnn"), {"hidden": 3, "cell": 3}, ["rnn/hidden", "rnn/cell"]),
    (
        lambda: layers.RNN([layers.LSTMCell(3), layers.GRUCell(2)], name="rnn"),
        {"hidden_0": 3, "cell_0": 3, "hidden_1": 2},
        ["rnn/0/hidden", "rnn/0/cell", "rnn/1"],
    ),
]


@pytest.mark.parametrize(("made", "sizes", "paths"), INITIAL)
def test_an_initial_state_has_a_tensor_each(
    made: Any, sizes: dict[str, int], paths: list[str]
) -> None:
    held = states(**sizes)
    assert {key.role for key in held} <= {HIDDEN, CELL}
    found = list_sources(
        taken(made(), looped(RecordedLoop(initial_states=held))), ["initial_state_gradient"]
    )
    assert [source.layer for source in found] == paths
    assert [source.tensors for source in found] == [((tensor,),) for tensor in held.values()]
    for source in found:
        assert (source.dims, source.masks, source.joined) == (("sample", "channel"), (), "")
        assert source.is_gradient


def test_initial_states_of_both_directions() -> None:
    both = layers.Bidirectional(layers.LSTM(3), name="rnn")
    first, second = states(hidden=3, cell=3), states(hidden=3, cell=3)
    loops = [RecordedLoop(initial_states=held) for held in (first, second)]
    found = list_sources(taken(both, looped(*loops)), ["initial_state_gradient"])
    assert [source.layer for source in found] == ["rnn/hidden", "rnn/cell"]
    assert found[0].tensors == ((first[StateKey(HIDDEN, "")],), (second[StateKey(HIDDEN, "")],))
    assert [source.directions for source in found] == [("forward", "backward")] * 2


def test_initial_states_of_what_only_one_direction_has_are_left_out() -> None:
    mixed = layers.Bidirectional(
        layers.LSTM(3), backward_layer=layers.GRU(3, go_backwards=True), name="rnn"
    )
    loops = [
        RecordedLoop(initial_states=held) for held in (states(hidden=3, cell=3), states(hidden=3))
    ]
    found = list_sources(taken(mixed, looped(*loops)), ["initial_state_gradient"])
    assert [source.layer for source in found] == ["rnn"]
    assert found[0].directions == ("forward", "backward")


def test_the_initial_state_of_a_stepped_layer_is_that_of_its_first_step() -> None:
    steps = [looped(RecordedLoop(initial_states=states(hidden=3)), timesteps=1) for _ in range(3)]
    made = taken(layers.GRU(3, name="rnn"), *steps)
    (found,) = list_sources(made, ["initial_state_gradient"])
    assert found.tensors == ((steps[0].loops[0].initial_states[StateKey(HIDDEN, "")],),)
    assert (found.layer, found.joined) == ("rnn", "")


def test_initial_states_keep_their_axes_of_space() -> None:
    model = keras.Sequential(
        [keras.Input((T, 5, 4, 2)), layers.ConvLSTM2D(3, 2, padding="same", name="rnn")]
    )
    (target,) = find_recurrent(model)
    held = {StateKey(role, ""): tf.zeros((B, 5, 4, 3)) for role in (HIDDEN, CELL)}
    call_ = looped(RecordedLoop(initial_states=held))
    found = list_sources(TracedLayer(target, [call_]), ["initial_state_gradient"])
    assert [source.dims for source in found] == [("sample", "row", "column", "channel")] * 2
    assert "gate" not in offered_quantities(target)


@pytest.mark.parametrize(
    ("made", "gates", "paths"),
    [
        (lambda: layers.LSTM(3, name="rnn"), [(12, "ifco")], ["rnn"]),
        (lambda: layers.SimpleRNN(3, name="rnn"), [(3, "h")], ["rnn"]),
        (
            lambda: layers.RNN([layers.GRUCell(3), layers.LSTMCell(2)], name="rnn"),
            [(9, "zrh"), (8, "ifco")],
            ["rnn/0", "rnn/1"],
        ),
    ],
)
def test_gates_over_time(made: Any, gates: list[tuple[int, str]], paths: list[str]) -> None:
    values = tensors(*(size for size, _ in gates))
    found = list_sources(taken(made(), looped(RecordedLoop(gates=values))), ["gate"])
    assert [source.layer for source in found] == paths
    assert [source.tensors for source in found] == [((value,),) for value in values]
    assert [source.gates for source in found] == [tuple(names) for _, names in gates]
    for source in found:
        assert source.dims == ("sample", "timestep", "channel")
        assert len(source.masks) == 1
        assert not source.is_gradient


@pytest.mark.parametrize(("units", "apart"), [(3, False), (2, True)])
def test_gates_of_both_directions(units: int, apart: bool) -> None:
    both = layers.Bidirectional(
        layers.LSTM(3), None, backward_layer=layers.LSTM(units, go_backwards=True), name="rnn"
    )
    one, two = tensors(12, 4 * units)
    found = list_sources(
        taken(both, looped(RecordedLoop(gates=[one]), RecordedLoop(gates=[two]))), ["gate"]
    )
    if apart:
        assert [source.layer for source in found] == ["rnn/forward", "rnn/backward"]
        assert [source.tensors for source in found] == [((one,),), ((two,),)]
        return
    assert [source.tensors for source in found] == [((one,), (two,))]
    assert found[0].directions == ("forward", "backward")


def test_what_is_asked_for_is_what_is_recorded() -> None:
    target = taken(layers.LSTM(3, name="rnn")).target
    assert {"gate", "initial_state_gradient"} <= set(offered_quantities(target)) <= set(QUANTITIES)
    assert record_request(["gate"], target).inside == RecurrenceRequest(gates=True)
    assert record_request(["initial_state_gradient"], target).inside == RecurrenceRequest(
        initial_states=True
    )
    assert bool(RecurrenceRequest(gates=True))
    assert bool(RecurrenceRequest(initial_states=True))
    assert not RecurrenceRequest()


class OwnCell(layers.GRUCell):
    def call(self, inputs: Any, states: Any, training: bool = False) -> Any:
        return super().call(inputs, states, training)


def test_gates_are_offered_of_keras_own_cells_only() -> None:
    words = offered_quantities(taken(layers.RNN(OwnCell(3), name="rnn")).target)
    assert "gate" not in words
    assert "initial_state_gradient" in words

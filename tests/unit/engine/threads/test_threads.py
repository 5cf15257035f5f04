"""Threads: training beside the engine is bit-identical, and each number is that of one step."""

from __future__ import annotations

import ctypes
import threading
import time
from functools import cache
from typing import TYPE_CHECKING, Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

from rnngrad_widgets.engine import GradientEngine
from rnngrad_widgets.engine.threads import exclusive as exclusive_module
from rnngrad_widgets.engine.threads import gates
from rnngrad_widgets.engine.threads.exclusive import between_steps, exclusive

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = np.random.default_rng(1)
X = RNG.normal(size=(24, 6, 3)).astype("float32")
Y = RNG.normal(size=(24, 2)).astype("float32")
ASKED = ("hidden_gradient", "weight_gradient")
PATCHED = (
    (keras.layers.Layer, "__call__"),
    (keras.layers.Layer, "__setattr__"),
    (keras.layers.Layer, "losses"),
    (type(tf.function(lambda: None)), "__call__"),
)
OWN = [vars(owner)[name] for owner, name in PATCHED]


def stack(layers: Any = layers) -> list[Any]:
    """Return layers that keep something while they are called: masks, losses, means."""
    # Two trainings with the dropout of Keras 2 differ, alone too.
    dropout = 0.0 if layers is not keras.layers else 0.3
    return [
        layers.SimpleRNN(
            4,
            dropout=dropout,
            recurrent_dropout=dropout,
            return_sequences=True,
            activity_regularizer="l2",
        ),
        layers.BatchNormalization(),
        layers.GRU(3, dropout=dropout),
        layers.Dense(2, kernel_regularizer="l2"),
    ]


def built(library: Any = keras) -> Any:
    return library.Sequential([library.Input((6, 3)), *stack(library.layers)])


class OwnStep(keras.Model):
    """Train by calling the layers one after another, not the model."""

    def __init__(self) -> None:
        super().__init__()
        self.parts = stack()

    def call(self, x: Any, training: bool = False) -> Any:
        for part in self.parts:
            x = part(x, training=training) if not isinstance(part, layers.Dense) else part(x)
        return x

    def train_step(self, data: Any) -> dict[str, Any]:
        x, y = data
        with tf.GradientTape() as tape:
            predicted = self.call(x, training=True)
            loss = tf.reduce_mean((predicted - y) ** 2) + tf.add_n(self.losses)
        gradients = tape.gradient(loss, self.trainable_variables)
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def squared(model: Any, x: Any, y: Any, sample_weight: Any, training: bool) -> Any:
    del sample_weight
    return tf.reduce_mean((model.call(x, training=training) - y) ** 2)


def compiled(model: Any, **more: Any) -> Any:
    model.compile("sgd", "mse", **more)
    return model


def stateful() -> Any:
    rnn = layers.SimpleRNN(3, stateful=True)
    return compiled(keras.Sequential([keras.Input(batch_shape=(4, 6, 3)), rnn, layers.Dense(2)]))


def sharing() -> tuple[Any, Any]:
    """Return two models of the same layers, of which the second is trained."""
    parts = stack()
    first, second = (keras.Sequential([keras.Input((6, 3)), *parts]) for _ in range(2))
    return compiled(first), compiled(second)


def twice(model: Any) -> tuple[Any, Any]:
    return model, model


MAKERS: dict[str, Callable[[], tuple[Any, Any]]] = {
    "built": lambda: twice(compiled(built())),
    "tf_keras": lambda: twice(compiled(built(pytest.importorskip("tf_keras")))),
    "unbuilt": lambda: twice(compiled(keras.Sequential(stack()))),
    "eager": lambda: twice(compiled(keras.Sequential(stack()), run_eagerly=True)),
    "stateful": lambda: twice(stateful()),
    "own step": lambda: twice(compiled(OwnStep())),
    "sharing": sharing,
}


def make(kind: str) -> tuple[Any, Any]:
    keras.utils.set_random_seed(3)
    if kind == "tf_keras":
        pytest.importorskip("tf_keras").utils.set_random_seed(3)
    return MAKERS[kind]()


def fit(model: Any) -> tuple[dict[str, Any], list[np.ndarray]]:
    history = model.fit(X, Y, batch_size=4, epochs=2, verbose=0, shuffle=False).history
    return history, [variable.numpy() for variable in model.variables]


@cache
def alone(kind: str) -> tuple[dict[str, Any], list[np.ndarray]]:
    return fit(make(kind)[1])


def beside(main: Callable[[], Any], *others: Callable[[], Any], delay: float = 0.0) -> list[Any]:
    """Run in this thread and in others; raise what any of them raises."""
    results: list[Any] = [None] * (1 + len(others))
    errors: list[BaseException] = []

    def run(place: int, function: Callable[[], Any]) -> None:
        try:
            if place:
                time.sleep(delay * place)
            results[place] = function()
        except BaseException as error:  # noqa: BLE001 - raised below
            errors.append(error)

    threads = [threading.Thread(target=run, args=job) for job in enumerate(others, 1)]
    for thread in threads:
        thread.start()
    run(0, main)
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive()
    for error in errors:
        raise error
    return results


def assert_nothing_is_left(*models: Any) -> None:
    assert [vars(owner)[name] for owner, name in PATCHED] == OWN
    assert gates.is_idle()
    for model in models:
        for layer in model._flatten_layers():
            assert not {"call", "inner_loop", "activation_"} & vars(layer).keys()


@pytest.mark.one_case_in(12)
@pytest.mark.usefixtures("unoptimised")
@pytest.mark.parametrize(
    ("kind", "delay"), [*((kind, 0.0) for kind in MAKERS), ("built", 0.2), ("unbuilt", 0.1)]
)
def test_fit_beside_first_calls_is_bit_identical(kind: str, delay: float) -> None:
    explored, trained = make(kind)
    loss = {"loss": squared} if kind == "own step" else {}
    engine = GradientEngine(explored)

    def look(engine: GradientEngine, training: bool) -> Any:
        return engine.compute(X[:4], Y[:4], None, ASKED, training=training, **loss)

    (history, weights), *snapshots = beside(
        lambda: fit(trained),
        lambda: look(engine, True),
        lambda: look(GradientEngine(explored), False),
        delay=delay,
    )
    expected, expected_weights = alone(kind)
    assert history == expected
    for ours, theirs in zip(weights, expected_weights, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert len({tuple(snapshot) for snapshot in snapshots}) == 1
    assert_nothing_is_left(explored, trained)


@pytest.mark.usefixtures("unoptimised")
@pytest.mark.parametrize("eagerly", [False, True])
def test_two_first_calls_at_once_give_the_same(eagerly: bool) -> None:
    model = make("unbuilt")[0]
    model.run_eagerly = eagerly
    engine = GradientEngine(model)
    barrier = threading.Barrier(3)

    def look() -> Any:
        barrier.wait()
        return engine.compute(X, Y, None, ASKED)

    first, *more = beside(look, look, look)
    for snapshot in more:
        assert snapshot.loss == first.loss
        for key in first:
            np.testing.assert_array_equal(snapshot[key].values, first[key].values)
    assert_nothing_is_left(model)


@pytest.mark.parametrize("eagerly", [False, True])
def test_a_build_that_is_interrupted_leaves_the_model_to_the_next_thread(eagerly: bool) -> None:
    inside = threading.Event()

    class Interrupted(layers.Layer):
        def call(self, x: Any) -> Any:
            if model.built and not inside.is_set():
                inside.set()
                time.sleep(0.3)  # the model looks as if it were built
                raise KeyboardInterrupt
            return x

    model = keras.Sequential([layers.SimpleRNN(3), Interrupted(), layers.Dense(2)])
    compiled(model, run_eagerly=eagerly)

    def first() -> None:
        with pytest.raises(KeyboardInterrupt):
            GradientEngine(model).compute(X, Y)

    def second() -> Any:
        inside.wait(30)
        return GradientEngine(model).compute(X, Y)

    found = beside(lambda: None, first, second)[2]
    assert found.loss == pytest.approx(model.evaluate(X, Y, verbose=0), rel=1e-5)
    assert_nothing_is_left(model)


class Keeping(keras.callbacks.Callback):
    """Keep the weights after every step."""

    def __init__(self) -> None:
        super().__init__()
        self.steps: list[list[np.ndarray]] = []

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:  # noqa: ARG002
        self.steps.append(self.model.get_weights())


@pytest.mark.long
def test_each_loss_is_that_of_the_step_that_it_names() -> None:
    # Grappler must be on: only then are a step's assignments some milliseconds apart.
    x = RNG.normal(size=(160, 60, 4)).astype("float32")
    y = RNG.normal(size=(160, 2)).astype("float32")
    model = compiled(
        keras.Sequential(
            [
                keras.Input((None, 4)),
                layers.LSTM(64, return_sequences=True),
                layers.LSTM(64),
                layers.Dense(16),
                layers.Dense(2),
            ]
        )
    )
    model.optimizer.learning_rate = 0.1
    engine, keeping = GradientEngine(model), Keeping()
    engine.compute(x[:4], y[:4])
    first = model.get_weights()
    found: list[tuple[float, int]] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.is_set():
            snapshot = engine.compute(x[:4], y[:4])
            found.append((snapshot.loss, snapshot.step))

    def train() -> None:
        try:
            model.fit(x, y, batch_size=32, epochs=6, verbose=0, callbacks=[keeping])
        finally:
            ended.set()

    beside(train, look)
    losses = []
    for weights in [first, *keeping.steps]:
        model.set_weights(weights)
        losses.append(float(tf.reduce_mean((model(x[:4]) - y[:4]) ** 2)))
    assert len({step for _, step in found}) > 5
    for loss, step in found:
        assert loss == pytest.approx(losses[step], rel=1e-5)


@pytest.mark.parametrize(
    ("library", "method"),
    [("keras", "apply"), ("keras", "apply_gradients"), ("tf_keras", "apply_gradients")],
)
def test_weights_are_not_read_while_an_eager_loop_applies_gradients(
    library: str, method: str
) -> None:
    keras_ = keras if library == "keras" else pytest.importorskip("tf_keras")
    model = compiled(keras_.Sequential([keras_.Input((6, 3)), keras_.layers.SimpleRNN(2)]))
    engine = GradientEngine(model)
    expected = engine.compute(X, Y, None, "weight").tensors
    between, seen = threading.Event(), threading.Event()
    kernel, *others = model.trainable_variables
    gradients = [tf.ones(v.shape) for v in [kernel, *others]]

    class Slow(keras_.optimizers.SGD):  # type: ignore[misc,name-defined]
        """Pauses after each weight."""

        def update_step(self, gradient: Any, variable: Any, *_: Any) -> None:
            variable.assign_sub(gradient)
            between.set()
            seen.wait(0.3)

    optimizer = Slow(jit_compile=False) if library == "tf_keras" else Slow()
    optimizer.build([kernel, *others])
    pairs = list(zip(gradients, [kernel, *others], strict=True))

    def train() -> None:
        if method == "apply":
            optimizer.apply(gradients, [kernel, *others])
        else:
            optimizer.apply_gradients(pairs)

    def look() -> Any:
        between.wait(30)
        found = engine.compute(X, Y, None, "weight").tensors
        seen.set()
        return found

    found = beside(train, look)[1]
    for key, tensor in found.items():
        np.testing.assert_allclose(tensor.values, expected[key].values - 1.0, rtol=1e-6)


def test_losses_of_a_call_outlast_a_trace_in_another_thread() -> None:
    model = make("built")[0]
    model(X[:4], training=True)
    before = [float(loss) for loss in model.losses]
    beside(lambda: None, lambda: GradientEngine(model).compute(X[:4], Y[:4]))
    assert [float(loss) for loss in model.losses] == before


def test_attributes_set_by_another_thread_meanwhile_stay() -> None:
    model = make("built")[0]
    inside, entered = threading.Event(), threading.Event()

    def slow(y_true: Any, y_pred: Any) -> Any:
        inside.set()
        entered.wait(0.3)
        return tf.reduce_mean((y_true - y_pred) ** 2)

    def change() -> None:
        inside.wait(60)
        model.beta = 0.5
        entered.set()

    model.beta = 1.0
    beside(lambda: GradientEngine(model).compute(X, Y, loss=slow), change)
    assert model.beta == 0.5


def test_one_that_waits_inside_for_one_outside_does_not_block() -> None:
    """The replicas of a distributed step wait for each other like that."""
    model = make("built")[0]
    inside, other = threading.Event(), threading.Event()

    class Meeting(layers.Layer):
        def call(self, x: Any) -> Any:
            inside.set()
            assert other.wait(30)
            return x

    def outside() -> None:
        inside.wait(30)
        time.sleep(0.05)  # the gates are closed by now
        model(X[:1])
        other.set()

    def look() -> Any:
        inside.wait(30)
        return GradientEngine(model).compute(X, Y)

    meeting = Meeting()
    assert beside(lambda: meeting(X[:1]), outside, look)[2].loss > 0


@pytest.mark.parametrize("alone_in", [exclusive, between_steps])
def test_an_interrupt_leaves_no_gate_closed(
    alone_in: Callable[[Any], gates.ExclusiveAccess],
) -> None:
    """Wherever it comes: others wait a second at most, and the next one has its turn."""
    model = make("built")[0]
    for places in range(0, 60, 3):
        done = threading.Event()

        def enter(done: threading.Event = done) -> None:
            try:
                while not done.is_set():
                    with alone_in(model):
                        pass
            except KeyboardInterrupt:
                return

        thread = threading.Thread(target=enter)
        thread.start()
        time.sleep(0.001 * places / 10)
        ident = ctypes.c_ulong(thread.ident or 0)
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(KeyboardInterrupt))
        done.set()
        thread.join(30)
        assert not thread.is_alive()
        with alone_in(model):
            pass
        assert model(X[:1]).shape == (1, 2)
    assert_nothing_is_left(model)


def test_a_thread_that_stays_inside_is_an_error_that_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gates, "PATIENCE", 0.3)
    model = make("built")[0]
    inside, ended = threading.Event(), threading.Event()

    class Staying(layers.Layer):
        def call(self, x: Any) -> Any:
            inside.set()
            ended.wait(30)
            return x

    def look() -> None:
        inside.wait(30)
        try:
            with pytest.raises(RuntimeError, match="must not be in use by another thread"):
                GradientEngine(model).compute(X, Y)
        finally:
            ended.set()

    staying = Staying()
    beside(lambda: staying(X[:1]), look)
    assert_nothing_is_left(model)


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("trains", [True, False])
def test_a_function_that_does_not_end_is_left_alone_unless_it_trains(
    trains: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A loop of one's own, all of it in one tf.function, has no moment between two steps."""
    monkeypatch.setattr(exclusive_module, "_SHORT", 0.2)
    model = make("built")[0]
    stop, turns = tf.Variable(False), tf.Variable(0)
    weight = tf.Variable(1.0) if not trains else model.weights[0].value

    @tf.function
    def loop() -> None:
        while not stop:
            turns.assign_add(1)
            weight.assign_add(tf.ones_like(weight))

    def look() -> Any:
        try:
            while int(turns) == 0:
                time.sleep(0.01)
            if not trains:
                return GradientEngine(model).compute(X, Y)
            with pytest.raises(RuntimeError, match="in another thread changes its weights; call"):
                GradientEngine(model).compute(X, Y)
        finally:
            stop.assign(True)

    found = beside(look, loop)[0]
    assert trains or found.loss > 0
    assert_nothing_is_left(model)


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("enter", [exclusive, between_steps])
def test_a_thread_between_a_gate_and_what_is_behind_it_is_waited_for(
    enter: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There a wrapper asks whether tracebacks are shortened: of Keras, or of TensorFlow."""
    model = built()
    model.compile("sgd", "mse")
    model.train_on_batch(X, Y)
    function = tf.function(lambda: model.layers[-1](tf.zeros((1, 3))))
    function()
    asked, go_on = threading.Event(), threading.Event()
    ended = []

    def answer() -> bool:
        if threading.current_thread() is thread and not asked.is_set():
            asked.set()
            go_on.wait(30)
        return False

    def call() -> None:
        function() if enter is between_steps else model(X)
        ended.append(True)

    thread = threading.Thread(target=call)
    owner = type(function) if enter is between_steps else keras.layers.Layer
    wrapper: Any = vars(owner)["__call__"]
    asking: dict[str, Any] = {"answer": answer}
    code = compile("def ask():\n    return answer()", wrapper.__code__.co_filename, "exec")
    exec(code, asking)
    monkeypatch.setitem(wrapper.__globals__, "is_traceback_filtering_enabled", asking["ask"])
    thread.start()
    assert asked.wait(30)
    threading.Timer(0.5, go_on.set).start()
    with enter(model):
        assert ended
    thread.join()

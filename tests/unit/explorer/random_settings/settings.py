"""Draw settings of an explorer's traits, and judge what each of them did."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from ipywidgets import Widget
from traitlets import TraitError

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from rnngrad_widgets.widgets.reachable import reachable
from tests.unit.explorer.fake_source import LAYERS, FakeSource, explore

ANYTHING: tuple[Any, ...] = (
    *(None, True, False, 0, 1, 2, 3, 5, -1, 10**9, 10**30, 1.0, 0.5, -0.0, float("nan")),
    *(float("inf"), 1j, "", "x", "0", "auto", "lstm", "\ud800", "a" * 600, "<b>", b"lstm"),
    *([], [0], (), (0,), (1, 0), (0, 0), (-1, 1), (0.0, 1e-300), ("a", 1), (None, 1), (1, 2, 3)),
    *({}, {"a": 1}, {1, 2}, object(), len, int, Ellipsis, np.int64(1), np.float32(2), np.bool_(1)),
    *(np.array(1), np.array([1, 2]), np.array([[0.5]]), np.array([]), range(2), iter((0, 1))),
)
"""What a trait may be given by mistake."""

FITTING: Mapping[str, tuple[Any, ...]] = {
    "layer": (*LAYERS, 0, 1, 2, 4),
    "quantity": ("output_gradient", "hidden_gradient", "cell_gradient", "gate_gradient"),
    "part": ("",),
    "sample": (0, 1, 2, 3),
    "channel": (0, 1, 2, 5, 7),
    "norm": ("auto", (-1, 1), (0, 2.5), [-1e-3, 1e-3], (np.float32(-2), np.int64(2))),
    "reflect_half": (True, False),
    "view": ("heat", "curves", "flow", "scatter", "histogram"),
    "step": (0, 1, 2, 5, 9),
    "threshold": (1e-8, 0.5, 1e-3),
    "levels": ((0.5, 1e-3), [0.1], (0.3, 0.2, 0.1)),
    "title": ("", "a title", "<i>&"),
    "height": (None, 120, 400, 10_000),
    "ylim": (None, (-1, 1), (0, 5.5)),
    "cmap": ("diverging", "sequential", "bwr", "RdBu", "viridis"),
}
"""For each trait that people set, values of which most are right for some tensor."""

State = dict[tuple[str, str], Any]
"""What widgets hold, by widget and name."""

REFUSALS = (TraitError, ValueError, TypeError)


def with_snapshots() -> GradientExplorer:
    """Return an explorer of an array that has a timeline."""
    values = np.random.default_rng(0).normal(size=(4, 6, 8)).astype("float32")
    explorer = GradientExplorer.from_array(values)
    for step in (1, 2, 5):
        tensor = GradientTensor(values * step, SEQUENCE, step=step, loss=1 / step)
        explorer.add_snapshot({"": tensor}, step, f"step {step}")
    return explorer


def of_array(*shape: int) -> GradientExplorer:
    """Return an explorer of noise."""
    return GradientExplorer.from_array(np.random.default_rng(0).normal(size=shape))


def of_model() -> GradientExplorer:
    """Return an explorer of a model, with layers of the names in `FITTING`."""
    import keras  # noqa: PLC0415 - for one of them; it takes seconds

    layers = keras.layers
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            keras.Input((7, 2)),
            layers.LSTM(6, return_sequences=True, name="lstm"),
            layers.Bidirectional(layers.GRU(4, return_sequences=True), name="bi"),
            layers.GRU(3, name="gru"),
        ]
    )
    model.compile("sgd", "mse")
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(4, 7, 2)), rng.normal(size=(4, 3))
    return GradientExplorer(model, x.astype("float32"), y.astype("float32"))


EXPLORERS: Mapping[str, Callable[[], GradientExplorer]] = {
    "model": of_model,
    "layers": lambda: explore(FakeSource()),
    "snapshots": with_snapshots,
    "array": lambda: of_array(4, 6, 8),
    "no time": lambda: of_array(4, 8),
    "one value": lambda: of_array(1, 1, 1),
}
"""What is explored, by name."""


def draw(chance: random.Random, name: str) -> Any:
    """Draw a value for a trait: two in three are such as it takes."""
    return chance.choice(FITTING[name] if chance.random() < 2 / 3 else ANYTHING)


def run(name: str, settings: int, seed: int) -> Iterator[str]:
    """Set each trait so many times, in random order; yield each fault in words."""
    explorer, chance = EXPLORERS[name](), random.Random(seed)
    traits = [trait for trait in FITTING for _ in range(settings)]
    chance.shuffle(traits)
    state = state_of(explorer)
    try:
        for number, trait in enumerate(traits):
            value, before = draw(chance, trait), state
            error = setting(explorer, trait, value)
            state = state_of(explorer)
            for fault in faults_of(explorer, trait, error, before, state):
                yield f"{name}, seed {seed}, setting {number}: {trait} = {value!r}: {fault}"
    finally:
        explorer.close()


def setting(explorer: GradientExplorer, trait: str, value: Any) -> Exception | None:
    """Set a trait; return what that raised."""
    try:
        setattr(explorer, trait, value)
    except Exception as error:  # noqa: BLE001 - which ones are allowed is judged later
        return error
    return None


def faults_of(
    explorer: GradientExplorer, trait: str, error: Exception | None, before: State, after: State
) -> Iterator[str]:
    """Yield what is wrong after a trait was set, or refused."""
    if error is not None:
        if not isinstance(error, REFUSALS):
            yield f"raised {type(error).__name__}: {error}"
        if "<b>compute</b>" not in str(error):  # the source's own
            yield from _faults_of_message(trait, str(error))
        names = before.keys() | after.keys()
        changed = [name for name in names if not _same(before.get(name), after.get(name))]
        if changed:
            yield f"was refused ({error}) and changed {changed}"
    yield from _contradictions(explorer)


def _faults_of_message(trait: str, message: str) -> Iterator[str]:
    words = ("must", "needs", "should", "expected", "has no", "shows [")
    if not any(word in message for word in words):
        yield f"the message names no rule: {message!r}"
    if message.count("\n") > 1:
        yield f"the message has more than two lines: {message!r}"
    if trait not in message and trait not in ("quantity", "layer"):
        yield f"the message does not name the trait: {message!r}"


def _contradictions(explorer: GradientExplorer) -> Iterator[str]:
    """Yield where traits, the tensor and what the browser draws tell of different things."""
    tensor, selection = explorer.tensor, explorer.selection
    array = explorer.displayed.plot_array.values
    if (explorer.layer, explorer.quantity) != (tensor.layer, tensor.quantity):
        yield f"traits name {explorer.layer!r}, {explorer.quantity!r}; tensor {tensor!r}"
    for trait, axis in (("sample", 0), ("channel", -1)):
        index = getattr(explorer, trait)
        if not 0 <= index < array.shape[axis] or index != getattr(selection, trait):
            yield f"{trait} is {index}, that of the selection {getattr(selection, trait)}"
    if bool(explorer.reflect_half) != bool(selection.reflect_half):
        yield "reflect_half is not that of the selection"
    norm = selection.chosen_norm
    if not _same(explorer.norm, norm):
        yield f"norm is {explorer.norm!r}, that of the selection {norm!r}"
    drawn = selection.tensor.array  # with a timeline the browser takes that of a snapshot
    expected = array.astype("float32")
    if explorer.timeline is None and not _same(np.asarray(drawn).reshape(array.shape), expected):
        yield "the browser has another array"
    if explorer.step is not None and explorer.step != explorer.displayed.step:
        yield f"step is {explorer.step}, displayed {explorer.displayed.step}"


def state_of(explorer: GradientExplorer) -> State:
    """Return the state of all its widgets, and its traits."""
    state: State = {("explorer", trait): getattr(explorer, trait) for trait in FITTING}
    for widget in reachable([explorer]):
        state |= {(_name(widget), key): getattr(widget, key) for key in widget.keys}
    return state


def _name(widget: Widget) -> str:
    return f"{type(widget).__name__} {widget.model_id}"


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return one is other or np.array_equal(one, other, equal_nan=True)
    return one is other or bool(one == other)

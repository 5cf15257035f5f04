"""Views of a model: weights, direct and total flow, and switching while the kernel is busy."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from rnngrad_widgets.data.statistics import auto_limit
from tests.browser.explorer_page import (
    ExplorerPage,
    close,
    colours,
    eventually,
    patiently,
    picture,
)
from tests.browser.views_page import expect_flow, expect_maps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tests.browser.lab import Lab

MODEL = """
import json, time
import keras
import numpy as np
from rnngrad_widgets import GradientEngine, GradientExplorer

keras.utils.set_random_seed(7)
inputs = keras.Input((8, 3))
h = keras.layers.LSTM(4, return_sequences=True, name="lstm")(inputs)
h = keras.layers.Bidirectional(keras.layers.GRU(3, return_sequences=True), name="bi")(h)
model = keras.Model(inputs, keras.layers.Dense(1)(h[:, -1]))
model.compile(loss="mse", optimizer=keras.optimizers.SGD(1.0))
rng = np.random.default_rng(3)
x, y = rng.normal(size=(4, 8, 3)), rng.normal(size=(4, 1))
engine = GradientEngine(model)  # one of its own: what the explorer must show
e = GradientExplorer(model, x, y)
e.selection.timestep = 0
e
"""
SOURCE = """
import json, time
import numpy as np
from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor

MATRICES = {"kernel": (3, 8), "recurrent_kernel": (4, 8), "bias": (8,)}

from rnngrad_widgets.explorer.source import Source

class FakeSource(Source):
    def layers(self):
        return {"lstm": "lstm  LSTM 4", "bi": "bi  LSTM 2 × 2"}
    def resolve(self, layer):
        return layer or "lstm"
    def quantities(self, layer):
        return ("output_gradient", "hidden_gradient", "weight", "weight_gradient")
    def compute(self, layer, quantity):
        rng = np.random.default_rng(len(layer + quantity))
        both = ("forward", "backward") if layer == "bi" else ()
        if not quantity.startswith("weight"):
            values = rng.normal(size=(4, 8, 4)) / 20
            return {"": GradientTensor(values, SEQUENCE, layer, quantity, both)}
        return {
            f"{half}{name}": GradientTensor(
                rng.normal(size=shape), ("feature", "channel")[-len(shape):],
                f"{layer}/{half}{name}", quantity, gates=("i", "f", "c", "o"))
            for half in ([f"{half}/" for half in both] or [""])
            for name, shape in MATRICES.items()
        }

e = GradientExplorer.from_source(FakeSource(), None, "output_gradient")
e.selection.timestep = 0
e
"""
DIRECT = "Flow of the direct output gradient: ‖g‖ over channels, log scale"
WEIGHTS = ("kernel", "recurrent_kernel", "bias")


def arrays(e: ExplorerPage, expression: str) -> list[NDArray[np.float64]]:
    """Arrays that an expression gives in the kernel, without the explorer."""
    told = e.notebook.execute(f"print(json.dumps([v.tolist() for v in {expression}]))")
    return [np.array(values) for values in json.loads(told)]


def gradients(e: ExplorerPage, *wanted: tuple[str, str]) -> list[NDArray[np.float64]]:
    """Gradients by layer and quantity, with the current weights."""
    quantities = sorted({quantity for _, quantity in wanted})
    e.notebook.execute(f"found = engine.compute(x, y, quantities={quantities})")
    return arrays(e, f"[found[key].values for key in {list(wanted)}]")


def expect_weights(e: ExplorerPage, found: list[NDArray[np.float64]]) -> None:
    """Kernel, recurrent kernel and bias, upper to lower, in the colours of one range."""
    limit = auto_limit(np.concatenate([matrix.ravel() for matrix in found[:2]]).astype(np.float32))
    for index, matrix in enumerate(found[:2]):
        e.expect_picture(matrix, (-limit, limit), kind="weights", index=index)
    expect_bias(e, np.atleast_2d(found[2]), len(found[1]), (-limit, limit))


@patiently
def expect_bias(
    e: ExplorerPage, rows: NDArray[np.float64], units: int, norm: tuple[float, float]
) -> None:
    """The thin panel, where the name of a gate takes the first of its places."""
    shot, wanted = e.look("weights", 2), colours(rows, norm)
    for row, column in np.ndindex(rows.shape):
        seen = shot.cell(row, column, rows.shape)
        assert column % units == 0 or close(seen, wanted[row, column]), (row, column, seen)


def expect_gates(e: ExplorerPage, gates: list[str]) -> None:
    """The border of each gate must be where its columns begin, in every matrix."""
    for index in range(3):
        figure = e.root.locator(".rnngrad-figure-weights").nth(index)
        assert figure.locator(".rnngrad-gate").all_text_contents() == gates
        width = e.area("weights", index)["width"]
        lines = figure.locator(".rnngrad-gate-border")
        places = [
            float(str(x)) for x in lines.evaluate_all("xs => xs.map(l => l.getAttribute('x1'))")
        ]
        wanted = [i * width / len(gates) for i in range(1, len(gates))]
        np.testing.assert_allclose([x for x in places if x > 0], wanted, atol=1)


@contextlib.contextmanager
def busy(e: ExplorerPage) -> Iterator[None]:
    """Keep the kernel busy; its status would not tell, as messages go round a busy cell."""
    end = e.notebook.server.notebooks / "the-end"
    e.notebook.execute(
        """
from pathlib import Path
while not Path("the-end").exists():
    time.sleep(0.05)
Path("the-end").rename("ended")""",
        wait=False,
    )
    yield
    end.touch()
    eventually(end.with_name("ended").exists, True, "the end of the work")
    end.with_name("ended").unlink()


def test_weights_gate_by_gate_and_two_flows(lab: Lab) -> None:
    e = ExplorerPage(lab.open([MODEL], viewport=(1300, 900)))
    check_flows(e)
    check_weights(e)


def check_weights(e: ExplorerPage) -> None:
    """Values and gradients, layers, directions, and the current weights."""
    e.button("Weights").click()
    captions = e.root.locator(".rnngrad-section-caption")
    captions.first.wait_for(timeout=60_000)  # the gradients of weights are traced first
    assert captions.first.text_content() == "Weight w of kernel by feature"
    before = arrays(e, "model.get_layer('lstm').get_weights()")
    expect_weights(e, before)
    expect_gates(e, ["i", "f", "c", "o"])
    e.button("gradients").click()
    expect_weights(e, gradients(e, *((f"lstm/{name}", "weight_gradient") for name in WEIGHTS)))
    e.button("values").click()

    e.notebook.execute("model.fit(x, y, epochs=2, verbose=0)")
    e.root.locator(".rnngrad-choices button.rnngrad-icon").first.click()
    after = arrays(e, "model.get_layer('lstm').get_weights()")
    assert np.abs(after[0] - before[0]).max() > 0.05
    expect_weights(e, after)

    e.notebook.execute("e.layer = 'bi'")
    e.expect_trait("view", "weights")
    expect_weights(e, arrays(e, "model.get_layer('bi').forward_layer.get_weights()"))
    expect_gates(e, ["z", "r", "h"])
    e.button("backward").click()
    expect_weights(e, arrays(e, "model.get_layer('bi').backward_layer.get_weights()"))


def check_flows(e: ExplorerPage) -> None:
    """Direct over total gradient, of the same sample."""
    e.notebook.execute("e.view = 'flow'")
    e.expect_text("flow-view-caption", DIRECT)
    quantities = ("output_gradient", "hidden_gradient")
    found = gradients(e, *(("lstm", quantity) for quantity in quantities))
    output, hidden = (np.linalg.norm(values, axis=-1) for values in found)
    expect_flow(e, output, 0, index=0, beside=[hidden])
    expect_flow(e, hidden, 0, index=1, beside=[output])
    e.press("sample", "ArrowRight")
    expect_flow(e, output, 1, index=0, beside=[hidden])
    expect_flow(e, hidden, 1, index=1, beside=[output])


@pytest.mark.long
def test_views_are_as_high_as_one_another_and_turn_while_the_kernel_is_busy(lab: Lab) -> None:
    e = ExplorerPage(lab.open([SOURCE, "1"], viewport=(1700, 1000)))
    plots = e.root.locator(".rnngrad-plots")
    output = e.notebook.page.locator(".jp-OutputArea-output").first
    around = 1700 - (output.bounding_box() or {})["width"]
    below = e.notebook.page.locator(".jp-Notebook .jp-CodeCell").nth(1)

    def width() -> float:
        return float((output.bounding_box() or {})["width"])

    e.notebook.execute("e.view = 'weights'; e.view = 'flow'; e.view = 'heat map'")

    def heights() -> tuple[float, float]:
        e.notebook.page.evaluate("() => new Promise(requestAnimationFrame)")
        box, next_ = plots.bounding_box(), below.bounding_box()
        assert box
        assert next_
        return round(box["height"], 1), round(next_["y"] - box["y"], 1)

    for layer in ("lstm", "bi"):
        e.notebook.execute(f"e.layer = {layer!r}; e.view = 'weights'; e.view = 'heat map'")
        for wanted in (1200, 720):
            e.notebook.page.set_viewport_size({"width": int(wanted + around), "height": 1000})
            eventually(width, float(wanted), "the width of the output")
            e.notebook.settle()
            first = heights()
            for view in ("All samples", "Curves", "Flow", "Histogram", "Weights", "Heat map"):
                e.button(view).click()
                eventually(heights, first, f"heights of {view}, {layer} at {wanted} px, and below")

    e.button("Heat map").click()
    e.expect_trait("view", "heat map")
    e.notebook.execute("e.sample, e.channel = 2, 1; e.norm = (-0.1, 0.1)")
    (values,) = arrays(e, "[e.tensor.values]")
    with busy(e):
        e.button("All samples").click()
        expect_maps(e, {s: picture(values, s) for s in range(4)}, (-0.1, 0.1))
        e.button("Curves").click()
        e.expect_text("curve-caption", "Gradient g of channel 1, forward")
        assert e.text("sample") == "2"
        e.button("Heat map").click()
        e.expect_picture(picture(values, 2)[2:], (-0.1, 0.1), kind="half", index=0)
        # what only Python can do waits, and says so
        assert e.text("progress") == ""
        e.root.locator("select").nth(1).select_option(index=1)
        eventually(lambda: e.text("progress")[:22], "Waiting for the kernel", "the progress line")
    eventually(lambda: e.text("progress"), "", "the progress line")
    e.expect_trait("quantity", "hidden_gradient")
    e.expect_trait("view", "heat map")
    e.expect_trait("sample", 2)

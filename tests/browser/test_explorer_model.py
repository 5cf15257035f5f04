"""An explorer of a model: layers, new weights, errors, and what a name may hold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from tests.browser.explorer_page import TOLERANCE, ExplorerPage, close, colours, eventually, picture

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from playwright.sync_api import Locator

    from tests.browser.lab import Lab

MODEL = """
import json
import keras
import numpy as np
from rnngrad_widgets import GradientEngine, GradientExplorer

keras.utils.set_random_seed(7)
inputs = keras.Input((8, 3))
h = keras.layers.LSTM(4, return_sequences=True, name="lstm")(inputs)
h = keras.layers.Bidirectional(keras.layers.GRU(3, return_sequences=True), name="bi")(h)
h = keras.layers.SimpleRNN(5, name="last")(h)
model = keras.Model(inputs, keras.layers.Dense(1)(h))
model.compile(loss="mse", optimizer="sgd")
rng = np.random.default_rng(3)
x, y = rng.normal(size=(4, 8, 3)), rng.normal(size=(4, 1))
engine = GradientEngine(model)  # one of its own: what the explorer must show
e = GradientExplorer(model, x, y, quantity="output_gradient")
e
"""
EVIL = "</script><img onerror=alert(1) src=x>"
ANY_SOURCE = f"""
import numpy as np
from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor

from rnngrad_widgets.explorer.source import Source

class FakeSource(Source):
    def layers(self):
        return {{name: name for name in ({EVIL!r}, "other")}}
    def resolve(self, layer):
        return layer or {EVIL!r}
    def quantities(self, layer):
        return ("output_gradient",)
    def compute(self, layer, quantity):
        if layer == "other":
            raise RuntimeError("<b>no</b> " + {EVIL!r})
        return {{"": GradientTensor(np.ones((2, 3, 4)), SEQUENCE, layer, quantity)}}

e = GradientExplorer.from_source(FakeSource(), None, "output_gradient")
e
"""
COUNT = "from ipywidgets.widgets import widget; print(len(widget._instances))"


def gradients(
    e: ExplorerPage, layer: str, quantity: str = "output_gradient"
) -> NDArray[np.float64]:
    """Gradients of a layer, with the current weights, without the explorer."""
    computed = f"engine.compute(x, y, quantities={quantity!r})[{layer!r}, {quantity!r}]"
    computed += ".values.tolist()"
    return np.array(json.loads(e.notebook.execute(f"print(json.dumps({computed}))")))


def norm_of(e: ExplorerPage) -> tuple[float, float]:
    """The colour range in the kernel."""
    vmin, vmax = e.kernel("selection.norm")
    return vmin, vmax


def expect_lstm(e: ExplorerPage, sample: int = 0) -> None:
    """One heat map, of the first layer."""
    e.expect_trait("layer", "lstm")
    e.expect_picture(picture(gradients(e, "lstm"), sample), norm_of(e))
    assert e.text("summary").startswith("lstm · ")


def expect_halves(e: ExplorerPage, sample: int, *, reflect: bool = False) -> None:
    """Two heat maps, the backward half above the forward one."""
    e.expect_trait("layer", "bi")
    values = picture(gradients(e, "bi"), sample, reflect=reflect)
    e.expect_picture(values[3:], norm_of(e), kind="half", index=0)
    e.expect_picture(values[:3], norm_of(e), kind="half", index=1)
    assert e.text("summary").startswith("bi · ")


def option(dropdown: Locator, part: str) -> str:
    """The label of the one option that holds a text."""
    (label,) = [x for x in dropdown.locator("option").all_text_contents() if part in plain(x)]
    return label


def plain(label: str) -> str:
    """A label without the no-break spaces that ipywidgets puts into it."""
    return label.replace("\xa0", " ")


def selected_layer(e: ExplorerPage) -> str:
    """What the layer dropdown says."""
    label: str = e.dropdown("layer").evaluate("select => select.selectedOptions[0].label")
    return plain(label)


def test_the_layer_dropdown_shows_each_layer_in_its_way(lab: Lab) -> None:
    e = ExplorerPage(lab.open([MODEL]))
    expect_lstm(e)
    layer = e.dropdown("layer")
    labels = layer.locator("option").all_text_contents()
    assert [plain(label) for label in labels] == [
        *("lstm  LSTM 4", "bi  GRU 2 × 3", "last  SimpleRNN 5"),
    ]

    layer.select_option(label=labels[1])
    expect_halves(e, 0)
    e.press("sample", "ArrowRight")
    expect_halves(e, 1)
    e.button("processing order").click()
    expect_halves(e, 1, reflect=True)
    e.button("time order").click()
    expect_halves(e, 1)

    layer.press("ArrowDown")
    e.expect_trait("layer", "last")
    eventually(lambda: "4 × 5, no time axis" in e.text("summary"), True, "the summary of 'last'")
    e.plot("scatter").wait_for()
    assert not e.plot("half").is_visible()
    assert not e.button("processing order").is_visible()

    e.notebook.execute("e.layer = 'lstm'")
    expect_lstm(e, sample=1)
    assert selected_layer(e) == "lstm  LSTM 4"

    quantity = e.dropdown("quantity")
    quantity.select_option(label=option(quantity, "hidden state (total"))
    e.expect_trait("quantity", "hidden_gradient")
    values = gradients(e, "lstm", "hidden_gradient")
    both = [colours(v[1], norm_of(e)) for v in (values, gradients(e, "lstm"))]
    assert not close(*both, tolerance=2 * TOLERANCE), "else they could not be told apart"
    e.expect_picture(picture(values, 1), norm_of(e))

    quantity.select_option(label="weights")
    e.dropdown("part").select_option(label="recurrent_kernel")
    e.expect_trait("part", "recurrent_kernel")
    kernel = "print(model.get_layer('lstm').cell.recurrent_kernel.numpy().tolist())"
    values = np.array(json.loads(e.notebook.execute(kernel)))
    assert values.shape == (4, 16)
    e.expect_picture(values, norm_of(e))

    # All three views have been made, one is shown: closing must leave nothing of any.
    assert int(e.notebook.execute(COUNT)) == e.notebook.widget_model_count() > 0
    e.notebook.execute("e.close()")
    assert int(e.notebook.execute(COUNT)) == 0
    eventually(e.notebook.widget_model_count, 0, "the browser's count of models")

    e.notebook.run_cell(0)  # the same cell: TensorFlow is there already
    refresh_takes_the_weights_of_now_and_a_failure_keeps_the_picture(e)


def refresh_takes_the_weights_of_now_and_a_failure_keeps_the_picture(e: ExplorerPage) -> None:
    """Recompute, also where that fails, of a model and an explorer that are new."""
    refresh = e.root.locator(".rnngrad-kernel.rnngrad-icon")
    before = gradients(e, "lstm")
    e.notebook.execute("model.fit(x, y, epochs=3, verbose=0)")
    assert np.abs(gradients(e, "lstm") - before).max() > 0.05 * np.abs(before).max()
    e.expect_picture(picture(before, 0), norm_of(e))
    refresh.click()
    e.expect_trait("step", 3)
    expect_lstm(e)

    e.notebook.execute(
        "def fail(*_): raise RuntimeError('no memory')\n"
        "compute, e.source.compute = e.source.compute, fail"
    )
    told = "RuntimeError no memory"
    refresh.click()
    e.expect_text("message", told)
    expect_lstm(e)
    e.notebook.execute("e.clear_message()")
    e.expect_text("message", "")
    e.dropdown("layer").press("ArrowDown")
    e.expect_text("message", told)
    expect_lstm(e)
    eventually(lambda: selected_layer(e), "lstm  LSTM 4", "the layer dropdown")

    e.notebook.execute("e.source.compute = compute")
    e.dropdown("layer").press("ArrowDown")
    expect_halves(e, 0)
    e.expect_text("message", "")


def test_names_and_messages_are_text_and_not_markup(lab: Lab) -> None:
    e = ExplorerPage(lab.open([ANY_SOURCE]))
    alerts: list[str] = []
    e.notebook.page.on("dialog", lambda dialog: alerts.append(dialog.message))
    assert selected_layer(e) == EVIL
    assert e.text("summary").startswith(f"{EVIL} · ")
    e.dropdown("layer").select_option(label="other")
    e.expect_text("message", f"RuntimeError <b>no</b> {EVIL}")
    eventually(lambda: selected_layer(e), EVIL, "the layer dropdown")
    e.expect_picture(np.ones((4, 3)), (-1.0, 1.0))
    assert e.root.locator("img, script").count() == 0
    assert alerts == []

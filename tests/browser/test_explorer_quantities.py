"""Weights, gates and the flow: what else than a gradient over channels is shown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np

from tests.browser.explorer_page import ExplorerPage, eventually, flow_axis, show

if TYPE_CHECKING:
    from tests.browser.lab import Lab

WEIGHTS = """
import json
import numpy as np
from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import GradientTensor

rng = np.random.default_rng(5)
kernel, bias = rng.normal(size=(3, 8)), rng.normal(size=8)

from rnngrad_widgets.explorer.source import Source

class FakeSource(Source):
    def layers(self):
        return {"lstm": "lstm  LSTM 2"}
    def resolve(self, layer):
        return "lstm"
    def quantities(self, layer):
        return ("weight",)
    def compute(self, layer, quantity):
        gates = ("i", "f", "c", "o")
        dims = ("feature", "channel")
        return {
            "kernel": GradientTensor(kernel, dims, "lstm/kernel", "weight", gates=gates),
            "bias": GradientTensor(bias, ("channel",), "lstm/bias", "weight", gates=gates),
        }

e = GradientExplorer.from_source(FakeSource(), None, "weight")
e
"""


def limit_of(e: ExplorerPage) -> tuple[float, float]:
    vmin, vmax = e.kernel("selection.norm")
    return vmin, vmax


def test_weights_have_features_as_rows_and_channels_gate_by_gate_as_columns(lab: Lab) -> None:
    e = ExplorerPage(lab.open([WEIGHTS]))
    kernel = np.array(json.loads(e.notebook.execute("print(json.dumps(kernel.tolist()))")))
    e.expect_picture(kernel, limit_of(e))

    heat = e.area("heat")
    borders = e.root.locator(".rnngrad-figure-heat .rnngrad-gate-border").all()
    places = [float(border.get_attribute("x1") or 0) / heat["width"] for border in borders]
    np.testing.assert_allclose(places, [0.25, 0.5, 0.75], atol=2e-3)
    gates = e.root.locator(".rnngrad-figure-heat .rnngrad-gate").all_text_contents()
    assert gates == ["i", "f", "c", "o"]

    e.plot("heat").hover(position={"x": 3.5 / 8 * heat["width"], "y": heat["height"] / 6})
    eventually(lambda: "gate f, channel 1 · feature 2 · w" in e.text("hover"), True, "the readout")

    e.root.locator(".rnngrad-choices select").nth(2).select_option("bias")
    e.expect_trait("part", "bias")
    bias = np.array(json.loads(e.notebook.execute("print(json.dumps([bias.tolist()]))")))
    e.expect_picture(bias, limit_of(e))


def test_the_flow_is_the_norm_over_channels_and_says_what_is_not_reached(lab: Lab) -> None:
    rng = np.random.default_rng(2)
    decay = 10.0 ** -np.array([12, 11, 10, 5, 3, 2, 1, 0])
    array = rng.normal(size=(5, 8, 6)) * decay[:, None]
    e = ExplorerPage(lab.open([show(array, "sample=2, channel=1")]))
    norms = np.linalg.norm(array, axis=-1)
    top, decades = flow_axis(norms)
    area = e.area("flow")
    dot = e.root.locator(".rnngrad-figure-flow .rnngrad-dot").nth(1)  # the cursor has none here

    for timestep in (7, 4):
        e.notebook.execute(f"e.selection.timestep = {timestep}")
        wanted = (top - np.log10(norms[2, timestep])) / decades * area["height"]
        eventually(
            lambda wanted=wanted: abs(float(dot.get_attribute("cy") or -1) - wanted) < 1,
            True,
            "the dot at the norm",
        )

    medians = np.median(norms, axis=0) / norms.max()
    assert (medians < 1e-8).tolist() == [True] * 3 + [False] * 5
    wash = e.root.locator(".rnngrad-figure-flow .rnngrad-band").nth(1)
    assert abs(float(wash.get_attribute("width") or 0) - 3 / 8 * area["width"]) < 1
    text = e.root.locator(".rnngrad-figure-flow text", has_text="does not reach").text_content()
    assert text == "does not reach: timesteps 0–2"

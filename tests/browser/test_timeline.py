"""The timeline: scrubbing, playing, comparing, and snapshots that come while a cell runs."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer, diagnose
from rnngrad_widgets.data.statistics import auto_limit
from rnngrad_widgets.explorer.summary import scientific
from tests.browser.engines import Chromium
from tests.browser.explorer_page import (
    TOLERANCE,
    ExplorerPage,
    close,
    colours,
    eventually,
    number,
    patiently,
    picture,
    rgb,
)
from tests.browser.html_page import PageView
from tests.browser.lab import DARK, LIGHT

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Browser, Locator

    from tests.browser.lab import Lab, Theme

SHAPE = (2, 8, 4)
SIZE = 4 * 2 * 8 * 4

# An explorer without a model: TensorFlow takes seconds to import.
SOURCE = f"""
import numpy as np
from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor

def tensor(step, quantity="output_gradient"):
    # gradient that reaches one timestep further back with every ten steps
    values = np.random.default_rng(step).normal(size={SHAPE}).astype("float32")
    values *= 10.0 ** np.minimum(0, np.arange(8) - 7 + step // 10)[:, None]
    values[:, : max(0, 4 - step // 10)] = 0
    return GradientTensor(values, SEQUENCE, "lstm", quantity, step=step, loss=2 / (1 + step / 10))

from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.source import Source

class FakeSource(Source):
    def layers(self):
        return {{"lstm": "lstm  LSTM 4"}}
    def resolve(self, layer):
        return "lstm"
    def quantities(self, layer):
        return ("output_gradient", "hidden_gradient")
    def compute(self, layer, quantity):
        return {{"": tensor(1000, quantity)}}

def make(room):
    return GradientExplorer.from_source(
        FakeSource(), None, "output_gradient", budget=room * {SIZE}
    )

def take(*steps):
    for step in steps:
        e.add_snapshot({{"": tensor(step)}}, step, RunStatus(f"step {{step}}", step))
"""
COUNT = "from ipywidgets.widgets import widget; print(len(widget._instances))"


def run(room: int, *steps: int) -> list[str]:
    """Cells that show an explorer with snapshots of some steps."""
    return [f"{SOURCE}\ne = make({room})\ne", f"take({', '.join(map(str, steps))})"]


BELOW = {LIGHT: "#f1f1ef", DARK: "#1c1c1c"}
SEQUENTIAL = {
    LIGHT: ("#f4f8f7", "#d9eae6", "#b4d6cf", "#86beb5", "#57a39a", "#2f857d", "#136762"),
    DARK: ("#1d2b29", "#1b3f3b", "#1c544e", "#216b62", "#2d8478", "#459d8e", "#6ab8a6"),
}


def map_colours(
    arrays: list[NDArray[np.float64]], theme: Theme, *, absolute: bool = False
) -> NDArray[np.float64]:
    """Colours of the map, (steps, timesteps, RGB): the median norm over eight decades.

    Of the largest norm of each step, or of the run.
    """
    norms = np.array([np.linalg.norm(array, axis=-1) for array in arrays])
    largest = norms.max(axis=None if absolute else (1, 2), keepdims=True)
    with np.errstate(divide="ignore"):
        places = np.log10(np.median(norms / largest, axis=1))
    stops = np.array([rgb(stop) for stop in SEQUENTIAL[theme]])
    found = np.stack(
        [np.interp(places, np.linspace(-8, 0, len(stops)), stop) for stop in stops.T], axis=-1
    )
    found[places < -8] = rgb(BELOW[theme])
    return found


def snapshots_of(scrubber: Locator) -> int:
    """How many snapshots a page has, as its scrubber says."""
    return int((scrubber.get_attribute("title") or "0").split()[0])


class TimelinePage(ExplorerPage):
    """An explorer with a timeline."""

    @property
    def range(self) -> Locator:
        """The scrubber."""
        return self.root.get_by_role("slider", name="training step")

    def array(self, step: int) -> NDArray[np.float64]:
        """What the kernel made for a step."""
        made = f"print(tensor({step}).values.tolist())"
        return np.array(json.loads(self.notebook.execute(made)), dtype=np.float32).astype(float)

    def expect_step(self, step: int) -> None:
        """Wait until the picture, the words and the kernel are at a step."""
        values = self.array(step)
        limit = auto_limit(values)
        self.expect_picture(picture(values, 0), (-limit, limit))
        told = f"training step {step:,} · "
        eventually(lambda: self.readout.startswith(told), True, f"that the readout tells {told}")
        largest = f"max |g| {scientific(np.abs(values).max())} "
        eventually(lambda: largest in self.root.locator(".rnngrad-summary").inner_text(), True, "")
        self.expect_trait("step", step)
        assert self.range.get_attribute("aria-valuetext") == f"training step {step}"

    @property
    def readout(self) -> str:
        """The words about the step that is shown; empty while a narrow panel shortens them."""
        texts = self.root.locator(".rnngrad-figure-losses text.rnngrad-label").all_text_contents()
        return next((text for text in texts if text.startswith("training step")), "")

    def click_at(self, kind: Any, x: float) -> None:
        """Click into a panel of the timeline, at a share of its width."""
        area = self.area(kind)
        self.notebook.page.mouse.click(
            area["x"] + x * area["width"], area["y"] + area["height"] / 2
        )

    def expect_map(self, steps: list[int], theme: Theme = LIGHT, *, absolute: bool = False) -> None:
        """Wait until the map has the colours that numpy predicts, beside the line of the step."""
        arrays = [self.array(step) for step in steps]
        wanted = map_colours(arrays, theme, absolute=absolute)

        @patiently
        def check() -> None:
            shot = self.look("run-map")
            width, height = shot.area["width"], shot.area["height"]
            span = steps[-1] - steps[0]
            x = [(step - steps[0] + (2 if step != steps[-1] else -2)) / span for step in steps]
            y = [1 - (t + 0.5) / 8 for t in range(8)]
            seen = np.array([[shot.at(a * width, b * height) for b in y] for a in x])
            np.testing.assert_allclose(seen, wanted, rtol=0, atol=TOLERANCE)

        check()

    def pictures_kept(self) -> int:
        """How many snapshots the browser has."""
        return snapshots_of(self.range)


STEPS = list(range(0, 80, 10))


def check_map(e: TimelinePage) -> None:
    """Relative to each step or to the run, with the value under the pointer."""
    e.button("whole run").click()
    e.expect_map(STEPS, absolute=True)
    e.button("each step").click()
    e.expect_map(STEPS)
    area = e.area("run-map")
    x, y = area["x"] + 5 / 7 * area["width"], area["y"] + (1 - 6.5 / 8) * area["height"]
    e.notebook.page.mouse.move(x, y)
    norms = np.linalg.norm(e.array(50), axis=-1)
    value, share = (
        number(v) for v in (np.median(norms[:, 6]), np.median(norms[:, 6]) / norms.max())
    )
    told = f"step 50 · timestep 6 · ‖g‖ {value}, {share} of the step"
    text = e.root.locator(".rnngrad-figure-run-map text", has_text=told)
    eventually(text.count, 1, told)


def test_scrubbing_with_mouse_and_keys(lab: Lab) -> None:
    e = TimelinePage(lab.open(run(100, *STEPS), viewport=(1280, 1200)))
    e.expect_step(70)
    e.expect_map(STEPS)
    assert e.text("status") == "step 70 · 8 snapshots"

    # the scrubber
    e.range.focus()
    e.range.press("ArrowLeft")
    e.expect_step(60)
    assert not e.root.get_by_label("follow").is_checked()
    e.range.press("Shift+ArrowLeft")
    e.expect_step(0)
    box = e.range.bounding_box()
    assert box is not None
    e.notebook.page.mouse.click(box["x"] + box["width"] * 3 / 7, box["y"] + box["height"] / 2)
    e.expect_step(30)

    check_map(e)

    # the panels, and the line that says where
    e.click_at("run-map", 0.99 * 5 / 7)
    e.expect_step(50)
    e.click_at("losses", 0.2)
    e.expect_step(10)
    e.plot("run-map").press("ArrowRight")
    e.expect_step(20)
    area, line = e.area("run-map"), e.root.locator(".rnngrad-figure-run-map .rnngrad-cross").first
    placed = line.bounding_box()
    assert placed is not None
    assert abs(placed["x"] - area["x"] - 2 / 7 * area["width"]) < 1.5

    # Python
    e.notebook.execute("e.step = 40")
    e.expect_step(40)
    e.notebook.execute("take(80)")
    eventually(e.pictures_kept, 9, "the number of snapshots")
    e.expect_step(40)
    e.root.get_by_label("follow").check()
    e.expect_step(80)
    e.notebook.execute("take(90)")
    e.expect_step(90)
    e.notebook.execute("e.norm = (-3, 3); e.step = 50; e.norm = 'auto'")
    e.expect_step(50)
    assert e.kernel("norm") == "auto"

    # another quantity, and back
    e.notebook.execute("e.quantity = 'hidden_gradient'")
    e.expect_picture(picture(e.array(1000), 0), e.kernel("selection.norm"))
    assert e.root.locator(".rnngrad-timeline").count() == 0
    e.notebook.execute("e.quantity = 'output_gradient'")
    e.expect_step(50)

    # a refresh is a step of its own, the latest
    e.root.get_by_title("recompute").click()
    e.expect_step(1000)


@pytest.mark.long
def test_the_thumb_is_on_the_axis_of_the_plots(lab: Lab) -> None:
    e = TimelinePage(lab.open(run(100, 0, 10, 90, 200), viewport=(1280, 1200)))
    e.expect_step(200)
    assert e.pictures_kept() == 4
    thumb = "({ value, min, max }) => [value, min, max].map(Number)"
    box, area = e.range.bounding_box(), e.area("run-map")
    assert box is not None
    ends = box["x"] + 8 - area["x"], box["x"] + box["width"] - 8 - area["x"] - area["width"]
    assert max(map(abs, ends)) < 1, "half a thumb beyond the plot"
    e.range.click(position={"x": 0.55 * box["width"], "y": box["height"] / 2})  # 110, next to 90
    e.expect_step(90)
    assert e.range.evaluate(thumb) == [90, 0, 200]
    e.range.press("ArrowLeft")
    e.expect_step(10)
    assert e.range.evaluate(thumb) == [10, 0, 200]
    for key, step in (("End", 200), ("Home", 0)):
        e.range.press(key)
        e.expect_step(step)


@pytest.mark.long
def test_playing_stops_at_the_end(lab: Lab) -> None:
    e = TimelinePage(lab.open(run(100, 0, 10, 20)))
    e.expect_step(20)
    e.notebook.execute("told = []; e.observe(lambda change: told.append(change['new']), 'step')")
    e.root.get_by_label("play").click()
    stop = e.root.get_by_label("pause")
    eventually(lambda: e.notebook.execute("print(told)"), "[0, 10, 20]\n", "the steps played")
    eventually(stop.count, 0, "the buttons that pause")
    e.expect_step(20)
    e.range.focus()
    e.range.press("Space")
    again = "[0, 10, 20, 0, 10, 20]\n"
    eventually(lambda: e.notebook.execute("print(told)"), again, "the steps played by the key")


def test_two_steps_are_compared(lab: Lab) -> None:
    e = TimelinePage(lab.open(run(6, *STEPS[:6]), viewport=(1280, 1200)))
    e.expect_step(50)
    e.notebook.execute("e.step = 10")
    e.button("pin as A").click()
    e.root.locator(".rnngrad-figure-run-map").wait_for()
    e.notebook.execute("e.step = 40")
    e.expect_step(40)
    a, b = e.array(10), e.array(40)
    assert not close(*(colours(x[0], (-1, 1)) for x in (b, b - a)), tolerance=2 * TOLERANCE)

    e.button("step − A").click()
    limit = auto_limit(b - a)
    e.expect_picture(picture(b - a, 0), (-limit, limit))
    e.expect_text("heat-caption", "Gradient g, step 40 minus step 10 by channel, sample 0")
    e.button("A").click()
    limit = auto_limit(a)
    e.expect_picture(picture(a, 0), (-limit, limit))
    assert "step 10" in e.text("heat-caption")
    eventually(lambda: e.readout.endswith(" · A: step 10"), True, "that the readout tells of A")

    # what is thinned out is not compared any more
    e.button("step − A").click()
    e.notebook.execute("take(60)")
    eventually(e.pictures_kept, 4, "the number of snapshots")
    a, b = e.array(0), e.array(40)
    limit = auto_limit(b - a)
    e.expect_picture(picture(b - a, 0), (-limit, limit))
    e.expect_text("heat-caption", "Gradient g, step 40 minus step 0 by channel, sample 0")

    # in a narrow window the words go to a line of their own
    e.notebook.page.set_viewport_size({"width": 640, "height": 1400})
    e.notebook.settle()
    cut = "el => [el.scrollWidth - el.clientWidth, el.textContent.length]"
    status = e.root.locator(".rnngrad-status")
    eventually(lambda: status.evaluate(cut)[0], 0, "pixels of the status that are cut")
    assert status.evaluate(cut)[1] > 10
    e.notebook.page.set_viewport_size({"width": 1280, "height": 1200})

    e.button("A: step 0").click()
    e.expect_step(40)
    e.expect_text("heat-caption", "Gradient g by channel, sample 0")


def test_a_reload_restores_it_and_the_budget_bounds_it(lab: Lab) -> None:
    e = TimelinePage(lab.open(run(4, 0, 10, 20), viewport=(1280, 1200)))
    notebook = e.notebook
    e.expect_step(20)
    count = notebook.widget_model_count()
    # a step that is chosen in the cell that took it is not lost to those that were followed before
    notebook.execute("take(*range(30, 310, 10)); e.step = 160")
    e.expect_step(160)
    e.root.get_by_label("follow").check()
    e.expect_step(300)
    assert int(notebook.execute(COUNT)) == notebook.widget_model_count() <= count + 1
    kept = [0, 160, 300]
    assert notebook.execute("print(len(e.snapshots), [s.step for s in e.snapshots])") == (
        f"3 {kept}\n"
    )
    e.expect_map(kept)
    assert e.text("status") == "step 300 · 3 of 31 snapshots in the timeline"
    e.notebook.execute("e.step = 160")
    e.expect_step(160)

    notebook.save()
    notebook.reload()
    e.expect_step(160)
    assert e.pictures_kept() == 3
    e.expect_map(kept)
    notebook.execute("e.close()")
    assert int(notebook.execute(COUNT)) == 0
    eventually(notebook.widget_model_count, 0, "the browser's count of models")


@pytest.mark.long
def test_dark_and_narrow(lab: Lab) -> None:
    e = TimelinePage(lab.open(run(100, *STEPS), viewport=(1000, 1200)))
    e.notebook.set_theme(DARK)
    e.expect_map(STEPS, DARK)
    label = e.root.locator(".rnngrad-scrub-row label")
    narrow = "el => el.closest('.rnngrad-explorer').clientWidth"
    assert label.evaluate(narrow) < 900
    assert label.evaluate("el => el.scrollWidth <= el.clientWidth")
    assert label.inner_text() == "follow"
    for kind in ("losses", "run-map"):
        texts = e.root.locator(f".rnngrad-figure-{kind} text")
        for text, box in [(t.text_content(), t.bounding_box()) for t in texts.all()]:
            whole = e.root.bounding_box()
            assert whole is not None
            if box is not None and text:
                assert box["x"] + box["width"] <= whole["x"] + whole["width"] + 0.5, text
    e.notebook.execute("e.layout.width = '330px'")
    e.notebook.settle()
    texts = e.root.locator(".rnngrad-figure-losses text.rnngrad-label").all()
    caption, readout = [t for t in texts if t.text_content()]
    assert (caption.text_content() or "").startswith("Loss")
    ends, begins = caption.bounding_box(), readout.bounding_box()
    assert ends
    assert begins
    assert ends["x"] + ends["width"] < begins["x"]


FLOOD = """
import sys, threading, time
def big(step):
    values = np.full((8, 256, 128), step + 1, "float32")  # 1 MB
    return GradientTensor(values, SEQUENCE, "lstm", "output_gradient", step=step, loss=1.0)
line, end = "x" * 9999 + "\\n", time.monotonic() + 3.5
for step in range(14):
    e.add_snapshot({"": big(step)}, step, "")
    while time.monotonic() < end - 3.5 + (step + 1) / 4:
        sys.stdout.write(line * 10)  # 4 MB/s
        sys.stdout.flush()
        time.sleep(0.025)
"""


@pytest.mark.long
def test_all_snapshots_arrive_while_a_cell_prints(lab: Lab) -> None:
    show = SOURCE + "e = make(10**6)\ne"
    e = TimelinePage(lab.open([show, FLOOD], viewport=(1280, 1200)))
    eventually(e.pictures_kept, 14, "the number of snapshots")
    shot = e.look("run-map")
    row = np.array([shot.at(x, 30) for x in range(8, int(shot.area["width"]) - 8, 8)])
    assert not (row == rgb(BELOW[LIGHT])).all(axis=-1).any(), "each with its array"
    assert "IOPub data rate exceeded" in str(e.notebook.outputs[1]), "else nothing was dropped"


LIVE = """
import pathlib, time
import keras
import numpy as np
from rnngrad_widgets import GradientEngine, GradientExplorer

keras.utils.set_random_seed(7)
model = keras.Sequential([
    keras.Input((8, 3)),
    keras.layers.SimpleRNN(4, return_sequences=True, name="rnn"),
    keras.layers.SimpleRNN(2, name="last"),
    keras.layers.Dense(1),
])
model.compile(loss="mse", optimizer="adam", run_eagerly=True)
x, y = np.random.normal(size=(4, 8, 3)), np.random.normal(size=(4, 1))
e = GradientExplorer(model, x, y)
e
"""
FIT = """
engine = GradientEngine(model)  # one of its own: what the explorer must show

class Hold(keras.callbacks.Callback):
    "Notes the gradient, and holds the cell until it is told to go on."

    def on_train_batch_begin(self, batch, logs=None):
        if batch in (0, 4):
            found = engine.compute(x, y, layers="rnn")["rnn", "output_gradient"]
            np.save(f"NAME-{batch}.npy", found.values)
        if batch == 6:
            pathlib.Path("NAME-held").touch()
            while pathlib.Path("NAME-held").exists():
                time.sleep(0.02)

live = e.live(every=4, max_overhead=None)
X, Y = np.repeat(x, 3, axis=0), np.repeat(y, 3, axis=0)
history = model.fit(X, Y, batch_size=1, verbose=0, callbacks=[Hold(), live])
"""


def wait_for(file: Path) -> None:
    """Wait for what a kernel does that has to trace its functions first."""
    end = time.monotonic() + 60
    while not file.exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert file.exists()


def test_the_picture_changes_while_the_model_trains(lab: Lab, tmp_path: Path) -> None:
    name = str(tmp_path / "run")
    notebook = lab.open([LIVE, FIT.replace("NAME", name)], run=False)
    e = TimelinePage(notebook)
    notebook.page.set_viewport_size({"width": 1280, "height": 1200})
    notebook.run_cell(0)
    e.expect_trait("step", 0)
    notebook.run_cell(1, wait=False)
    held = tmp_path / "run-held"
    wait_for(held)

    # the kernel is busy; what it shows is of step 4, the last that was taken
    def expect(step: int, sample: int) -> None:
        values = np.load(f"{name}-{step}.npy")
        limit = auto_limit(values)
        e.expect_picture(picture(values, sample), (-limit, limit))

    expect(4, 0)
    assert e.text("status").startswith("step 4 · loss ")
    assert " · 2 snapshots · " in e.text("status")
    assert "% of training time" in e.text("status")
    e.press("sample", "ArrowRight")
    expect(4, 1)
    e.range.press("ArrowLeft")
    expect(0, 1)
    assert held.exists(), "the cell is still running"

    held.unlink()
    notebook.wait_until_idle()
    assert e.pictures_kept() == 4
    assert e.text("status").startswith("latest: step 12 · ")
    expect(0, 1)
    e.expect_trait("step", 0)
    e.expect_trait("sample", 1)
    assert notebook.execute("print(len(history.history['loss']))") == "1\n"

    # an error is said where the gradients are
    notebook.execute("e.source.snapshot = lambda *_: 1 / 0")
    notebook.run_cell(1, wait=False)
    e.expect_text("message", "ZeroDivisionError division by zero")
    wait_for(held)
    held.unlink()
    notebook.wait_until_idle()
    assert notebook.execute("print(len(history.history['loss']))") == "1\n"


def expect_told(page: PageView, explorer: GradientExplorer, step: int, sample: int) -> None:
    """Wait until the page tells what `diagnose` finds at a step, of one sample and of all."""
    explorer.step = step
    tensor = explorer.tensor
    (alone,) = diagnose(tensor.values[sample : sample + 1]).gradients
    (first, last), *_ = alone.timesteps_not_reached
    share = f"{100 * alone.not_reached:.0f} % of timesteps ({first} .. {last})"
    page.expect_text(
        "finding",
        f"Sample {sample}: {share} are below 1e-8 of the strongest · "
        f"no decay can be read here: {diagnose(tensor).gradients[0].no_decay}",
    )


def test_a_saved_page_scrubs(browser: Browser, tmp_path: Path) -> None:
    scope: dict[str, Any] = {}
    exec(f"{SOURCE}\ne = make(100)\ntake(0, 10, 20)\ne.step = 10", scope)
    engine = Chromium(browser)
    try:
        page = PageView(engine, scope["e"].save_html(tmp_path / "page.html").path)
        for key, step in ((None, 10), ("ArrowRight", 20), ("ArrowLeft", 10)):
            if key is not None:
                page.read("(document.querySelector('.rnngrad-scrub input').focus(), null)")
                engine.press(key)
            values = scope["tensor"](step).values
            limit = auto_limit(values)
            page.expect_picture(picture(values, 0), (-limit, limit))
            expect_told(page, scope["e"], step, sample=0)
        assert page.read("document.querySelector('.rnngrad-scrub input').max") == "20"
        page.drag("sample", 1)
        expect_told(page, scope["e"], 10, sample=1)
        diagnosis = list(scope["e"].view_stack.views).index("diagnosis")
        page.switch_to(diagnosis)
        words = "[...document.querySelectorAll('.rnngrad-diagnosis-table :is(td, p)')]"
        found = diagnose(scope["e"])
        page.expect(
            f"{words}.map((each) => each.textContent)", [*found.table.rows[0], *found.findings]
        )
        inputs = "[...document.querySelectorAll('.rnngrad-shares input')]"
        page.expect(f"{inputs}.map((each) => each.disabled)", [True, True])
        assert engine.complaints == []
    finally:
        engine.close()
        scope["e"].close()

"""A comparison in a page from disk: its lines are where numpy predicts, in the colours of names."""

from __future__ import annotations

import colorsys
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np
import pytest
from playwright.sync_api import expect

from rnngrad_widgets import compare
from tests.browser.engines import Chromium
from tests.browser.explorer_page import TOLERANCE, colours, number
from tests.browser.html_page import PageView
from tests.unit.comparison.runs import decaying

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Browser

    from tests.browser.lab import Lab

LAGS = 8
DASH = 7
"""Pixels within which a line of any experiment is drawn, on either side."""
TICKS = """(figure) => [...figure.querySelectorAll('.tick text')]
    .filter((el) => el.textContent.startsWith('1e'))
    .map((el) => [el.textContent, (({ y, height }) => y + height / 2)(el.getBoundingClientRect())])
"""


def colour(group: int) -> np.ndarray:
    """Return the colour of a condition in light themes, as RGB."""
    hue = round((210 + group * 137.508) % 360) / 360
    return np.round(255 * np.array(colorsys.hls_to_rgb(hue, 0.42, 0.65)))


def line_at(page: PageView, figure: int, lag: int, rgb: np.ndarray) -> float:
    """Return the decade at which a line of a colour is drawn."""
    found = f"document.querySelectorAll('.rnngrad-figure-flow-high')[{figure}]"
    ticks: list[tuple[str, float]] = page.read(f"({TICKS})({found})")
    slope, start = np.polyfit([y for _, y in ticks], [float(text[2:]) for text, _ in ticks], 1)
    area: dict[str, Any] = page.read(
        f"(({{ x, y, width, height }}) => ({{ x, y, width, height }}))"
        f"({found}.querySelector('.plotarea_background').getBoundingClientRect())"
    )
    x = int(area["x"] + (lag + 0.5) / LAGS * area["width"])
    top = int(area["y"])
    beside = slice(x - DASH, x + DASH + 1)  # in a dashed line there may be a gap
    columns = page.engine.pixels()[top : top + int(area["height"]), beside].astype(float)
    rows = np.nonzero(np.abs(columns - rgb).max(axis=-1) < 24)[0]
    assert rows.size, f"no pixel of colour {rgb} at lag {lag}"
    return float(slope * (top + rows.mean() + 0.5) + start)


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> PageView:
    slow, fast = [0.8, 0.8, 0.8], [0.5, 0.5, 0.5]
    one, other = decaying(fast, LAGS, scale=100.0), decaying(slow, LAGS, scale=7.0)
    found = compare({"fast": one, "slow <b>": other})
    return PageView(Chromium(browser), found.save_html(tmp_path / "page.html").path)


def test_lines_and_ratios_are_where_they_belong(page: PageView) -> None:
    for lag in (2, 5):
        assert abs(line_at(page, 0, lag, colour(0)) - lag * np.log10(0.5)) < 0.05
        assert abs(line_at(page, 0, lag, colour(1)) - lag * np.log10(0.8)) < 0.05
        assert abs(line_at(page, 1, lag, colour(1)) - lag * np.log10(1.6)) < 0.05
    labels = "[...document.querySelectorAll('.rnngrad-label.rnngrad-strong')].map((el) => {})"
    texts = page.read(labels.format("el.firstChild.textContent"))
    assert texts == ["fast", "slow <b>", "slow <b>"]
    fills = page.read(labels.format("el.style.fill"))
    assert fills[0] == f"rgb({', '.join(str(int(v)) for v in colour(0))})"


def test_lines_can_be_told_apart_without_colours(page: PageView) -> None:
    area = page.box(".rnngrad-figure-flow-high .plotarea_background")
    left, right = (int(area["x"] + (lag + 0.6) / LAGS * area["width"]) for lag in (2, 4))
    top, bottom = int(area["y"]), int(area["y"] + area["height"])
    pixels = page.engine.pixels()[top:bottom, left:right].astype(float)
    shares = [
        (np.abs(pixels - colour(group)).max(axis=-1) < 24).any(axis=0).mean() for group in (0, 1)
    ]
    assert shares[0] == 1
    assert 0.6 < shares[1] < 0.8, "seven pixels of line, three of gap"


def test_the_value_under_the_pointer_and_norms_as_they_are(page: PageView) -> None:
    area = page.box(".rnngrad-figure-flow-high .plotarea_background")
    x = area["x"] + 3.5 / LAGS * area["width"]
    page.engine.move((x, area["y"] + 5))
    page.expect_text("run-hover", "lag 3 · fast 1.3e-1 · slow <b> 5.1e-1")
    page.click("button[title='show absolute']")
    page.expect_text("run-hover", "lag 3 · fast 1.3e1 · slow <b> 3.6e0")
    assert abs(line_at(page, 0, 3, colour(1)) - np.log10(7 * 0.8**3)) < 0.05
    # the ratio stays that of norms relative to lag 0
    assert abs(line_at(page, 1, 3, colour(1)) - 3 * np.log10(1.6)) < 0.05


def test_runs_may_be_laid_one_over_the_other_by_timestep(page: PageView) -> None:
    page.click("button[title='show timestep']")
    for timestep in (1, 5):
        lag = LAGS - 1 - timestep
        assert abs(line_at(page, 0, timestep, colour(1)) - lag * np.log10(0.8)) < 0.05
        assert abs(line_at(page, 1, timestep, colour(1)) - lag * np.log10(1.6)) < 0.05
    area = page.box(".rnngrad-figure-flow-high .plotarea_background")
    page.engine.move((area["x"] + 0.5 / LAGS * area["width"], area["y"] + 5))
    page.expect_text("run-hover", "timestep 0 · fast 7.8e-3 · slow <b> 2.1e-1")


class Trained(NamedTuple):
    """A page of two runs that were trained, and what each of their snapshots holds."""

    page: PageView
    norms: list[list[NDArray[np.float64]]]
    """By run and snapshot the medians over samples by lag, relative to lag 0."""
    losses: list[list[float]]


@pytest.fixture
def trained(browser: Browser, tmp_path: Path) -> Trained:
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(8, LAGS, 2)), rng.normal(size=(8, 1))
    models = {"slow": trained_model(0.002, seed=1), "fast": trained_model(0.05, seed=2)}
    found = compare(models, x[:3], y[:3])
    counts = {"slow": 5, "fast": 3}
    for name, model in models.items():
        callback = found.live(name, every=1, max_overhead=None)
        model.fit(x, y, batch_size=8, epochs=counts[name], verbose=0, callbacks=[callback])
    runs: dict[str, list[Any]] = {}
    for snapshot in found.snapshots:
        runs.setdefault(snapshot.timeline_id, []).append(snapshot)
    arrays = [[snapshot.array[..., 0] for snapshot in run] for run in runs.values()]
    norms = [[np.median(a / a[:, :1], axis=0) for a in run] for run in arrays]
    losses = [[snapshot.loss for snapshot in run] for run in runs.values()]
    page = PageView(Chromium(browser), found.save_html(tmp_path / "page.html").path)
    return Trained(page, norms, losses)


def trained_model(rate: float, seed: int) -> Any:
    keras.utils.set_random_seed(seed)
    layers = [keras.Input((LAGS, 2)), keras.layers.SimpleRNN(4), keras.layers.Dense(1)]
    model = keras.Sequential(layers)
    model.compile(keras.optimizers.SGD(rate), "mse", run_eagerly=True)
    return model


def expect_step(trained: Trained, *places: int) -> None:
    """Expect a snapshot of each run in lines and table; -1 for the last."""
    page = trained.page
    steps = [range(len(run))[place] for run, place in zip(trained.norms, places, strict=True)]
    cells = "[...document.querySelectorAll('.rnngrad-comparison tbody tr')]"
    page.expect(f"{cells}.map((row) => row.cells[1].textContent)", [str(step) for step in steps])
    page.expect(
        f"{cells}.map((row) => row.cells[2].textContent)",
        [f"{run[step]:.3g}" for run, step in zip(trained.losses, steps, strict=True)],
    )
    for group, (run, step) in enumerate(zip(trained.norms, steps, strict=True)):
        for lag in (2, 6):
            assert abs(line_at(page, 0, lag, colour(group)) - np.log10(run[step][lag])) < 0.05


def test_one_slider_shows_a_step_of_all_runs(trained: Trained) -> None:
    page = trained.page
    expect_step(trained, -1, -1)
    focus = "(document.querySelector('.rnngrad-scrub-row input[type=range]').focus(), null)"
    page.read(focus)
    page.engine.press("Home")
    expect_step(trained, 0, 0)
    page.engine.press("ArrowRight")
    page.engine.press("ArrowRight")
    page.engine.press("ArrowRight")
    page.engine.press("ArrowRight")
    expect_step(trained, 4, 3)  # the second run has no such step: its last one before it
    # the chart of the losses chooses a step too
    area = page.box(".rnngrad-figure-losses .plotarea_background")
    place = (area["x"] + 0.2 * area["width"], area["y"] + area["height"] / 2)
    page.engine.move(place, button=True)
    expect_step(trained, 1, 1)


def test_runs_may_stand_beside_each_other_at_the_same_loss(trained: Trained) -> None:
    page = trained.page
    page.click(".rnngrad-compare .rnngrad-switch button:nth-of-type(2)")
    means = [
        [np.mean(run[max(i - 2, 0) : i + 3]) for i in range(len(run))] for run in trained.losses
    ]
    nearest = int(np.argmin(np.abs(np.array(means[1]) - means[0][-1])))
    assert nearest < len(means[1]) - 1, "the test needs another step than the last"
    expect_step(trained, -1, nearest)


def test_a_chart_shows_the_loss_of_each_run(trained: Trained) -> None:
    page = trained.page
    dots = "[...document.querySelectorAll('.rnngrad-figure-losses .rnngrad-run-dots circle')]"
    heights = [float(y) for y in page.read(f"{dots}.map((dot) => dot.getAttribute('cy'))")]
    known = np.log10([loss for run in trained.losses for loss in run])
    margin = max(0.08 * np.ptp(known), 0.05)
    low, high = known.min() - margin, known.max() + margin
    height = page.box(".rnngrad-figure-losses .plotarea_background")["height"]
    wanted = [(high - np.log10(run[-1])) / (high - low) * height for run in trained.losses]
    np.testing.assert_allclose(heights, wanted, atol=0.5)


def test_small_maps_have_the_colours_of_the_chosen_sample(browser: Browser, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    arrays = {name: rng.uniform(-2, 2, (3, 4, 5)).astype("float32") for name in ("one", "two")}
    arrays["short"] = rng.uniform(-2, 2, (3, 2, 5)).astype("float32")
    maps = compare(arrays).maps(rows=1)
    maps.norm = (-2.0, 2.0)
    page = PageView(Chromium(browser), maps.save_html(tmp_path / "maps.html").path)
    frames = "[...document.querySelectorAll('.rnngrad-panel-frame')]"
    page.expect(f"{frames}.length", 3)
    boxes = page.read(
        f"{frames}.map((el) => el.getBoundingClientRect())"
        ".map(({ x, y, width, height }) => [x, y, width, height])"
    )

    def cells(box: list[float]) -> NDArray[np.float64]:
        pixels = page.engine.pixels().astype(float)
        x, y, width, height = box
        return np.array(
            [
                [
                    pixels[int(y + (4.5 - c) / 5 * height), int(x + (t + 0.5) / 4 * width)]
                    for t in range(4)
                ]
                for c in range(5)
            ]
        )

    for sample in (0, 1):
        if sample == 1:
            page.press("sample", "ArrowRight")
            page.expect_text("group-sample .rnngrad-readout", "1")
        for name, box in zip(arrays, boxes, strict=True):
            wanted = colours(arrays[name][sample].T, (-2.0, 2.0))
            count = wanted.shape[1]
            np.testing.assert_allclose(cells(box)[:, :count], wanted, atol=TOLERANCE)
    # one cursor: the value at what is pointed at is over each map that has it
    x, y, width, height = boxes[0]
    page.engine.move((x + 2.5 / 4 * width, y + 1.5 / 5 * height))
    names = "[...document.querySelectorAll('.rnngrad-grid-words text')].map((el) => el.textContent)"
    values = [number(float(arrays[name][1, 2, 3])) for name in ("one", "two")]
    page.expect(f"{names}.includes('one · {values[0]}')", True)
    page.expect(f"{names}.includes('two · {values[1]}')", True)
    page.expect(f"{names}.includes('short')", True)


RECORDINGS = """
import tempfile
import numpy as np
from rnngrad_widgets import GradientSnapshot, GradientTensor, compare
from rnngrad_widgets.recording import RecordingWriter

folder = tempfile.mkdtemp()

def record(name, factor, steps=3):
    writer = RecordingWriter(f"{folder}/{name}", store="summary")
    for step in range(steps):
        norms = (factor + step / 100) ** np.arange(8.0)[::-1] * np.ones((3, 1))
        read = np.zeros((3, 8, 1))
        read[:, -1] = 1
        each = {"hidden_gradient": norms[:, :, None], "output_gradient": read}
        dims = ("sample", "timestep", "channel")
        tensors = {
            ("lstm", word): GradientTensor(values, dims, "lstm", word, step=step)
            for word, values in each.items()
        }
        writer.append(GradientSnapshot(tensors, loss=1 / (1 + step), step=step))

record("a", 0.5)
"""
FOLLOWED = "found = compare(f'{folder}/*')\nfound.follow()\nfound"


def test_a_recording_that_comes_joins_on_the_page(lab: Lab) -> None:
    pytest.importorskip("zarr")  # which needs Python 3.11
    notebook = lab.open([RECORDINGS, FOLLOWED], viewport=(1280, 1400))
    rows = notebook.page.locator(".rnngrad-comparison tbody tr")
    plots = notebook.page.locator(".rnngrad-figure-flow-high")
    expect(rows).to_have_count(1)
    expect(plots).to_have_count(1)
    swatch = rows.nth(0).locator(".rnngrad-swatch")
    colour = swatch.get_attribute("style")
    notebook.execute("record('b', 0.8)")
    expect(rows).to_have_count(2, timeout=20_000)
    assert rows.nth(1).locator("td").nth(0).text_content() == "b"
    assert swatch.get_attribute("style") == colour
    expect(plots).to_have_count(2)  # now there are ratios too
    expect(plots.nth(0).locator(".rnngrad-label", has_text="b")).to_have_count(1)
    expect(plots.nth(1).locator(".rnngrad-label", has_text="b")).to_have_count(1)
    # at the step that is chosen for all
    notebook.execute("found.step = 1")
    steps = [rows.nth(i).locator("td").nth(1) for i in (0, 1)]
    for step in steps:
        expect(step).to_have_text("1")
    notebook.execute("record('c', 0.9)")
    expect(rows).to_have_count(3, timeout=20_000)
    for step in (*steps, rows.nth(2).locator("td").nth(1)):
        expect(step).to_have_text("1")
    notebook.execute("found.follow_latest()")
    for step in (*steps, rows.nth(2).locator("td").nth(1)):
        expect(step).to_have_text("2")


ARRAYS = """
import numpy as np
from rnngrad_widgets import compare
generator = np.random.default_rng(0)
found = compare({name: generator.normal(size=(2, 20, 4)) for name in "ab"})
found
"""


def test_what_is_asked_for_in_one_widget_is_waited_for_there(lab: Lab) -> None:
    notebook = lab.open([ARRAYS], viewport=(1280, 1800))
    page = notebook.page
    explorers = page.locator(".rnngrad-explorer")
    waits = page.locator(".rnngrad-progress")

    def expect_answered(within: int) -> None:
        expect(explorers).to_have_count(within)
        page.wait_for_timeout(800)  # an answer that is not there by then is waited for, and said
        assert waits.all_inner_texts() == within * [""]

    page.get_by_role("button", name="Heat maps").click()
    expect_answered(2)
    page.get_by_role("button", name="Explore a").click()
    expect_answered(3)
    page.get_by_role("button", name="Diagnosis").click()
    expect_answered(3)
    threshold = page.get_by_label("Threshold")
    threshold.click()  # which asks for nothing yet
    expect_answered(3)
    threshold.fill("0.5")
    threshold.press("Enter")
    expect_answered(3)
    assert notebook.execute("print(found._maps.explorer.threshold)") == "0.5\n"
    page.get_by_role("button", name="Heat maps").click()  # again: they replace the others
    expect_answered(2)

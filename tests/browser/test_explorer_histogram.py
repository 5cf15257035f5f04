"""The histogram: bars and line as high as numpy counts, and what they cannot show in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from tests.browser.explorer_page import INK, ExplorerPage, Shot, blend, eventually, patiently, show
from tests.browser.lab import DARK, LIGHT, Theme

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tests.browser.lab import Lab

Axis = Literal["magnitude", "signed"]
GROUND = {LIGHT: "#ffffff", DARK: "#111111"}
SHAPE = (4, 6, 5)
ARRAY = np.ldexp(  # values that float32 and the text of a cell hold exactly
    np.random.default_rng(3).integers(-7, 8, SHAPE) / 8.0,
    np.random.default_rng(4).integers(-14, 1, SHAPE),
)


def show_histogram(array: NDArray[np.float64]) -> str:
    """Source of a cell that shows the histogram of an array."""
    shown = show(array).rstrip()
    return f"{shown}.view = 'histogram'\nhistogram = e.view_stack.views['histogram'].mark\ne\n"


def counted(
    values: NDArray[np.float64], axis: Axis, like: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Counts by octave, or in 60 bins, on the axis of another array."""
    values, like = values[np.isfinite(values)], like[np.isfinite(like)]
    if axis == "signed":
        return np.histogram(values, 60, (like.min(), like.max()))[0]
    lowest, highest = (int(f(np.frexp(like[like != 0])[1])) for f in (np.min, np.max))
    octave = np.frexp(values[values != 0])[1] - lowest
    return np.bincount(octave[octave >= 0], minlength=highest - lowest + 1)


def top_of(most: float, parts: int = 5) -> float:
    """Upper end of an axis of counts."""
    least = max(1.05 * most / parts, 1)
    decade = 10 ** np.floor(np.log10(least))
    step = next(s * decade for s in (1, 2, 5, 10) if s * decade >= least)
    return float(np.ceil(1.05 * most / (step / 2)) * step / 2)


def expect_heights(
    shot: Shot, left: float, right: float, heights: NDArray[np.float64], theme: Theme
) -> None:
    """Bars must end where they are to: their grey below, the ground above.

    Parameters
    ----------
    left, right
        Where the bars are in the plot.
    heights
        Of each bar, as a share of the plot's height.
    """
    grey = blend(INK[theme], 0.2, blend(GROUND[theme], 1, [0, 0, 0]))
    width = (right - left) / len(heights)
    for bar, share in enumerate(heights):
        x = left + (bar + 0.5) * width
        end = shot.area["height"] * (1 - share)
        above, below = shot.at(x, end - 3), shot.at(x, min(end + 3, shot.area["height"] - 2))
        assert not is_grey(above, grey), (bar, share, above)
        if share * shot.area["height"] > 4:
            assert is_grey(below, grey), (bar, share, below, grey)


def is_grey(seen: NDArray[np.int64], grey: NDArray[np.float64]) -> bool:
    """Whether a pixel has a bar's colour; a line of the grid under it may shine through."""
    return bool((np.abs(seen - grey) <= 16).all()) and bool(np.ptp(seen) <= 2)


@patiently
def expect_bars(
    e: ExplorerPage, array: NDArray[np.float64], axis: Axis, theme: Theme = LIGHT, *, log: bool
) -> None:
    """Every bar of the whole array must have its height; without a line, for one sample."""
    counts = counted(array, axis, array)
    if log:
        low, high = np.log10(0.5), np.log10(2 * counts.max())
        heights = (np.log10(np.maximum(counts, 0.5)) - low) / (high - low)
    else:
        heights = counts / top_of(counts.max())
    shot = e.look("histogram")
    expect_heights(shot, 0, shot.area["width"], heights, theme)


@patiently
def expect_line(
    e: ExplorerPage, part: NDArray[np.float64], axis: Axis, shown: NDArray[np.float64] = ARRAY
) -> None:
    """The line must be at the scaled counts of a part of `shown` at the middle of each bin.

    Parameters
    ----------
    shown
        `ARRAY`, or some of its timesteps; the bins are those of the whole.
    """
    factor = shown.size / part.size
    counts = counted(part, axis, ARRAY)
    most = max(counts.max() * factor, counted(shown, axis, ARRAY).max())
    shot = e.look("histogram")
    for bar in np.flatnonzero(counts):  # where there is no value the line is on the plot's edge
        x = (bar + 0.5) / len(counts) * shot.area["width"]
        y = shot.area["height"] * (1 - counts[bar] * factor / top_of(most))
        darkest = min(int(shot.at(x + dx, y + dy).max()) for dx in (-1, 0, 1) for dy in (-1, 0, 1))
        assert darkest < 80, (bar, counts[bar], darkest)


def test_bars_are_as_high_as_numpy_counts(lab: Lab) -> None:
    one = ARRAY.reshape(1, 30, 4)
    e = ExplorerPage(lab.open([show_histogram(one)]))
    e.expect_text("histogram-caption", "Values per bin of |v|: all values (grey)")
    for theme in (LIGHT, DARK):
        e.notebook.set_theme(theme)
        expect_bars(e, one, "magnitude", theme, log=False)
        e.button("log count").click()
        expect_bars(e, one, "magnitude", theme, log=True)
        e.button("signed").click()
        expect_bars(e, one, "signed", theme, log=True)
        e.button("count").click()
        expect_bars(e, one, "signed", theme, log=False)
        e.button("magnitude").click()


def test_the_line_is_the_chosen_sample_or_channel_and_buttons_take_keys(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show_histogram(ARRAY)]))
    whole = "Values per bin of |v|: all samples (grey), "
    e.expect_text("histogram-caption", whole + "sample 0 × 4 (line)")
    expect_line(e, ARRAY[0], "magnitude")
    e.press("sample", "End")
    e.expect_text("histogram-caption", whole + "sample 3 × 4 (line)")
    expect_line(e, ARRAY[3], "magnitude")
    e.button("channel").press("Enter")
    e.expect_text("histogram-caption", whole + "channel 0 of sample 3 × 20 (line)")
    e.plot("histogram").press("ArrowUp")
    e.expect_text("histogram-caption", whole + "channel 1 of sample 3 × 20 (line)")
    expect_line(e, ARRAY[3, :, 1], "magnitude")
    e.button("signed").press("Space")
    e.expect_text(
        "histogram-caption",
        "Values per bin of v: all samples (grey), channel 1 of sample 3 × 20 (line)",
    )
    expect_line(e, ARRAY[3, :, 1], "signed")
    seen = "print(histogram.signed, histogram.log_count, histogram.line)"
    eventually(lambda: e.notebook.execute(seen), "1 0 1\n", "the traits in the kernel")
    e.notebook.execute("histogram.signed = 0; histogram.line = 0")
    e.expect_text("histogram-caption", whole + "sample 3 × 4 (line)")
    # the timesteps that all panels show, as brushed in another view, are those that are counted
    e.button("Heat map").click()
    area = e.area()
    mouse = e.notebook.page.mouse
    for timestep, act in ((1.6, mouse.down), (3.4, mouse.up)):  # of the six
        mouse.move(area["x"] + timestep / 6 * area["width"], area["y"] + 20, steps=4)
        act()
    e.button("Histogram").click()
    zoomed = "sample 3 × 4 (line) — timesteps 1–3 (double-click: all)"
    e.expect_text("histogram-caption", whole + zoomed)
    e.expect_text("histogram-hover", "60 values")
    expect_line(e, ARRAY[3, 1:4], "magnitude", ARRAY[:, 1:4])
    e.plot("histogram").dblclick()
    e.expect_text("histogram-caption", whole + "sample 3 × 4 (line)")
    expect_line(e, ARRAY[3], "magnitude")


def test_a_bin_is_told_under_the_pointer_and_by_keys(lab: Lab) -> None:
    e = ExplorerPage(lab.open([show_histogram(ARRAY)]))
    e.expect_text("histogram-hover", "120 values")
    counts, line = counted(ARRAY, "magnitude", ARRAY), counted(ARRAY[0], "magnitude", ARRAY)
    lowest = int(np.frexp(ARRAY[ARRAY != 0])[1].min()) - 1

    def words(bin_: int) -> str:
        ends = (f"{2.0**power:.1e}" for power in (lowest + bin_, lowest + bin_ + 1))
        low, high = (
            f"{mantissa}e{int(power)}" for mantissa, power in (end.split("e") for end in ends)
        )
        percent = 100 * counts[bin_] / ARRAY.size
        share = f"{percent:.0f}" if percent >= 10 else f"{percent:.1f}".removesuffix(".0")
        values = "value" if counts[bin_] == 1 else "values"
        told = f"|v| {low} … {high} · {counts[bin_]} {values} ({share} %)"
        return f"{told} · sample 0: {line[bin_]}"

    area = e.area("histogram")
    e.notebook.page.mouse.move(
        area["x"] + 5.5 / len(counts) * area["width"], area["y"] + area["height"] / 2
    )
    e.expect_text("histogram-hover", words(5))
    e.notebook.page.mouse.move(5, 5)
    e.plot("histogram").press("ArrowRight")
    e.expect_text("histogram-hover", words(6))
    e.plot("histogram").press("Shift+ArrowLeft")
    e.expect_text("histogram-hover", words(0))
    e.button("signed").click()  # other bins: none is pointed at
    e.expect_text("histogram-hover", "120 values")


def test_zeros_nan_inf_and_what_is_masked_are_told(lab: Lab) -> None:
    array = np.full(SHAPE, 1.0)
    array[0, 0] = [np.nan, np.nan, np.inf, 0, 2.0**-120]
    array[1, :, :3] = 0
    e = ExplorerPage(lab.open([show_histogram(array)]))
    shares = e.root.locator(".rnngrad-shares text")

    def told() -> list[str]:
        return [str(text) for text in shares.all_text_contents()]

    def expect_shares(*wanted: str) -> None:
        eventually(told, list(wanted), "the words in the margin")

    few = ("0.8 %", "< 1.6e-2")  # the page is narrow
    expect_shares("16 %", "19 zeros", "1.7 %", "2 NaN", "0.8 %", "1 Inf", *few)
    alarm = shares.nth(2).evaluate("(text) => getComputedStyle(text).fill")
    assert alarm == "rgb(168, 0, 196)"
    # the first timestep of every sample is masked
    e.notebook.execute("""
mask = np.ones((4, 6), np.float32)
mask[:, 0] = 0
e.selection.tensor.mask = mask""")
    expect_shares("15 %", "15 zeros", "no NaN", "no Inf")
    e.expect_text(
        "histogram-caption",
        "Values per bin of |v|: all samples (grey), sample 0 × 4 (line), without masked timesteps",
    )
    e.expect_text("histogram-hover", "100 values")
    for values, words in (
        ("np.zeros((1, 1, 1))", "the only value is zero"),
        ("np.full((2, 3), np.nan)", "all 6 values are NaN"),
        ("[[0, np.inf], [0, -np.inf]]", "all 4 values are zero or infinite"),
        ("np.full((2, 3, 4), -3.0)", ""),
        ("[[5.0]]", ""),
    ):
        e.notebook.execute(
            "e.selection.tensor.mask = None\n"
            f"e.selection.tensor.array = np.array({values}, dtype=np.float32)"
        )
        for axis in ("magnitude", "signed"):
            e.button(axis).click()
            empty = e.root.locator(".rnngrad-figure-histogram .rnngrad-empty")
            eventually(empty.text_content, words, f"the words in the plot of {values}")


@patiently
def expect_gates(e: ExplorerPage, weight: NDArray[np.float64], gates: int) -> None:
    """The bars of each gate must have their heights, in the gate's columns."""
    plot = e.root.locator(".rnngrad-figure-gates .rnngrad-frame")
    plot.scroll_into_view_if_needed()
    frame = plot.bounding_box()
    assert frame is not None
    area = {**frame, "x": frame["x"] + 0.5, "y": frame["y"] + 0.5}
    clip = {"x": int(area["x"]), "y": int(area["y"])}
    size = {"width": int(frame["width"]), "height": int(frame["height"])}
    shot = Shot(area, e.notebook.pixels({**clip, **size}, stable=False))
    ends = (weight.min(), weight.max())
    counts = [np.histogram(part, 40, ends)[0] for part in np.split(weight, gates, axis=1)]
    top = top_of(max(count.max() for count in counts), 2)
    width = (area["width"] - 1) / gates
    for gate, count in enumerate(counts):
        expect_heights(shot, gate * width, (gate + 1) * width, count / top, LIGHT)


def test_each_gate_of_a_weight_has_a_histogram_in_its_columns(lab: Lab) -> None:
    weight = np.random.default_rng(5).integers(-64, 65, (90, 12)) / 64.0  # (features, columns)
    weight[:, 3:6] /= 4
    cell = f"""
import numpy as np
from ipywidgets import VBox
from rnngrad_widgets.data.plot_array import PlotArray
from rnngrad_widgets.explorer.frame import PlotFrame
from rnngrad_widgets.views.histogram import HistogramView, gate_histograms
from rnngrad_widgets.views.panel import index_scale, panel
from rnngrad_widgets.views.tensor_upload import new_selection
selection = new_selection()
tensor = selection.tensor
tensor.gates, tensor.gates_along = ["i", "f", "c", "o"], "columns"
tensor.columns, tensor.rows, tensor.symbol = "channel", "feature", "w"
tensor.array = np.array({weight.T[None].tolist()}, np.float32)
view = HistogramView(selection)
view.fit(PlotArray(tensor.array, "channel", "feature", by_magnitude=False))
plot = gate_histograms(selection, index_scale(12))
strip = panel(selection, "gates-caption", None, plot)
plots = VBox([strip, view.box]).add_class("rnngrad-plots")
PlotFrame((plots,), selection=selection, figures=[plot, *view.figures])
"""
    e = ExplorerPage(lab.open([cell]))
    e.expect_text("gates-caption", "Values per bin of w in each gate, all on one range")
    names = e.root.locator(".rnngrad-figure-gates .rnngrad-gate")
    eventually(names.all_text_contents, ["i", "f", "c", "o"], "the names of the gates")
    expect_gates(e, weight, 4)
    # a weight has no samples: no line of one, but of a feature
    whole = "Values per bin of w: all values (grey)"
    e.expect_text("histogram-caption", whole)
    e.button("channel").click()
    e.expect_text("histogram-caption", f"{whole}, feature 0 × 90 (line)")

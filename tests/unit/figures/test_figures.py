"""Whole figures, of every view: what is written in them, where, and in which files."""

from __future__ import annotations

import re
import struct
import subprocess
import sys
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
import pytest

from rnngrad_widgets import (
    GradientExplorer,
    GradientTensor,
    compare,
    show_features_0D,
    show_features_1D,
    show_features_2D,
    show_features_hist,
)
from rnngrad_widgets.figures.layout import FONT_SIZE
from tests.unit.figures.drawn import BOTH, SEQUENCE, Drawn, draw, explorer_of, gradient

if TYPE_CHECKING:
    from collections.abc import Callable

    from rnngrad_widgets.explorer.frame import PlotFrame


def of_view(view: str, switched: str = "", **known: Any) -> GradientExplorer:
    """An explorer at a view, with the other half of it shown."""
    explorer = explorer_of(**known)
    explorer.view = view
    if switched:
        getattr(explorer.view_stack.views[view], switched).selected_index = 1
    return explorer


def with_run() -> GradientExplorer:
    """An explorer with a training run."""
    explorer = explorer_of()
    for step in range(0, 100, 20):
        tensor = GradientTensor(
            gradient(decay=0.4 + step / 200) * 0.9**step,
            ("sample", "timestep", "channel"),
            "lstm",
            "hidden_gradient",
            loss=1.0 - step / 200,
        )
        explorer.add_snapshot({"": tensor}, step)
    return explorer


def masked() -> np.ndarray:
    mask = np.ones((4, 20), bool)
    mask[0, :6] = mask[3] = False
    return mask


def with_holes() -> np.ndarray:
    values = gradient()
    values[0, 9, 2:4] = np.nan
    return values


def truncation() -> GradientExplorer:
    """The lag profile of a reach, and under it what truncation loses of the whole batch."""
    values = np.abs(gradient(3, 6, 4))
    reach = GradientTensor(
        values, ("sample", "timestep", "loss_timestep"), "", "reach", loss_timesteps=(1, 3, 5)
    )
    explorer = GradientExplorer.from_array(reach, sample=2, view="flow")
    errors = GradientTensor(
        10.0 ** -np.arange(6.0)[None, :, None], SEQUENCE, quantity="truncation_error"
    )
    explorer.view_stack.show_companion(errors)
    return explorer


FIGURES: dict[str, Callable[[], PlotFrame]] = {
    "heat map": explorer_of,
    "halves": lambda: explorer_of(directions=BOTH),
    "reflected": lambda: GradientExplorer.from_array(
        GradientTensor(
            gradient(), ("sample", "timestep", "channel"), quantity="output", directions=BOTH
        ),
        reflect_half=True,
        title="A title that is longer than the figure is wide, with $ and _ in it and $ again",
    ),
    "gates": lambda: explorer_of(
        gradient(channels=8), "gate_gradient", gates=("i", "f", "c", "o"), directions=BOTH
    ),
    "masked": lambda: explorer_of(with_holes(), mask=masked()),
    "log": lambda: of_view("heat map"),
    "maps": lambda: of_view("all samples", mask=masked()),
    "one channel": lambda: of_view("all samples", "box", mask=masked()),
    "curves": lambda: of_view("curves"),
    "panels": lambda: of_view("curves", "_pages"),
    "flow": lambda: of_view("flow"),
    "histogram": lambda: of_view("histogram"),
    "scatter": lambda: explorer_of(gradient()[:, -1], "output_gradient"),
    "run": with_run,
    "truncation": truncation,
    "compared": lambda: compare(
        {
            "gates start open": [gradient(decay=0.9)] * 3,
            "the ordinary start of Keras": [gradient(decay=0.6)] * 3,
            "a third": [gradient(decay=0.65)] * 3,
        }
    ),
    "1D": lambda: show_features_1D(gradient(), own_y=True),
    "2D": lambda: show_features_2D(gradient(9), n_rows=3, cmap="RdBu"),
    "0D": lambda: show_features_0D(gradient()[:, 0]),
    "hist": lambda: show_features_hist(gradient()),
}


@pytest.fixture(scope="module")
def figures() -> dict[str, Drawn]:
    """Every figure at the width of a column, drawn once."""
    return {name: draw(make()) for name, make in FIGURES.items()}


@pytest.mark.one_case_in(12)
@pytest.mark.parametrize("name", FIGURES)
def test_text_is_8_pt_inside_the_figure_and_apart(name: str, figures: dict[str, Drawn]) -> None:
    figure, texts, _ = figures[name]
    point = figure.dpi / 72
    boxes = [(text, text.get_window_extent()) for text in texts]
    for text, box in boxes:
        assert text.get_fontsize() == FONT_SIZE
        assert box.x0 >= -0.5 * point, text
        assert box.y0 >= -0.5 * point, text
        assert box.x1 <= figure.bbox.x1 + 0.5 * point, text
        assert box.y1 <= figure.bbox.y1 + 1.5 * point, text
    for (one, a), (other, b) in combinations(boxes, 2):
        across = min(a.x1, b.x1) - max(a.x0, b.x0)
        up = min(a.y1, b.y1) - max(a.y0, b.y0)
        assert min(across, up) < 1.5 * point, (one, other)


@pytest.mark.parametrize("name", FIGURES)
def test_no_number_is_written_as_a_program_does(name: str, figures: dict[str, Drawn]) -> None:
    assert not [words for words in figures[name].words if re.search(r"\de[-+]?\d", words)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("heat map", [r"gradient $\partial L/\partial h_t$", "channel", "timestep", "sample 0"]),
        ("heat map", [r"$\Vert \partial L/\partial h_t \Vert$", "channel 0", "median", "others"]),
        ("halves", ["backward half, sample 0", "forward half", "forward", "backward"]),
        ("reflected", ["output $y_t$", "timestep; processing step of the backward half"]),
        ("gates", ["i", "f", "c", "o", "gate i, channel 0, forward"]),
        ("masked", ["masked", "NaN or infinite"]),
        ("maps", ["sample 0", "sample 3", "masked"]),
        ("one channel", ["channel 0", "sample"]),
        ("panels", ["channel 0", "channel 5"]),
        ("histogram", ["values per bin", "all samples", "sample 0 × 4"]),
        ("scatter", [r"$\partial L/\partial y_t$", "sample 0", "channel"]),
        ("run", ["training step", "loss", "sample 0, step 80", "largest of each step = 1"]),
        ("2D", ["value $v$", "sample 8"]),
    ],
)
def test_words(name: str, words: list[str], figures: dict[str, Drawn]) -> None:
    assert [word for word in words if word not in figures[name].words] == []


def test_a_title_is_words_not_tex(figures: dict[str, Drawn]) -> None:
    title = figures["reflected"].figure.get_suptitle()
    assert title.replace("\n", " ").endswith("with $ and _ in it and $ again")


@pytest.mark.one_case_in(2)
@pytest.mark.parametrize("name", ["gates", "maps", "histogram", "run"])
def test_a_pdf_is_as_wide_as_asked_with_its_fonts(name: str, tmp_path: Path) -> None:
    FIGURES[name]().save(tmp_path / "figure.pdf", width="84mm")
    content = (tmp_path / "figure.pdf").read_bytes()
    box = re.search(rb"/MediaBox \[ ?0 0 ([\d.]+) ([\d.]+) ?\]", content)
    assert box is not None
    assert float(box[1]) == pytest.approx(84 / 25.4 * 72, abs=0.01)
    assert 72 < float(box[2]) < 9.5 * 72
    assert b"/FontFile2" in content  # TrueType, in the file
    assert b"/Type3" not in content
    assert b"CreationDate" not in content


def test_one_image_and_the_rest_is_vectors(tmp_path: Path) -> None:
    of_view("all samples", "box").save(tmp_path / "figure.pdf", width=3.3)
    images = (tmp_path / "figure.pdf").read_bytes().count(b"/Subtype /Image")
    assert images == 2  # the map, and its colour bar
    of_view("flow").save(tmp_path / "flow.pdf")
    assert b"/Subtype /Image" not in (tmp_path / "flow.pdf").read_bytes()


def test_very_many_points_are_an_image(tmp_path: Path) -> None:
    many = of_view("flow", values=np.ones((101, 1000, 1), np.float32))
    many.save(tmp_path / "many.pdf")
    assert b"/Subtype /Image" in (tmp_path / "many.pdf").read_bytes()


@pytest.mark.parametrize(("dpi", "pixels"), [(None, 990), (100, 330)])
def test_a_png_has_its_pixels(dpi: int | None, pixels: int, tmp_path: Path) -> None:
    of_view("flow").save(tmp_path / "figure.png", "3.3in", dpi)
    header = (tmp_path / "figure.png").read_bytes()[16:24]
    width, height = struct.unpack(">II", header)
    assert width == pixels
    assert 0.3 * pixels < height < pixels


@pytest.mark.parametrize("kind", ["pdf", "svg"])
def test_the_same_figure_is_the_same_file(kind: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        of_view("all samples", "box", mask=masked()).save(tmp_path / f"{name}.{kind}", width=3.3)
    one, two = ((tmp_path / f"{name}.{kind}").read_bytes() for name in ("one", "two"))
    assert one == two


def test_an_svg_carries_its_letters(tmp_path: Path) -> None:
    of_view("flow").save(tmp_path / "figure.SVG", dpi=150)
    content = (tmp_path / "figure.SVG").read_text()
    assert 'width="489.6pt"' in content  # 6.8 inches
    assert "<text" not in content
    assert "<dc:date>" not in content


# -- what is shown ---------------------------------------------------------------------------------


def test_the_masked_cells_are_hatched(figures: dict[str, Drawn]) -> None:
    plot = figures["masked"].figure.axes[0]
    (area,) = plot.patches
    assert (area.get_x(), area.get_width(), area.get_height()) == (-0.5, 6, 6)
    assert area.get_hatch()


def test_a_range_of_timesteps_has_their_numbers() -> None:
    explorer = explorer_of()
    explorer.selection.time_range = (5, 14)
    drawn = draw(explorer)
    assert drawn.figure.axes[0].get_xlim() == (4.5, 14.5)
    assert {"5", "10", "14"} <= set(drawn.words)
    assert "19" not in drawn.words


def test_a_page_of_maps_is_that_of_the_chosen_sample() -> None:
    explorer = of_view("all samples", values=gradient(70, 3, 2))
    explorer.sample = 66
    assert {"sample 64", "sample 69"} <= set(draw(explorer).words)
    explorer.dark = False  # a browser has shown it: it knows the page
    assert "sample 64" not in draw(explorer).words


def test_a_reach_has_its_loss_timesteps_and_lags() -> None:
    values = np.full((1, 6, 4), 1e-3, np.float32)
    tensor = GradientTensor(
        values, ("sample", "timestep", "loss_timestep"), "", "reach", loss_timesteps=(1, 3, 5)
    )
    words = draw(GradientExplorer.from_array(tensor)).words
    assert {"loss timestep $u$", "rest", "lag $k$, timesteps back"} <= set(words)
    assert r"$R_{u,t} = \Vert \partial L_u/\partial h_t \Vert$" in words


def test_what_truncation_loses_is_a_line_by_k(figures: dict[str, Drawn]) -> None:
    drawn = figures["truncation"]
    assert {"lag $k$, timesteps back", "truncated at $k$ timesteps"} <= set(drawn.words)
    assert r"$\Vert G - G_k \Vert$ / $\Vert G \Vert$" in drawn.words
    plot = next(axes for axes in drawn.figure.axes if "truncated" in axes.get_xlabel())
    (line,) = (each for each in plot.lines if len(np.atleast_1d(each.get_xdata())) == 6)
    np.testing.assert_allclose(line.get_ydata(), 10.0 ** -np.arange(6.0), rtol=1e-5)


def test_a_comparison_has_its_names_and_ratios(figures: dict[str, Drawn]) -> None:
    words = figures["compared"].words
    assert {"norm, relative to lag 0", "ratio to gates start open", "a third"} <= set(words)
    ratio = next(
        axes for axes in figures["compared"].figure.axes if "ratio" in axes.get_title("left")
    )
    line = max(ratio.lines, key=lambda each: each.get_linewidth())
    np.testing.assert_allclose(line.get_ydata(), (0.6 / 0.9) ** np.arange(20.0), rtol=1e-4)


def test_a_comparison_is_drawn_as_it_is_aligned() -> None:
    falling = (0.9 ** np.arange(20.0)[::-1])[:, None] * np.ones((2, 1, 1))
    mask = np.ones((2, 20), bool)
    mask[:, 17:] = False  # padded behind
    one = GradientTensor(falling, SEQUENCE, mask=mask)
    back = GradientTensor(falling[:, ::-1] ** 2, SEQUENCE, directions=("backward",))
    found = compare({"one": one, "back": back})
    by_lag = draw(found)
    found.align = "timestep"
    by_timestep = draw(found)
    t = np.arange(20.0)
    own = np.where(t < 17, 0.9 ** (16 - t), np.nan)
    expected = {
        "lag": ([np.where(t < 17, 0.9**t, np.nan), 0.81**t], 0.9 ** t[:17]),
        "timestep": ([own, 0.81**t], (0.81**t / own)[:17]),
    }
    for name, drawn in (("lag", by_lag), ("timestep", by_timestep)):
        upper, lower = (
            next(axes for axes in drawn.figure.axes if word in axes.get_title("left"))
            for word in ("norm", "ratio")
        )
        lines = [each for each in upper.lines if each.get_linewidth() > 1]
        for line, values in zip(lines, expected[name][0], strict=True):
            np.testing.assert_allclose(line.get_ydata(), values, rtol=1e-5)
        (ratio,) = (each for each in lower.lines if each.get_linewidth() > 1)
        known = np.isfinite(ratio.get_ydata())
        np.testing.assert_allclose(ratio.get_ydata()[known], expected[name][1], rtol=1e-5)
    assert "lag, timesteps back" in by_lag.words
    assert "timestep" in by_timestep.words
    found.align = "lag"
    assert "lag, timesteps back" in draw(found).words


def test_a_comparison_within_a_decade_has_an_axis_that_can_be_read() -> None:
    one = gradient(decay=0.97)
    drawn = draw(compare({"a": one, "b": one * np.float32(3), "c": gradient(decay=0.975)}))
    for axes in drawn.figure.axes:
        labels = [label.get_text() for label in axes.get_yticklabels()]
        low, high = axes.get_ylim()
        seen = [place for place in axes.get_yticks() if low <= place <= high]
        assert len(seen) >= 2
        assert len(set(labels)) == len(labels)
    # equal gradients do not fill the axis with rounding errors
    same = draw(compare({"a": one, "b": one * np.float32(3)}))
    ratio = next(axes for axes in same.figure.axes if "ratio" in axes.get_title("left"))
    assert ratio.get_ylim() == pytest.approx((2**-0.5, 2**0.5), rel=0.01)


def test_the_step_of_a_run_that_is_shown() -> None:
    explorer = with_run()
    explorer.step = 40
    shown = explorer._sheet()
    expected = gradient(decay=0.6) * np.float32(0.9**40)
    np.testing.assert_allclose(shown.shown.values, expected, rtol=1e-6)
    limit = shown.shown.norm[1]
    assert np.percentile(np.abs(expected), 99.8) <= limit < 2 * np.abs(expected).max()
    assert shown.run is not None
    assert (shown.run.chosen, len(shown.run.steps)) == (40, 5)


def test_a_step_alone_keeps_what_it_is() -> None:
    explorer = with_run()
    explorer.step = 40
    alone = GradientExplorer.from_array(explorer.tensor)
    assert (alone.tensor.quantity, alone.tensor.step) == ("hidden_gradient", 40)
    found = alone._sheet()
    assert (found.run, found.shown.quantity) == (None, "hidden_gradient")
    np.testing.assert_array_equal(found.shown.values, explorer._sheet().shown.values)


def test_the_difference_of_two_steps() -> None:
    explorer = with_run()
    explorer.step = 40
    assert explorer.runs.current is not None
    model = explorer.runs.current.view.model
    model.pinned, model.show = 0, 2
    difference = explorer._sheet().shown
    steps = explorer.snapshots
    np.testing.assert_array_equal(difference.values, steps[2].array - steps[0].array)
    assert difference.when == "step 40 minus step 0"
    model.show = 1
    np.testing.assert_array_equal(explorer._sheet().shown.values, steps[0].array)


def test_the_map_of_a_run_has_the_colours_of_each_step() -> None:
    drawn = draw(with_run())
    plot = next(axes for axes in drawn.figure.axes if axes.get_xlabel() == "training step")
    x, y = plot.transData.transform((79, 19))
    strongest = drawn.pixels[-1 - int(y), int(x) - 4].astype(int)
    assert np.abs(strongest - (0x13, 0x67, 0x62)).max() < 25  # near the largest norm of its step


# -- no harm ---------------------------------------------------------------------------------------


def test_matplotlib_stays_as_the_user_has_it(tmp_path: Path) -> None:
    with mpl.rc_context({"font.size": 31, "text.usetex": True, "axes.facecolor": "black"}):
        before = dict(mpl.rcParams)
        of_view("flow").save(tmp_path / "figure.pdf")
        assert dict(mpl.rcParams) == before


SCRIPT = """
import sys, numpy as np
from rnngrad_widgets import GradientExplorer
e = GradientExplorer.from_array(np.random.default_rng(0).normal(size=(3, 9, 4)))
assert "matplotlib" not in sys.modules
e.save(sys.argv[1], width="3.3in")
assert "matplotlib.pyplot" not in sys.modules
assert "tensorflow" not in sys.modules
"""


def test_a_plain_script_needs_no_browser(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SCRIPT, tmp_path / "figure.pdf"]
    subprocess.run(command, check=True)
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_a_table_is_no_figure(tmp_path: Path) -> None:
    explorer = of_view("diagnosis")
    with pytest.raises(ValueError, match=r"'heat map', .*; received 'diagnosis'\. Set explorer"):
        explorer.save(tmp_path / "figure.pdf")
    assert not list(tmp_path.iterdir())


def test_without_matplotlib_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rnngrad_widgets.figures.requirement.find_spec", lambda _: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "rnngrad-widgets\[figures\]"'):
        explorer_of().save(tmp_path / "figure.pdf")


@pytest.mark.parametrize(
    ("name", "keywords", "error", "message"),
    [
        ("figure.eps", {"width": 3}, ValueError, r"as \.png, \.svg or \.pdf; received"),
        ("missing/figure.pdf", {}, FileNotFoundError, "the folder .*missing.* must exist"),
        ("figure.pdf", {"width": "wide"}, ValueError, "width must be a length"),
        ("figure.pdf", {"dpi": 10}, ValueError, "dpi must be a whole number"),
    ],
)
def test_what_cannot_be_saved_is_refused_first(
    name: str, keywords: dict[str, Any], error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        explorer_of().save(tmp_path / name, **keywords)
    assert not list(tmp_path.iterdir())


def test_a_link_stays_one_and_other_scripts_are_no_error(tmp_path: Path) -> None:
    explorer = GradientExplorer.from_array(gradient(), title="勾配 🙂")
    (tmp_path / "link.pdf").symlink_to(tmp_path / "figure.pdf")
    explorer.save(tmp_path / "link.pdf", width="3.3in")
    assert (tmp_path / "link.pdf").is_symlink()
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")


def test_of_many_conditions_the_first_are_named_one_below_the_other() -> None:
    many = {f"condition {i}": gradient(decay=0.5 + i / 100) for i in range(30)}
    drawn = draw(compare(many))
    names = [text for text in drawn.texts if text.get_text().startswith("condition")]
    assert len(names) == 2 * 20
    assert drawn.words.count("and 10 more") == 1
    assert drawn.words.count("and 9 more") == 1
    places = sorted(text.get_window_extent().y0 for text in names)
    assert min(np.diff(places)) > 5, "pixels, of 200 to the inch"


def test_a_closed_explorer_has_no_figure(tmp_path: Path) -> None:
    explorer = explorer_of()
    explorer.close()
    with pytest.raises(RuntimeError, match="it was closed"):
        explorer.save(tmp_path / "figure.pdf")


def test_what_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "figure.pdf"
    path.write_bytes(b"old")
    monkeypatch.setattr("rnngrad_widgets.figures.draw.compose", lambda *_, **_options: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        explorer_of().save(path)
    assert path.read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["figure.pdf"]


ODD = {
    "NaN": np.full((2, 5, 4), np.nan, np.float32),
    "largest": np.full((2, 2, 2), np.finfo(np.float32).max),
    "tiny": gradient(2, 5, 4) * np.float32(1e-41),
    "one value": np.ones((1, 1, 1), np.float32),
    "without time": np.full((1, 1), np.nan, np.float32),
}


@pytest.mark.one_case_in(4)
@pytest.mark.parametrize("kind", ODD)
def test_any_values_can_be_drawn(kind: str, tmp_path: Path) -> None:
    explorer = explorer_of(ODD[kind])
    for view in explorer.view_stack.views:
        if view != "diagnosis":
            explorer.view = view
            explorer.save(tmp_path / "figure.svg", width=2.5)

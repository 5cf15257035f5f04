"""Small heat maps of runs that are compared, and the full explorer of one of them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from ipywidgets import Button

from rnngrad_widgets import compare
from rnngrad_widgets.data.tensor import REACH, SEQUENCE, GradientTensor
from rnngrad_widgets.explorer import compared_maps
from rnngrad_widgets.widgets.open_widgets import open_widgets
from tests.unit.comparison.runs import decaying

if TYPE_CHECKING:
    from rnngrad_widgets.explorer.base import ExplorerBase

RNG = np.random.default_rng(0)
ONE = RNG.normal(size=(4, 6, 3)).astype("float32")
TWO = 5 * RNG.normal(size=(4, 5, 2)).astype("float32")


def test_the_browser_gets_every_array_in_one_range() -> None:
    maps = compare({"one": ONE, "two": TWO}).maps()
    (mark,) = maps.figures[0].marks
    assert mark.names == ["one", "two"]
    for tensor, array in zip(mark.tensors, (ONE, TWO), strict=True):
        np.testing.assert_array_equal(tensor.array, array)
    limit = maps.selection.norm[1]
    assert np.percentile(np.abs(TWO), 99.8) <= limit <= 2 * np.abs(TWO).max()
    maps.norm = (-1.0, 2.0)
    assert maps.selection.norm == (-1.0, 2.0)


def test_a_full_explorer_is_opened_at_the_same_sample() -> None:
    maps = compare({"one": ONE, "two": [TWO, TWO + 1]}).maps()
    maps.selection.sample = 2
    maps.explore(2)
    first = maps.explorer
    assert first is not None
    np.testing.assert_array_equal(first.tensor.values, TWO + 1)
    assert (first.sample, first.title) == (2, "two, repeat 1")
    assert maps.children[-1] is first
    maps.explore(0)
    assert maps.explorer is not None
    assert maps.explorer.title == "one"
    assert first.comm is None
    before = {*open_widgets()}
    maps.close()
    assert maps.explorer.comm is None
    assert {*open_widgets()} < before


@pytest.mark.parametrize("run", [2, -1, "one", None, True])
def test_a_run_that_there_is_not(run: object) -> None:
    maps = compare({"one": ONE, "two": TWO}).maps()
    with pytest.raises(IndexError, match=r"run must be the index of a map, 0 \.\. 1; received"):
        maps.explore(run)  # type: ignore[arg-type]
    assert maps.explorer is None


def test_a_button_puts_the_maps_below_the_comparison() -> None:
    found = compare({"one": ONE, "two": TWO})
    (button,) = (each for each in found.children if isinstance(each, Button))
    said: list[str] = []
    found.observe(lambda change: said.append(change["new"]), "busy")
    button.click()
    assert said == ["Computing the gradients…", ""]  # the browser waits for it
    first = found.children[-1]
    assert isinstance(first, compared_maps.ComparedMaps)
    button.click()
    assert first.comm is None
    assert len(found.children) == 6
    maps = found.children[-1]
    found.close()
    assert maps.comm is None


def test_why_a_run_is_not_explored_is_said_beside_the_button() -> None:
    def cannot_be_read(_run: int) -> ExplorerBase:
        raise ValueError("the folder <run> is gone")

    tensors = [GradientTensor(ONE, SEQUENCE), GradientTensor(TWO, SEQUENCE)]
    maps = compared_maps.ComparedMaps(tensors, ["one", "two"], cannot_be_read, None)
    button, message = maps.children[-1].children
    said = []
    maps.observe(lambda change: said.append(change["new"]), "busy")
    button.click()
    assert message.value == "the folder &lt;run&gt; is gone"
    assert said == ["Computing the gradient…", ""]  # the browser waits for it
    assert maps.explorer is None


def test_large_arrays_are_shown_with_their_first_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compared_maps, "MAPS_BUDGET", 2 * 2 * ONE[0].nbytes)
    (mark,) = compare({"a": ONE, "b": ONE}).maps().figures[0].marks
    assert [tensor.array.shape for tensor in mark.tensors] == [(2, 6, 3)] * 2


def test_recordings_are_shown_with_all_channels(tmp_path: Path) -> None:
    recording = pytest.importorskip("rnngrad_widgets.recording")  # needs zarr
    from rnngrad_widgets.data.tensor import GradientSnapshot  # noqa: PLC0415

    tensor = replace(decaying([0.5, 0.6], 4), layer="lstm", quantity="hidden_gradient")
    for name in "ab":
        writer = recording.RecordingWriter(tmp_path / name)
        writer.append(GradientSnapshot({("lstm", "hidden_gradient"): tensor}, loss=1.0, step=0))
    maps = compare(tmp_path).maps()
    (mark,) = maps.figures[0].marks
    np.testing.assert_allclose(mark.tensors[1].array, tensor.values, rtol=1e-6)
    maps.explore(1)
    assert maps.explorer is not None
    assert maps.explorer.layer == "lstm"


def test_beside_a_summary_all_are_norms(tmp_path: Path) -> None:
    recording = pytest.importorskip("rnngrad_widgets.recording")  # needs zarr
    from rnngrad_widgets.data.tensor import GradientSnapshot  # noqa: PLC0415

    tensor = replace(decaying([0.5, 0.6], 4), layer="lstm", quantity="hidden_gradient")
    for store in ("full", "summary"):
        writer = recording.RecordingWriter(tmp_path / store, store=store)
        writer.append(GradientSnapshot({("lstm", "hidden_gradient"): tensor}, loss=1.0, step=0))
    (mark,) = compare(tmp_path).maps().figures[0].marks
    norms = np.array([0.5, 0.6])[:, None] ** np.arange(4)[::-1]
    for each in mark.tensors:
        np.testing.assert_allclose(each.array[..., 0], norms, rtol=1e-6)
        assert each.noun.startswith("Norm")


def test_rows_of_a_reach_are_named_in_a_figure() -> None:
    values = np.abs(RNG.normal(size=(2, 6, 3)))
    one = GradientTensor(values, REACH, quantity="reach", loss_timesteps=(2, 5))
    maps = compare({"one": one, "two": one}).maps()
    assert list(maps._sheet().shown.plot_array.row_labels) == list(maps._arrays[0].row_labels) != []


def test_rows_must_be_a_number() -> None:
    with pytest.raises(ValueError, match="n_rows must be an integer, 1 or more"):
        compare({"one": ONE}).maps(rows=0)


def test_a_figure_has_a_map_for_each_run(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    compare({"one": ONE, "two": TWO}).maps().save(tmp_path / "maps.svg", width="4in")
    text = (tmp_path / "maps.svg").read_text()
    assert text.count("<image") == 2

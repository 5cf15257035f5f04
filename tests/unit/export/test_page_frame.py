"""A page in the output of a cell: what is refused, and what the output holds."""

from __future__ import annotations

from html import unescape

import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer, GradientTensor
from rnngrad_widgets.data.tensor import SEQUENCE
from rnngrad_widgets.export.page_frame import HEIGHT, TIMELINE_HEIGHT


@pytest.fixture
def explorer() -> GradientExplorer:
    values = np.random.default_rng(0).standard_normal((3, 20, 4)).astype("float32")
    return GradientExplorer.from_array(values, title='"quoted" <b>')


def test_the_output_holds_the_page_in_a_sandbox(explorer: GradientExplorer) -> None:
    page = explorer.show_page(500)
    bundle = page._repr_mimebundle_()
    html = bundle["text/html"]
    assert html == page._repr_html_()
    start = '<iframe srcdoc="'
    assert html.startswith(start)
    srcdoc, _, rest = html[len(start) :].partition('"')
    assert 'sandbox="allow-scripts allow-downloads"' in rest
    assert "height: 500px" in rest
    assert 'title="&quot;quoted&quot; &lt;b&gt;"' in rest
    document = unescape(srcdoc)
    assert document.startswith("<!DOCTYPE html>")
    assert len(document.encode()) == page.size
    assert "MB, saved with the notebook" in rest
    assert bundle["text/plain"] == repr(page)


def test_the_height_is_that_of_an_explorer_where_none_is_given(explorer: GradientExplorer) -> None:
    assert f"height: {HEIGHT}px" in explorer.show_page()._repr_html_()
    values = np.ones((3, 20, 4), "float32")
    explorer.add_snapshot({"": GradientTensor(values, SEQUENCE, step=1)}, 1)
    assert f"height: {HEIGHT + TIMELINE_HEIGHT}px" in explorer.show_page()._repr_html_()


def test_what_is_no_height_is_refused(explorer: GradientExplorer) -> None:
    with pytest.raises(TypeError, match="height must be a number of pixels or None; received str"):
        explorer.show_page("500px")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"height must be 120 \.\. 10,000 pixels; received 20"):
        explorer.show_page(20)
    assert "height: 500px" in explorer.show_page(np.int64(500))._repr_html_()


def test_a_page_that_is_too_large_is_refused(explorer: GradientExplorer) -> None:
    with pytest.raises(ValueError, match=r"the page must not be larger than max_size, 0\.1 MB"):
        explorer.show_page(max_size=100_000)


def test_a_page_takes_what_its_refusal_recommends(explorer: GradientExplorer) -> None:
    whole = explorer.show_page().size
    half = explorer.show_page(precision="bfloat16", max_size=whole)
    assert half.size < whole


def test_what_is_shown_as_a_page_by_itself_says_why_it_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RNNGRAD_DISPLAY", "page")
    noise = np.random.default_rng(0).standard_normal((64, 500, 200)).astype("float32")
    large = GradientExplorer.from_array(noise)
    (text,) = large._repr_mimebundle_().values()
    assert text.startswith("<GradientExplorer: 64 x 500 x 200> cannot be shown as a page: the page")
    assert "max_size" in text
    large.close()

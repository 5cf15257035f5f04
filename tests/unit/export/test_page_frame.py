"""A page in the output of a cell: what is refused, and what the output holds."""

from __future__ import annotations

from html import unescape

import numpy as np
import pytest

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.export.page_frame import HEIGHT, frame_page


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


def test_what_is_no_height_is_refused(explorer: GradientExplorer) -> None:
    with pytest.raises(TypeError, match="height must be a number of pixels or None; received str"):
        explorer.show_page("500px")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"height must be 120 \.\. 10,000 pixels; received 20"):
        explorer.show_page(20)


def test_a_page_that_is_too_large_is_refused(explorer: GradientExplorer) -> None:
    with pytest.raises(ValueError, match=r"the page must not be larger than max_size, 0\.1 MB"):
        frame_page(explorer, None, max_size=100_000)

"""`show_features_*` in a page: what is drawn of arrays of any shape, and of hardly any at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tests.browser.explorer_page import ExplorerPage, eventually
from tests.browser.views_page import expect_maps, names, panels

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from playwright.sync_api import Locator

    from tests.browser.lab import Lab

GRADS = np.random.default_rng(1).integers(-8, 9, (4, 6, 4)) / 8.0
NORM = (-1.0, 1.0)
ALL = f"""
import numpy as np
from IPython.display import display
from rnngrad_widgets import show_features_1D, show_features_2D
grads = np.array({GRADS.tolist()})
opts = dict(norm=(-1, 1), height=200)
shown = [
    show_features_2D(grads, 1, reflect_half=True, **opts),
    show_features_2D(grads[1], reflect_half=True, **opts),
    show_features_2D(grads, 2, timesteps_xaxis=False, reflect_half=True, **opts),
    show_features_2D(grads[:, :, 2], **opts),
    show_features_2D(grads[:1], 50, title="one <i>sample</i>", **opts),
    show_features_1D(grads, 4, height=300),
    show_features_1D(grads[:, :, 2], height=200),
]
display(*shown)
"""
# Each hardly an array at all; every call must draw something, or say in words why there is nothing.
ODD = """
import numpy as np
from ipywidgets import VBox
from rnngrad_widgets import show_features_0D, show_features_1D, show_features_2D, show_features_hist
one_inf = np.ones((2, 5, 4))
one_inf[1, 2, 3] = np.inf
arrays = [
    np.ones((3, 1, 4)), np.ones((3, 5, 1)), np.ones((1, 5, 4)), np.ones((1, 1, 1)),
    np.zeros((2, 5, 4)), np.full((2, 5, 4), np.nan), one_inf, np.full((2, 5, 4), 3.5),
    np.arange(40).reshape(2, 5, 4), np.arange(40, dtype=np.float16).reshape(2, 5, 4),
    np.arange(40).reshape(2, 5, 4).tolist(),
]
shown = []
for array in arrays:
    shown += [show_features_1D(array, height=130), show_features_2D(array, height=130)]
    shown += [show_features_hist(array, height=130)]
    shown += [show_features_0D(np.asarray(array)[:, -1], height=130)]
VBox(shown)
"""
# Of each widget: how many panels or plots, and whether anything is painted or said in them.
DRAWN = """
(root) => [...root.querySelectorAll('.bqplot.figure')].map((figure) => {
  const canvas = figure.querySelector('canvas');
  const data = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data;
  const words = [...figure.querySelectorAll('.rnngrad-empty, .rnngrad-shares text')];
  return {
    painted: data.filter((v, i) => i % 4 === 3 && v > 0).length,
    words: words.map((text) => text.textContent).join(' '),
    bad: (figure.innerHTML.match(/NaNpx|="NaN|Infinity|undefined/g) ?? []).length,
    text: figure.textContent,
  };
})
"""


def reflected(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The second half of the channels backwards in time; (…, timesteps, channels)."""
    found = values.copy()
    found[..., 2:] = np.flip(values, -2)[..., 2:]
    return found


def test_slices_rows_and_reflection_are_drawn_as_numpy_says(lab: Lab) -> None:
    notebook = lab.open([ALL])
    shown = [ExplorerPage(notebook, number, f"shown[{number}]") for number in range(7)]
    flipped = reflected(GRADS)
    expect_maps(shown[0], {s: flipped[s].T for s in range(4)}, NORM)
    assert len({panel.top for panel in panels(shown[0])}) == 1
    expect_maps(shown[1], {0: flipped[1].T}, NORM)
    expect_maps(shown[2], {s: flipped[s] for s in range(4)}, NORM)
    assert len({panel.top for panel in panels(shown[2])}) == 2
    expect_maps(shown[3], {0: GRADS[:, :, 2]}, NORM)
    expect_maps(shown[4], {0: GRADS[0].T}, NORM)
    assert shown[4].text("title") == "one <i>sample</i>"
    assert names(shown[5]) == ["channel 0", "1", "2", "3"]
    assert len({panel.left for panel in panels(shown[5])}) == 1
    assert len(panels(shown[6])) == 1

    shown[0].plot("single").press("]")
    shown[0].expect_trait("selection.sample", 1)
    assert names(shown[0]) == ["0", "sample 1", "2", "3"]

    # again: what the cell made before is closed, here and in the browser
    count = "from ipywidgets.widgets import widget; print(len(widget._instances))"
    before = (notebook.execute(count), notebook.widget_model_count())
    notebook.run_cell(0)
    eventually(
        lambda: (notebook.execute(count), notebook.widget_model_count()), before, "the widgets"
    )
    expect_maps(shown[3], {0: GRADS[:, :, 2]}, NORM)


def test_arrays_that_are_hardly_any_draw_something(lab: Lab) -> None:
    notebook = lab.open([ODD])
    roots = notebook.page.locator(".rnngrad-explorer")
    assert roots.count() == 44
    for number in range(44):
        root = roots.nth(number)
        root.scroll_into_view_if_needed()
        array, call = divmod(number, 4)
        of_nan = array == 5
        # of NaN there are no curves, and no dots
        enough = of_nan and call in (0, 3)
        where = f"array {array}, show_features_{('1D', '2D', 'hist', '0D')[call]}"
        plots = wait_until_drawn(root, enough=enough, what=where)
        assert [plot["bad"] for plot in plots] == [0] * len(plots), where
        if of_nan and call == 2:
            assert "all 40 values are NaN" in plots[0]["words"]


def wait_until_drawn(root: Locator, *, enough: bool, what: str) -> list[dict[str, Any]]:
    """Wait for something in each plot of a widget, unless its frame is enough."""
    seen: list[dict[str, Any]] = []

    def drawn() -> bool:
        seen[:] = root.evaluate(DRAWN)
        return bool(seen) and all(plot["painted"] or plot["words"] or enough for plot in seen)

    eventually(drawn, True, f"something drawn of {what}")
    return seen

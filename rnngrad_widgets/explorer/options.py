"""The keyword arguments that every constructor of an explorer takes, in one place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypedDict, cast

from rnngrad_widgets.callbacks.batch_snapshot import SNAPSHOT_DEFAULTS, SnapshotOptions
from rnngrad_widgets.data.colours import check_cmap
from rnngrad_widgets.data.norm import Norm, check_norm
from rnngrad_widgets.data.statistics import THRESHOLD
from rnngrad_widgets.data.thinning import BUDGET
from rnngrad_widgets.diagnosis.shares import LEVELS, check_levels, check_threshold
from rnngrad_widgets.explorer.displayed import Displayed
from rnngrad_widgets.explorer.validation import check_index, check_reflect, check_shares, check_ylim

if TYPE_CHECKING:
    from typing_extensions import Unpack


class DisplayOptions(TypedDict, total=False):
    """What is selected at first, how it looks, and how much of it is sent to the browser.

    The class docstring of `GradientExplorer` says what each means.
    """

    sample: int
    channel: int
    norm: Any
    reflect_half: bool
    view: str | None
    title: str
    cmap: str
    ylim: tuple[float, float] | None
    height: int | None
    threshold: float
    levels: Sequence[float]
    budget: int


DISPLAY_DEFAULTS: DisplayOptions = {
    "sample": 0,
    "channel": 0,
    "norm": "auto",
    "reflect_half": False,
    "view": None,
    "title": "",
    "cmap": "diverging",
    "ylim": None,
    "height": None,
    "threshold": THRESHOLD,
    "levels": LEVELS,
    "budget": BUDGET,
}


class ModelOptions(SnapshotOptions, DisplayOptions, total=False):
    """What the explorer of a model takes: of what is computed, and of the display."""


MODEL_DEFAULTS = cast("ModelOptions", {**SNAPSHOT_DEFAULTS, **DISPLAY_DEFAULTS})


def with_defaults(**options: Unpack[DisplayOptions]) -> DisplayOptions:
    """Return all options, those that were not given as they are by default."""
    return {**DISPLAY_DEFAULTS, **options}


def parted(options: ModelOptions) -> tuple[SnapshotOptions, DisplayOptions]:
    """Return the options of what is computed, and those of the display."""
    computed = {name: value for name, value in options.items() if name in SNAPSHOT_DEFAULTS}
    display = {name: value for name, value in options.items() if name in DISPLAY_DEFAULTS}
    return cast("SnapshotOptions", computed), cast("DisplayOptions", display)


def check_options(options: DisplayOptions, displayed: Displayed) -> Norm:
    """Check what is selected at first.

    Returns
    -------
    "auto" or (vmin, vmax)
        The norm.

    Raises
    ------
    SelectionError
        If an index, the norm, the reflection, the colour map, the y-limits, the threshold or a
        level do not fit.
    """
    shape = displayed.plot_array.values.shape
    check_index("sample", options["sample"], shape[0])
    check_index("channel", options["channel"], shape[-1])
    check_reflect(options["reflect_half"], displayed.tensor)
    norm = check_norm(options["norm"])
    check_cmap(options["cmap"])
    check_ylim(options["ylim"])
    check_shares(check_threshold, options["threshold"])
    check_shares(check_levels, options["levels"])
    return norm

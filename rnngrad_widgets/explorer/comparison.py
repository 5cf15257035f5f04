"""`compare`: several experiments side by side, in one widget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from html import escape
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

from ipywidgets import HTML, VBox, Widget, register

from rnngrad_widgets.callbacks.batch_snapshot import SNAPSHOT_DEFAULTS, SnapshotOptions
from rnngrad_widgets.comparison.curves import Curve, curves_of
from rnngrad_widgets.comparison.result import ComparedRuns
from rnngrad_widgets.data.keywords import naming, suggesting
from rnngrad_widgets.data.loss_timesteps import check_reach
from rnngrad_widgets.data.quantities import check_known, quantity_of
from rnngrad_widgets.data.statistics import THRESHOLD
from rnngrad_widgets.diagnosis.shares import LEVELS, check_levels, check_threshold
from rnngrad_widgets.diagnosis.telling import Evidence
from rnngrad_widgets.explorer.compared_folders import expanded
from rnngrad_widgets.explorer.compared_sources import (
    Batch,
    Gradient,
    check_batches,
    check_comparable,
    experiment,
    matched_paths,
)
from rnngrad_widgets.explorer.frame import PlotFrame
from rnngrad_widgets.explorer.sheet import shown_of
from rnngrad_widgets.figures.drawings import Compared, Sheet
from rnngrad_widgets.views.run_lines import RunLinesView
from rnngrad_widgets.widgets.figure import PlotFigure
from rnngrad_widgets.widgets.lifetime import LIFETIMES

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from rnngrad_widgets.comparison.differences import Claim


@register
class Comparison(PlotFrame):
    """The gradients of several conditions by lag, their numbers, and what may be claimed of them.

    Made by `compare`.

    Attributes
    ----------
    align
        What the gradients are laid one over the other by: ``"lag"``, timesteps before the last one.
    title, height
        As for every widget of plots.
    """

    align: Literal["lag"] = "lag"

    def __init__(self, runs: ComparedRuns, quantity: str, left_out: tuple[str, ...] = ()) -> None:
        self._runs = runs
        self._left_out = left_out
        self._quantity = quantity
        names = list(runs.curves)
        self._views = [
            RunLinesView(
                [curve for name in names for curve in runs.repeats(name, direction)],
                names,
                runs.base,
                _heading(quantity, direction),
                is_readable=not any(
                    curve.reason for curves in runs.curves.values() for curve in curves
                ),
            )
            for direction in runs.directions
        ]
        plots = VBox([view.box for view in self._views]).add_class("rnngrad-plots")
        table = HTML(_table_html(runs)).add_class("rnngrad-diagnosis-table")
        first, *others = (view.selection for view in self._views)
        super().__init__(
            [_findings(runs, left_out), plots, table.add_class("rnngrad-comparison")],
            selection=first,
            weight_selections=others,
        )
        LIFETIMES.note_made(self)

    @property
    def claims(self) -> dict[str, Claim | None]:
        """For each name but the base ``"further"``, ``"less far"`` or None: no claim."""
        return self._runs.claims

    @property
    def findings(self) -> tuple[str, ...]:
        """One sentence for each name but the base, in each direction of the layer.

        Then one for each recording that was found and is not compared, with the reason.
        """
        return (*self._runs.findings, *self._left_out)

    @property
    def table(self) -> list[dict[str, Any]]:
        """The numbers of `diagnose` for each run and direction, with its name and repeat."""
        runs: list[dict[str, Any]] = self._runs.to_dict()["runs"]
        return runs

    @property
    def base(self) -> str:
        """The name that the others are compared with."""
        return self._runs.base

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers, claims and findings, as JSON can hold them."""
        return self._runs.to_dict()

    @property
    def figures(self) -> list[PlotFigure]:
        """The figures of the views."""
        return [figure for view in self._views for figure in view.figures]

    def _sheet(self) -> Sheet:
        drawing = Compared(self._runs, self._quantity, self._views[0].is_absolute)
        return Sheet(shown_of(self.selection), drawing, title=self.title)

    def _detached_widgets(self) -> list[Widget]:
        return [widget for view in self._views for widget in view.detached_widgets]

    def _describe(self) -> str:
        return ", ".join(self._runs.curves)


@suggesting
@naming(SnapshotOptions, SNAPSHOT_DEFAULTS)
def compare(
    sources: Mapping[str, Any] | str | PathLike[str],
    x: Any = None,
    y: Any = None,
    quantity: str = "hidden_gradient",
    *,
    layer: Any = None,
    base: str | None = None,
    threshold: float = THRESHOLD,
    levels: Sequence[float] = LEVELS,
    storage_options: Mapping[str, Any] | None = None,
    **options: Unpack[SnapshotOptions],
) -> Comparison:
    """Compare how far back the gradients of several experiments extend.

    Of one run each, it is said how these sets of weights differ on this batch. Whether a change
    *does* that, only repeats can tell, as with several seeds: they are compared pair by pair, and
    something is claimed only of three or more that all agree.

    Parameters
    ----------
    sources
        By name: a model, an explorer (what it shows, if that is the quantity, else it is computed
        with the current weights), a `GradientSnapshot`, a `GradientTensor`, an array, a
        recording or its path or URL (its last step); or a list of them, the repeats of one
        condition, in the same order everywhere; a pattern of paths, as ``"bias-1/*"``, is such a
        list, with ``seed-2`` before ``seed-10``. Or, without names, a folder that holds recordings,
        or a pattern (``"runs/*"``, ``"s3://bucket/sweep/*"``): each of them has the name of its
        folder. What cannot be read is left out, and named in the findings.
    x, y
        The batch that models are compared on, as ``fit`` takes it.
    quantity
        A gradient over time. Where the loss acts at every timestep, ``"reach"`` tells how far back
        each of them contributes, and the total gradient does not.
    layer
        A path, name, index or object, of the first source; None for its first layer. In the others
        it is the layer of the same path, else the one at the same place.
    base
        The name that the others are compared with; None for the first.
    threshold, levels
        As for `diagnose`.
    storage_options
        Options for fsspec, for recordings.
    **options
        For models: ``sample_weight``, ``class_weight``, ``training``, ``steps``, ``loss``,
        ``loss_timesteps`` and ``by``, as for `GradientEngine.compute`.

    Returns
    -------
    Comparison
        A widget: lines by lag, with `table`, `findings` and `claims`.

    Raises
    ------
    TypeError
        If a source is none of these.
    ValueError
        If there is no source, a layer has not its like in another one, or the batches differ.
    FileNotFoundError
        If there is nothing at a folder or pattern.
    RecordingError
        If no recording there can be read.
    """
    check_known(quantity)
    limit, shares = check_threshold(threshold), check_levels(levels)
    check_reach((quantity,), options.get("loss_timesteps"), options.get("by"))
    by_name, left_out = expanded(sources, layer, quantity, storage_options)
    named = dict(_named(by_name))
    base = next(iter(by_name)) if base is None else base
    if base not in list(by_name):
        raise ValueError(f"base must be one of {list(by_name)}; received {base!r}")
    batch = Batch(x, y, cast("SnapshotOptions", dict(options)))
    found = {
        key: experiment(key, source, batch, quantity, storage_options)
        for key, source in named.items()
    }
    check_batches(found)
    paths = matched_paths(found, layer)
    gradients: dict[RunKey, Gradient] = {
        key: source.gradient(path, quantity)
        for (key, source), path in zip(found.items(), paths, strict=True)
    }
    check_comparable({key: gradient.tensor for key, gradient in gradients.items()})
    curves: dict[str, list[Curve]] = {name: [] for name in by_name}
    for key, gradient in gradients.items():
        curves[key.name] += curves_of(key.name, key.repeat, Evidence(*gradient, limit, shares))
    runs = ComparedRuns(curves, base, limit, shares)
    directions = {key: tuple(gradient.reasons) for key, gradient in gradients.items()}
    if len(set(directions.values())) > 1:
        each = ", ".join(f"{key} {words or 'one'}" for key, words in directions.items())
        raise ValueError(f"all layers must have the same directions; received {each}")
    return Comparison(runs, next(iter(gradients.values())).tensor.quantity, left_out)


class RunKey(NamedTuple):
    """The name of a condition, and which of its repeats; of one that has none, `repeat` is 0."""

    name: str
    repeat: int
    is_one_of_several: bool

    def __str__(self) -> str:
        repeat = f", repeat {self.repeat}" if self.is_one_of_several else ""
        return f"{self.name!r}{repeat}"


def _named(sources: Mapping[str, Any]) -> Iterator[tuple[RunKey, Any]]:
    """Yield each run, by name and repeat."""
    if not isinstance(sources, Mapping):
        raise TypeError(
            "compare takes experiments by name, compare({'name': model, ...}, x, y), or "
            f"recordings, compare('runs/*'); received a {type(sources).__name__}"
        )
    if not sources:
        raise ValueError("compare needs an experiment, best two; received none")
    for name, source in sources.items():
        if not isinstance(name, str) or not name:
            raise TypeError(f"the names of experiments must be text; received {name!r}")
        repeats = list(source) if isinstance(source, (list, tuple)) else [source]
        if not repeats:
            raise ValueError(f"each name must have an experiment; {name!r} has an empty list")
        for repeat, own in enumerate(repeats):
            yield RunKey(name, repeat, len(repeats) > 1), own


def _heading(quantity: str, direction: str) -> str:
    known = quantity_of(quantity)
    name = known.summary if quantity else "norm"
    return f"{name[0].upper()}{name[1:]}{f', {direction}' if direction else ''}, by lag"


def _findings(runs: ComparedRuns, left_out: Sequence[str]) -> HTML:
    lines = [*runs.findings]
    if len(runs.curves) == 1:
        lines.append("a second experiment is needed for a comparison")
    lines += left_out
    words = HTML("".join(f"<p>{escape(line)}</p>" for line in lines))
    return words.add_class("rnngrad-diagnosis-table")


def _table_html(runs: ComparedRuns) -> str:
    """Return the table; a colour stands before each name, as its line has."""
    header, rows = runs.table
    names = list(runs.curves)
    head = "".join(f"<th>{escape(word)}</th>" for word in header)
    body = "".join(_row_html(row, names.index(row[0])) for row in rows)
    note = "lines: medians over samples, with quartiles; thin lines: repeats"
    return (
        f"<div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"
        f"<p>{note}</p>"
    )


def _row_html(row: Sequence[str], group: int) -> str:
    name, *cells = row
    hue = round((210 + group * 137.508) % 360)  # as sampleColour in js/src/drawing/theme.ts
    chip = f'<span class="rnngrad-swatch" style="background: hsl({hue}, 65%, 50%)"></span>'
    first = f"<td>{chip}{escape(name)}</td>"
    return f"<tr>{first}{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"

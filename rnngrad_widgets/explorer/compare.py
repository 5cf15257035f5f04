"""`compare`: several experiments side by side, in one widget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

from rnngrad_widgets.callbacks.batch_snapshot import SNAPSHOT_DEFAULTS, SnapshotOptions
from rnngrad_widgets.data.keywords import naming, suggesting
from rnngrad_widgets.data.loss_timesteps import check_reach
from rnngrad_widgets.data.quantities import check_known
from rnngrad_widgets.data.statistics import THRESHOLD
from rnngrad_widgets.diagnosis.shares import LEVELS, check_levels, check_threshold
from rnngrad_widgets.explorer.compared_folders import Folders
from rnngrad_widgets.explorer.compared_run import RunKey
from rnngrad_widgets.explorer.compared_sources import Batch
from rnngrad_widgets.explorer.comparison import Comparison
from rnngrad_widgets.explorer.joining import Joining
from rnngrad_widgets.explorer.run_maker import RunMaker

if TYPE_CHECKING:
    from typing_extensions import Unpack


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
    folders = Folders(sources, layer, quantity, storage_options)
    by_name, left_out = folders.begin()
    named = dict(_named(by_name))
    base = next(iter(by_name)) if base is None else base
    if base not in list(by_name):
        raise ValueError(f"base must be one of {list(by_name)}; received {base!r}")
    batch = Batch(x, y, cast("SnapshotOptions", dict(options)))
    maker = RunMaker(batch, layer, quantity, (limit, shares), storage_options)
    runs = maker.begin(named)
    joining = Joining(folders, maker, by_name) if folders.may_grow else None
    return Comparison(runs, base, (limit, shares), left_out, joining)


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

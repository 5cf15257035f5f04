"""`RunMaker`: makes the runs of a comparison of its sources, also of those that come later."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets.explorer.compared_run import Backstage, ComparedRun, RunKey, given_curves
from rnngrad_widgets.explorer.compared_sources import (
    Batch,
    check_batches,
    check_comparable,
    check_directions,
    experiment,
    matched_paths,
)
from rnngrad_widgets.widgets.reachable import close_widgets, reachable

if TYPE_CHECKING:
    from rnngrad_widgets.explorer.compared_sources import Experiment, Gradient

AT_ONCE = 4
"""Runs whose numbers are computed at the same time."""


class RunMaker:
    """Makes runs that can be compared with one another.

    Parameters
    ----------
    batch
        For models.
    layer, quantity, storage_options
        As for `compare`.
    shares
        The threshold and the levels of `diagnose`.
    """

    def __init__(
        self,
        batch: Batch,
        layer: Any,
        quantity: str,
        shares: tuple[float, tuple[float, ...]],
        storage_options: Mapping[str, Any] | None,
    ) -> None:
        self._batch = batch
        self._layer = layer
        self._quantity = quantity
        self._shares = shares
        self._storage_options = storage_options
        self._experiments: dict[RunKey, Experiment] = {}
        self._backstage = Backstage(1)

    def begin(self, sources: Mapping[RunKey, Any]) -> list[ComparedRun]:
        """Make a run of each source.

        Raises
        ------
        TypeError, ValueError, OSError
            As for `compare`; a ValueError names the source that it is of.
        """
        try:
            return self._begin(sources)
        except BaseException:
            close_widgets(reachable(self._backstage.widgets))
            raise

    def _begin(self, sources: Mapping[RunKey, Any]) -> list[ComparedRun]:
        found = {key: self._experiment(key, source) for key, source in sources.items()}
        check_batches(found)
        paths = dict(zip(found, matched_paths(found, self._layer), strict=True))
        gradients = {key: self._gradient(key, own, paths[key]) for key, own in found.items()}
        check_comparable({key: gradient.tensor for key, gradient in gradients.items()})
        check_directions({key: tuple(gradient.reasons) for key, gradient in gradients.items()})
        with ThreadPoolExecutor(AT_ONCE) as pool:  # numpy counts in several threads at once
            each = gradients.items()
            curves = list(pool.map(lambda own: given_curves(own[0], own[1], *self._shares), each))
        self._experiments = found
        self._first = first = next(iter(found))
        self._path = paths[first]
        # without memory of its own
        tensor, directions = gradients[first].tensor, tuple(gradients[first].reasons)
        nothing = np.broadcast_to(np.float32(0), tensor.shape)
        self._like, self._directions = replace(tensor, values=nothing), directions
        self._backstage.share_among(len(found))
        return [
            ComparedRun(key, own, paths[key], gradients[key], given, self._shares, self._backstage)
            for (key, own), given in zip(found.items(), curves, strict=True)
        ]

    def join(self, key: RunKey, source: Any) -> ComparedRun:
        """Make a run of a source that comes later.

        Raises
        ------
        TypeError, ValueError, OSError
            As for `begin`, also where it cannot be compared with those that were there.
        """
        own = self._experiment(key, source)
        known = self._experiments | {key: own}
        check_batches(known)
        _, path = matched_paths({self._first: known[self._first], key: own}, self._path)
        gradient = self._gradient(key, own, path)
        check_comparable({self._first: self._like, key: gradient.tensor})
        check_directions({self._first: self._directions, key: tuple(gradient.reasons)})
        curves = given_curves(key, gradient, *self._shares)
        self._experiments = known
        return ComparedRun(key, own, path, gradient, curves, self._shares, self._backstage)

    def _experiment(self, key: RunKey, source: Any) -> Experiment:
        with _naming(key):
            return experiment(key, source, self._batch, self._quantity, self._storage_options)

    def _gradient(self, key: RunKey, own: Experiment, path: str) -> Gradient:
        with _naming(key):
            return own.gradient(path, self._quantity)


@contextmanager
def _naming(key: RunKey) -> Iterator[None]:
    """Say of which source an error is that does not name it."""
    try:
        yield
    except ValueError as error:
        if type(error) is not ValueError or str(key) in str(error):
            raise
        raise ValueError(f"{key}: {error}") from error

"""Which nudges move what a gradient is taken by, and which part of a direction each gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.engine.cells import CELL, HIDDEN, cells_of
from rnngrad_widgets.engine.groups import Group, Joined, grouped
from rnngrad_widgets.engine.layers import DIRECTIONS

from .nudged import NudgedLayer, Steps
from .nudges import Nudges, Site

_ROLES = {"hidden_gradient": HIDDEN, "cell_gradient": CELL}


@dataclass(frozen=True, eq=False)
class Moved:
    """What moves one tensor.

    Parameters
    ----------
    sites
        For each half of the last axis, the site of each call.
    joined
        Along which axis the calls are joined.
    reason
        Why it cannot be moved; empty if it can.
    """

    sites: tuple[tuple[Site, ...], ...]
    joined: Joined = ""
    reason: str = ""

    def split(self, direction: NDArray[Any], nudges: Nudges) -> dict[Site, NDArray[Any]]:
        """Take a direction apart into a nudge for each site.

        Raises
        ------
        ValueError
            If they do not fit.
        """
        shapes = {site: nudges.shape(site) for half in self.sites for site in half}
        if None in shapes.values():
            raise ValueError("it was not met in the forward pass")
        widths = [(shapes[half[0]] or (0,))[-1] for half in self.sites]
        halves = np.split(direction, np.cumsum(widths)[:-1], axis=-1)
        found = {}
        for half, sites in zip(halves, self.sites, strict=True):
            for call, site in enumerate(sites):
                part, shape = self._of_call(half, call, len(sites)), shapes[site]
                if site.kind in ("state", "gate"):
                    part = np.moveaxis(part, 1, 0)  # they are read timestep by timestep
                if shape is None or part.size != np.prod(shape):
                    raise ValueError(f"its shape {direction.shape} is not that of {shape}")
                found[site] = part.reshape(shape)
        return found

    def _of_call(self, half: NDArray[Any], call: int, calls: int) -> NDArray[Any]:
        if calls == 1:
            return half
        if self.joined == "sample":
            return half.reshape(-1, calls, *half.shape[1:])[:, call]
        return half[:, call : call + 1]


def moved_by(
    layer: NudgedLayer, nudges: Nudges, quantity: str, known: Mapping[str, object]
) -> Iterator[tuple[str, Moved]]:
    """Yield what moves each tensor of a quantity of a layer, by the tensor's key.

    Parameters
    ----------
    layer
        The layer, after the model was called.
    nudges
        The nudges.
    quantity
        The quantity.
    known
        The keys that there are.
    """
    groups = grouped(layer.calls)
    places = {id(call): place for place, call in enumerate(layer.calls)}
    for position, group in enumerate(groups):
        path = layer.target.info.path
        key = path if len(groups) == 1 else f"{path}[{position}]"
        calls = [places[id(call)] for call in group.calls]
        if quantity in ("output_gradient", "input_gradient"):
            yield from _outside(layer, nudges, quantity, key, calls, group)
        elif quantity == "gate_gradient":
            cells = cells_of(layer.steps[0].rnn)
            for cell in range(len(cells)):
                label = str(cell) if len(cells) > 1 else ""
                which = [(cell, 0) for _ in layer.steps]
                yield from _inside(layer.steps, "gate", which, label, (key, calls, group), known)
        else:
            by_direction = [
                {k.label: place for k, place in steps.keys().items() if k.role == _ROLES[quantity]}
                for steps in layer.steps
            ]
            for label in by_direction[0]:
                which = [found.get(label, (-1, -1)) for found in by_direction]
                yield from _inside(layer.steps, "state", which, label, (key, calls, group), known)


def _outside(
    layer: NudgedLayer, nudges: Nudges, quantity: str, key: str, calls: list[int], group: Group
) -> Iterator[tuple[str, Moved]]:
    path, kind = layer.target.info.path, quantity.removesuffix("_gradient")
    by_call = [nudges.of_call(path, kind, call) for call in calls]
    leaves = min(map(len, by_call))
    apart = kind == "output" and getattr(layer.target.layer, "merge_mode", "") is None
    tensors = leaves // 2 if apart else leaves
    for position in range(tensors):
        # With merge_mode=None those of the forward layer come first.
        halves = (
            tuple(
                tuple(sites[leaf] for sites in by_call) for leaf in range(position, leaves, tensors)
            )
            if apart
            else (tuple(sites[position] for sites in by_call),)
        )
        yield f"{key}/{position}" if tensors > 1 else key, Moved(halves, group.joined)


def _inside(
    steps: Sequence[Steps],
    kind: str,
    which: Sequence[tuple[int, int]],
    label: str,
    where: tuple[str, list[int], Group],
    known: Mapping[str, object],
) -> Iterator[tuple[str, Moved]]:
    key, calls, group = where
    halves, reasons = [], []
    for one, (cell, part) in zip(steps, which, strict=True):
        sites = (Site(one.path, kind, call, one.direction, cell, part) for call in calls)
        halves.append(tuple(sites))
        reasons.append(one.reasons.get(cell) or one.unmoved.get((cell, part)) or "")
    joined = "/".join(filter(None, (key, label)))
    if joined in known or len(steps) == 1:
        yield joined, Moved(tuple(halves), group.joined, next(filter(None, reasons), ""))
        return
    for direction, half, reason in zip(DIRECTIONS, halves, reasons, strict=True):
        name = "/".join(filter(None, (key, direction, label)))
        yield name, Moved((half,), group.joined, reason)

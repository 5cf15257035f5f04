"""Which nudges move the tensor of a gradient, and which part of a direction each gets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnngrad_widgets.data.rules import DIRECTIONS
from rnngrad_widgets.engine.calls.groups import CallGroup, JoinAxis, group_calls
from rnngrad_widgets.engine.checking.nudged_layer import NudgedLayer
from rnngrad_widgets.engine.checking.nudged_steps import NudgedSteps
from rnngrad_widgets.engine.checking.nudges import CannotNudge, Nudges, Site
from rnngrad_widgets.engine.layers.cells import CELL, HIDDEN, cells_of

_ROLES = {"hidden_gradient": HIDDEN, "cell_gradient": CELL}


@dataclass(frozen=True, eq=False)
class NudgedTensor:
    """The nudges that move one tensor.

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
    joined: JoinAxis = ""
    reason: str = ""

    def split(self, direction: NDArray[Any], nudges: Nudges) -> dict[Site, NDArray[Any]]:
        """Split a direction into a nudge for each site.

        Raises
        ------
        CannotNudge
            If a site has no nudge, or one of another size.
        """
        shapes = {site: nudges.shape(site) for half in self.sites for site in half}
        for site, shape in shapes.items():
            if shape is None:
                raise CannotNudge(nudges.reasons.get(site) or "the forward pass does not meet it")
        widths = [(shapes[half[0]] or (0,))[-1] for half in self.sites]
        halves = np.split(direction, np.cumsum(widths)[:-1], axis=-1)
        found = {}
        for half, sites in zip(halves, self.sites, strict=True):
            for call, site in enumerate(sites):
                part, shape = self._of_call(half, call, len(sites)), shapes[site]
                if site.kind in ("state", "gate"):
                    part = np.moveaxis(part, 1, 0)  # they are read timestep by timestep
                if shape is None or part.size != np.prod(shape):
                    raise CannotNudge(f"its shape is {direction.shape}, in the model {shape}")
                found[site] = part.reshape(shape)
        return found

    def _of_call(self, half: NDArray[Any], call: int, calls: int) -> NDArray[Any]:
        if calls == 1:
            return half
        if self.joined == "sample":
            return half.reshape(-1, calls, *half.shape[1:])[:, call]
        return half[:, call : call + 1]


def nudged_tensors(
    layer: NudgedLayer, nudges: Nudges, quantity: str, known: Mapping[str, object]
) -> Iterator[tuple[str, NudgedTensor]]:
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
    groups = group_calls(layer.calls)
    places = {id(call): place for place, call in enumerate(layer.calls)}
    for position, group in enumerate(groups):
        path = layer.target.info.path
        key = path if len(groups) == 1 else f"{path}[{position}]"
        calls = [places[id(call)] for call in group.calls]
        if quantity in ("output_gradient", "input_gradient"):
            yield from _outer_tensors(layer, nudges, quantity, key, calls, group)
        else:
            where = key, calls, group.joined
            for kind, label, which in _tensors(layer.steps, quantity):
                yield from _inner_tensors(layer.steps, (kind, label, which), where, known)


_InnerTensor: TypeAlias = "tuple[str, str, list[tuple[int, int]]]"
"""A kind of site, a label, and for each direction which cell and which part of it."""


def _tensors(steps: Sequence[NudgedSteps], quantity: str) -> Iterator[_InnerTensor]:
    """List the tensors of a quantity that is inside of the loop over time."""
    if quantity == "gate_gradient":
        cells = len(cells_of(steps[0].rnn))
        for cell in range(cells):
            yield "gate", str(cell) if cells > 1 else "", [(cell, 0) for _ in steps]
        return
    first, *others = [one.keys() for one in steps]
    common = [key for key in first if all(key in keys for keys in others)]
    if quantity in _ROLES:
        for key in common:
            if key.role == _ROLES[quantity]:
                yield "state", key.label, [keys[key] for keys in (first, *others)]
        return
    labels = [key.label for key in common]
    for key in common:
        role = key.role if labels.count(key.label) > 1 else ""
        label = "/".join(filter(None, (key.label, role)))
        yield "initial", label, [(0, list(keys).index(key)) for keys in (first, *others)]


def _outer_tensors(
    layer: NudgedLayer, nudges: Nudges, quantity: str, key: str, calls: list[int], group: CallGroup
) -> Iterator[tuple[str, NudgedTensor]]:
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
        yield f"{key}/{position}" if tensors > 1 else key, NudgedTensor(halves, group.joined)


def _inner_tensors(
    steps: Sequence[NudgedSteps],
    tensor: _InnerTensor,
    where: tuple[str, list[int], JoinAxis],
    known: Mapping[str, object],
) -> Iterator[tuple[str, NudgedTensor]]:
    (kind, label, which), (key, calls, joined) = tensor, where
    if kind == "initial" and joined == "timestep":
        calls, joined = calls[:1], ""  # a layer that the model steps starts once
    halves, reasons = [], []
    for one, (cell, part) in zip(steps, which, strict=True):
        sites = (one.site._replace(kind=kind, call=call, cell=cell, part=part) for call in calls)
        halves.append(tuple(sites))
        reasons.append("" if kind == "initial" else one.unmoved_reason(cell, part))
    together = "/".join(filter(None, (key, label)))
    if together in known or len(steps) == 1:
        yield together, NudgedTensor(tuple(halves), joined, next(filter(None, reasons), ""))
        return
    for direction, half, reason in zip(DIRECTIONS, halves, reasons, strict=True):
        name = "/".join(filter(None, (key, direction, label)))
        yield name, NudgedTensor((half,), joined, reason)

"""The same model with one thing less."""

from __future__ import annotations

import time
from dataclasses import fields, replace
from typing import TYPE_CHECKING, Any

from tests.unit.engine.random_models.judge import judged

if TYPE_CHECKING:
    from tests.unit.engine.random_models.spec import Rnn, Spec

_WORDS = ("output_gradient", "hidden_gradient", "gate_gradient", "weight_gradient")


def smallest(spec: Spec, kind: str, stop: float) -> Spec:
    """Take away one thing after the other as long as the fault stays."""
    tried: set[Spec] = set()
    while time.monotonic() < stop:
        for candidate in simpler(spec):
            if time.monotonic() > stop:
                return spec
            if candidate in tried:
                continue
            tried.add(candidate)
            if any(fault.kind == kind for fault in judged(candidate)):
                spec = candidate
                break
        else:
            return spec
    return spec


def simpler(spec: Spec) -> list[Spec]:
    """List specs with one thing less, to find the smallest one that still fails."""
    rnns, found = spec.rnns, []
    if len(rnns) > 1:
        found += [replace(spec, rnns=(*rnns[:i], *rnns[i + 1 :])) for i in range(len(rnns))]
    found += _without(spec)
    for i, rnn in enumerate(rnns):
        found += [
            replace(spec, rnns=(*rnns[:i], one, *rnns[i + 1 :]))
            for one in (*_without(rnn), *_fewer_cells(rnn))
        ]
    if len(spec.quantities) != 1:
        found += [replace(spec, quantities=(word,)) for word in spec.quantities or _WORDS]
    return found


def _without(thing: Any) -> list[Any]:
    """Put one setting after the other to its default, numbers also half way there."""
    found = []
    for f in fields(thing):
        now = getattr(thing, f.name)
        if f.name in ("rnns", "kind", "quantities") or now == f.default:
            continue
        found.append(replace(thing, **{f.name: f.default}))
        if type(now) is int and now > f.default + 1:
            found.append(replace(thing, **{f.name: (now + f.default) // 2}))
    return found


def _fewer_cells(rnn: Rnn) -> list[Rnn]:
    cells = rnn.kind.split(",")
    if len(cells) == 1:
        return []
    return [replace(rnn, kind=",".join((*cells[:j], *cells[j + 1 :]))) for j in range(len(cells))]

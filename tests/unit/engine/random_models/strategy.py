"""How random models are drawn.

A family is a kind of model that one test is about; what is drawn always fits together: it is built
and trained by Keras. Sizes are small for most, so that many can be tried.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import strategies as st

from rnngrad_widgets.data.quantities import QUANTITIES
from tests.unit.engine.random_models.cells import OWN
from tests.unit.engine.random_models.spec import MERGES, OWN_CELLS, OWN_KINDS, Rnn, Spec

if TYPE_CHECKING:
    from collections.abc import Callable

FAMILIES = ("own", "wrapped", "states", "cells")
"""Keras' own layers; wrappers and ways to call; states, seeds and initial states; own cells."""

_ONCE_IN_FOUR = st.sampled_from((False, False, False, True))
_RARELY = st.sampled_from((False,) * 11 + (True,))


@st.composite
def specs(draw: st.DrawFn, family: str = "", *, large: bool = False) -> Spec:
    """Draw a model of a family, or of any; `large` also draws the sizes that take long."""
    family = family or draw(st.sampled_from(FAMILIES))
    first = draw(_RNNS[family]())
    rnns = (first,)
    deep = first.sequences or first.wrapper == "distributed"
    if deep and draw(_ONCE_IN_FOUR):
        rnns = (first, draw(_own()))
    spec = Spec(rnns, seed=draw(st.integers(0, 99)))
    spec = replace(spec, **draw(_sizes(large=large)))
    spec = _with_style(draw, spec)
    spec = _with_mask(draw, spec)
    return _with_running(draw, spec)


def _sizes(*, large: bool) -> st.SearchStrategy[dict[str, int]]:
    return st.fixed_dictionaries(
        {
            "samples": st.integers(1, 8 if large else 4),
            "timesteps": st.integers(1, 60) if large else st.integers(1, 6),
            "features": st.integers(1, 3),
        }
    )


@st.composite
def _own(draw: st.DrawFn) -> Rnn:
    kind = draw(st.sampled_from(OWN_KINDS))
    rnn = Rnn(
        kind,
        units=draw(st.sampled_from((1, 2, 2, 3, 3, 5, 20))),
        sequences=draw(st.sampled_from((True, True, False))),
        go_backwards=draw(_ONCE_IN_FOUR),
        unroll=draw(_ONCE_IN_FOUR),
        zero_output=draw(_ONCE_IN_FOUR),
        bias=not draw(_ONCE_IN_FOUR),
        regularised=draw(_ONCE_IN_FOUR),
    )
    return replace(rnn, reset_after=not draw(_ONCE_IN_FOUR)) if kind == "GRU" else rnn


@st.composite
def _wrapped(draw: st.DrawFn) -> Rnn:
    rnn = draw(_own())
    wrapper = draw(st.sampled_from((*MERGES, "other", "distributed", "stepped", "twice")))
    if wrapper == "other":
        backward = draw(st.sampled_from([kind for kind in OWN_KINDS if kind != rnn.kind]))
        return replace(rnn, wrapper=draw(st.sampled_from(MERGES)), backward=backward)
    if wrapper == "distributed":
        return replace(rnn, wrapper=wrapper, sequences=False)
    if wrapper == "stepped":
        kind = draw(st.sampled_from(OWN_CELLS))
        plain = {"go_backwards": False, "unroll": False, "zero_output": False}
        return replace(rnn, wrapper=wrapper, kind=kind, **plain, reset_after=True)
    return _in(rnn, wrapper)


def _in(rnn: Rnn, wrapper: str) -> Rnn:
    # The backward layer that Keras makes itself runs backwards always.
    return replace(rnn, wrapper=wrapper, go_backwards=rnn.go_backwards and wrapper not in MERGES)


@st.composite
def _with_states(draw: st.DrawFn) -> Rnn:
    rnn = draw(_own())
    way = draw(
        st.sampled_from(("stateful", "chunks", "given", "learned", "encoder", "dropout", "dropout"))
    )
    merge = draw(st.sampled_from(("", "", *MERGES[:2])))
    if way == "stateful":
        return replace(_in(rnn, merge), stateful=True)
    if way == "chunks":
        return replace(rnn, stateful=True, wrapper="chunks")
    if way == "dropout":
        wrapper = draw(st.sampled_from((merge, merge, "twice", "distributed")))
        return replace(
            _in(rnn, wrapper),
            sequences=rnn.sequences and wrapper != "distributed",
            dropout=draw(st.sampled_from((0.0, 0.3))),
            recurrent_dropout=draw(st.sampled_from((0.0, 0.3))),
        )
    return replace(_in(rnn, "" if way == "encoder" else merge), initial=way)


@st.composite
def _of_cells(draw: st.DrawFn) -> Rnn:
    rnn = draw(_own())
    if draw(st.booleans()):
        kind = draw(st.sampled_from(tuple(OWN)))
    else:
        alone = ("Dropping", "Counting", "Nested")  # what these do depends on the calls of a stack
        names = (*OWN_CELLS, *(cell for cell in OWN if cell not in alone))
        kind = ",".join(draw(st.lists(st.sampled_from(names), min_size=1, max_size=3)))
    wrapper = draw(st.sampled_from(("", "", "", "concat", "twice")))
    return replace(_in(rnn, wrapper), kind=kind, reset_after=True, regularised=False)


_RNNS: dict[str, Callable[[], st.SearchStrategy[Rnn]]] = {
    "own": _own,
    "wrapped": _wrapped,
    "states": _with_states,
    "cells": _of_cells,
}


def _with_style(draw: st.DrawFn, spec: Spec) -> Spec:
    wrappers = {rnn.wrapper for rnn in spec.rnns}
    styles = ["functional", "subclassed", "called"]
    linear = not wrappers & {"stepped", "twice", "chunks", "None"}
    if linear and not any(rnn.initial for rnn in spec.rnns):
        styles += ["sequential", "unbuilt", "unbuilt"]
    if "stepped" in wrappers:
        styles = ["subclassed", "called"]
    elif spec.has("Function"):
        # Keras traces a subclassed model once before its variables count: such a cell keeps
        # their first values as constants and is not trained.
        styles = [style for style in styles if style not in ("subclassed", "called")]
    spec = replace(spec, style=draw(st.sampled_from(styles)), last=draw(st.booleans()))
    stateful = any(rnn.stateful for rnn in spec.rnns)
    fixed = any(rnn.unroll for rnn in spec.rnns) or wrappers & {"stepped", "chunks", "distributed"}
    if "chunks" in wrappers:
        spec = replace(spec, timesteps=max(spec.timesteps, 2))
    if "stepped" in wrappers or any(rnn.unroll for rnn in spec.rnns):
        # Each timestep is traced by itself: many of them would take a minute.
        spec = replace(spec, timesteps=min(spec.timesteps, 12))
    built = spec.style in ("functional", "sequential", "called")
    return replace(
        spec,
        last=spec.last and spec.sequences,
        fixed_batch=stateful or draw(_ONCE_IN_FOUR),
        fixed_time=bool(fixed) or not draw(_ONCE_IN_FOUR),
        earlier=draw(st.integers(0, 1)) if stateful and built else 0,
    )


def _with_mask(draw: st.DrawFn, spec: Spec) -> Spec:
    if {rnn.wrapper for rnn in spec.rnns} & {"distributed", "stepped", "chunks"}:
        return spec
    fronts = ["", "masking", "embedding"]
    fronts += ["mask"] if spec.style in ("functional", "subclassed", "called") else []
    front = draw(st.sampled_from(fronts))
    if not front:
        return spec
    return replace(spec, front=front, pattern=draw(st.sampled_from(("post", "pre", "mid", "all"))))


def _with_running(draw: st.DrawFn, spec: Spec) -> Spec:
    random = any(rnn.dropout or rnn.recurrent_dropout for rnn in spec.rnns) or spec.has("Dropping")
    dtypes = ("float64",) * 6 + ("float32", "mixed_float16")
    words = draw(st.lists(st.sampled_from(tuple(QUANTITIES)), max_size=3, unique=True))
    fixed = spec.fixed_batch and spec.fixed_time and spec.style in ("functional", "sequential")
    return replace(
        spec,
        dtype=draw(st.sampled_from(dtypes)),
        training=draw(st.booleans()) if random else draw(_ONCE_IN_FOUR),
        weighted=draw(_ONCE_IN_FOUR),
        eager=draw(_ONCE_IN_FOUR),
        # Compiled, Keras draws other dropout masks; and that takes seconds.
        jit=fixed and not random and spec.timesteps <= 8 and draw(_RARELY),
        trains=draw(_RARELY),
        quantities=tuple(sorted(words)) if draw(_ONCE_IN_FOUR) else (),
    )

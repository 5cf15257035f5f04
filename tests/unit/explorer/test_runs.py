"""Runs: which snapshots are kept, and what is said of them; nothing is trained."""

from __future__ import annotations

import itertools
import weakref
from typing import Any

import numpy as np
import pytest
from ipywidgets import HTML

from rnngrad_widgets.data.tensor import SEQUENCE, GradientTensor
from rnngrad_widgets.data.thinning import BUDGET
from rnngrad_widgets.explorer.run import Run
from rnngrad_widgets.explorer.run_status import RunStatus
from rnngrad_widgets.explorer.runs import Runs
from rnngrad_widgets.explorer.teller import Teller
from rnngrad_widgets.views.tensor_upload import new_selection
from tests.unit.explorer.fake_source import FakeSource

SHAPE = (2, 5, 3)
SIZE = 4 * 2 * 5 * 3
TELLER = Teller(FakeSource())


def tensor(seed: int = 0, *, loss: float = 0.5, shape: tuple[int, ...] = SHAPE) -> GradientTensor:
    values = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    return GradientTensor(values, SEQUENCE, "lstm", "output_gradient", step=seed, loss=loss)


def make(room: int = 5, **options: Any) -> Run:
    settings = {"precision": None, "on_step_chosen": lambda _: None, **options}
    return Run(new_selection(), HTML(), tensor(), room * SIZE, teller=TELLER, **settings)


# -- a run -----------------------------------------------------------------------------------------


def test_a_run_keeps_what_the_budget_holds(open_widgets: dict[str, object]) -> None:
    run = make(room=5)
    run.append(tensor(0), 0, RunStatus())
    assert run.snapshots[-1].status == "1 snapshot"
    first = len(open_widgets)
    counts = []
    for step in range(10, 410, 10):
        run.append(tensor(step), step, RunStatus(f"step {step}", step))
        number = run.snapshots[-1].status.split(" · ")[1].split(" ")[0]
        assert number == str(len(run)), "what is said is what there is"
        counts.append(len(run))
        assert len(open_widgets) == first + len(run) - 1
    assert max(counts) == 5
    assert run.steps == [0, 160, 320, 400]
    latest = run.snapshots[-1]
    assert (latest.status, latest.status_step) == (
        "step 400 · 4 of 41 snapshots in the timeline",
        400,
    )
    assert [s.array.tolist() for s in run.snapshots] == [
        tensor(step).values.tolist() for step in run.steps
    ]
    np.testing.assert_array_equal(run.tensor(160).values, tensor(160).values)


@pytest.mark.one_case_in(2)
@pytest.mark.usefixtures("open_widgets")
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("budget", "most", "bound"),
    [
        (20_000_000, 20, 20_000_000),  # 1 MB each in the browser
        (500_000, 2, 1_000_000),  # the first samples of the first and of the last
    ],
)
def test_what_is_kept_is_what_the_budget_counts(
    dtype: Any, budget: int, most: int, bound: int
) -> None:
    shape = (4, 50, 1250)

    def made(step: int) -> GradientTensor:
        values = np.full(shape, step / 3, dtype)
        mask = np.arange(shape[1]) < np.full((shape[0], 1), shape[1] - 1)
        return GradientTensor(values, SEQUENCE, "lstm", "output_gradient", mask=mask, loss=step)

    run = Run(new_selection(), HTML(), made(0), budget, None, TELLER, lambda _: None)
    given = []
    for step in range(300):
        tensor = made(step)
        given.append(weakref.ref(tensor.values.base))
        run.append(tensor, step, RunStatus())
        del tensor
        kept = {id(root(s.array)): root(s.array).nbytes for s in run.snapshots}
        kept |= {id(array()): array().nbytes for array in given if array() is not None}
        assert sum(kept.values()) <= bound
    assert most / 2 < len(run) <= most
    step = run.steps[-2]
    found = run.tensor(step)
    assert (found.step, found.loss, found.dims, found.layer) == (step, step, SEQUENCE, "lstm")
    np.testing.assert_array_equal(
        found.values, made(step).values[: len(found.values)], strict=False
    )
    assert found.mask is not None
    np.testing.assert_array_equal(found.mask, made(step).mask[: len(found.values)])


def root(array: np.ndarray) -> np.ndarray:
    """The array whose memory this one looks at."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def test_the_last_step_again_takes_its_own_place(open_widgets: dict[str, object]) -> None:
    run = make(room=4)
    for step in (0, 10, 20):
        run.append(tensor(step), step, RunStatus())
    before = len(open_widgets)
    run.append(tensor(99), 20, RunStatus())
    assert (run.steps, len(open_widgets)) == ([0, 10, 20], before)
    assert [snapshot.number for snapshot in run.snapshots] == [0, 1, 2]
    np.testing.assert_array_equal(run.tensor(20).values, tensor(99).values)


def test_what_is_shown() -> None:
    told: list[int] = []
    run = make(room=5, on_step_chosen=told.append)
    for step in (0, 10, 20):
        run.append(tensor(step), step, RunStatus())
    assert run.shown == 20
    model = run.view.model
    run.show_step(10)
    assert (run.shown, model.follow) == (10, False)
    run.append(tensor(30), 30, RunStatus())
    assert run.shown == 10
    model.follow = True  # as the browser does
    assert run.shown == 30
    run.show_step(30)
    assert model.follow
    model.step, model.follow = 10, False
    for step in (40, 50):
        run.append(tensor(step), step, RunStatus())
    assert run.steps == [0, 20, 40, 50]
    assert run.shown == 0, "the nearest that is left; the earlier one of two"
    assert [step for step, _ in itertools.groupby(told)] == [10, 30, 10]


@pytest.mark.parametrize(
    ("size", "asked", "in_marimo", "sent"),
    [
        (8, None, False, "float32"),
        (2_100_000, None, False, "bfloat16"),
        (2_100_000, "float32", False, "float32"),
        (600_000, None, False, "float32"),
        (600_000, None, True, "bfloat16"),
        (600_000, "float32", True, "float32"),
    ],
)
def test_large_snapshots_are_halved_on_the_wire(
    monkeypatch: pytest.MonkeyPatch, size: int, asked: Any, in_marimo: bool, sent: str
) -> None:
    monkeypatch.setattr("rnngrad_widgets.explorer.run.is_marimo", lambda: in_marimo)
    shape = (1, 1, size)
    values = GradientTensor(np.zeros(shape, np.float32), SEQUENCE, "lstm", "output_gradient")
    run = Run(new_selection(), HTML(), values, BUDGET, asked, TELLER, lambda _: None)
    run.append(values, 0, RunStatus())
    wire = run.snapshots[0].get_state("array")["array"]
    assert wire["dtype"] == sent
    assert wire["data"].nbytes == (4 if sent == "float32" else 2) * size


@pytest.mark.parametrize("loss", [float("nan"), float("inf")])
def test_a_loss_that_is_no_number_is_sent_as_none(loss: float) -> None:
    run = make()
    run.append(tensor(loss=loss), 0, RunStatus())
    assert run.snapshots[0].loss is None


# -- several runs ----------------------------------------------------------------------------------


def test_runs_of_what_was_shown(open_widgets: dict[str, object]) -> None:
    told: list[int] = []
    runs = Runs(new_selection(), HTML(), 5 * SIZE, TELLER, told.append)
    before = len(open_widgets)
    assert (runs.current, runs.last_step, runs.figures) == (None, None, [])

    runs.prepare("a", tensor())
    assert runs.current is None, "it is empty"
    assert len(runs.box.children) == 1
    for step in (0, 10):
        runs.append("a", tensor(step), step, RunStatus())
    runs.append("b", tensor(20), 20, RunStatus())
    a = runs.box.children
    assert (runs.last_step, runs.current and runs.current.steps) == (20, [20])

    runs.show_run("a")
    assert runs.box.children != a
    assert runs.current is not None
    runs.current.show_step(0)
    runs.show_run("c")
    assert (runs.current, told) == (None, [0, 0])
    (note,) = runs.box.children
    assert note.value.startswith("There is a timeline of <b>lstm · gradient w.r.t. output (direct)")

    runs.append("a", tensor(30, shape=(1, 5, 3)), 30, RunStatus())
    assert runs.current is not None
    assert runs.current.steps == [30], "another shape is another run"
    runs.forget_all()
    assert len(open_widgets) == before


@pytest.mark.usefixtures("open_widgets")
def test_runs_share_the_budget() -> None:
    runs = Runs(new_selection(), HTML(), 9 * SIZE, TELLER, lambda _: None)
    for step in range(9):
        runs.append("a", tensor(step), step, RunStatus())
    first = runs.current
    assert first is not None
    assert first.steps == list(range(9))
    snapshots = first.snapshots
    runs.append("b", tensor(9), 9, RunStatus())
    assert first.steps == [0, 4, 8], "no more than four"
    assert [s.step for s in snapshots if s.comm is not None] == [0, 4, 8]
    assert first.view.model.capacity == 4, "the browser keeps the same ones"
    assert first.view.model.status == "3 of 9 snapshots in the timeline"
    for step in range(10, 18):
        runs.append("b", tensor(step), step, RunStatus())
    assert runs.current is not None
    assert runs.current.steps == [9, 13, 17]
    runs.show_run("a")
    assert runs.current is first

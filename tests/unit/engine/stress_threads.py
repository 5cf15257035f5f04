"""Train and compute at once, many times: ``python -m tests.unit.engine.stress_threads``.

Each round takes a kind of model, trains it in one thread, and in others does what its seed says:
first calls, two engines, an interrupt of either. Training must be bit-identical to training alone,
nothing may raise or stay on the model, no thread may hang.
"""

from __future__ import annotations

import argparse
import ctypes
import faulthandler
import gc
import os
import random
import sys
import threading
import time
import traceback
from typing import TYPE_CHECKING, Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np

from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.threads.test_threads import (
    MAKERS,
    X,
    Y,
    alone,
    assert_nothing_is_left,
    beside,
    fit,
    make,
    squared,
)
from tests.unit.processes import share_out

if TYPE_CHECKING:
    from collections.abc import Callable

QUANTITIES = ("output_gradient", "hidden_gradient", "gate_gradient", "weight_gradient", "output")
STUCK = 300
"""Seconds after which a round is taken for a hang: the stacks of all threads are printed."""


class Round:
    """One round: a model, what trains it, and what else is done meanwhile."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self._draw = random.Random(seed)
        self.kind = self._draw.choice(list(MAKERS))
        self.doing = [self._draw.choice(list(self._jobs())) for _ in range(2)]
        if "interrupt fit" in self.doing:
            self.doing = ["interrupt fit", "look"]

    def __str__(self) -> str:
        return f"round {self.seed}: {self.kind}, fit beside {' and '.join(self.doing)}"

    def _jobs(self) -> dict[str, Callable[[], None]]:
        return {
            "look": self._look,
            "look twice": self._look_twice,
            "look, interrupted": self._look_interrupted,
            "another engine": self._look,
            "interrupt fit": self._interrupt_fit,
        }

    def run(self) -> None:
        """Run it; raise if anything is not as it must be."""
        draw = self._draw
        self._explored, self._trained = make(self.kind)
        self._engines = [GradientEngine(self._explored)] * 2
        if "another engine" in self.doing:
            self._engines = [GradientEngine(self._explored), GradientEngine(self._explored)]
        self._result: Any = None
        self._fitting, self._guard = 0, threading.Lock()
        jobs = [self._jobs()[name] for name in self.doing]
        delays = [draw.choice([0.0, draw.uniform(0, 0.1), draw.uniform(0, 1.0)]) for _ in jobs]
        self._asked = [tuple(draw.sample(QUANTITIES, draw.randint(1, 3))) for _ in range(9)]
        self._training = [draw.random() < 0.5 for _ in range(9)]
        self._turn = iter(range(1000))
        late = [self._late(job, delay) for job, delay in zip(jobs, delays, strict=True)]
        # All in threads of their own: TensorFlow's contexts, one for each thread, can be left open
        # by an interrupt.
        beside(lambda: None, self._fit, *late)
        # An interrupt may leave a generator of TensorFlow's that changes the mode of the thread in
        # which it is collected: not in one of the next round.
        beside(lambda: None, gc.collect)
        assert_nothing_is_left(self._explored, self._trained)
        if self._result is not None:
            history, weights = self._result
            expected, expected_weights = alone(self.kind)
            assert history == expected, (history, expected)
            for ours, theirs in zip(weights, expected_weights, strict=True):
                np.testing.assert_array_equal(ours, theirs)
        self._look()

    def is_broken_by_keras(self) -> bool:
        """Tell whether an interrupted fit left a model that Keras itself cannot train."""
        if "interrupt fit" not in self.doing:
            return False
        try:
            # Not fit: it would go on with the function that is traced already.
            self._trained.compile("sgd", "mse")
            self._trained.train_on_batch(X[:4], Y[:4])
        except Exception:  # noqa: BLE001 - it is the model's
            return True
        return False

    def _late(self, job: Callable[[], None], delay: float) -> Callable[[], None]:
        def run() -> None:
            time.sleep(delay)
            job()

        return run

    def _fit(self) -> None:
        try:
            self._fitting = threading.get_ident()
            self._result = fit(self._trained)
            with self._guard:
                self._fitting = -1
        except KeyboardInterrupt:
            if "interrupt fit" not in self.doing:
                raise

    def _look(self) -> None:
        place = next(self._turn) % 9
        loss = {"loss": squared} if self.kind == "own step" else {}
        snapshot = self._engines[place % 2].compute(
            X[:4], Y[:4], None, self._asked[place], training=self._training[place], **loss
        )
        assert np.isfinite(snapshot.loss)

    def _look_twice(self) -> None:
        self._look()
        self._look()

    def _look_interrupted(self) -> None:
        here, ended = threading.get_ident(), threading.Event()

        def interrupt() -> None:
            if not ended.wait(self._draw.uniform(0, 1.5)):
                _interrupt(here)

        thread = threading.Thread(target=interrupt)
        try:
            thread.start()
            self._look()
            ended.set()
            thread.join()
            time.sleep(0.001)  # it may still come
        except KeyboardInterrupt:
            ended.set()
        except SystemError as error:
            # TensorFlow's own, where it leaves a graph after an interrupt in its C++ code.
            ended.set()
            if not isinstance(error.__context__, KeyboardInterrupt):
                raise

    def _interrupt_fit(self) -> None:
        # One that is interrupted while Keras builds its variables is left without their values.
        builds = self.kind in ("unbuilt", "eager", "own step")
        while not self._fitting or (
            builds and self._fitting > 0 and not int(self._trained.optimizer.iterations)
        ):
            time.sleep(0.01)
        with self._guard:
            if self._fitting > 0:
                _interrupt(self._fitting)


def _interrupt(thread: int) -> None:
    ctypes.pythonapi.PyThreadState_SetAsyncExc(
        ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt)
    )


def main() -> int:
    """Run, report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="stress_threads", description=__doc__)
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=None, help="the first round; the others follow")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    first = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    if asked.processes > 1:
        return share_out("tests.unit.engine.stress_threads", asked, "rounds", first)
    began, failed, broken, ran = time.monotonic(), 0, 0, 0
    print(f"{asked.rounds} rounds from {first} on, at most {asked.minutes:g} minutes", flush=True)
    for seed in range(first, first + asked.rounds):
        if time.monotonic() - began > 60 * asked.minutes:
            break
        this = Round(seed)
        faulthandler.dump_traceback_later(STUCK, exit=True)
        ran += 1
        try:
            this.run()
        except Exception:  # noqa: BLE001 - whatever it is, it is what is looked for
            if this.is_broken_by_keras():
                broken += 1
            else:
                failed += 1
                print(f"\n{this}: failed\n{traceback.format_exc()}", flush=True)
        except BaseException:  # noqa: BLE001 - an interrupt of the wrong thread
            failed += 1
            print(f"\n{this}: failed\n{traceback.format_exc()}", flush=True)
        if ran % 50 == 0:
            print(f"{ran} rounds, {failed} failed", flush=True)
    faulthandler.cancel_dump_traceback_later()
    minutes = (time.monotonic() - began) / 60
    print(f"\n{ran} rounds in {minutes:.1f} minutes, from {first} on: {failed or 'none'} failed")
    print(f"({broken} models could not even be trained any more after the interrupt of their fit)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

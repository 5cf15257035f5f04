"""Try many random models: ``python -m tests.unit.engine.random_models --examples 2000``.

It stops by itself after `--minutes`, prints each kind of fault with the smallest model that was
found to have it, and exits with 1 if there was one.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.unit.engine.random_models.judge import Fault, judged
from tests.unit.engine.random_models.known import known
from tests.unit.engine.random_models.simpler import smallest
from tests.unit.engine.random_models.strategy import FAMILIES, specs
from tests.unit.processes import share_out

if TYPE_CHECKING:
    from tests.unit.engine.random_models.spec import Spec


@dataclass
class Run:
    """What was tried so far."""

    began: float
    seconds: float
    ran: int = 0
    faults: dict[str, list[tuple[Spec, Fault]]] = field(default_factory=dict)
    tried: set[Spec] = field(default_factory=set)
    slowest: tuple[float, Spec | None] = (0.0, None)

    def try_one(self, spec: Spec) -> None:
        """Judge one model, unless the time is up."""
        # A fifth of the time is kept for making small what was found.
        share = 0.8 if self.faults else 0.97
        if time.monotonic() > self.began + share * self.seconds or spec in self.tried:
            return
        self.tried.add(spec)
        self.ran += 1
        began = time.monotonic()
        faults = judged(spec)
        self.slowest = max(self.slowest, (time.monotonic() - began, spec), key=lambda one: one[0])
        for fault in faults:
            known = self.faults.setdefault(fault.kind, [])
            known.append((spec, fault))
            if len(known) == 1:
                print(f"[{self.ran}] {fault.kind}\n    {spec!r}", flush=True)


def main() -> int:
    """Run, report, and return the exit code."""
    parser = argparse.ArgumentParser(prog="random_models", description=__doc__)
    parser.add_argument("--examples", type=int, default=2000)
    parser.add_argument("--minutes", type=float, default=40.0)
    parser.add_argument("--seed", type=int, default=None, help="the same one repeats a run")
    parser.add_argument("--family", choices=FAMILIES, default="")
    parser.add_argument("--all", action="store_true", help="also what is known to fail")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    start = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    if asked.processes > 1:
        rest = [*(["--family", asked.family] if asked.family else []), *(["--all"] * asked.all)]
        return share_out(str(__package__), asked, "examples", start, *rest)
    began, minutes = time.monotonic(), asked.minutes
    print(f"seed {start}: {asked.examples} models, at most {minutes:g} minutes", flush=True)
    run = Run(began, 60 * minutes)

    @seed(start)
    @settings(
        max_examples=asked.examples,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(specs(asked.family, large=True))
    def trial(spec: Spec) -> None:
        if asked.all or not known(spec):
            run.try_one(spec)

    trial()
    for kind, found in run.faults.items():
        first = min((spec for spec, _ in found), key=lambda spec: len(repr(spec)))
        spare = min(90.0, (began + 60 * minutes - time.monotonic()) / len(run.faults))
        small = smallest(first, kind, time.monotonic() + spare)
        texts = [str(fault) for fault in judged(small) if fault.kind == kind]
        print(f"\n{kind}: {len(found)} of {run.ran} models\n    {small!r}")
        print("    " + (texts or [str(found[0][1])])[0][:1500], flush=True)
    print(f"\nslowest, {run.slowest[0]:.0f} s: {run.slowest[1]!r}")
    print(
        f"{run.ran} models in {(time.monotonic() - began) / 60:.1f} minutes, seed {start}: "
        f"{len(run.faults) or 'no'} kind{'' if len(run.faults) == 1 else 's'} of fault"
    )
    return 1 if run.faults else 0


if __name__ == "__main__":
    sys.exit(main())

"""Set traits at random: ``python -m tests.unit.explorer.random_settings --settings 2000``.

It stops by itself after `--minutes`, prints each fault and exits with 1 if there was one.
"""

from __future__ import annotations

import argparse
import itertools
import random
import sys
import time

from tests.unit.explorer.random_settings.settings import EXPLORERS, FITTING, run
from tests.unit.processes import share_out

AT_ONCE = 20
"""Settings of each trait of one explorer, before the next one is made."""


def main() -> int:
    """Set every trait so many times, of every kind of explorer; return the exit code."""
    parser = argparse.ArgumentParser(prog="random_settings", description=__doc__)
    parser.add_argument("--settings", type=int, default=2000, help="of each trait")
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seed", type=int, default=None, help="the same one repeats a run")
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    start = asked.seed if asked.seed is not None else random.SystemRandom().randrange(10**6)
    if asked.processes > 1:
        return share_out(str(__package__), asked, "settings", start)
    end = time.monotonic() + 60 * asked.minutes
    made, found = 0, 0
    rounds = zip(itertools.cycle(EXPLORERS), itertools.count(start), strict=False)
    while made < asked.settings and time.monotonic() < end:
        name, seed = next(rounds)
        for fault in run(name, AT_ONCE, seed):
            found += 1
            print(fault, flush=True)
        made += AT_ONCE
    print(
        f"{made} settings of each of {len(FITTING)} traits, {made * len(FITTING)} in all, "
        f"seed {start}: {found or 'no'} faults"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())

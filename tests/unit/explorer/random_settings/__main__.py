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

AT_ONCE = 20
"""Settings of each trait of one explorer, before the next one is made."""


def main() -> int:
    """Set every trait so many times, of every kind of explorer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--settings", type=int, default=2000, help="of each trait")
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    end = time.monotonic() + 60 * options.minutes
    made, found = 0, 0
    rounds = zip(itertools.cycle(EXPLORERS), itertools.count(options.seed), strict=False)
    while made < options.settings and time.monotonic() < end:
        name, seed = next(rounds)
        for fault in run(name, AT_ONCE, seed):
            found += 1
            print(fault, flush=True)
        made += AT_ONCE
    total = made * len(FITTING)
    print(f"{made} settings of each of {len(FITTING)} traits, {total} in all: {found} faults")
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())

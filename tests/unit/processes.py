"""Long runs that are shared out to processes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import argparse


def share_out(module: str, asked: argparse.Namespace, count: str, seed: int, *rest: str) -> int:
    """Run a module in as many processes as asked, each with its part; return an exit code.

    It is 1 if any of them failed, also where one was ended by a signal.

    Parameters
    ----------
    module
        Name of the module, which takes ``--minutes`` and ``--seed``.
    asked
        What it was asked for itself, with ``processes`` and ``minutes``; each has all the minutes.
    count
        The argument that says how much is done: each process does its share.
    seed
        Of the first process; those of the others are as far apart as the shares are large.
    rest
        Arguments that all of them get.
    """
    share = -(-getattr(asked, count) // asked.processes)
    command = [sys.executable, "-m", module, f"--{count}", str(share), "--minutes"]
    command += [str(asked.minutes), *rest, "--seed"]
    running = [subprocess.Popen([*command, str(seed + i * share)]) for i in range(asked.processes)]
    codes = [process.wait() for process in running]
    return int(any(codes))

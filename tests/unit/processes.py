"""Long runs that are shared out to processes."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def run_together(module: str, arguments: Sequence[Sequence[str]]) -> int:
    """Run a module once for each list of arguments, all at the same time; return an exit code.

    It is 1 if any of them failed, also where one was ended by a signal.
    """
    running = [subprocess.Popen([sys.executable, "-m", module, *each]) for each in arguments]
    codes = [process.wait() for process in running]
    return int(any(codes))

"""Find a Chromium that starts, or get one: the system's, Debian's package, Playwright's own.

``python tests/browser/chromium.py`` installs it where it is missing and prints where it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO_GET_ONE = (
    "no Chromium that starts was found: install your system's `chromium` package, "
    "or run `playwright install --with-deps chromium` in the environment"
)


def find() -> str | None:
    """Path of a Chromium that starts, the system's before Playwright's own."""
    for name in NAMES:
        path = shutil.which(name)
        if path is not None and _starts(path):
            return path
    own = _playwrights_own()
    return own if _starts(own) else None


def ensure() -> str:
    """Path of a Chromium that starts; installs one where there is none.

    Raises
    ------
    RuntimeError
        If none could be installed; says what to install by hand.
    """
    found = find()
    if found is None and os.geteuid() == 0 and shutil.which("apt-get"):
        _install_from_debian()
        found = find()
    if found is None:
        _run(sys.executable, "-m", "playwright", "install", "chromium")
        found = find()
    if found is None:
        raise RuntimeError(HOW_TO_GET_ONE)
    return found


def _install_from_debian() -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run("apt-get", "update", "-qq", env=quiet)
    _run(
        *("apt-get", "install", "-y", "-qq", "--no-install-recommends"),
        *("chromium", "fonts-liberation"),
        env=quiet,
    )


def _run(*command: str, env: dict[str, str] | None = None) -> None:
    """Run one way of getting it; whether it helped is seen by looking again."""
    print("getting Chromium:", " ".join(command), file=sys.stderr, flush=True)
    # What the installers print goes to stderr: stdout carries the path alone.
    subprocess.run(command, env=env, check=False, stdin=subprocess.DEVNULL, stdout=sys.stderr)


def _starts(path: str) -> bool:
    """Whether it runs at all: a snap stub or a browser without its libraries does not."""
    try:
        answer = subprocess.run([path, "--version"], check=False, capture_output=True, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.returncode == 0


def _playwrights_own() -> str:
    # Imported here: finding the system's browser does not need it.
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    with sync_playwright() as playwright:
        return playwright.chromium.executable_path


if __name__ == "__main__":
    try:
        print(ensure())
    except RuntimeError as error:
        sys.exit(str(error))

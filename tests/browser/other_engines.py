"""Firefox and WebKit, for the tests of saved pages: find them, install them where that is easy.

``python tests/browser/other_engines.py`` installs what is missing, on Debian as root; it never
fails: tests of an engine that is not there are skipped, and say how to get it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

PROGRAMS = {
    "firefox": (("firefox-esr", "firefox"),),
    "webkit": (("WebKitWebDriver",), ("xvfb-run",), ("xauth",)),
}
DEBIAN = {"firefox": ("firefox-esr",), "webkit": ("webkit2gtk-driver", "xvfb", "xauth")}


def find(engine: str) -> str | None:
    """Path of the engine's first program; None if one that it needs is missing."""
    paths = [next(filter(None, map(shutil.which, names)), None) for names in PROGRAMS[engine]]
    return paths[0] if all(paths) else None


def how_to_get(engine: str) -> str:
    """What to tell when it is missing."""
    return f"no {engine}: as root, apt-get install {' '.join(DEBIAN[engine])}"


def ensure() -> None:
    """Install what is missing, with Debian's packages as root; else say what to do."""
    missing = [engine for engine in PROGRAMS if find(engine) is None]
    if not missing:
        return
    if os.geteuid() == 0 and shutil.which("apt-get"):
        packages = [package for engine in missing for package in DEBIAN[engine]]
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        install = ("install", "-y", "-qq", "--no-install-recommends", *packages)
        for arguments in (("update", "-qq"), install):
            print("getting other browsers: apt-get", *arguments, file=sys.stderr, flush=True)
            subprocess.run(
                ("apt-get", *arguments), env=quiet, check=False, stdin=subprocess.DEVNULL
            )
    for engine in missing:
        if find(engine) is None:
            print(how_to_get(engine), "(its tests are skipped)", file=sys.stderr)


if __name__ == "__main__":
    ensure()

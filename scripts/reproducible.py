"""Build the browser half in two new folders, and compare every byte.

    python scripts/reproducible.py

Needs js/node_modules and its node (`make js` makes both); about half a minute.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
BUILT = ("labextension", "nbextension")


def differing(one: Path, other: Path) -> list[str]:
    """List the files that only one of two folders has, or that differ, by their paths in it."""
    there = [
        {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
        for folder in (one, other)
    ]
    shared = there[0] & there[1]
    changed = {name for name in shared if not filecmp.cmp(one / name, other / name, shallow=False)}
    return sorted((there[0] ^ there[1]) | changed)


def build(folder: Path) -> Path:
    """Build from a copy of the sources in ``folder``; return the folder of what was built.

    The built files go where they go in a checkout, beside the sources.

    Raises
    ------
    subprocess.CalledProcessError
        If the build fails; it has printed why.
    """
    shutil.copytree(
        ROOT / "js", folder / "js", ignore=shutil.ignore_patterns("node_modules", "lib")
    )
    shutil.copy(ROOT / "LICENSE", folder)
    packages = ROOT / "js/node_modules"
    shutil.copytree(packages, folder / "js/node_modules", symlinks=True, copy_function=_link)
    built = folder / "rnngrad_widgets"
    built.mkdir()
    subprocess.run(["npm", "--silent", "run", "build"], cwd=folder / "js", check=True)
    return built


def _link(source: str, target: str) -> str:
    """Copy a file without its bytes, where both are on one file system."""
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def main() -> None:
    """Exit where two builds differ, or the build of the checkout is another one."""
    with tempfile.TemporaryDirectory() as folder:
        # of other lengths, for paths that get into a bundle
        first = build(Path(folder, "a"))
        second = build(Path(folder, "another", "place"))
        found = differing(first, second)
        if found:
            sys.exit(f"two builds of the same sources differ in {', '.join(found)}")
        for name in BUILT:
            print(name, sum(path.is_file() for path in (first / name).rglob("*")), "files: same")
        stale = differing_from_checkout(first)
        if stale:
            sys.exit(f"the checkout was built from other sources: {', '.join(stale)}. Run make js")


def differing_from_checkout(built: Path) -> list[str]:
    """List what differs from the build in the checkout."""
    return [
        f"{name}/{file}"
        for name in BUILT
        for file in differing(built / name, ROOT / "rnngrad_widgets" / name)
    ]


if __name__ == "__main__":
    main()

"""Build a release and check it; the upload is left to a person with credentials.

    python scripts/release.py    # or make release, which installs what this needs

What is built is the last commit, in a clone of its own: nothing else that lies in the checkout
gets into it.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEADING = re.compile(r"^## (?P<version>\S+), (?P<date>.+)$", re.MULTILINE)
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


def newest(changelog: str) -> tuple[str, str]:
    """Return version and date, or what stands in its place, of the newest release.

    Raises
    ------
    ValueError
        If there is no heading of a release.
    """
    heading = HEADING.search(changelog)
    if heading is None:
        raise ValueError(
            "CHANGELOG.md must have a heading such as '## 0.1.0, 2026-01-31'; it has none"
        )
    return heading["version"], heading["date"]


def cited(citation: str, field: str) -> str | None:
    """Return a field of CITATION.cff, if it is there."""
    found = re.search(rf"^{field}: *[\"']?([^\"'\n]+?)[\"']? *$", citation, re.MULTILINE)
    return None if found is None else found[1]


def problems(version: str, changelog: str, citation: str) -> list[str]:
    """List what must be written before ``version`` can be released."""
    written, date = newest(changelog)
    found = []
    if written != version:
        found.append(f"CHANGELOG.md begins with {written}, js/package.json has {version}")
    if cited(citation, "version") != version:
        found.append(
            f"CITATION.cff has version {cited(citation, 'version')}, js/package.json has {version}"
        )
    if not DATE.fullmatch(date):
        found.append(
            f"CHANGELOG.md must have the date of the release, as 2026-01-31; it has {date!r}"
        )
    elif cited(citation, "date-released") != date:
        found.append(
            f"CITATION.cff must have 'date-released: {date}', as CHANGELOG.md; "
            f"it has {cited(citation, 'date-released')}"
        )
    return found


def unclean(root: Path) -> list[str]:
    """List what in a checkout is not committed."""
    ran = _git("status", "--porcelain", root=root)
    return [f"not committed: {line[3:]}" for line in ran.splitlines()]


def _git(*arguments: str, root: Path = ROOT) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def build(target: Path) -> list[Path]:
    """Build wheel and sdist of the last commit into ``target``; check what an index would show.

    Raises
    ------
    subprocess.CalledProcessError
        If building or checking fails; it has printed why.
    """
    python = [sys.executable, "-m"]
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder, "rnngrad_widgets")
        _git("clone", "--quiet", "--no-local", str(ROOT), str(clone))
        built = Path(folder, "dist")
        subprocess.run([*python, "build", "--outdir", str(built), str(clone)], check=True)
        files = sorted(built.iterdir())
        subprocess.run([*python, "twine", "check", "--strict", *map(str, files)], check=True)
        target.mkdir(exist_ok=True)
        return [Path(shutil.move(file, target / file.name)) for file in files]


def main() -> None:
    """Refuse, or build, check and say what is left to do."""
    version = json.loads((ROOT / "js/package.json").read_text())["version"]
    texts = [(ROOT / name).read_text() for name in ("CHANGELOG.md", "CITATION.cff")]
    found = [*unclean(ROOT), *problems(version, *texts)]
    if _git("tag", "--list", f"v{version}"):
        found.append(f"the tag v{version} is there already: a release is never built anew")
    if found:
        sys.exit("\n".join(["no release:", *found]))
    files = build(ROOT / "dist")
    for file in files:
        print(hashlib.sha256(file.read_bytes()).hexdigest(), file.relative_to(ROOT))
    names = " ".join(str(file.relative_to(ROOT)) for file in files)
    print("\nbuilt and checked, nothing uploaded. With your credentials:\n")
    print(f"    twine upload {names}")


if __name__ == "__main__":
    main()

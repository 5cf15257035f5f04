"""`make clean` removes all that git ignores: the tree is as cloned."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IGNORED = ROOT / ".gitignore"

pytestmark = [
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make"),
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git"),
    pytest.mark.skipif(not IGNORED.exists(), reason="not a checkout"),
]


def test_nothing_ignored_is_left(tmp_path: Path) -> None:
    shutil.copy(ROOT / "Makefile", tmp_path)
    shutil.copy(IGNORED, tmp_path)
    patterns = [line for line in IGNORED.read_text().splitlines() if not line.startswith("#")]
    for pattern in patterns:
        place = tmp_path / pattern.replace("*", "any").rstrip("/")
        if pattern.endswith("/"):
            place.mkdir(parents=True)
            place /= "made"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
    deep = tmp_path / "tests" / "unit" / "__pycache__" / "test_x.pyc"
    deep.parent.mkdir(parents=True)
    deep.write_text("")

    def left() -> list[str]:
        command = ["git", "status", "--porcelain", "--ignored"]
        lines = subprocess.run(
            command, cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.splitlines()
        return [line for line in lines if line.startswith("!!")]

    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    assert len(left()) > 10
    subprocess.run(["make", "--silent", "clean"], cwd=tmp_path, check=True, capture_output=True)
    assert left() == []

"""Two builds are compared byte by byte."""

from __future__ import annotations

from pathlib import Path

from scripts.reproducible import differing


def test_files_that_differ_or_that_one_has_alone_are_listed(tmp_path: Path) -> None:
    one, other = tmp_path / "a", tmp_path / "b"
    for folder in (one, other):
        (folder / "static").mkdir(parents=True)
        (folder / "static/same.js").write_text("same")
        (folder / "static/changed.js").write_text(folder.name)
    assert differing(one, other) == ["static/changed.js"]
    (one / "first.js").write_text("")
    (other / "second.js").write_text("")
    assert differing(one, other) == ["first.js", "second.js", "static/changed.js"]
    assert differing(one, one) == []

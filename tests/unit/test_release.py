"""A release says the same in all places, or is refused; nothing is uploaded."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from scripts.release import cited, newest, problems, unclean

ROOT = Path(__file__).parents[2]
VERSION = json.loads((ROOT / "js/package.json").read_text())["version"]
CHANGELOG = "# Changes\n\nWords.\n\n## 1.2.0, 2026-11-27\n\n- A.\n\n## 1.1.0, 2026-01-31\n"
CITATION = 'cff-version: 1.2.0\nversion: "1.2.0"\ndate-released: 2026-11-27\n'

# https://github.com/citation-file-format, 1.2.0: what a file must have, and what ours may have
REQUIRED = {"cff-version", "message", "title", "authors"}
OPTIONAL = {"abstract", "date-released", "keywords", "license", "type", "version"}


def test_a_release_that_says_the_same_everywhere_has_no_problem() -> None:
    assert problems("1.2.0", CHANGELOG, CITATION) == []


@pytest.mark.parametrize(
    ("changelog", "citation", "problem"),
    [
        (CHANGELOG.replace("1.2.0", "1.3.0"), CITATION, "CHANGELOG.md begins with 1.3.0"),
        (
            CHANGELOG.replace("2026-11-27", "not released yet"),
            CITATION.replace("2026-11-27", "not released yet"),
            "must have the date of the release, as 2026-01-31; it has 'not released yet'",
        ),
        (CHANGELOG, CITATION.replace('"1.2.0"', "1.1.0"), "CITATION.cff has version 1.1.0"),
        (CHANGELOG, CITATION.replace("11-27", "11-26"), "'date-released: 2026-11-27'.* 2026-11-26"),
        (CHANGELOG, "version: 1.2.0", "'date-released: 2026-11-27', as CHANGELOG.md; it has None"),
    ],
)
def test_what_differs_is_named(changelog: str, citation: str, problem: str) -> None:
    (found,) = problems("1.2.0", changelog, citation)
    assert re.search(problem, found)


def test_a_changelog_without_releases_is_refused() -> None:
    with pytest.raises(ValueError, match=r"heading such as '## 0.1.0, 2026-01-31'; it has none"):
        newest("# Changes\n\n- A.\n")


def test_what_is_not_committed_is_named(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    assert unclean(tmp_path) == []
    (tmp_path / "new.py").write_text("")
    assert unclean(tmp_path) == ["not committed: new.py"]


def test_the_changelog_begins_with_the_version() -> None:
    version, date = newest((ROOT / "CHANGELOG.md").read_text())
    assert version == VERSION
    assert date == "not released yet" or len(date) == len("2026-01-31")


def test_the_citation_is_valid() -> None:
    text = (ROOT / "CITATION.cff").read_text()
    citation = yaml.safe_load(text)
    assert set(citation) >= REQUIRED
    assert set(citation) <= REQUIRED | OPTIONAL
    assert citation["cff-version"] == "1.2.0"
    assert citation["type"] == "software"
    assert citation["authors"]
    assert all(set(author) == {"name"} for author in citation["authors"])
    assert citation["version"] == cited(text, "version") == VERSION
    assert all(isinstance(keyword, str) for keyword in citation["keywords"])


def test_the_citation_names_the_licence_and_the_authors_of_the_package() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    pyproject = (ROOT / "pyproject.toml").read_text()
    assert f'license = "{citation["license"]}"' in pyproject
    assert all(f'name = "{author["name"]}"' in pyproject for author in citation["authors"])

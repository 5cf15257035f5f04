"""Code in README and docs that is not run when the site is built: it compiles, with real names."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest

import rnngrad_widgets
import rnngrad_widgets.html  # which the package itself does not import
from rnngrad_widgets import (
    Comparison,
    GradientEngine,
    GradientExplorer,
    GradientRecorder,
    Recording,
)

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# What the text calls objects by, everywhere.
VARIABLES = {
    "comparison": Comparison,
    "engine": GradientEngine,
    "explorer": GradientExplorer,
    "recorder": GradientRecorder,
    "recording": Recording,
    "rnngrad_widgets": rnngrad_widgets,
}


def blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.DOTALL | re.MULTILINE)


def spans(page: Path) -> list[str]:
    """Code within a line, where it is a piece of Python."""
    outside = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)
    return [span for span in re.findall(r"`([^`\n]+)`", outside) if is_python(span)]


def is_python(text: str) -> bool:
    try:
        ast.parse(text)
    except SyntaxError:
        return False
    return True


def complaints(code: str) -> list[str]:
    """Names of this package that are not there, and arguments that a call does not take."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module == "rnngrad_widgets":
            names = {each.name for each in node.names}
            found += sorted(names - set(rnngrad_widgets.__all__))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            owner = VARIABLES.get(node.value.id) or public(node.value.id)
            if owner is not None and not hasattr(owner, node.attr):
                found.append(f"{node.value.id}.{node.attr}")
        elif isinstance(node, ast.Call):
            called = target(node.func)
            if called is not None:
                takes = inspect.signature(called).parameters
                names = {each.arg for each in node.keywords if each.arg}
                if not any(each.kind == each.VAR_KEYWORD for each in takes.values()):
                    found += [f"{ast.unparse(node.func)}({name}=)" for name in names - set(takes)]
    return found


def public(name: str) -> object | None:
    return getattr(rnngrad_widgets, name) if name in rnngrad_widgets.__all__ else None


def target(function: ast.expr) -> object | None:
    """Find what is called; of a class its ``__init__``, where its arguments are."""
    if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
        owner = VARIABLES.get(function.value.id) or public(function.value.id)
        return getattr(owner, function.attr, None) if owner is not None else None
    found = public(function.id) if isinstance(function, ast.Name) else None
    return found.__init__ if inspect.isclass(found) else found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_code_that_is_not_run_names_what_there_is(page: Path) -> None:
    wrong = [each for code in (*blocks(page), *spans(page)) for each in complaints(code)]
    assert wrong == []


def test_there_is_code_to_look_at() -> None:
    assert len(blocks(ROOT / "README.md")) == 1
    assert sum(len(blocks(page)) for page in PAGES) > 10
    assert "explorer.live(every=10)" in " ".join(spans(ROOT / "README.md"))


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("from rnngrad_widgets import GradientExplorer, nothing", ["nothing"]),
        ("explorer.nothing", ["explorer.nothing"]),
        ("GradientExplorer(model, x, y, layr='a')", ["GradientExplorer(layr=)"]),
        ("compare(runs, bases='a')", ["compare(bases=)"]),
        ("explorer.live(often=10)", ["explorer.live(often=)"]),
        ("explorer.sample = 3; explorer.live(every=10); other.nothing()", []),
    ],
)
def test_what_is_wrong_is_seen(code: str, wrong: list[str]) -> None:
    assert complaints(code) == wrong

"""The site is built from the browser half that is there; without it, the error says what to run."""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

import pytest

from rnngrad_widgets.export import bundle

pytest.importorskip("myst_nb", reason="docs need the extra docs, and Python 3.11 or newer")

CONF = Path(__file__).parents[2] / "docs/conf.py"


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back what the configuration sets for all that is run."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("RNNGRAD_DISPLAY", "TF_CPP_MIN_LOG_LEVEL", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.setenv(name, "")


def test_results_of_other_code_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    first, again = (runpy.run_path(str(CONF))["nb_execution_cache_path"] for _ in range(2))
    assert first == again
    monkeypatch.setattr(bundle, "renderer", lambda: "another browser half")
    assert runpy.run_path(str(CONF))["nb_execution_cache_path"] != first


def test_without_the_browser_half(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bundle, "CHECKOUT", tmp_path)
    files = bundle.metadata.files

    def others(name: str) -> object:
        return None if name == "rnngrad-widgets" else files(name)

    monkeypatch.setattr(bundle.metadata, "files", others)
    with pytest.raises(FileNotFoundError, match="or run make js in a checkout"):
        runpy.run_path(str(CONF))

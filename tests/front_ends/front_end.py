"""Start a front end with an app, and look at the explorer in it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

APPS = Path(__file__).parent / "apps"
ROOT = Path(__file__).parents[2]
PYTHON = ROOT / ".venv-front-ends/bin/python"
HOW_TO_GET_THEM = "the front ends must be installed: make .venv-front-ends/.installed"
START_SECONDS = 120

# What Panel and Voila bring for JupyterLab does not run in Voila.
NOT_IN_VOILA = ["@pyviz/jupyterlab_pyviz", "@voila-dashboards/jupyterlab-preview", "jupyter-vue"]

_MARIMO = ["--headless", "--no-token", "--port", "{port}"]

COMMANDS = {
    "marimo run": [
        "marimo",
        "run",
        "marimo_app.py",
        "--headless",
        "--no-token",
        "--port",
        "{port}",
    ],
    "marimo edit": [
        *("marimo", "edit", "marimo_app.py", "--headless", "--no-token", "--port", "{port}"),
        "--skip-update-check",
    ],
    "panel": ["panel", "serve", "panel_app.py", "--port", "{port}"],
    "shiny": ["shiny", "run", "shiny_app.py", "--port", "{port}"],
    "solara": ["solara", "run", "solara_app.py", "--no-open", "--production", "--port", "{port}"],
    "voila": [
        *("voila", "voila_app.ipynb", "--no-browser", "--port={port}", "--Voila.ip=127.0.0.1"),
        *(f"--VoilaConfiguration.extension_denylist={name}" for name in NOT_IN_VOILA),
    ],
}
PATHS = {"panel": "panel_app"}


@contextmanager
def serve(
    name: str, folder: Path, display: str | None, sources: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Start a front end; yield the address of the app; stop it.

    Parameters
    ----------
    name
        A key of `COMMANDS`.
    folder
        Where it may write.
    display
        The environment variable ``RNNGRAD_DISPLAY``; None for what is found out.
    sources
        Other files by name, beside those of `APPS` or instead of them.
    """
    apps = {app.name: app.read_text() for app in APPS.iterdir() if app.is_file()}
    for app, source in {**apps, **(sources or {})}.items():
        (folder / app).write_text(source)
    _write_notebook(folder / "voila_app.ipynb")
    _copy_shared(folder / "jupyter", with_ours=display != "anywidget")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [part.format(port=port) for part in COMMANDS[name]]
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [PYTHON, "-m", *command],
            cwd=folder,
            env=_environment(folder, display),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}/{PATHS.get(name, '')}"
    try:
        _wait(process, f"http://127.0.0.1:{port}/", log)
        yield address
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _environment(folder: Path, display: str | None) -> dict[str, str]:
    ours = {
        "HOME": str(folder),
        "JUPYTER_PATH": str(folder / "jupyter"),
        "MARIMO_SKIP_UPDATE_CHECK": "1",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    kept = {
        each: value
        for each, value in os.environ.items()
        if not each.startswith(("JUPYTER", "RNNGRAD"))
    }
    return {**kept, **ours, **({} if display is None else {"RNNGRAD_DISPLAY": display})}


def _copy_shared(folder: Path, *, with_ours: bool) -> None:
    """Let servers find extensions and templates of the tests' environment, and nothing else."""
    ours = ["rnngrad-widgets", "bqplot", "bqscales"] if with_ours else []
    names = ("@jupyter-widgets", "anywidget", *ours)
    shared = ("nbconvert", "nbextensions/anywidget", *(f"labextensions/{name}" for name in names))
    for path in shared:
        shutil.copytree(Path(sys.prefix) / "share/jupyter" / path, folder / path)
    (folder / "voila").symlink_to(PYTHON.parents[1] / "share/jupyter/voila")


def _write_notebook(path: Path) -> None:
    source = "from shown import make_explorer\nexplorer = make_explorer()\nexplorer"
    cell = {"cell_type": "code", "source": source, "metadata": {}, "outputs": [], "id": "a"}
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = {
        "cells": [{**cell, "execution_count": None}],
        "metadata": {"kernelspec": kernel},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    path.write_text(json.dumps(notebook))


def _wait(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        if _answers(address):
            return
        time.sleep(0.2)
    raise RuntimeError(f"the front end did not start:\n{log.read_text()[-3000:]}")


def _answers(address: str) -> bool:
    try:
        urllib.request.urlopen(address, timeout=30).close()
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False
    return True

"""A real JupyterLab server of its own: nothing of the user's settings, kernels or notebooks."""

from __future__ import annotations

import json
import os
import secrets
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

START_SECONDS = 60
# Asked on a first start; the answer would lie over the page.
NO_NEWS = {"fetchNews": "false", "checkForUpdates": False}


@dataclass(frozen=True)
class Server:
    """A running server: where it listens, its token, and the folder of its notebooks."""

    process: subprocess.Popen[bytes]
    port: int
    token: str
    notebooks: Path
    log: Path

    def url(self, path: str) -> str:
        """Address of ``path`` that lets a browser in."""
        return f"http://127.0.0.1:{self.port}/{path}?token={self.token}"

    def request(self, method: str, path: str) -> Any:
        """Answer of the server's REST interface; None where it has nothing to say."""
        request = urllib.request.Request(self.url(path), method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def close_kernel(self, notebook: str) -> None:
        """Stop the kernel of ``notebook``, busy or not."""
        for session in self.request("GET", "api/sessions"):
            if session["path"] == notebook:
                self.request("DELETE", f"api/sessions/{session['id']}")

    def started_anew(self) -> Server:
        """Start a server, once this one has ended, that pages of this one find in its place."""
        server = _launch(self.port, self.token, self.notebooks, self.log)
        _wait(server)
        return server

    def stop(self) -> None:
        """End the server and its kernels."""
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start(folder: Path, without: Sequence[str] = ()) -> Server:
    """Start a server that keeps all it writes in ``folder``; its kernels run this Python.

    Parameters
    ----------
    folder
        Of its settings, notebooks and log.
    without
        Extensions that are disabled.

    Raises
    ------
    RuntimeError
        If it does not answer; carries the end of its log.
    """
    notebooks = folder / "notebooks"
    notebooks.mkdir(parents=True)
    settings = folder / "config/lab/user-settings/@jupyterlab/apputils-extension"
    settings.mkdir(parents=True)
    (settings / "notification.jupyterlab-settings").write_text(json.dumps(NO_NEWS))
    disabled = {"disabledExtensions": dict.fromkeys(without, True)}
    (folder / "config/labconfig").mkdir()
    (folder / "config/labconfig/page_config.json").write_text(json.dumps(disabled))

    server = _launch(_free_port(), secrets.token_hex(16), notebooks, folder / "server.log")
    _wait(server)
    return server


def _launch(port: int, token: str, notebooks: Path, log: Path) -> Server:
    with log.open("ab") as output:
        process = subprocess.Popen(
            _command(port, token, notebooks),
            env=_environment(log.parent),
            cwd=notebooks,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    return Server(process, port, token, notebooks, log)


def _command(port: int, token: str, notebooks: Path) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={token}",
        f"--ServerApp.root_dir={notebooks}",
        # `window.jupyterapp`: the tests run commands and look at models through it.
        "--LabApp.expose_app_in_browser=True",
        "--JupyterNotebookApp.expose_app_in_browser=True",
        # A test that fails must not leave a kernel that works on for minutes.
        "--MappingKernelManager.shutdown_wait_time=1",
    ]


def _environment(folder: Path) -> dict[str, str]:
    ours = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "config/lab/user-settings",
        "JUPYTERLAB_WORKSPACES_DIR": "config/lab/workspaces",
        "IPYTHONDIR": "ipython",
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith("JUPYTER")}
    return {
        **kept,
        **{name: str(folder / place) for name, place in ours.items()},
        "JUPYTER_PREFER_ENV_PATH": "1",
        "RNNGRAD_STATIC_PICTURES": "0",  # half a second after each cell; a test of its own has them
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def _wait(server: Server) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and server.process.poll() is None:
        if _answers(server):
            return
        time.sleep(0.1)
    server.stop()
    raise RuntimeError(f"JupyterLab did not start:\n{server.log.read_text()[-3000:]}")


def _answers(server: Server) -> bool:
    try:
        server.request("GET", "api/status")
    except (urllib.error.URLError, ConnectionError):
        return False
    return True

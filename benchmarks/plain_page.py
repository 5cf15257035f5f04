"""A page in a Chromium that nobody listens to: for messages of more than some megabytes.

Playwright listens to the network. Chromium then hands it a copy of every message, as text, which
takes as long as the message itself: a third of the time until an array of 131 MB is seen.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from websocket import create_connection

from tests.browser import chromium
from tests.browser.conftest import FLAGS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from websocket import WebSocket

PORT_FILE = "DevToolsActivePort"


class PlainPage:
    """What can be asked of the page: to evaluate an expression, a promise to its end."""

    def __init__(self, connection: WebSocket) -> None:
        self._connection = connection
        self._number = 0

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression, as JSON can hold it."""
        self._number += 1
        asked = {"expression": expression, "awaitPromise": True, "returnByValue": True}
        message = {"id": self._number, "method": "Runtime.evaluate", "params": asked}
        self._connection.send(json.dumps(message))
        while (answer := json.loads(self._connection.recv())).get("id") != self._number:
            pass
        result = answer["result"]
        if "exceptionDetails" in result:
            raise RuntimeError(f"in the page: {result['exceptionDetails']}")
        return result["result"].get("value")

    def wait_for(self, expression: str, seconds: float = 60) -> None:
        """Wait until an expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(f"!!({expression})"):
            if time.monotonic() > end:
                raise TimeoutError(f"still not true after {seconds} s: {expression}")
            time.sleep(0.1)


@contextmanager
def plain_page(url: str) -> Iterator[PlainPage]:
    """Open a page in a browser of its own."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        options = ["--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        command = [chromium.ensure(), *FLAGS, *options, "--window-size=1280,900", url]
        running = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            yield PlainPage(_connect(profile))
        finally:
            running.terminate()
            running.wait()


def _connect(profile: str) -> WebSocket:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with (Path(profile) / PORT_FILE).open() as file:
                port = int(file.readline())
            with urlopen(f"http://127.0.0.1:{port}/json", timeout=5) as answer:
                page = next(each for each in json.load(answer) if each["type"] == "page")
            return create_connection(page["webSocketDebuggerUrl"], suppress_origin=True)
        except (OSError, ValueError, StopIteration):  # noqa: PERF203 - it waits anyway
            time.sleep(0.1)
    raise TimeoutError("Chromium did not open its page within 30 s")

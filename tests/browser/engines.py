"""Chromium, Firefox and WebKit with one face: open a file, look, use mouse and keys.

Firefox is driven by WebDriver BiDi, which it speaks itself, WebKit by Debian's WebKitWebDriver:
neither needs a browser of its own kind that would have to be downloaded. Both are kept off the
network by a proxy that is not there.
"""

from __future__ import annotations

import abc
import base64
import contextlib
import io
import itertools
import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from typing import TYPE_CHECKING, Any

import numpy as np
import websocket
from PIL import Image

from tests.browser import other_engines

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from playwright.sync_api import Browser

SIZE = (1200, 900)
NOWHERE = "127.0.0.1:9"
SECONDS = 20
KEYS = {"End": "\ue010", "Home": "\ue011", "ArrowLeft": "\ue012", "ArrowRight": "\ue014"}
Place = tuple[float, float]


class Engine(abc.ABC):
    """A window of one browser."""

    @abc.abstractmethod
    def open(self, url: str) -> None:
        """Load a page."""

    @abc.abstractmethod
    def evaluate(self, expression: str) -> Any:
        """Value of a JavaScript expression, as JSON can hold it."""

    @abc.abstractmethod
    def picture(self) -> bytes:
        """What the window shows, as PNG."""

    @abc.abstractmethod
    def move(self, *places: Place, button: bool = False) -> None:
        """Move the mouse over places, with the button pressed from the first to the last."""

    @abc.abstractmethod
    def press(self, key: str) -> None:
        """Press a key on what has the focus."""

    @abc.abstractmethod
    def close(self) -> None:
        """Close the window; a browser of its own ends."""

    def pixels(self) -> NDArray[np.uint8]:
        """Colours of the window, (rows, columns, RGB)."""
        return np.asarray(Image.open(io.BytesIO(self.picture())).convert("RGB"))


class Chromium(Engine):
    """A window of the Chromium that the other tests use, with the network off."""

    def __init__(self, browser: Browser, *, dark: bool = False) -> None:
        self._context = browser.new_context(
            offline=True,
            viewport={"width": SIZE[0], "height": SIZE[1]},
            color_scheme="dark" if dark else "light",
        )
        self.page = self._context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self.complaints.append(message.text))

    def open(self, url: str) -> None:
        self.page.goto(url)

    def evaluate(self, expression: str) -> Any:
        return self.page.evaluate(expression)

    def picture(self) -> bytes:
        return self.page.screenshot()

    def move(self, *places: Place, button: bool = False) -> None:
        mouse = self.page.mouse
        mouse.move(*places[0])
        if button:
            mouse.down()
        for place in places[1:]:
            mouse.move(*place)
        if button:
            mouse.up()

    def press(self, key: str) -> None:
        self.page.keyboard.press(key)

    def close(self) -> None:
        self._context.close()


class WebDriver(Engine):
    """What Firefox and WebKit share: a process, and actions in the words of WebDriver."""

    process: subprocess.Popen[bytes]

    @abc.abstractmethod
    def act(self, actions: list[dict[str, Any]]) -> None:
        """Perform the actions of one input device."""

    def move(self, *places: Place, button: bool = False) -> None:
        steps: list[dict[str, Any]] = [
            {"type": "pointerMove", "x": round(x), "y": round(y), "duration": 20} for x, y in places
        ]
        if button:
            steps.insert(1, {"type": "pointerDown", "button": 0})
            steps.append({"type": "pointerUp", "button": 0})
        parameters = {"pointerType": "mouse"}
        self.act([{"type": "pointer", "id": "mouse", "parameters": parameters, "actions": steps}])

    def press(self, key: str) -> None:
        steps = [{"type": f"key{way}", "value": KEYS[key]} for way in ("Down", "Up")]
        self.act([{"type": "key", "id": "keys", "actions": steps}])

    def _end(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(SECONDS)

    def _start(self, *command: str, **variables: str) -> None:
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **variables},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # one group, to be ended with all that it starts
        )


class Firefox(WebDriver):
    """Firefox without a window, over WebDriver BiDi."""

    def __init__(self, profile: Path) -> None:
        host, port = NOWHERE.split(":")
        preferences = {
            "network.proxy.type": 1,
            **{f"network.proxy.{kind}": host for kind in ("http", "ssl")},
            **{f"network.proxy.{kind}_port": int(port) for kind in ("http", "ssl")},
            "layout.css.prefers-color-scheme.content-override": 1,  # light
        }
        lines = [f"user_pref({json.dumps(k)}, {json.dumps(v)});" for k, v in preferences.items()]
        (profile / "user.js").write_text("\n".join(lines))
        program = other_engines.find("firefox")
        assert program is not None
        self._start(
            *(program, "--headless", "--no-remote", "--remote-debugging-port", "0"),
            *("--profile", str(profile), "about:blank"),
        )
        try:
            self._connect(profile)
        except BaseException:
            self._end()
            raise

    def _connect(self, profile: Path) -> None:
        self._numbers = itertools.count()
        # it takes no page for a friend, and the library would call itself one
        self._socket = websocket.create_connection(
            f"ws://127.0.0.1:{self._port(profile)}/session", timeout=SECONDS, suppress_origin=True
        )
        self._send("session.new", capabilities={})
        self._window = self._send("browsingContext.getTree")["contexts"][0]["context"]
        width, height = SIZE
        size = {"width": width, "height": height}
        self._send("browsingContext.setViewport", context=self._window, viewport=size)

    def open(self, url: str) -> None:
        self._send("browsingContext.navigate", context=self._window, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        answer = self._send(
            "script.evaluate",
            expression=f"JSON.stringify({expression}) ?? 'null'",
            target={"context": self._window},
            awaitPromise=False,
        )
        assert answer["type"] == "success", answer
        return json.loads(answer["result"]["value"])

    def picture(self) -> bytes:
        shot = self._send("browsingContext.captureScreenshot", context=self._window)
        return base64.b64decode(shot["data"])

    def act(self, actions: list[dict[str, Any]]) -> None:
        self._send("input.performActions", context=self._window, actions=actions)

    def close(self) -> None:
        self._socket.close()
        self._end()

    def _port(self, profile: Path) -> int:
        told = profile / "WebDriverBiDiServer.json"
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with contextlib.suppress(OSError, ValueError):
                return int(json.loads(told.read_text())["ws_port"])
            time.sleep(0.05)
        raise AssertionError("Firefox does not listen")

    def _send(self, method: str, **parameters: Any) -> Any:
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == number:
                assert answer["type"] == "success", answer
                return answer["result"]


class WebKit(WebDriver):
    """WebKitGTK's small browser on a screen of its own, over WebDriver."""

    def __init__(self, folder: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        proxy = f"http://{NOWHERE}"
        self._start(
            *("xvfb-run", "-a", "-s", "-screen 0 1600x1200x24"),
            *("WebKitWebDriver", f"--port={port}"),
            http_proxy=proxy,
            https_proxy=proxy,
            no_proxy="127.0.0.1",
            TMPDIR=str(folder),  # xvfb-run does not put away what it writes
        )
        try:
            self._connect(port)
        except BaseException:
            self._end()
            raise

    def _connect(self, port: int) -> None:
        self._address = f"http://127.0.0.1:{port}"
        self._wait_until_it_listens(port)
        session = self._send("/session", capabilities={})
        self._address += f"/session/{session['sessionId']}"
        # the window has bars of its own: make what is inside as large as in the other browsers
        outer = self._send("/window/rect", width=SIZE[0], height=SIZE[1])
        inner = self.evaluate("[innerWidth, innerHeight]")
        width, height = (2 * size - got for size, got in zip(SIZE, inner, strict=True))
        self._send("/window/rect", **{**outer, "width": width, "height": height})

    def open(self, url: str) -> None:
        self._send("/url", url=url)

    def evaluate(self, expression: str) -> Any:
        return self._send("/execute/sync", script=f"return {expression}", args=[])

    def picture(self) -> bytes:
        return base64.b64decode(self._send("/screenshot"))

    def act(self, actions: list[dict[str, Any]]) -> None:
        self._send("/actions", actions=actions)

    def close(self) -> None:
        self._send("")
        self._end()

    def _wait_until_it_listens(self, port: int) -> None:
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            with socket.socket() as caller:
                if caller.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError("WebKitWebDriver does not listen")

    def _send(self, path: str, **body: Any) -> Any:
        method = "POST" if body else "DELETE" if path == "" else "GET"
        request = urllib.request.Request(
            self._address + path,
            data=json.dumps(body).encode() if body else None,
            method=method,
        )
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            return json.load(answer)["value"]

"""VS Code, emulated: the bundle of its Jupyter extension, and its rules for scripts and links."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pytest
from ipywidgets import Widget

from rnngrad_widgets import GradientExplorer
from tests.browser.explorer_page import INK, ExplorerPage, eventually, picture, rgb
from tests.browser.lab import DARK, LIGHT, NotebookPage, Theme

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from playwright.sync_api import Browser, Route

HERE = Path(__file__).parent
REQUIRE = HERE.parents[1] / "js/node_modules/requirejs/require.js"
EXTENSIONS = Path(sys.prefix) / "share/jupyter/nbextensions"
ARRAY = np.random.default_rng(5).permutation(np.linspace(-1, 1, 48)).reshape(2, 6, 4)

# MIT; packed alone, because with what it names as dependencies it would be 350 MB
BUNDLE = "@vscode/jupyter-ipywidgets8@1.0.9"
DIGEST = "bocCThfa4JDIDd7qCFAfW3HpzHfTLYxOTpTbiDfw4DXOUjKHnr6ObkMBiIkuzYPRybh5bY4FhYLemuDuTvIbpQ=="
SITE = "http://vscode.test/"
# Versions of VS Code differ: one lays white under widgets in every theme, another nothing.
WHITE = ".cell-output-ipywidget-background { background: white !important }"
EDITOR = "body { background: #1e1e1e }"


@pytest.fixture(scope="session")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script of VS Code's Jupyter extension that holds the widget libraries."""
    folder = tmp_path_factory.mktemp("vscode")
    npm = shutil.which("npm")
    command = [npm or "npm", "pack", "--silent", "--pack-destination", str(folder), BUNDLE]
    packed = npm and subprocess.run(command, check=False, capture_output=True, timeout=120)
    if not packed or packed.returncode:
        pytest.skip(f"npm does not give {BUNDLE} here")
    [archive] = folder.glob("*.tgz")
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    assert digest == DIGEST
    with tarfile.open(archive) as opened:
        script = opened.extractfile("package/dist/ipywidgets.js")
        assert script is not None
        (folder / "ipywidgets.js").write_bytes(script.read())
    return folder / "ipywidgets.js"


def script_path(extension: str) -> tuple[str, str]:
    """The module that an extension brings and where, read in the text of its extension.js."""
    text = (EXTENSIONS / extension / "extension.js").read_text()
    found = re.search(r"""\.config\(\{\s*map:\s*\{\s*['"]\*['"]:\s*\{([^}]*)\}""", text)
    assert found
    entry = re.search(r"""['"]?([\w-]+)['"]?\s*:\s*['"]nbextensions/([\w/-]+)['"]""", found[1])
    assert entry
    return entry[1], f"nbextensions/{entry[2]}"


@pytest.fixture
def shown(browser: Browser, bundle: Path) -> Iterator[Callable[..., ExplorerPage]]:
    """Show an explorer there, with classes of the body and a ground under widgets."""
    paths = dict(map(script_path, ("bqplot", "bqscales", "rnngrad-widgets")))
    explorer = GradientExplorer.from_array(ARRAY, sample=1, norm=(-1, 1))
    state = Widget.get_manager_state(drop_defaults=False)
    files: dict[str, Any] = {
        "": (HERE / "vscode.html").read_bytes(),
        "require.js": REQUIRE.read_bytes(),
        "ipywidgets.js": bundle.read_bytes(),
        "given.json": json.dumps({"paths": paths, "state": state}),
    }
    kinds = {"": "text/html", "given.json": "application/json"}

    def answer(route: Route) -> None:
        name = route.request.url.removeprefix(SITE)
        if name.startswith("nbextensions/"):
            files[name] = (EXTENSIONS.parent / name).read_bytes()
        if name not in files:
            route.fulfill(status=404)
        else:
            kind = kinds.get(name, "text/javascript")
            route.fulfill(body=files[name], content_type=f"{kind}; charset=utf-8")

    page = browser.new_page(viewport={"width": 1000, "height": 900})
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.route("**/*", answer)
    # what it needs of a notebook is a page
    view = NotebookPage(cast("Any", None), page, "", SITE, owns_page=False)

    def show(classes: str = "vscode-light", ground: str = "") -> ExplorerPage:
        page.goto(SITE)
        page.wait_for_function("() => globalThis.show")
        page.add_style_tag(content=ground or "body {}")
        page.evaluate("(classes) => { document.body.className = classes }", classes)
        page.evaluate("(id) => show(id)", explorer.model_id)
        page.wait_for_selector(".rnngrad-colourbar text", timeout=12_000)
        return ExplorerPage(view)

    yield show
    page.close()
    explorer.close()
    assert complaints == []


def test_it_shows_and_its_slider_moves(shown: Callable[..., ExplorerPage]) -> None:
    explorer = shown()
    explorer.expect_picture(picture(ARRAY, 1), (-1, 1))
    explorer.root.locator(".rnngrad-sample .noUi-handle, .noUi-handle").first.press("ArrowLeft")
    explorer.expect_picture(picture(ARRAY, 0), (-1, 1))


@pytest.mark.one_case_in(4)
@pytest.mark.parametrize(
    ("classes", "ground", "theme"),
    [
        ("vscode-dark", WHITE, LIGHT),
        ("vscode-dark", EDITOR, DARK),
        ("vscode-dark", "", DARK),
        ("vscode-high-contrast", EDITOR, DARK),
        ("vscode-high-contrast vscode-high-contrast-light", "", LIGHT),
    ],
    ids=["dark, white under it", "dark", "dark, transparent", "contrast", "light contrast"],
)
def test_it_can_be_read(
    shown: Callable[..., ExplorerPage], classes: str, ground: str, theme: Theme
) -> None:
    explorer = shown(classes, ground)
    explorer.expect_picture(picture(ARRAY, 1), (-1, 1), theme=theme)
    ink = tuple(int(each) for each in rgb(INK[theme]))
    colour = explorer.root.evaluate("(el) => getComputedStyle(el).color")
    assert colour == f"rgb{ink}"


def test_a_picture_is_handed_to_the_editor(shown: Callable[..., ExplorerPage]) -> None:
    explorer = shown()
    explorer.expect_picture(picture(ARRAY, 1), (-1, 1))
    explorer.root.get_by_title("save the picture").click()
    explorer.root.get_by_role("menuitem", name="SVG").click()
    page = explorer.notebook.page
    asked = [{"name": "array.svg", "isBlob": True}]
    eventually(lambda: page.evaluate("() => downloads"), asked, "what the editor is asked to save")
    assert page.locator("body > a").count() == 0

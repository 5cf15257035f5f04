"""The licence of every bundled package is shipped, and permits that."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from rnngrad_widgets.export.bundle import licences

ROOT = Path(__file__).parents[2]
BUILT = ROOT / "rnngrad_widgets"
BUNDLED = ROOT / "js/lib/bundled-packages.json"  # js/scripts/bundled-packages.mjs writes it
OWN = "rnngrad-widgets"
PERMITTED = {"MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD"}

pytestmark = pytest.mark.skipif(not BUNDLED.exists(), reason="not built in this checkout")


def bundled() -> dict[str, list[str]]:
    return json.loads(BUNDLED.read_text())


def shipped_texts() -> dict[str, str]:
    blocks = (BUILT / "nbextension/page.licenses.txt").read_text().split("\n\f\n")
    return {name: terms for name, _, terms in (block.partition("\n") for block in blocks)}


def third_party(path: Path) -> list[dict[str, Any]]:
    return json.loads(path.read_text())["packages"]


def test_there_are_bundles() -> None:
    assert set(bundled()) == {"index.js", "page.js"}
    assert "backbone" in bundled()["page.js"]


@pytest.mark.parametrize("bundle", ["index.js", "page.js"])
def test_every_bundled_package_has_its_licence_beside_the_bundle(bundle: str) -> None:
    texts = shipped_texts()
    for name in bundled()[bundle]:
        assert "Copyright" in texts[name], name
        assert len(texts[name]) > 500, name


def test_no_licence_is_shipped_of_what_is_not_bundled() -> None:
    assert set(shipped_texts()) == {OWN, *bundled()["page.js"]}


def test_every_licence_permits_to_be_bundled() -> None:
    packages = json.loads((ROOT / "js/package-lock.json").read_text())["packages"]
    names = {name for names in bundled().values() for name in names}
    licence = {name: packages[f"node_modules/{name}"]["license"] for name in names}
    assert {name: terms for name, terms in licence.items() if terms not in PERMITTED} == {}


def test_the_extension_of_jupyterlab_has_those_of_the_same_code() -> None:
    packages = third_party(BUILT / "labextension/static/third-party-licenses.json")
    assert sorted(package["name"] for package in packages) == bundled()["index.js"]
    assert {package["licenseId"] for package in packages} <= PERMITTED
    assert all("Copyright" in package["extractedText"] for package in packages)


@pytest.mark.parametrize("name", ["bqplot", "bqscales"])
def test_what_saved_pages_take_from_bqplot_has_its_licence_there(name: str) -> None:
    found = metadata.files(name) or ()
    paths = [file for file in found if file.name == "third-party-licenses.json"]
    assert paths
    packages = [package for path in paths for package in third_party(Path(str(path.locate())))]
    notices = licences()
    for package in packages:
        assert package["name"] in notices
        assert package["licenseId"] in PERMITTED, package["name"]

"""Wheel and sdist hold exactly what they must: nothing is missing, nothing slips in."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "rnngrad_widgets"
SHARE = "share/jupyter"
LAB = f"{SHARE}/labextensions/rnngrad-widgets"
NB = f"{SHARE}/nbextensions/rnngrad-widgets"

# rspack names chunks by their contents
CHUNK = re.compile(rf"{LAB}/static/(\d+|remoteEntry)\.[0-9a-f]{{16}}\.js")
CHUNKS = 5
BROWSER_HALF = {
    f"{LAB}/install.json",
    f"{LAB}/package.json",
    f"{LAB}/static/style.js",
    f"{LAB}/static/third-party-licenses.json",
    f"{NB}/anywidget.js",
    f"{NB}/extension.js",
    f"{NB}/index.js",
    f"{NB}/page.js",
    f"{NB}/page.licenses.txt",
    "etc/jupyter/nbconfig/notebook.d/rnngrad-widgets.json",
}
METADATA = {"METADATA", "RECORD", "WHEEL", "licenses/LICENSE"}
# for those who have the repository
NOT_IN_SDIST = (".ci/", ".github/", ".pre-commit-config.yaml")

pytestmark = [
    pytest.mark.skipif(shutil.which("git") is None, reason="there is no git"),
    pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a checkout"),
]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both, with the browser half as it is built in the checkout."""
    pytest.importorskip("hatchling")
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(folder)],
        cwd=ROOT,
        env=os.environ | {"HATCH_BUILD_NO_HOOKS": "true"},
        check=True,
        capture_output=True,
    )
    return folder


def sources() -> set[str]:
    """What git knows, and what is new; what was removed is not there."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return {name for name in listed.split("\0") if name and (ROOT / name).exists()}


def built_in_checkout() -> set[str]:
    folders = [ROOT / PACKAGE / name for name in ("labextension", "nbextension")]
    paths = [path for folder in folders for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(ROOT).as_posix() for path in paths}


def test_a_wheel_has_the_package_and_the_browser_half(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    stem = wheel.name.split("-py3")[0]
    package = {name for name in names if name.startswith(f"{PACKAGE}/")}
    data = {name.removeprefix(f"{stem}.data/data/") for name in names if ".data/" in name}
    metadata = {name.removeprefix(f"{stem}.dist-info/") for name in names if ".dist-info/" in name}

    assert package == {name for name in sources() if name.startswith(f"{PACKAGE}/")}
    assert {Path(name).suffix for name in package} == {".py", ".typed"}
    chunks = {name for name in data if CHUNK.fullmatch(name)}
    assert len(chunks) == CHUNKS
    assert data - chunks == BROWSER_HALF
    assert metadata == METADATA
    assert len(names) == len(package) + len(data) + len(metadata)


def test_an_sdist_has_the_sources_and_what_was_built(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    wanted = {name for name in sources() if not name.startswith(NOT_IN_SDIST)}
    assert names == wanted | built_in_checkout() | {"PKG-INFO"}


def test_nothing_is_shipped_that_only_developers_need(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [*archive.getnames(), *zipfile.ZipFile(wheel).namelist()]
    unwanted = re.compile(r"node_modules|\.map$|tsbuildinfo|__pycache__|\.pyc$|/js/lib/|artifacts/")
    assert not [name for name in names if unwanted.search(name)]

"""The version is written once, in js/package.json."""

from __future__ import annotations

import json
from pathlib import Path

import rnngrad_widgets

ROOT = Path(__file__).parents[2]
PACKAGE = json.loads((ROOT / "js/package.json").read_text())


def test_python_has_the_version_of_the_javascript() -> None:
    assert rnngrad_widgets.__version__ == PACKAGE["version"], "installed before the version changed"


def test_the_lock_file_has_it_too() -> None:
    lock = json.loads((ROOT / "js/package-lock.json").read_text())
    assert lock["version"] == lock["packages"][""]["version"] == PACKAGE["version"]


def test_the_lock_file_names_no_registry() -> None:
    packages = json.loads((ROOT / "js/package-lock.json").read_text())["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]


def test_the_lock_file_asks_for_what_the_package_does() -> None:
    # else `npm ci` refuses, and `npm install` would write the lock file of every clone anew
    root = json.loads((ROOT / "js/package-lock.json").read_text())["packages"][""]
    assert root["dependencies"] == PACKAGE["dependencies"]
    assert root["devDependencies"] == PACKAGE["devDependencies"]


def test_the_built_extension_has_it_too() -> None:
    built = json.loads((ROOT / "rnngrad_widgets/labextension/package.json").read_text())
    assert (built["name"], built["version"]) == (PACKAGE["name"], PACKAGE["version"])

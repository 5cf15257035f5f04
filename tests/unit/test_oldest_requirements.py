"""The oldest versions that are tested are the lower bounds of pyproject.toml."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement

tomllib = pytest.importorskip("tomllib")  # Python 3.11 has it, and `make test-oldest` is for that

from scripts.oldest_requirements import PYPROJECT, declared, oldest  # noqa: E402 - needs tomllib

ROOT = Path(__file__).parents[2]
PROJECT = {
    "name": "rnngrad-widgets",
    "dependencies": ["numpy>=1.26", "tf_keras >= 2.18 , <3"],
    "optional-dependencies": {
        "demo": ["jupyterlab[extra]>=4.2", "numpy>=1.26"],
        "test": [
            "rnngrad_widgets[demo]",
            "ruff~=0.17.0",
            "zarr>=3.1.3,<4; python_version >= '3.11'",
        ],
    },
}


def test_lower_bounds_become_versions_with_their_markers() -> None:
    assert oldest(declared(PROJECT)) == [
        "jupyterlab==4.2",
        "numpy==1.26",
        "ruff==0.17.0",
        "tf_keras==2.18",
        "zarr==3.1.3; python_version >= '3.11'",
    ]


@pytest.mark.parametrize(
    "requirement", ["numpy", "numpy<3", "numpy!=2", "numpy==2.*", "numpy @ file:///x"]
)
def test_a_requirement_without_a_lower_bound_is_refused(requirement: str) -> None:
    with pytest.raises(ValueError, match=r"needs one lower bound; received 'numpy.*name>=1.2"):
        oldest([requirement])


def test_two_lower_bounds_of_one_package_are_refused() -> None:
    with pytest.raises(ValueError, match=r"'tf-keras' has 'tf_keras==2.18' and 'tf-keras==2.19'"):
        oldest(["tf_keras>=2.18", "tf-keras>=2.19"])


def test_what_is_no_requirement_is_refused() -> None:
    with pytest.raises(ValueError, match=r"must be 'name>=1\.2; marker'; received '>=1\.26'"):
        oldest([">=1.26"])


def test_every_requirement_of_the_project_has_its_oldest_version() -> None:
    """As `packaging` reads them, which is not there when the script runs."""
    ran = subprocess.run(
        [sys.executable, ROOT / "scripts/oldest_requirements.py"],
        capture_output=True,
        text=True,
        check=True,
    )
    pins = {pin.name: pin for pin in map(Requirement, ran.stdout.splitlines())}
    asked = [Requirement(one) for one in declared(tomllib.loads(PYPROJECT.read_text())["project"])]
    assert {one.name for one in asked} == set(pins)
    for one in asked:
        (version,) = (part.version for part in pins[one.name].specifier)
        assert one.specifier.contains(version)
        bounds = [part.version for part in one.specifier if part.operator in (">=", "~=")]
        assert bounds == [version]
        assert str(one.marker) == str(pins[one.name].marker)


def test_the_documentation_and_the_engine_name_the_same_versions() -> None:
    from rnngrad_widgets.engine.backend import MINIMUM_KERAS  # noqa: PLC0415 - imports TensorFlow

    pins = oldest(declared(tomllib.loads(PYPROJECT.read_text())["project"]))
    versions = dict(pin.partition(";")[0].split("==") for pin in pins)
    assert versions["keras"] == ".".join(map(str, MINIMUM_KERAS))
    wanted = f"| {versions['tensorflow']} with Keras {versions['keras']}, and newer"
    assert wanted in (ROOT / "docs/install.md").read_text()
    short = f"TensorFlow {versions['tensorflow']} with Keras {versions['keras']} and newer"
    assert short in (ROOT / "README.md").read_text()

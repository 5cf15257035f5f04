"""An audit passes only where everything was looked up."""

from __future__ import annotations

from importlib import metadata

import pytest

from scripts.audit import (
    NotLookedUpError,
    installed_requirements,
    vulnerable_javascript,
    vulnerable_python,
)

NUMPY = {"name": "numpy", "version": "1.0", "vulns": []}
ZARR = {"name": "zarr", "version": "3.0", "vulns": [{"id": "PYSEC-1"}, {"id": "PYSEC-2"}]}
SKIPPED = {"name": "keras", "skip_reason": "Dependency not found on PyPI"}


def test_vulnerabilities_of_python_packages_are_listed() -> None:
    assert vulnerable_python({"dependencies": [NUMPY]}) == []
    found = vulnerable_python({"dependencies": [NUMPY, ZARR]})
    assert found == ["zarr 3.0: PYSEC-1", "zarr 3.0: PYSEC-2"]


def test_a_package_that_was_skipped_has_not_passed() -> None:
    with pytest.raises(NotLookedUpError, match=r"1 of 2 packages .* keras .* not found on PyPI"):
        vulnerable_python({"dependencies": [NUMPY, SKIPPED]})


def test_vulnerabilities_of_javascript_packages_are_listed() -> None:
    assert vulnerable_javascript({"vulnerabilities": {}}) == []
    assert vulnerable_javascript({"vulnerabilities": {"jquery": {"severity": "high"}}}) == [
        "jquery: high"
    ]


def test_a_service_that_does_not_answer_is_no_pass() -> None:
    with pytest.raises(NotLookedUpError, match="405 Method Not Allowed"):
        vulnerable_javascript({"message": "405 Method Not Allowed", "error": {}})


def test_requirements_are_those_of_users_at_the_versions_that_are_installed() -> None:
    found = installed_requirements("rnngrad-widgets")
    assert found["numpy"] == metadata.version("numpy")
    assert {"bqplot", "traittypes", "tensorflow"} <= set(found)  # bqplot requires the second
    assert not {"pytest", "jupyterlab", "zarr"} & set(found)
    assert "pytest" not in installed_requirements("rnngrad-widgets", ("figures",))
    assert "matplotlib" in installed_requirements("rnngrad-widgets", ("figures",))

"""Look up known vulnerabilities of what users get, and compare two builds of the browser half.

    python scripts/audit.py      # or make audit, which installs what this needs

Exits with 1 where something was found, and where something could not be looked up.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
EXTRAS = ("anywhere", "figures", "recording", "tensorboard")
"""Those that users run; the others are for tests and development."""


class NotLookedUpError(Exception):
    """The service that knows of vulnerabilities gave no answer."""


def installed_requirements(name: str, extras: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the installed versions of all that a distribution requires, directly or not."""
    found: dict[str, str] = {}
    waiting = [(name, extras)]
    seen = set(waiting)
    while waiting:
        distribution, chosen = waiting.pop()
        for required in _requirements(distribution, chosen):
            found[required.name.lower()] = metadata.version(required.name)
            further = (required.name.lower(), tuple(sorted(required.extras)))
            if further not in seen:
                seen.add(further)
                waiting.append(further)
    return dict(sorted(found.items()))


def _requirements(name: str, extras: tuple[str, ...]) -> Iterator[Requirement]:
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        environments = [{"extra": extra} for extra in ("", *extras)]
        if requirement.marker is None or any(map(requirement.marker.evaluate, environments)):
            yield requirement


def vulnerable_python(report: dict[str, Any]) -> list[str]:
    """Read the report of pip-audit.

    Raises
    ------
    NotLookedUpError
        If a package was skipped, which pip-audit itself counts as passed.
    """
    packages = report["dependencies"]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if skipped:
        raise NotLookedUpError(
            f"{len(skipped)} of {len(packages)} packages were skipped, {skipped[0]} among them: "
            f"{next(p['skip_reason'] for p in packages if 'skip_reason' in p)}"
        )
    return [
        f"{package['name']} {package['version']}: {vulnerability['id']}"
        for package in packages
        for vulnerability in package["vulns"]
    ]


def vulnerable_javascript(report: dict[str, Any]) -> list[str]:
    """Read the report of `npm audit`.

    Raises
    ------
    NotLookedUpError
        If it is that of an error.
    """
    if "vulnerabilities" not in report:
        raise NotLookedUpError(report.get("message") or str(report.get("error", report)))
    return [f"{name}: {found['severity']}" for name, found in report["vulnerabilities"].items()]


def look_up_python() -> list[str]:
    """Ask pip-audit for what is installed with the package."""
    versions = installed_requirements("rnngrad-widgets", EXTRAS)
    print(f"{len(versions)} packages of Python")
    with tempfile.TemporaryDirectory() as folder:
        requirements = Path(folder, "requirements.txt")
        requirements.write_text("".join(f"{name}=={at}\n" for name, at in versions.items()))
        options = ["--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json"]
        command = [sys.executable, "-m", "pip_audit", *options, "-r", str(requirements)]
        return vulnerable_python(_json_of(command))


def look_up_javascript() -> list[str]:
    """Ask npm for what is bundled, or used at run time."""
    return vulnerable_javascript(_json_of(["npm", "audit", "--omit=dev", "--json"]))


def _json_of(command: list[str]) -> dict[str, Any]:
    """Run a command that prints JSON, also where it fails because it has found something."""
    ran = subprocess.run(command, cwd=ROOT / "js", capture_output=True, text=True, check=False)
    try:
        answer: dict[str, Any] = json.loads(ran.stdout)
    except json.JSONDecodeError:
        said = ran.stderr.strip().splitlines() or ["it said nothing"]
        raise NotLookedUpError(said[-1]) from None
    return answer


def build_twice() -> list[str]:
    """Compare two builds; `reproducible.py` prints what differs."""
    script = ROOT / "scripts/reproducible.py"
    ran = subprocess.run([sys.executable, str(script)], check=False)
    return ["two builds differ"] if ran.returncode else []


CHECKS: dict[str, Callable[[], list[str]]] = {
    "vulnerabilities of JavaScript packages": look_up_javascript,
    "vulnerabilities of Python packages": look_up_python,
    "reproducible build": build_twice,
}


def main() -> None:
    """Run all checks, whatever the others say."""
    passed = True
    for name, check in CHECKS.items():
        print(f"== {name}", flush=True)
        try:
            found = check()
        except NotLookedUpError as reason:
            found = [f"NOT LOOKED UP, which is no pass: {reason}. Run it where the service answers"]
        print("\n".join(found) if found else "passed", flush=True)
        passed = passed and not found
    sys.exit(0 if passed else 1)


if __name__ == "__main__":
    main()

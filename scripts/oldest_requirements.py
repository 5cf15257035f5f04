"""Print the oldest versions that pyproject.toml allows, as constraints for pip.

    python scripts/oldest_requirements.py > oldest.txt
    python -m pip install --constraint oldest.txt --editable ".[test]"

Needs Python 3.11 and nothing else: it runs before anything is installed.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

import tomllib

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"

REQUIREMENT = re.compile(
    r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)\s*(?P<extras>\[[^]]*\])?"
    r"\s*(?P<versions>[^;]*?)\s*(?:;\s*(?P<marker>.+?)\s*)?"
)
LOWER_BOUND = re.compile(r"\s*(?:>=|~=|==)\s*(?P<version>[0-9][^\s,*]*)\s*")


def declared(project: dict) -> list[str]:
    """List the requirements of a project and of all its extras; not its own extras by name."""
    extras = project.get("optional-dependencies", {}).values()
    every = [*project.get("dependencies", []), *(one for extra in extras for one in extra)]
    own = _normal(project["name"])
    return [one for one in every if _normal(_parsed(one)["name"]) != own]


def oldest(requirements: Iterable[str]) -> list[str]:
    """Turn each requirement into its oldest version, the marker kept.

    Parameters
    ----------
    requirements
        As in pyproject.toml: ``"zarr>=3.1,<4; python_version >= '3.11'"``.

    Returns
    -------
    list of str
        As pip takes constraints, sorted: ``"zarr==3.1; python_version >= '3.11'"``.

    Raises
    ------
    ValueError
        If one is malformed or has no lower bound, or two of one package differ in theirs.
    """
    found: dict[str, str] = {}
    for requirement in requirements:
        parsed = _parsed(requirement)
        bounds = [LOWER_BOUND.fullmatch(part) for part in parsed["versions"].split(",")]
        versions = [bound["version"] for bound in bounds if bound]
        if len(versions) != 1:
            raise ValueError(
                f"each requirement needs one lower bound; received {requirement!r}. "
                "Write the oldest version that the tests pass with: 'name>=1.2'"
            )
        marker = f"; {parsed['marker']}" if parsed["marker"] else ""
        pin = f"{parsed['name']}=={versions[0]}{marker}"
        if found.setdefault(_normal(parsed["name"]), pin) != pin:
            raise ValueError(
                f"a package must have one lower bound; {parsed['name']!r} has "
                f"{found[_normal(parsed['name'])]!r} and {pin!r}. Write the same in all places"
            )
    return sorted(found.values(), key=str.lower)


def _parsed(requirement: str) -> re.Match[str]:
    parsed = REQUIREMENT.fullmatch(requirement.strip())
    if parsed is None:
        raise ValueError(f"a requirement must be 'name>=1.2; marker'; received {requirement!r}")
    return parsed


def _normal(name: str) -> str:
    """Spell a package's name as registries compare it."""
    return re.sub("[-_.]+", "-", name).lower()


if __name__ == "__main__":
    with PYPROJECT.open("rb") as file:
        sys.stdout.write("\n".join(oldest(declared(tomllib.load(file)["project"]))) + "\n")

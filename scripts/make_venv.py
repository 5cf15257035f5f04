"""Make the environment, or say in words why it cannot be made. Runs on any Python 3."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

VERSION = sys.version_info[:2]


def main(folder: Path, only: str = "") -> None:
    """Make ``folder`` with the Python that runs this; keep it where it is there already.

    Exit where that is not of the version ``only``, as ``"3.11"``; empty for all that will do.
    """
    if only and "{}.{}".format(*VERSION) != only:
        sys.exit(
            f"Python {only} is needed for {folder}, "
            "{} is {}.{}: name one: make PYTHON=/path/to/python{} test-oldest"
            "".format(sys.executable, *VERSION, only)
        )
    if not (3, 10) <= VERSION <= (3, 13):
        sys.exit(
            "Python 3.10 to 3.13 is needed, {} is {}.{}: name one: make PYTHON=python3.12 test"
            "".format(sys.executable, *VERSION)
        )
    python = folder / "bin" / "python"
    if python.exists():
        refuse_another_version(python, folder)
        return
    if find_spec("ensurepip") is None:
        sys.exit("this Python cannot make environments: install its venv package (python3-venv)")
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)


def refuse_another_version(python: Path, folder: Path) -> None:
    """Exit where ``python`` is not of the version that runs this."""
    ask = "import sys; print(*sys.version_info[:2], sep='.')"
    answer = subprocess.run([str(python), "-c", ask], check=True, stdout=subprocess.PIPE)
    there, wanted = answer.stdout.decode().strip(), "{}.{}".format(*VERSION)
    if there != wanted:
        sys.exit(
            f"{folder} holds Python {there}, asked for is {wanted}: "
            "run make clean first, or leave PYTHON= away"
        )


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])

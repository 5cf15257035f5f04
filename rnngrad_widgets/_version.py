"""The version: written once, in ``js/package.json``, and read here from the installed metadata."""

from importlib.metadata import version

__version__ = version("rnngrad-widgets")

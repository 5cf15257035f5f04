"""The engine: the only part of the package that imports TensorFlow."""

from .engine import GradientEngine
from .layers import RecurrentLayer

__all__ = ["GradientEngine", "RecurrentLayer"]

"""Models to check, and what their tables say."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from rnngrad_widgets.data.check_table import CheckTable
from rnngrad_widgets.engine import GradientEngine
from tests.unit.engine.nudged_cells import FEATURES, RNG, SAMPLES, TIMESTEPS

double = pytest.mark.usefixtures("float64")

X = RNG.normal(size=(SAMPLES, TIMESTEPS, FEATURES))
SEQUENCES = {"return_sequences": True}


def sequential(*stack: Any, library: Any = keras, x: Any = X, **settings: Any) -> Any:
    model = library.Sequential([library.Input(x.shape[1:]), *stack, library.layers.Dense(1)])
    model.compile("sgd", "mse", **settings)
    return model


def targets(model: Any, x: Any = X) -> np.ndarray:
    return RNG.normal(size=model(x).shape)


def check(model: Any, x: Any = X, **settings: Any) -> CheckTable:
    return GradientEngine(model).check(x, targets(model, x), **settings)


def verdicts(table: CheckTable, quantity: str = "") -> set[bool | None]:
    return {row.passed for row in table if quantity in row.quantity}


def all_pass(table: CheckTable, closely: float = 1e-7) -> None:
    assert len(table) > 0
    assert verdicts(table) == {True}, repr(table)
    assert max(row.error for row in table if row.error is not None) < closely, repr(table)

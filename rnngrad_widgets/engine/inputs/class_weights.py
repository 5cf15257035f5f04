"""Turn weights of classes into weights of samples, as ``fit`` does."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import numpy as np

from rnngrad_widgets.engine.backend import Model, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of


def weighted(
    model: Model, y: Nested, sample_weight: Nested, class_weight: Mapping[int, float]
) -> Tensor:
    """Return the weight of each sample, from the weight of its class.

    Classes are numbers, or one-hot along the last axis; `y` may have one for each timestep.
    In Keras 3 a class without a weight has weight 1. In Keras 2 every class must have one, and
    `sample_weight` is multiplied in.

    Raises
    ------
    ValueError
        If `class_weight` is not a dict of numbers by class, there is no single `y`, or the
        model's Keras does not take them.
    """
    if not isinstance(class_weight, Mapping) or not class_weight:
        raise ValueError(
            "class_weight must be a dict of a weight for each class, {0: 1.0, 1: 5.0}; "
            f"received {class_weight!r}"
        )
    if y is None:
        raise ValueError("class_weight needs y, the classes; received y=None; give sample_weight=")
    if keras.tree.is_nested(y):
        raise ValueError(
            "class_weight is for a model with one output; received a y of "
            f"{len(keras.tree.flatten(y))} arrays; give sample_weight=, nested as y"
        )
    if adapter_of(model).module is keras:
        return _keras3(y, sample_weight, dict(class_weight))
    return _keras2(y, sample_weight, dict(class_weight))


def _keras3(y: Tensor, sample_weight: Nested, class_weight: dict[int, float]) -> Tensor:
    if sample_weight is not None:
        raise ValueError(
            "class_weight and sample_weight cannot be given together; received both; multiply the "
            "weights of the classes into sample_weight"
        )
    classes = np.asarray(y)
    if classes.ndim > 1:
        single = classes.shape[-1] == 1
        classes = classes.squeeze(-1) if single else classes.argmax(-1)
    classes = np.round(classes).astype(int)
    weights = [class_weight.get(int(number), 1.0) for number in classes.flat]
    return tf.constant(weights, keras.config.floatx(), classes.shape)


def _keras2(y: Tensor, sample_weight: Nested, class_weight: dict[int, float]) -> Tensor:
    classes = sorted(class_weight)
    if classes != list(range(len(classes))):
        raise ValueError(
            "class_weight must have a weight for every class, from 0 on (tf_keras); "
            f"received {class_weight}"
        )
    adapter: Any = import_module("tf_keras.src.engine.data_adapter")
    apply = adapter._make_class_weight_map_fn(class_weight)  # noqa: SLF001 - there is no public way
    try:
        _, _, weights = apply(y, y, sample_weight)
    except tf.errors.OpError as error:
        raise ValueError(
            f"class_weight must have a weight for every class of y; received {class_weight}: "
            f"{error.message}"
        ) from error
    return weights

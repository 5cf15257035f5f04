"""Functions that do one thing in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.engine.backend import LayerChoice, Model, Nested


def get_rnn_gradients(
    model: Model,
    x: Nested,
    y: Nested,
    layer_idx: int | None = None,
    layer_name: str | None = None,
    *,
    layer: LayerChoice = None,
    quantity: str = "output_gradient",
    sample_weight: Nested = None,
    training: bool = False,
) -> NDArray[np.generic]:
    """Compute one gradient of one recurrent layer as an array.

    For several layers, or for repeated calls, keep a `GradientEngine`: it traces only once.

    Parameters
    ----------
    model
        A compiled Keras model.
    x, y
        One batch, as ``fit`` takes it.
    layer_idx
        Index into ``model.layers``.
    layer_name
        Path or unique name of the layer.
    layer
        A path, a name, an index or the layer object. At most one of `layer_idx`, `layer_name`
        and `layer` may be given; none is needed where the model has one recurrent layer.
    quantity
        A word of the project's vocabulary; see `GradientEngine.compute`.
    sample_weight
        As in ``fit``.
    training
        Whether dropout and the like are active.

    Returns
    -------
    numpy.ndarray
        A new array of shape (samples, timesteps, channels); (samples, channels) for
        ``return_sequences=False``.

    Raises
    ------
    ValueError
        As `GradientEngine.compute`; also if no layer is chosen among several, more than one of
        the three arguments is given, or the layer is called more than once.
    """
    from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415 - imports TensorFlow, so only when used

    engine = GradientEngine(model)
    chosen = _one_of({"layer_idx": layer_idx, "layer_name": layer_name, "layer": layer})
    if chosen is None:
        layers = engine.layers
        if len(layers) != 1:
            names = ", ".join(f"'{known.path}'" for known in layers)
            raise ValueError(
                f"choose a layer with layer=; the model has {len(layers)} recurrent layers: {names}"
            )
        chosen = layers[0].path
    snapshot = engine.compute(
        x, y, layers=[chosen], quantities=quantity, sample_weight=sample_weight, training=training
    )
    if len(snapshot) != 1:
        keys = ", ".join(f"'{path}'" for path, _ in snapshot)
        raise ValueError(
            f"the layer must be called once; it is called {len(snapshot)} times: {keys}; "
            "take one of them from GradientEngine(model).compute(...)"
        )
    (tensor,) = snapshot.values()
    return np.array(tensor.values)


def _one_of(chosen: dict[str, LayerChoice]) -> LayerChoice:
    given = {name: value for name, value in chosen.items() if value is not None}
    if len(given) > 1:
        raise ValueError(f"at most one of {', '.join(chosen)} may be given; received {given}")
    return next(iter(given.values()), None)

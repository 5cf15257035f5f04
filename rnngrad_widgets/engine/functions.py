"""`get_rnn_gradients`: one gradient of one layer in one call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

import numpy as np

from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.data.rules import NO_RECURRENT_LAYER

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from rnngrad_widgets.data.loss_timesteps import Entrance
    from rnngrad_widgets.engine.backend import LayerChoice, Model, Nested
    from rnngrad_widgets.engine.engine import GradientEngine


WeightQuantity = Literal["weight_gradient", "weight"]


@overload
def get_rnn_gradients(
    model: Model,
    x: Nested,
    y: Nested = None,
    layer_idx: int | None = None,
    layer_name: str | None = None,
    *,
    layer: LayerChoice = None,
    quantity: WeightQuantity,
    sample_weight: Nested = None,
    class_weight: Mapping[int, float] | None = None,
    training: bool = False,
    steps: int | None = None,
    loss: Any = None,
    loss_timesteps: int | Sequence[int] | None = None,
    by: Entrance | None = None,
) -> dict[str, NDArray[np.generic]]: ...


@overload
def get_rnn_gradients(
    model: Model,
    x: Nested,
    y: Nested = None,
    layer_idx: int | None = None,
    layer_name: str | None = None,
    *,
    layer: LayerChoice = None,
    quantity: str = "output_gradient",
    sample_weight: Nested = None,
    class_weight: Mapping[int, float] | None = None,
    training: bool = False,
    steps: int | None = None,
    loss: Any = None,
    loss_timesteps: int | Sequence[int] | None = None,
    by: Entrance | None = None,
) -> NDArray[np.generic]: ...


def get_rnn_gradients(
    model: Model,
    x: Nested,
    y: Nested = None,
    layer_idx: int | None = None,
    layer_name: str | None = None,
    *,
    layer: LayerChoice = None,
    quantity: str = "output_gradient",
    sample_weight: Nested = None,
    class_weight: Mapping[int, float] | None = None,
    training: bool = False,
    steps: int | None = None,
    loss: Any = None,
    loss_timesteps: int | Sequence[int] | None = None,
    by: Entrance | None = None,
) -> NDArray[np.generic] | dict[str, NDArray[np.generic]]:
    """Compute one gradient of one recurrent layer as an array.

    For several layers, or for repeated calls, keep a `GradientEngine`: it traces only once.

    Parameters
    ----------
    model
        A Keras model; compiled, unless `loss` is given or `quantity` is no gradient.
    x, y
        One batch, or a dataset as `x`, as ``fit`` takes it.
    layer_idx
        Index into ``model.layers``.
    layer_name
        Path or unique name of the layer.
    layer
        A path, a name, an index or the layer object. At most one of `layer_idx`, `layer_name`
        and `layer` may be given; none is needed where the model has one recurrent layer.
    quantity
        The name of a quantity; `GradientEngine.compute` lists them.
    sample_weight, class_weight
        As in ``fit``.
    training
        Whether dropout and the like are active.
    steps
        How many batches to take of a dataset or generator.
    loss
        What to differentiate instead of the model's loss, for instance one class or timestep; see
        `GradientEngine.compute`.
    loss_timesteps, by
        For the quantity ``"reach"``: which timesteps of the loss, and of what they are timesteps.

    Returns
    -------
    numpy.ndarray or dict
        A new array of shape (samples, timesteps, channels); (samples, channels) for
        ``return_sequences=False``. Of ``"weight_gradient"`` and ``"weight"`` a dict of arrays:
        ``"kernel"``, ``"recurrent_kernel"``, ``"bias"``, in a Bidirectional layer
        ``"forward/kernel"`` and so on.

    Raises
    ------
    ValueError
        As `GradientEngine.compute`; also if no layer is chosen among several, more than one of
        the three arguments is given, or the layer has several tensors that are no weights: of
        several calls, cells or states.
    """
    from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415 - imports TensorFlow

    engine = GradientEngine(model)
    chosen = _one_of({"layer_idx": layer_idx, "layer_name": layer_name, "layer": layer})
    if chosen is None:
        chosen = _only_layer(engine)
    path = engine.resolve(chosen).path
    snapshot = engine.compute(
        x,
        y,
        layers=[chosen],
        quantities=quantity,
        sample_weight=sample_weight,
        class_weight=class_weight,
        training=training,
        steps=steps,
        loss=loss,
        loss_timesteps=loss_timesteps,
        by=by,
    )
    if quantity_of(quantity).of == "weight":
        return {
            tensor.layer.removeprefix(f"{path}/"): np.array(tensor.values)
            for tensor in snapshot.values()
        }
    if len(snapshot) != 1:
        keys = [key for key, _ in snapshot]
        raise ValueError(
            f"layer '{path}' must have one {quantity}; it has {len(keys)}, {_why(path, keys)}: "
            f"{', '.join(map(repr, keys))}; take one of them: "
            f"GradientEngine(model).compute(...)['{keys[0]}', '{quantity}']"
        )
    (tensor,) = snapshot.values()
    return np.array(tensor.values)


def _why(path: str, keys: Sequence[str]) -> str:
    """Return why a layer has several tensors."""
    calls = keys[0].removeprefix(path).startswith("[")
    return "one for each call" if calls else "one for each cell or state"


def _only_layer(engine: GradientEngine) -> str:
    """Return the path of a model's only recurrent layer."""
    layers = engine.layers
    if not layers:
        raise ValueError(NO_RECURRENT_LAYER)
    if len(layers) > 1:
        names = ", ".join(f"'{layer.path}'" for layer in layers)
        raise ValueError(
            f"choose a layer with layer=; the model has {len(layers)} recurrent layers: {names}"
        )
    return layers[0].path


def _one_of(chosen: dict[str, LayerChoice]) -> LayerChoice:
    given = {name: value for name, value in chosen.items() if value is not None}
    if len(given) > 1:
        raise ValueError(f"at most one of {', '.join(chosen)} may be given; received {given}")
    return next(iter(given.values()), None)

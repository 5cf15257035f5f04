"""What a model must have so that gradients of its own loss can be computed."""

from __future__ import annotations

from collections.abc import Sequence

from rnngrad_widgets.engine.backend import Model
from rnngrad_widgets.engine.keras_api.select import adapter_of


def check_trainable(model: Model) -> None:
    """Refuse a model whose own loss is not known.

    Raises
    ------
    ValueError
        If it is not compiled, or trains with a ``train_step`` of its own.
    """
    adapter = adapter_of(model)
    if not adapter.is_compiled(model):
        raise ValueError(
            "the model must be compiled, its loss is what is differentiated; received an "
            "uncompiled model; call model.compile(optimizer=..., loss=...) first, or give loss="
        )
    if adapter.has_own_train_step(model):
        raise ValueError(
            f"the model must train with Keras' own train_step; {type(model).__name__} overrides "
            "it, and its loss may differ from the compiled one; move the loss into compute_loss, "
            "or give loss="
        )


def check_clip(model: Model, words: Sequence[str], clip: bool) -> None:
    """Refuse to clip where that has no meaning.

    Parameters
    ----------
    model
        The model.
    words
        The quantities that are asked for.
    clip
        Whether gradients are to be clipped; nothing is refused if not.

    Raises
    ------
    ValueError
        If there is no weight gradient among them, or the model has no optimizer.
    """
    if clip and "weight_gradient" not in words:
        raise ValueError(
            "clip is for weight_gradient, the optimizer clips nothing else; "
            f"received clip=True with {', '.join(words)}"
        )
    if clip and getattr(model, "optimizer", None) is None:
        raise ValueError("clip needs the model's optimizer; received clip=True for a model without")

"""Where a recurrent layer is tapped while the model is traced.

Only here are Keras objects changed, and only while a pass is traced: the layers asked for get a
``call`` of ours in their instance ``__dict__``, and `untouched` puts every layer back as it was,
also after an exception or a KeyboardInterrupt. A traced function does not touch the model.
"""

from __future__ import annotations

import inspect
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .backend import (
    Layer,
    Model,
    Nested,
    Tape,
    Tensor,
    all_layers,
    keras,
    loss_ids,
    tf,
    unbuilt_compiled_loss,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .layers import Found


@dataclass(frozen=True, eq=False)
class LayerCall:
    """The tensors of one call of a layer, as traced.

    Parameters
    ----------
    outputs
        What the layer returned, watched by the tape: one tensor, or the forward and the backward
        one for ``Bidirectional(merge_mode=None)``. States that are returned too are not in it.
    mask
        Boolean (samples, timesteps), or None.
    """

    outputs: tuple[Tensor, ...]
    mask: Tensor | None


@contextmanager
def untouched(model: Model) -> Iterator[None]:
    """Put every layer of a model back as it was, whatever a traced call does to it.

    This undoes the shadowing, and also what layers leave on themselves during a call, such as the
    cached dropout masks of a cell. A compiled loss that is not built yet stays so: a stand-in is
    built instead. Weights are not its business: `StatelessScope` keeps those.
    """
    saved = [(layer, dict(layer.__dict__), set(loss_ids(layer))) for layer in all_layers(model)]
    try:
        stand_in = unbuilt_compiled_loss(model)
        if stand_in is not None:
            model.__dict__["_compile_loss"] = stand_in
        yield
    finally:
        for layer, attributes, ids in saved:
            namespace = layer.__dict__
            namespace.update(attributes)
            for name in namespace.keys() - attributes.keys():
                del namespace[name]
            # A set that grows in place: an id left in it may later be that of another loss.
            loss_ids(layer).clear()
            loss_ids(layer).update(ids)


def tap(targets: Sequence[Found], tape: Tape) -> dict[str, list[LayerCall]]:
    """Shadow the layers' ``call`` so that each call is recorded; use inside `untouched`.

    Returns
    -------
    dict
        By path, the calls of each layer in the order of the forward pass; filled while tracing.
    """
    calls: dict[str, list[LayerCall]] = {}
    for target in targets:
        recorded = calls.setdefault(target.info.path, [])
        # Through __dict__: Keras tracks what setattr puts on a layer.
        target.layer.__dict__["call"] = _recording_call(target.layer, tape, recorded)
    return calls


def _recording_call(layer: Layer, tape: Tape, recorded: list[LayerCall]) -> Callable[..., Nested]:
    original = layer.call
    signature = inspect.signature(original)

    def call(*args: Nested, **kwargs: Nested) -> Nested:
        mask = signature.bind(*args, **kwargs).arguments.get("mask")
        returned = original(*args, **kwargs)
        nested = isinstance(returned, (list, tuple))
        outputs = list(returned)[: _output_count(layer)] if nested else [returned]
        watched = {id(output): _watch(tape, output) for output in outputs}
        recorded.append(
            LayerCall(
                outputs=tuple(watched[id(output)] for output in outputs),
                mask=_as_mask(layer, mask),
            )
        )
        # One tensor returned twice, as output and as state, must stay one tensor.
        return keras.tree.map_structure(lambda t: watched.get(id(t), t), returned)

    return call


def _output_count(layer: Layer) -> int:
    return 2 if getattr(layer, "merge_mode", "") is None else 1


def _watch(tape: Tape, tensor: Tensor) -> Tensor:
    watched = tf.identity(tensor)
    # A loss may read the logits from the tensor it is given, a later layer the mask.
    for name in ("_keras_mask", "_keras_logits"):
        if hasattr(tensor, name):
            setattr(watched, name, getattr(tensor, name))
    tape.watch(watched)
    return watched


def _as_mask(layer: Layer, mask: Nested) -> Tensor | None:
    flat = [leaf for leaf in keras.tree.flatten(mask) if leaf is not None]
    if not flat or not layer.return_sequences:
        return None
    mask = tf.cast(flat[0], tf.bool)
    # A layer that runs backwards returns its outputs in that order, and so must the mask.
    return tf.reverse(mask, [1]) if getattr(layer, "go_backwards", False) else mask

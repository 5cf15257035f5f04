"""Tap of a recurrent layer while the model is traced.

Keras objects are changed only while a pass is traced: the layers asked for get another ``call`` in
their instance ``__dict__``, and `KerasAdapter.preserve_layers` restores every layer, also after an
exception or a KeyboardInterrupt. A traced function does not touch the model.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Layer, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.calls.layer_call import LayerCall, RecordRequest
from rnngrad_widgets.engine.calls.time_distributed import TimeDistributedCalls
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.layers.cells import is_cell
from rnngrad_widgets.engine.layers.find import LayerMatch
from rnngrad_widgets.engine.layers.kinds import directions
from rnngrad_widgets.engine.tracing.cell_tap import CellTap
from rnngrad_widgets.engine.tracing.rnn_loop import LoopTap

if TYPE_CHECKING:
    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator


def tap(
    target: LayerMatch, differentiator: Differentiator, request: RecordRequest
) -> list[LayerCall]:
    """Shadow a layer's ``call`` so that each call is recorded.

    Use it inside `KerasAdapter.preserve_layers`.

    Returns
    -------
    list
        The calls of the layer in the order of the forward pass; filled while tracing.
    """
    repeats = TimeDistributedCalls(target)
    kind = CellTap if is_cell(target.layer) else _LayerTap
    tapped = kind(target, differentiator, request, repeats)
    adapter_of(target.layer).shadow_call(target.layer, tapped.call)
    return tapped.calls


class _LayerTap:
    """Record each call of a layer; the parameters are those of `CellTap`."""

    def __init__(
        self,
        target: LayerMatch,
        differentiator: Differentiator,
        request: RecordRequest,
        repeats: TimeDistributedCalls,
    ) -> None:
        layer = target.layer
        self.calls: list[LayerCall] = []
        self._layer = layer
        self._differentiator = differentiator
        self._request = request
        self._repeats = repeats
        self._loops: list[LoopTap] = []
        for rnn in directions(layer) if request.inside else ():
            probe = LoopTap(rnn, differentiator, request.inside)
            adapter_of(rnn).shadow_loop(rnn, probe.inner_loop)
            self._loops.append(probe)
        # After the loops: in Keras 2 they are part of the call.
        self._original = adapter_of(layer).original_call(layer)
        self._signature = inspect.signature(layer.call)

    def call(self, *args: Nested, **kwargs: Nested) -> Nested:
        """Call the layer and record what went in and out."""
        bound = self._signature.bind(*args, **kwargs)
        first = next(iter(bound.arguments))
        given = bound.arguments[first]
        # In Keras 2 initial states may come in a list with the sequence, which may be nested.
        sequence, *more = given if isinstance(given, list) else [given]
        inputs: tuple[Tensor, ...] = ()
        if self._request.inputs:
            sequence, inputs = self._watch(sequence)
            bound.arguments[first] = [sequence, *more] if isinstance(given, list) else sequence
        for probe in self._loops:
            probe.loops.clear()
        returned = self._original(*bound.args, **bound.kwargs)
        runs = [len(probe.loops) for probe in self._loops]
        returned, outputs = self._watch_outputs(returned)
        self.calls.append(
            LayerCall(
                outputs=outputs,
                inputs=inputs,
                mask=_as_mask(bound.arguments.get("mask"), sequence),
                loops=tuple(probe.loops[0] for probe in self._loops if set(runs) == {1}),
                ragged=isinstance(keras.tree.flatten(sequence)[0], tf.RaggedTensor),
                runs=tuple(runs),
                timesteps=keras.tree.flatten(sequence)[0].shape[1],
                repeat=self._repeats.next(),
            )
        )
        return returned

    def _watch_outputs(self, returned: Nested) -> tuple[Nested, tuple[Tensor, ...]]:
        """Watch the outputs that the layer returns, but not states that it returns after them.

        An output may be nested, and there are two for ``Bidirectional(merge_mode=None)``.
        """
        layer = self._layer
        parts = list(returned) if isinstance(returned, (list, tuple)) else [returned]
        if getattr(layer, "merge_mode", "") is None:
            count = 2
        elif getattr(layer, "return_state", False) or not _has_keras_call(layer):
            count = 1
        else:
            count = len(parts)
        if count == len(parts) and not getattr(layer, "return_state", False):
            return self._watch(returned)
        outputs, watched = self._watch(parts[:count])
        return type(returned)([*outputs, *parts[count:]]), watched

    def _watch(self, tensors: Nested) -> tuple[Nested, tuple[Tensor, ...]]:
        """Return watched copies in the same structure, and the tensors to differentiate by.

        The latter are dense for ragged tensors, with zeros after the rows.
        """
        copies, watched = [], []
        for tensor in keras.tree.flatten(tensors):
            ragged = isinstance(tensor, tf.RaggedTensor)
            copy = self._differentiator.watched(tensor.to_tensor() if ragged else tensor)
            watched.append(copy)
            lengths = tensor.nested_row_lengths() if ragged else None
            copies.append(tf.RaggedTensor.from_tensor(copy, lengths) if ragged else copy)
        return keras.tree.pack_sequence_as(tensors, copies), tuple(watched)


def _has_keras_call(layer: Layer) -> bool:
    return adapter_of(layer).is_builtin(type(layer).call)


def _as_mask(mask: Nested, sequence: Nested) -> Tensor | None:
    first = keras.tree.flatten(sequence)[0]
    if isinstance(first, tf.RaggedTensor):  # Keras 2 masks what it pads, and takes no other mask
        return tf.sequence_mask(first.row_lengths())
    flat = [leaf for leaf in keras.tree.flatten(mask) if leaf is not None]
    if not flat:
        return None
    valid = tf.cast(flat[0], tf.bool)
    while len(valid.shape) > 2:  # (samples, timesteps, 1), or a mask of its own for each channel
        valid = tf.reduce_any(valid, axis=-1)
    return valid

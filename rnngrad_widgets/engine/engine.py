"""`GradientEngine`: the gradients of a model's recurrent layers, from the model's own loss."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from rnngrad_widgets.tensor import GradientSnapshot

from .backend import (
    LayerChoice,
    Model,
    Nested,
    all_layers,
    check_backend,
    compiled_loss,
    has_own_train_step,
    keras,
    predict,
    tf,
)
from .batches import Batch, make_batch
from .layers import Found, RecurrentLayer, find_recurrent, listing, resolve
from .quantities import check_quantities, offered
from .tracing import Request, TracedPass

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from rnngrad_widgets.tensor import GradientTensor

_CACHED_PASSES = 32
"""Traced passes kept; the least recently used goes first."""


class GradientEngine:
    """Compute gradients of a compiled Keras model with respect to its recurrent layers.

    The loss is the model's own: compiled loss, sample weights, regularisation, ``add_loss`` and
    an overridden ``compute_loss`` all count. The first call for a kind of batch traces one
    TensorFlow function; later calls, at other weights or batch sizes, only run it.
    The model is never changed: not its weights, optimizer, metrics, seeds or layer states.
    A model that is not built yet is built, as ``fit`` would.

    Parameters
    ----------
    model
        A compiled Keras 3 model. As for ``fit``, a change of its layers' settings after the first
        call is seen only after compiling it again.

    Raises
    ------
    TypeError
        If `model` is not a Keras 3 model.
    RuntimeError
        If Keras is older than 3.5 or does not run on TensorFlow.
    """

    def __init__(self, model: Model) -> None:
        check_backend()
        if not isinstance(model, keras.Model):
            kind = f"{type(model).__module__}.{type(model).__qualname__}"
            raise TypeError(f"model must be a keras.Model (Keras 3); received a {kind}")
        self._model = model
        self._passes: OrderedDict[Hashable, TracedPass] = OrderedDict()
        self._unused: set[int] = set()
        # ids of layers that calling the model does not build

    @property
    def layers(self) -> tuple[RecurrentLayer, ...]:
        """The model's recurrent layers, those inside other layers too."""
        return tuple(found.info for found in find_recurrent(self._model))

    def resolve(self, layer: LayerChoice) -> RecurrentLayer:
        """Find the recurrent layer that a path, unique name, index or layer object stands for.

        Parameters
        ----------
        layer
            A path or name (exact), an index into ``model.layers``, or the layer object.

        Raises
        ------
        ValueError
            If it is unknown, ambiguous or not recurrent; lists the recurrent layers there are.
        """
        return resolve(self._model, layer).info

    def quantities(self, layer: LayerChoice) -> tuple[str, ...]:
        """List the quantities that can be computed for a layer.

        Raises
        ------
        ValueError
            As `resolve`.
        """
        return offered(resolve(self._model, layer))

    def compute(
        self,
        x: Nested,
        y: Nested,
        layers: LayerChoice | Sequence[LayerChoice] = None,
        quantities: str | Sequence[str] = "output_gradient",
        *,
        sample_weight: Nested = None,
        training: bool = False,
    ) -> GradientSnapshot:
        """Compute quantities of recurrent layers for one batch, at the weights of now.

        Every gradient is raw: the optimizer's clipping is not applied.

        ``output_gradient``
            dL/dy by the tensor that the layer returns, (samples, timesteps, channels), or
            (samples, channels) for ``return_sequences=False``. It does not include the layer's
            own recurrence. A layer with ``go_backwards=True`` returns its outputs in the order in
            which it processed them.
        ``hidden_gradient``, ``cell_gradient``
            The total derivatives dL/dh_t and dL/dc_t through the recurrence (backpropagation
            through time), (samples, timesteps, channels); exactly 0 at masked timesteps.
        ``gate_gradient``
            dL by the gates' pre-activations, (samples, timesteps, gates * channels), gate after
            gate in the order of `GradientTensor.gates`.
        ``input_gradient``
            dL/dx_t by the layer's input, (samples, timesteps, features).
        ``weight_gradient``
            dL/dW, regularisation included, one tensor per weight, at ``"path/kernel"``,
            ``"path/recurrent_kernel"`` and ``"path/bias"``.
        ``output``, ``hidden_state``, ``cell_state``, ``weight``
            The values themselves.

        All but the output and its gradient are in the order of the input. In a Bidirectional the
        states and gates of the forward and the backward layer are the two halves of the channels
        (also the outputs for ``merge_mode="concat"`` and ``None``); its weights are at
        ``"path/forward/kernel"`` and so on. Of a stack of cells, or a cell with several states,
        each state has a tensor of its own, at ``"path/0"`` and so on.

        Parameters
        ----------
        x, y
            One batch as ``fit`` takes it: arrays or tensors, or lists or dicts of them. `y` is
            None for a model whose loss needs no targets.
        layers
            One layer or several, each a path, a unique name, an index or a layer object.
            None: every recurrent layer; those that the loss does not depend on are left out,
            with a warning.
        quantities
            One word or several.
        sample_weight
            As in ``fit``.
        training
            Whether dropout and the like are active, as in ``model(x, training=training)``.

        Returns
        -------
        GradientSnapshot
            Keyed by (path, quantity). A layer that is called several times has one tensor per
            call, at ``"path[0]"``, ``"path[1]"`` and so on.

        Raises
        ------
        ValueError
            If the model is not compiled or has its own ``train_step``, a layer or quantity is
            unknown, the arrays do not fit the model or each other, or the loss does not depend
            on a layer that was asked for.
        """
        _check_model(self._model)
        found = find_recurrent(self._model)
        if not found:
            raise ValueError("the model must have a recurrent layer; it has none")
        targets = found if layers is None else self._targets(layers)
        words = check_quantities(quantities, targets)
        batch = make_batch(self._model, x, y, sample_weight)
        self._build(batch, training)
        request = Request(targets, words, bool(training))
        traced = self._traced(request, batch)
        loss, tensors = traced.run(batch)
        _report_missing(traced.missing, bool(tensors) and layers is None)
        optimizer = self._model.optimizer
        step = None if optimizer is None else int(optimizer.iterations)
        return _snapshot(tensors, loss, step, self._model)

    def _targets(self, layers: LayerChoice) -> tuple[Found, ...]:
        single = isinstance(layers, (str, RecurrentLayer, keras.layers.Layer))
        several = not single and isinstance(layers, Iterable)
        asked = list(layers) if several else [layers]
        if not asked:
            raise ValueError(
                f"layers must name at least one layer; received none; "
                f"{listing(find_recurrent(self._model))}"
            )
        return tuple({f.info.path: f for f in (resolve(self._model, a) for a in asked)}.values())

    def _build(self, batch: Batch, training: bool) -> None:
        model = self._model
        if _unbuilt(model) <= self._unused:
            return
        one = keras.tree.map_structure(lambda leaf: None if leaf is None else leaf[:1], batch.x)
        # Variables are made, and nothing is assigned: this is a stateless scope.
        with keras.StatelessScope():
            try:
                predict(model, one, training)
            except Exception as error:
                raise ValueError(
                    f"x must fit the model; it could not be built for {batch.describe()}: "
                    f"{type(error).__name__}: {error}"
                ) from error
        self._unused = _unbuilt(model)

    def _traced(self, request: Request, batch: Batch) -> TracedPass:
        model = self._model
        key = (
            tuple(_Same(target.layer) for target in request.targets),
            request.quantities,
            request.training,
            tuple((tuple(spec.shape[1:]), spec.dtype) for spec in batch.signature),
            batch.structure(),
            # What compiling, freezing or a distribution scope change.
            _Same(compiled_loss(model)),
            tuple(_Same(variable) for variable in model.trainable_variables),
            bool(model.run_eagerly),
            bool(model.jit_compile),
            tf.distribute.get_strategy().num_replicas_in_sync,
        )
        traced = self._passes.get(key)
        if traced is None:
            traced = TracedPass(model, request, batch)
            self._passes[key] = traced
            while len(self._passes) > _CACHED_PASSES:
                self._passes.popitem(last=False)
        self._passes.move_to_end(key)
        return traced


class _Same:
    """A key that is equal only for the same object, and keeps it alive: an id can be reused."""

    def __init__(self, kept: object) -> None:
        self._kept = kept

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self._kept is other._kept

    def __hash__(self) -> int:
        return id(self._kept)


def _check_model(model: Model) -> None:
    if not model.compiled:
        raise ValueError(
            "the model must be compiled, its loss is what is differentiated; received an "
            "uncompiled model; call model.compile(optimizer=..., loss=...) first"
        )
    if has_own_train_step(model):
        raise ValueError(
            f"the model must train with Keras' own train_step; {type(model).__name__} overrides "
            "it, and its loss may differ from the compiled one; move the loss into compute_loss"
        )


def _unbuilt(model: Model) -> set[int]:
    return {id(layer) for layer in all_layers(model) if not layer.built}


def _report_missing(missing: dict[str, str], tolerable: bool) -> None:
    if not missing:
        return
    reasons = "; ".join(missing.values())
    if not tolerable:
        raise ValueError(reasons)
    warnings.warn(f"left out of the snapshot: {reasons}", UserWarning, stacklevel=3)


def _snapshot(
    tensors: Sequence[GradientTensor], loss: float, step: int | None, model: Model
) -> GradientSnapshot:
    named = {
        (tensor.layer, tensor.quantity): replace(tensor, loss=loss, step=step) for tensor in tensors
    }
    return GradientSnapshot(named, loss=loss, step=step, aliases=_aliases(model))


def _aliases(model: Model) -> dict[str, str]:
    found = find_recurrent(model)
    paths = {f.info.path for f in found}
    names: dict[str, set[str]] = {}
    for f in found:
        for name in (f.layer.name, f.info.path.rsplit("/", 1)[-1]):
            names.setdefault(name, set()).add(f.info.path)
    return {
        name: next(iter(only))
        for name, only in names.items()
        if len(only) == 1 and name not in paths
    }

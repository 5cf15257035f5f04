"""`GradientEngine`: the gradients of a model's recurrent layers, from the model's own loss."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from rnngrad_widgets.data.loss_timesteps import check_reach, check_reach_options
from rnngrad_widgets.data.tensor import NothingThereError
from rnngrad_widgets.engine.backend import (
    LayerChoice,
    Model,
    Nested,
    check_backend,
    without_strategy,
)
from rnngrad_widgets.engine.cell_path import with_cell_paths, with_needed
from rnngrad_widgets.engine.checking import Check, group_quantities, merge_snapshots
from rnngrad_widgets.engine.inputs.streams import batches, is_stream, name_of_stream
from rnngrad_widgets.engine.keras_api.modules import is_model
from rnngrad_widgets.engine.layers.find import LayerMatch, RecurrentLayer, find_recurrent
from rnngrad_widgets.engine.layers.resolve import resolve, resolve_all, resolve_one
from rnngrad_widgets.engine.layers.weights import read_weights
from rnngrad_widgets.engine.loss.given_loss import VALUES, ForwardOnly, GivenLosses
from rnngrad_widgets.engine.loss.requirements import check_clip, check_trainable
from rnngrad_widgets.engine.model_state.build import Builder, unbuilt_layers
from rnngrad_widgets.engine.progress import ProgressBar
from rnngrad_widgets.engine.quantities import check_quantities, offered_quantities
from rnngrad_widgets.engine.snapshots import snapshot
from rnngrad_widgets.engine.state_jacobians.curve import state_curve
from rnngrad_widgets.engine.state_jacobians.recorded import needed_quantities
from rnngrad_widgets.engine.state_jacobians.requirements import check_state_curve, check_whole
from rnngrad_widgets.engine.threads.exclusive import trains_elsewhere
from rnngrad_widgets.engine.tracing.itemised_pass import WantedReach
from rnngrad_widgets.engine.tracing.pass_cache import PassCache
from rnngrad_widgets.engine.tracing.pass_result import PassRequest
from rnngrad_widgets.engine.truncation import check_truncation, truncation_error

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from rnngrad_widgets.data.check_table import CheckTable
    from rnngrad_widgets.data.loss_timesteps import Entrance
    from rnngrad_widgets.data.state_curve import StateCurve
    from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
    from rnngrad_widgets.engine.loss.loss_function import Loss
    from rnngrad_widgets.engine.tracing.itemised_pass import Progress
    from rnngrad_widgets.engine.tracing.pass_result import PassResult


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
        A compiled Keras 3 or tf_keras (Keras 2) model. As for ``fit``, a change of its layers'
        settings after the first call is seen only after compiling it again.

    Raises
    ------
    TypeError
        If `model` is not a Keras model.
    RuntimeError
        If Keras is older than 3.5 or does not run on TensorFlow.
    """

    def __init__(self, model: Model) -> None:
        check_backend()
        if not is_model(model):
            kind = f"{type(model).__module__}.{type(model).__qualname__}"
            raise TypeError(
                f"model must be a keras.Model or tf_keras.Model; received a {kind}. Gradients that "
                "another framework has computed: GradientExplorer.from_array(array)"
            )
        self._model = model
        self._passes = PassCache(model)
        self._losses = GivenLosses(model)
        self._builder = Builder(model)

    @property
    def model(self) -> Model:
        """The model."""
        return self._model

    @property
    def layers(self) -> tuple[RecurrentLayer, ...]:
        """The model's recurrent layers, also those inside other layers, and standalone cells."""
        return tuple(found.info for found in find_recurrent(self._model))

    def resolve(self, layer: LayerChoice) -> RecurrentLayer:
        """Find the recurrent layer that a path, unique name, index or layer object stands for.

        Parameters
        ----------
        layer
            A path or name (exact), an index into ``model.layers``, or the layer object.

        Returns
        -------
        RecurrentLayer
            Its path, kind, number of units and so on.

        Raises
        ------
        ValueError
            If it is unknown, ambiguous or not recurrent; lists the recurrent layers there are.
        """
        return resolve(self._model, layer).info

    def quantities(self, layer: LayerChoice) -> tuple[str, ...]:
        """Return the quantities that can be computed for a layer.

        Parameters
        ----------
        layer
            As for `resolve`.

        Returns
        -------
        tuple of str
            In the order in which the explorer offers them.

        Raises
        ------
        ValueError
            As `resolve`.
        """
        return offered_quantities(resolve(self._model, layer))

    def weights(self, layer: LayerChoice) -> dict[str, GradientTensor]:
        """Read the current weights of a layer; this needs no batch and no loss.

        Parameters
        ----------
        layer
            As for `resolve`.

        Returns
        -------
        dict of GradientTensor
            Copies by name: ``"kernel"``, ``"recurrent_kernel"``, ``"bias"``; in a Bidirectional
            layer ``"forward/kernel"``, in stacked cells ``"0/kernel"``.

        Raises
        ------
        ValueError
            As `resolve`, or if the layer has no weights yet.
        """
        return read_weights(resolve(self._model, layer))

    def compute(
        self,
        x: Nested,
        y: Nested = None,
        layers: LayerChoice | Sequence[LayerChoice] = None,
        quantities: str | Sequence[str] = "output_gradient",
        *,
        sample_weight: Nested = None,
        class_weight: Mapping[int, float] | None = None,
        training: bool = False,
        steps: int | None = None,
        loss: Loss | Nested | None = None,
        clip: bool = False,
        loss_timesteps: int | Sequence[int] | None = None,
        by: Entrance | None = None,
        progress: Progress | None = None,
    ) -> GradientSnapshot:
        """Compute quantities of recurrent layers with the current weights.

        Every gradient is raw: the optimizer's clipping is not applied, unless `clip` asks for it.

        ``output_gradient``
            dL/dy by the tensor that the layer returns, (samples, timesteps, channels), or
            (samples, channels) for ``return_sequences=False``. It does not include the layer's
            own recurrence. A layer with ``go_backwards=True`` returns its outputs in the order in
            which it processed them.
        ``hidden_gradient``, ``cell_gradient``
            The total derivatives dL/dh_t and dL/dc_t through the recurrence (backpropagation
            through time [1]_), (samples, timesteps, channels); exactly 0 at masked timesteps.
        ``gate_gradient``
            dL by the gates' pre-activations, (samples, timesteps, gates * channels), gate after
            gate in the order of `GradientTensor.gates`.
        ``input_gradient``
            dL/dx_t by the layer's input, (samples, timesteps, features).
        ``initial_state_gradient``
            dL/dh_0 and dL/dc_0, by the states before the first timestep, given, learned or zero,
            (samples, channels); of an LSTM at ``"path/hidden"`` and ``"path/cell"``.
        ``weight_gradient``
            dL/dW, regularisation included, one tensor per weight, at ``"path/kernel"``,
            ``"path/recurrent_kernel"`` and ``"path/bias"``.
        ``cell_path``
            The part of ``cell_gradient`` that flows through the cell state of an LSTM alone,
            p_t = y'_t o_t (1 - tanh(c_t)^2) + f_(t+1) p_(t+1) with y' = ``output_gradient``,
            (samples, timesteps, channels). The rest flows through the gates [3]_.
        ``reach``
            ||dL_u/dh_t||, the norm over channels of what timestep u of the loss contributes to
            ``hidden_gradient`` at timestep t, (samples, timesteps, loss timesteps + 1): itemised
            backpropagation through time [2]_. Over u these contributions add up to it. Its last
            entry is what the loss has from elsewhere, as ``add_loss`` and regularised activities.
            Of a Bidirectional one for each direction, at ``"path/forward"`` and
            ``"path/backward"``. One timestep of the loss costs about a quarter of a training step.
        ``output``, ``hidden_state``, ``cell_state``, ``gate``, ``weight``
            The values themselves; of gates, their activations, as ``gate_gradient`` is laid out.

        All but the output and its gradient are in the order of the input. In a Bidirectional the
        states and gates of the forward and the backward layer are the two halves of the channels
        (also the outputs for ``merge_mode="concat"`` and ``None``); where these are of two sizes,
        or the forward layer goes backwards, over time each has a tensor of its own, at
        ``"path/forward"`` and ``"path/backward"``. Its weights are at ``"path/forward/kernel"`` and
        so on. Of a stack of cells, or a cell with several states, each state has a tensor of its
        own, at ``"path/0"`` and so on.

        A standalone cell, which the model calls itself, has one tensor over its calls, each a
        timestep; so has a layer of which every call has one timestep. Inside a ``TimeDistributed``
        the steps are further samples: of 2 samples with 3 steps each, those of the first one come
        first. A cell that a recurrent layer runs too is not listed in `layers`; if it is asked for
        by its path or as an object, its tensors have the timesteps outside of that layer.

        Parameters
        ----------
        x, y
            One batch: arrays or tensors, lists of numbers or texts, pandas objects, or lists or
            dicts of them, converted as ``fit`` converts them (a pandas Series is a column). `y` is
            None for a model whose loss needs no targets. Or, as `x` alone, a ``tf.data.Dataset``,
            ``keras.utils.PyDataset``, ``DataLoader`` or generator of batches: each is computed by
            itself, sequences are concatenated over the samples, the loss and what belongs to
            weights are averaged over the samples, and a note says how many there were.
        layers
            One layer or several, each a path, a unique name, an index or a layer object.
            None: every recurrent layer that has the quantity.
        quantities
            One word or several.
        sample_weight, class_weight
            As in ``fit``: a weight for each sample (and timestep), or a dict of one for each class.
        training
            Whether dropout and the like are active, as in ``model(x, training=training)``.
        steps
            How many batches to take of a dataset or generator, None for all; a generator needs it.
        loss
            What to differentiate instead of the model's own loss: a function ``loss(model, x, y,
            sample_weight, training)`` that returns a scalar tensor (see Examples), or, as in
            ``model.compile``, a loss of Keras (``"mse"``, ``keras.losses.MeanSquaredError()``) or
            ``loss(y_true, y_pred)``, to which comes what layers add, as regularisation.
            Hand over the same function again: another one is traced anew.
        clip
            Clip ``weight_gradient`` as the model's optimizer would, by its ``clipnorm``,
            ``global_clipnorm`` (over all trainable weights of the model) or ``clipvalue``.
        loss_timesteps
            Which timesteps u of the loss a ``reach`` is computed for: None for at most 32, evenly
            spaced; a number n for every n-th; or a sequence of them. They are the tensor's
            ``loss_timesteps``.
        by
            What these are timesteps of: ``"loss"``, the model's prediction, which needs an axis of
            timesteps as (samples, timesteps, features) has; or ``"output"``, what the layer
            returns. None for the first where there is such an axis, else the second.
        progress
            Called with how many of them are done, and how many there are; None for Keras' progress
            bar, where it takes more than a second. It may be interrupted.

        Returns
        -------
        GradientSnapshot
            Keyed by (path, quantity). A layer that is otherwise called several times has one tensor
            per call, at ``"path[0]"``, ``"path[1]"`` and so on. A quantity that cannot be
            computed, mostly because the loss does not depend on it, is left out, with a warning.
            The ``notes`` report that, NaN or Inf in x, and how many samples a dataset yielded. The
            ``loss`` is the one that ``fit`` logs. If it has one value for each sample, that is
            their mean, while ``fit`` descends along the gradient of their sum, which is also what
            is returned here. The values themselves need no loss: for a model that is not compiled,
            or without `y`, the snapshot's ``loss`` is None.

        Raises
        ------
        ValueError
            If a gradient is asked of a model that is not compiled or has its own ``train_step``
            and no `loss` is given, a layer or quantity is unknown, or the arrays do not fit the
            model or each other.
        NothingThereError
            A ValueError: nothing that was asked for can be computed.

        Examples
        --------
        The gradient of one class, one timestep or one output:

        >>> def class_2(model, x, y, sample_weight, training):
        ...     return tf.reduce_sum(model(x, training=training)[:, 2])  # (samples, classes)
        >>> def timestep_5(model, x, y, sample_weight, training):
        ...     error = model(x, training=training)[:, 5] - y[:, 5]  # of return_sequences=True
        ...     return tf.reduce_mean(error**2)
        >>> def second_output(model, x, y, sample_weight, training):
        ...     _, predicted = model(x, training=training)
        ...     return tf.reduce_mean((predicted - y[1]) ** 2)
        >>> engine.compute(x, y, "lstm", "hidden_gradient", loss=class_2)

        References
        ----------
        .. [1] P. J. Werbos, "Backpropagation through time: what it does and how to do it",
           Proceedings of the IEEE 78 (1990), 1550-1560.
        .. [2] D. Cashman, G. Patterson, A. Mosca and R. Chang, "RNNbow: visualizing learning via
           backpropagation gradients in recurrent neural networks", IEEE Computer Graphics and
           Applications 38(6) (2018), 39-50.
        .. [3] D. Arpit, B. Kanuparthi, G. Kerg, N. R. Ke, I. Mitliagkas and Y. Bengio, "h-detach:
           modifying the LSTM gradient towards better optimization", ICLR 2019.
        """
        asked = (quantities,) if isinstance(quantities, str) else tuple(quantities)
        if loss is None and not VALUES.issuperset(asked):
            check_trainable(self._model)
        given = self._losses.as_callable(loss)

        def chosen() -> tuple[tuple[LayerMatch, ...], tuple[str, ...]]:
            targets = resolve_all(self._model, layers)
            words = check_quantities(asked, targets, every=layers is not None)
            check_clip(self._model, words, clip)
            check_reach(words, loss_timesteps, by)
            return targets, words

        # Raise errors before the first batch; but some models make their layers when built.
        early = chosen() if find_recurrent(self._model) or not unbuilt_layers(self._model) else None
        wanted = WantedReach(loss_timesteps, progress or ProgressBar())
        results: list[PassResult] = []
        has_loss = True
        for batch in batches(self._model, x, y, sample_weight, class_weight, steps):
            self._builder.build(batch, training=bool(training))
            targets, words = early or chosen()
            batch_loss = self._losses.for_batch(given, words, batch)
            needed = with_needed(words)
            request = PassRequest(targets, needed, bool(training), batch_loss, bool(clip), by)
            with without_strategy():
                result = self._passes.get(request, batch).run(batch, wanted)
            result = with_cell_paths(result, words, targets)
            has_loss &= batch_loss.has_loss if isinstance(batch_loss, ForwardOnly) else True
            missing = "; ".join(result.missing)
            if missing and not result.tensors:
                raise NothingThereError(missing)
            if missing and not results:
                warnings.warn(f"left out of the snapshot: {missing}", UserWarning, stacklevel=2)
            results.append(result)
        return snapshot(results, self._model, has_loss=has_loss, stream=name_of_stream(x))

    def truncation_error(
        self,
        x: Nested,
        y: Nested = None,
        layer: LayerChoice = None,
        *,
        sample_weight: Nested = None,
        class_weight: Mapping[int, float] | None = None,
        training: bool = False,
        loss: Loss | Nested | None = None,
        by: Entrance | None = None,
        progress: Progress | None = None,
    ) -> NDArray[np.float64]:
        """Return what truncated backpropagation through time would lose of a layer's gradient.

        Truncated at k timesteps, what a timestep u of the loss contributes is carried back to the
        timesteps t with u - t < k only. The error is ||G - G_k|| / ||G||, of the gradient G by the
        layer's kernel [1]_, without its regularisation.

        Parameters
        ----------
        x, y
            One batch, as in `compute`; of a dataset, the first one.
        layer
            A path, a unique name, an index or a layer object; None where there is only one.
        sample_weight, class_weight, training, loss, by, progress
            As in `compute`.

        Returns
        -------
        numpy.ndarray
            (timesteps,), the errors at k = 1, 2, ...; the last one is 0. NaN where the gradient
            is zero.

        Raises
        ------
        ValueError
            As `compute`; or if the layer is no LSTM, GRU or SimpleRNN of one direction.

        References
        ----------
        .. [1] C. Aicher, N. J. Foti and E. B. Fox, "Adaptively truncating backpropagation through
           time to control gradient bias", UAI 2019.
        """
        if loss is None:
            check_trainable(self._model)
        check_reach_options(None, by)
        (batch,) = batches(
            self._model, x, y, sample_weight, class_weight, 1 if is_stream(x) else None
        )
        self._builder.build(batch, training=bool(training))
        target = check_truncation(resolve_one(self._model, layer))
        given = self._losses.as_callable(loss)
        request = PassRequest((target,), ("gate_gradient",), bool(training), given, by=by)
        with without_strategy():
            return truncation_error(self._model, request, batch, progress or ProgressBar())

    def state_curve(
        self,
        x: Nested,
        layer: LayerChoice = None,
        *,
        direction: str | None = None,
        cotangents: int = 32,
        seed: int = 0,
        progress: Progress | None = None,
    ) -> StateCurve:
        """Return how much the last state of a layer depends on its earlier ones.

        That is ||dh_T/dh_t||, the Frobenius norm of the Jacobian of the last hidden state by the
        one at timestep t, and the rate at which it falls or grows: the largest Lyapunov exponent
        [1]_ [2]_ of the states of the layer, h and c in an LSTM. No loss is needed: it is what the
        recurrence alone does to whatever gradient the loss has, with these weights on this batch.

        The norm is estimated from random vectors by the last state (cotangents), and exact from as
        many vectors as the layer has channels: then the unit vectors are taken. Logarithms are
        carried, so that nothing underflows.

        Parameters
        ----------
        x
            One batch, as in `compute`; of a dataset, the first one.
        layer
            A path, a unique name, an index or a layer object; None where there is only one.
        direction
            ``"forward"`` or ``"backward"``: which half of a Bidirectional.
        cotangents
            How many random vectors. Of 32, an estimate lies mostly within 0.8 to 1.16 of the norm.
        seed
            Seed of the random vectors. No global seed is used or changed.
        progress
            As in `compute`, of the samples.

        Returns
        -------
        StateCurve
            ``values`` and ``log10_values``, (samples, timesteps); ``lyapunov_exponent``, the median
            over the samples' ``lyapunov_exponents``; ``steps_per_decade`` and ``trend``.

        Raises
        ------
        ValueError
            As `compute`; or if the layer is no LSTM, GRU or SimpleRNN (or half of a Bidirectional)
            with Keras' own cell and one of its activations linear, relu, sigmoid, hard_sigmoid or
            tanh, or the model calls it several times.

        Examples
        --------
        >>> curve = engine.state_curve(x, "lstm")
        >>> show_features_1D(curve.log10_values, dims=("sample", "timestep"))
        >>> GradientExplorer.from_array(curve.values[..., None])  # one channel, on a log axis

        References
        ----------
        .. [1] R. Vogt, M. Puelma Touzel, E. Shlizerman and G. Lajoie, "On Lyapunov exponents for
           RNNs", Frontiers in Applied Mathematics and Statistics 8 (2022).
        .. [2] R. Engelken, F. Wolf and L. F. Abbott, "Lyapunov spectra of chaotic recurrent neural
           networks", Physical Review Research 5 (2023).
        """
        check_whole("cotangents", cotangents, least=1)
        check_whole("seed", seed, least=0)
        (batch,) = batches(self._model, x, None, None, None, 1 if is_stream(x) else None)
        self._builder.build(batch, training=False)
        target = resolve_one(self._model, layer)
        place = check_state_curve(target, direction)
        snapshot = self.compute(batch.x, None, target.info, needed_quantities(target))
        tell = progress or ProgressBar("sample")
        with without_strategy():
            return state_curve(snapshot, target, place, int(cotangents), int(seed), tell)

    def check(
        self,
        x: Nested,
        y: Nested = None,
        layers: LayerChoice | Sequence[LayerChoice] = None,
        quantities: str | Sequence[str] | None = None,
        *,
        sample_weight: Nested = None,
        class_weight: Mapping[int, float] | None = None,
        training: bool = False,
        loss: Loss | Nested | None = None,
        seed: int = 0,
    ) -> CheckTable:
        """Compare gradients with differences of the model's own loss, as a gradient check does.

        The loss is computed twice with a tensor moved a little in a random direction, once
        forwards and once backwards; their difference must be that of the gradient (a central
        difference). The tensors are moved without any part of how gradients are computed:

        ``output_gradient``, ``input_gradient``
            the tensor that the layer returns or receives;
        ``hidden_gradient``, ``cell_gradient``
            the state, in one third of the timesteps after the other. Each call of the cell is
            traced on its own and run operation by operation, and the state is moved at the first
            operation whose result has the values of the state, so that the rest of the timestep
            and the next ones read it moved;
        ``initial_state_gradient``
            the state that the loop begins with;
        ``gate_gradient``
            the pre-activations, in Keras' cells written out by hand (without dropout);
        ``weight_gradient``
            the weight, of a copy of the model's variables.

        Use it for a layer or cell of your own, best in float64. A failure may be a fault of this
        engine, or of the model, as a ``tf.custom_gradient`` that is not the derivative.

        Parameters
        ----------
        x, y
            As in `compute`; of a dataset or generator, the first batch. A few samples and
            timesteps are enough, and quick.
        layers
            As in `compute`.
        quantities
            One gradient or several; None for every gradient that a layer has.
        sample_weight, class_weight, training, loss
            As in `compute`.
        seed
            Seed of the random directions. No global seed is used or changed.

        Returns
        -------
        CheckTable
            A row for each gradient, with its layer and quantity, relative error, tolerance for the
            dtype of the model, and ``passed``: True or False, or None, with the reason, where
            it cannot be checked, mostly because the loss changes less than its dtype resolves.
            ``table.passed`` is whether none failed, ``table.failures`` the rows that did.

        Raises
        ------
        ValueError
            As `compute`, or if a quantity is no gradient.
        RuntimeError
            If another thread is training: the weights must stand still.

        Examples
        --------
        >>> keras.config.set_floatx("float64")
        >>> rnn = keras.layers.RNN(MyCell(), return_sequences=True, name="rnn")
        >>> model = keras.Sequential([keras.Input((6, 2)), rnn, keras.layers.Dense(1)])
        >>> model.compile("sgd", "mse")
        >>> x, y = np.random.normal(size=(4, 6, 2)), np.random.normal(size=(4, 6, 1))
        >>> GradientEngine(model).check(x, y)
        layer       quantity                relative error  tolerance
        rnn         output_gradient         2.0e-11         1e-06 (float64)  passed
        rnn         hidden_gradient         4.2e-11         1e-06 (float64)  passed
        rnn         input_gradient          9.8e-11         1e-06 (float64)  passed
        rnn         initial_state_gradient  2.6e-10         1e-06 (float64)  passed
        rnn/kernel  weight_gradient         6.5e-11         1e-06 (float64)  passed
        5 passed, at a loss of 1.62763
        """
        asked = (quantities,) if isinstance(quantities, str) else quantities
        if wrong := [word for word in asked or () if word in VALUES]:
            raise ValueError(
                f"quantities must be gradients to be checked; received {wrong[0]!r}, "
                "which is a value that nothing is differentiated for; leave it out"
            )
        if trains_elsewhere():
            raise RuntimeError(
                f"the weights of model {self._model.name!r} must stand still to be checked; "
                "another thread is training; call check again when that has ended"
            )
        targets = resolve_all(self._model, layers)
        steps = 1 if is_stream(x) else None
        (batch,) = batches(self._model, x, y, sample_weight, class_weight, steps)
        snapshots = [
            self.compute(
                batch.x,
                batch.y,
                chosen,
                words,
                sample_weight=batch.sample_weight,
                training=training,
                loss=loss,
            )
            for chosen, words in group_quantities(targets, asked, every=layers is None)
        ]
        given = self._losses.as_callable(loss)
        check = Check(self._model, batch, targets, training=bool(training), loss=given, seed=seed)
        with without_strategy():
            return check.run(merge_snapshots(snapshots))

"""`GradientExplorer`, what users call: of a model, an array or a recording, and live."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from ipywidgets import register

from rnngrad_widgets.callbacks.base import OnError
from rnngrad_widgets.callbacks.live import LiveGradients
from rnngrad_widgets.callbacks.schedule import Every
from rnngrad_widgets.callbacks.status import Status
from rnngrad_widgets.data.keywords import naming, suggesting
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.data.wire import check_precision
from rnngrad_widgets.explorer.base import ExplorerBase
from rnngrad_widgets.explorer.live_display import LiveDisplay
from rnngrad_widgets.explorer.options import (
    DISPLAY_DEFAULTS,
    MODEL_DEFAULTS,
    DisplayOptions,
    ModelOptions,
    parted,
)
from rnngrad_widgets.explorer.sources import ArraySource, ModelSource, RecordingSource
from rnngrad_widgets.explorer.waiting import open_recording

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from typing_extensions import Unpack

    from rnngrad_widgets.callbacks.recorder import GradientRecorder
    from rnngrad_widgets.data.wire import Precision
    from rnngrad_widgets.recording import Recording


@register
class GradientExplorer(ExplorerBase):
    """Explore the gradient of the loss for a recurrent layer, over timesteps, with sliders.

    Heat map of one sample, the curve of one channel under it; where there is no time axis, the
    values by sample. The array goes to the browser once; what the sliders do is drawn there, also
    while the kernel is busy.

    Parameters
    ----------
    model
        Keras model, never changed; compiled, unless `loss` is given or `quantity` is no gradient.
    x, y
        One batch, as ``model.fit`` takes it. Or, as `x`, a dataset that yields the same batches
        each time: all of them, or the first `steps`; beside the picture stands how many samples
        came from how many batches.
    layer
        Name, index into ``model.layers`` or layer object; None is the first recurrent layer that
        the loss depends on.
    quantity
        What to compute, for instance ``"output_gradient"``: dL/dy_t with respect to the tensor the
        layer returns. None: that, where the layer returns a sequence that the loss reads, else
        ``"hidden_gradient"``; a line in the widget says so.
    sample_weight, class_weight, training
        As in ``model.fit`` and ``model(x, training=...)``.
    steps
        How many batches of a dataset are taken; None for all.
    loss
        What to differentiate instead of the model's loss, for instance one class or timestep; see
        `GradientEngine.compute`.
    loss_timesteps, by
        For the quantity ``"reach"``: which timesteps of the loss, and of what they are timesteps;
        see `GradientEngine.compute`.
    sample, channel
        What is selected at first.
    norm
        Colour range (vmin, vmax), or ``"auto"``: symmetric, about the 99.8th percentile of ``|g|``.
    reflect_half
        Show the second half of the channels flipped along time.
    view
        Which view is in front; None for the first that fits.
    title, cmap, ylim, height, threshold, levels
        See the attributes.
    budget
        Bytes of one tensor that are sent to the browser: of more, the first samples are sent, and
        the summary says so. And of all snapshots of a timeline, here too, which is thinned; the
        first and the last are kept in any case.

    Attributes
    ----------
    layer, quantity, sample, channel, norm, reflect_half, step
        Two-way traits: set them, observe them. `step` is the training step that is shown, None
        where it is not known; it can be set to that of a snapshot of the timeline, and
        `follow_latest` shows the latest one again, and each that comes.
    view
        ``"heat map"`` and the others that the buttons name; ``"scatter"`` without a time axis.
    title, cmap, ylim, height
        As for every widget of plots: text above it, colour map, height of the plots in pixels.
    threshold, levels
        The shares that findings are made with, each between 0 and 1; see `diagnose`.
    part
        Which tensor of the quantity is shown, where it has several: ``"kernel"`` or
        ``"forward/bias"`` of the weights, ``"[0]"`` for the first call of a shared layer, ``"0"``
        for the first of stacked cells. Empty where there is only one.
    tensor
        The `GradientTensor` that is shown; of the earlier steps of a timeline in float32, and those
        samples that the browser has.

    Raises
    ------
    ValueError
        If the layer is unknown, ambiguous or not recurrent, the model is not compiled, x and y do
        not fit, or an index, the norm or the reflection does not fit the tensor.
    TypeError
        If `x` is an iterator or generator: it would be another batch every time.

    Notes
    -----
    ``"output_gradient"`` is direct: the derivative by what the layer returns, without the layer's
    own recurrence. ``"hidden_gradient"`` and ``"cell_gradient"`` are total: backpropagation through
    time [1]_. That a total gradient shrinks by a factor at every timestep is why a network may
    not learn long-term dependencies [2]_ [3]_.

    References
    ----------
    .. [1] P. J. Werbos, "Backpropagation through time: what it does and how to do it", Proceedings
       of the IEEE 78(10), 1990.
    .. [2] Y. Bengio, P. Simard and P. Frasconi, "Learning long-term dependencies with gradient
       descent is difficult", IEEE Transactions on Neural Networks 5(2), 1994.
    .. [3] R. Pascanu, T. Mikolov and Y. Bengio, "On the difficulty of training recurrent neural
       networks", International Conference on Machine Learning, 2013.
    """

    _live: LiveDisplay | None = None  # from when it is needed

    @suggesting
    @naming(ModelOptions, MODEL_DEFAULTS)
    def __init__(
        self,
        model: Any,
        x: Any,
        y: Any = None,
        layer: Any = None,
        quantity: str | None = None,
        **options: Unpack[ModelOptions],
    ) -> None:
        # here, because it imports TensorFlow, which an array does not need
        from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415

        computed, display = parted(options)
        source = ModelSource(GradientEngine(model), x, y, **computed)
        super().__init__(source, layer, quantity, **display)

    @classmethod
    @suggesting
    @naming(DisplayOptions, DISPLAY_DEFAULTS)
    def from_array(
        cls, array: ArrayLike | GradientTensor, **options: Unpack[DisplayOptions]
    ) -> GradientExplorer:
        """Explore an array of any framework; TensorFlow is not imported.

        Parameters
        ----------
        array
            (samples, timesteps, channels) or (samples, channels), of real numbers; a
            `GradientTensor` keeps its quantity, directions, gates, mask and loss timesteps.
        **options
            ``sample``, ``channel``, ``norm``, ``reflect_half``, ``view``, ``title``, ``cmap``,
            ``ylim``, ``height``, ``threshold``, ``levels`` and ``budget``, as for the class.

        Returns
        -------
        GradientExplorer
            The explorer.

        Raises
        ------
        TypeError
            If the array is not numeric.
        ValueError
            If its rank is wrong, it is empty, or a selection does not fit it.
        """
        return cls.from_source(ArraySource(array), None, "", **options)

    @classmethod
    @suggesting
    @naming(DisplayOptions, DISPLAY_DEFAULTS)
    def from_recording(
        cls,
        path: str | PathLike[str] | Recording,
        layer: Any = None,
        quantity: str | None = None,
        *,
        follow: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        timeout: float = 0.0,
        **options: Unpack[DisplayOptions],
    ) -> GradientExplorer:
        """Explore a recording; needs neither the model nor TensorFlow.

        The last snapshot is read first. Where the others take longer than a moment, they are read
        behind it, and the line under the timeline says how far that is; `snapshots` and `step` wait
        for them.

        Parameters
        ----------
        path
            A local folder, a URL that fsspec knows, or what ``Recording.open`` returned.
        layer, quantity
            What is shown first; None is the first that was recorded.
        follow
            Show new steps as they are written.
        storage_options
            Options for fsspec.
        timeout
            Seconds to wait for the first step of a recording that is about to be written; a line
            in the cell says so meanwhile.
        **options
            ``sample``, ``channel``, ``norm``, ``reflect_half``, ``view``, ``title``, ``cmap``,
            ``ylim``, ``height``, ``threshold``, ``levels`` and ``budget``, as for the class.

        Returns
        -------
        GradientExplorer
            The explorer.

        Raises
        ------
        FileNotFoundError
            If there is no recording.
        RecordingError
            If it is not a sound one.
        ValueError
            If the layer or quantity was not recorded, or there is no step yet.
        ModuleNotFoundError
            If zarr is not installed.
        """
        # here, because it needs zarr, which is an extra
        from rnngrad_widgets.recording import Recording  # noqa: PLC0415

        recording = (
            path if isinstance(path, Recording) else open_recording(path, storage_options, timeout)
        )
        if not len(recording):
            raise ValueError(
                f"the recording must have a step; {recording.path} has none yet. "
                "Wait for the first one: from_recording(..., timeout=60)"
            )
        source = RecordingSource(recording)
        path_of_layer = source.resolve(layer)
        quantity = quantity or source.quantities(path_of_layer)[0]
        explorer = cls.from_source(source, path_of_layer, quantity, **options)
        if follow:
            explorer.follow()
        return explorer

    # -- while the model trains --------------------------------------------------------------------

    def live(
        self,
        every: Every = 10,
        *,
        max_overhead: float | None = 0.05,
        on_error: OnError = "warn",
        precision: Precision | None = None,
    ) -> LiveGradients:
        """Make a callback for ``fit`` that shows what is shown here as training goes on.

        The batch is the explorer's, the same at every step, so that steps compare. Training is the
        same with and without it, to the last bit.

        Parameters
        ----------
        every
            Batches, or ``"epoch"``.
        max_overhead
            Share of the training time, of all fits together, that this may cost: due steps are
            skipped to stay below it. The last state of a ``fit`` is taken nevertheless, so that a
            ``fit`` of seconds may cost more; and the first snapshot, for which functions are
            traced, is apart, and paid back from half of the share. None for no limit.
        on_error
            ``"warn"``: a failure is shown here and training goes on; ``"raise"``: it ends training.
        precision
            Of snapshots on the way to the browser, ``"float32"`` or ``"bfloat16"`` (half the size,
            every decade); None for bfloat16 where one has more than 8 MB, in marimo 2 MB.

        Returns
        -------
        LiveGradients
            A callback of Keras 3 and tf_keras.

        Raises
        ------
        ValueError
            If the explorer has no model, or an argument is not as above.
        """
        live = self._live_display("live")
        check_precision(precision, may_be_none=True)
        return live.callback(
            every, max_overhead=max_overhead, on_error=on_error, precision=precision
        )

    def update(self, step: int | None = None) -> None:
        """Take a snapshot now and add it to the timeline: for a training loop of one's own.

        Parameters
        ----------
        step
            Training step, later than the last one; None is what the model's optimizer has counted,
            and where that does not rise, because another one is used, one more than the last.

        Raises
        ------
        ValueError
            If the explorer has no model, or the step is no whole number or not later.
        """
        self._live_display("update").update(step)

    def record(
        self,
        path: str | PathLike[str],
        layers: Any = None,
        quantities: Any = None,
        *,
        every: Every = 10,
        max_overhead: float | None = 0.05,
        mode: Literal["x", "a", "w"] = "x",
        store: Literal["full", "summary"] = "full",
        on_error: OnError = "warn",
        storage_options: Mapping[str, Any] | None = None,
    ) -> GradientRecorder:
        """Make a callback for ``fit`` that records the explorer's batch; see `GradientRecorder`.

        Parameters
        ----------
        path
            A local folder, or a URL that fsspec knows.
        layers, quantities
            What is recorded; None is what is shown.
        every, max_overhead, mode, store, on_error, storage_options
            As for `GradientRecorder`.

        Returns
        -------
        GradientRecorder
            A callback of Keras 3 and tf_keras.

        Raises
        ------
        ValueError
            If the explorer has no model, or an argument is not as above.
        FileExistsError
            If there is a recording and `mode` is ``"x"``.
        ModuleNotFoundError
            If zarr is not installed.
        """
        self.check_open()
        self._check_trains("record")
        shown = self.displayed.key
        return self.source.recorder(
            path,
            shown.layer if layers is None else layers,
            shown.quantity if quantities is None else quantities,
            every=every,
            max_overhead=max_overhead,
            mode=mode,
            store=store,
            on_error=on_error,
            storage_options=storage_options,
        )

    def show(self, snapshot: GradientSnapshot | None, status: Status) -> None:
        """Add a snapshot to the timeline; what `LiveGradients` calls.

        Parameters
        ----------
        snapshot
            Of what is shown; None where only the status changed.
        status
            How far the run is.
        """
        self._live_display("show").show(snapshot, status)

    @property
    def last_step(self) -> int | None:
        """Training step of the last snapshot; None before the first."""
        return self.runs.last_step

    def _live_display(self, method: str) -> LiveDisplay:
        self.check_open()
        self._check_trains(method)
        if self._live is None:
            self._live = LiveDisplay(self, self._lock)
        return self._live

    def _check_trains(self, method: str) -> None:
        if not self.source.can_train:
            raise ValueError(
                f"{method}() needs a model; this explorer shows an array or a recording"
            )

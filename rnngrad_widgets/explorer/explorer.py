"""`GradientExplorer`, what users call: of a model, an array or a recording, and live."""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from ipywidgets import register

from rnngrad_widgets.callbacks.base import Every, OnError, Status
from rnngrad_widgets.callbacks.live import LiveGradients
from rnngrad_widgets.data.tensor import GradientSnapshot
from rnngrad_widgets.data.thinning import BUDGET
from rnngrad_widgets.explorer.base import ExplorerBase, InitialSelection, Style
from rnngrad_widgets.explorer.follower import Follower
from rnngrad_widgets.explorer.sources import ArraySource, ModelSource, RecordingSource, by_part
from rnngrad_widgets.explorer.validation import check_precision

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

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
        How many batches of a dataset are taken.
    loss
        What to differentiate instead of the model's loss, for instance one class or timestep; see
        `GradientEngine.compute`.
    sample, channel
        What is selected at first.
    norm
        Colour range (vmin, vmax), or ``"auto"``: symmetric, about the 99.8th percentile of |g|.
    reflect_half
        Show the second half of the channels flipped along time.
    view
        Which view is in front; None for the first that fits.
    title, cmap, ylim, height
        See the attributes.
    budget
        Bytes of one tensor that are sent to the browser: of more, the first samples are sent, and
        the summary says so. And of all snapshots of a timeline, which is thinned.

    Attributes
    ----------
    layer, quantity, sample, channel, norm, reflect_half, step
        Two-way traits: set them, observe them. `step` is the training step that is shown, None
        where it is not known; it can be set to that of a snapshot of the timeline.
    view
        ``"heat map"`` and the others that the buttons name; ``"scatter"`` without a time axis.
    title, cmap, ylim, height
        As for every widget of plots: text above it, colour map, height of the plots in pixels.
    part
        The same, where a quantity has several tensors: ``"kernel"`` or ``"forward/bias"`` of the
        weights, ``"[0]"`` for the first call of a shared layer, ``"0"`` for the first of stacked
        cells. Empty where there is only one.
    tensor
        The `GradientTensor` that is shown.

    Raises
    ------
    ValueError
        If the layer is unknown, ambiguous or not recurrent, the model is not compiled, x and y do
        not fit, or an index, the norm or the reflection does not fit the tensor.
    TypeError
        If `x` is an iterator or generator: it would be another batch every time.
    """

    # here, as one that was refused is closed too
    _follower: Follower | None = None
    _live: LiveGradients | None = None

    def __init__(
        self,
        model: Any,
        x: Any,
        y: Any = None,
        layer: Any = None,
        quantity: str | None = None,
        *,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        training: bool = False,
        steps: int | None = None,
        loss: Any = None,
        sample: int = 0,
        channel: int = 0,
        norm: Any = "auto",
        reflect_half: bool = False,
        view: str | None = None,
        title: str = "",
        cmap: str = "diverging",
        ylim: tuple[float, float] | None = None,
        height: int | None = None,
        budget: int = BUDGET,
    ) -> None:
        # here, because it imports TensorFlow, which an array does not need
        from rnngrad_widgets.engine import GradientEngine  # noqa: PLC0415

        source = ModelSource(
            GradientEngine(model),
            x,
            y,
            sample_weight=sample_weight,
            class_weight=class_weight,
            training=training,
            steps=steps,
            loss=loss,
        )
        first = InitialSelection(sample, channel, norm, reflect_half, view)
        self._start(source, layer, quantity, first, Style(title, cmap, ylim, height), budget)

    @classmethod
    def from_array(
        cls,
        array: ArrayLike,
        *,
        sample: int = 0,
        channel: int = 0,
        norm: Any = "auto",
        reflect_half: bool = False,
        view: str | None = None,
        title: str = "",
        cmap: str = "diverging",
        ylim: tuple[float, float] | None = None,
        height: int | None = None,
        budget: int = BUDGET,
    ) -> GradientExplorer:
        """Explore an array of any framework; TensorFlow is not imported.

        Parameters
        ----------
        array
            (samples, timesteps, channels) or (samples, channels), of real numbers.
        sample, channel, norm, reflect_half, view, title, cmap, ylim, height, budget
            As for the class.

        Raises
        ------
        TypeError
            If the array is not numeric.
        ValueError
            If its rank is wrong, it is empty, or a selection does not fit it.
        """
        explorer = cls.__new__(cls)  # another constructor of the same class
        first = InitialSelection(sample, channel, norm, reflect_half, view)
        style = Style(title, cmap, ylim, height)
        explorer._start(ArraySource(array), None, "", first, style, budget)  # noqa: SLF001
        return explorer

    @classmethod
    def from_recording(
        cls,
        path: str | PathLike[str] | Recording,
        layer: Any = None,
        quantity: str | None = None,
        *,
        follow: bool = False,
        storage_options: Mapping[str, Any] | None = None,
        timeout: float = 0.0,
    ) -> GradientExplorer:
        """Explore a recording; needs neither the model nor TensorFlow.

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
            Seconds to wait for the first step of a recording that is about to be written.

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
            path
            if isinstance(path, Recording)
            else Recording(path, storage_options=storage_options, timeout=timeout)
        )
        if not len(recording):
            raise ValueError(
                f"the recording must have a step; {recording.path} has none yet. "
                "Wait for the first one: from_recording(..., timeout=60)"
            )
        source = RecordingSource(recording)
        path_of_layer = source.resolve(layer)
        quantity = quantity or source.quantities(path_of_layer)[0]
        explorer = cls.__new__(cls)  # another constructor of the same class
        explorer._start(source, path_of_layer, quantity)  # noqa: SLF001
        explorer._follow(follow=follow)  # noqa: SLF001
        return explorer

    def close(self) -> None:
        """Close the explorer and every widget it made, in Python and in the browser."""
        if self._follower is not None:
            self._follower.stop()
        super().close()

    # -- while the model trains --------------------------------------------------------------------

    def live(
        self,
        every: Every = 10,
        *,
        max_overhead: float | None = 0.05,
        on_error: OnError = "warn",
        precision: Precision | None = None,
    ) -> LiveGradients:
        """A callback for ``fit``: shows what is shown here as training goes on.

        The batch is the explorer's, the same at every step, so that steps compare. Training is the
        same with and without it, to the last bit.

        Parameters
        ----------
        every
            Batches, or ``"epoch"``.
        max_overhead
            Share of the training time that this may cost: due steps are skipped to stay below it.
            None for no limit.
        on_error
            ``"warn"``: a failure is shown here and training goes on; ``"raise"``: it ends training.
        precision
            Of snapshots on the way to the browser, ``"float32"`` or ``"bfloat16"`` (half the size,
            every decade); None for bfloat16 where one has more than 8 MB.

        Raises
        ------
        ValueError
            If the explorer has no model, or an argument is not as above.
        """
        self._model_source("live")
        check_precision(precision)
        callback = LiveGradients(
            self, self._probe, every=every, max_overhead=max_overhead, on_error=on_error
        )
        self._runs.precision = precision
        self._runs.prepare(self._shown, self._tensor)
        self._note_figures()
        return callback

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
            If the explorer has no model, or the step is not later.
        """
        source = self._model_source("update")
        if self._live is None:
            self._live = self.live(every=1, max_overhead=None, on_error="raise")
        self._live.update(source.model, step)

    def record(
        self,
        path: str | PathLike[str],
        layers: Any = None,
        quantities: Any = None,
        *,
        every: Every = 10,
        max_overhead: float | None = 0.05,
        mode: Literal["x", "a", "w"] = "x",
        on_error: OnError = "warn",
        storage_options: Mapping[str, Any] | None = None,
    ) -> GradientRecorder:
        """A callback for ``fit`` that records the explorer's batch; see `GradientRecorder`.

        Parameters
        ----------
        path
            A local folder, or a URL that fsspec knows.
        layers, quantities
            What is recorded; None is what is shown.
        every, max_overhead, mode, on_error, storage_options
            As for `GradientRecorder`.

        Raises
        ------
        ValueError
            If the explorer has no model, or an argument is not as above.
        FileExistsError
            If there is a recording and `mode` is ``"x"``.
        ModuleNotFoundError
            If zarr is not installed.
        """
        return self._model_source("record").recorder(
            path,
            self._shown.layer if layers is None else layers,
            self._shown.quantity if quantities is None else quantities,
            every=every,
            max_overhead=max_overhead,
            mode=mode,
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
        if self.comm is None:
            return  # closed while the model trains
        if status.error is not None:
            self._say(status.error)
        with self._lock:
            # a person may have turned to something else since it was computed
            if snapshot is not None and self._probed == self._shown[:2]:
                if status.error is None:
                    self._clear_message()
                self._take(by_part(snapshot, self._shown.layer), status.step or 0, str(status))
            else:
                self._runs.tell(str(status))

    @property
    def last_step(self) -> int | None:
        """Training step of the last snapshot; None before the first."""
        return self._runs.last_step

    def _model_source(self, method: str) -> ModelSource:
        if isinstance(self._source, ModelSource):
            return self._source
        raise ValueError(f"{method}() needs a model; this explorer shows an array or a recording")

    def _probe(self, model: Any) -> GradientSnapshot:
        source = self._model_source("live")
        if model is not source.model:
            raise ValueError(
                f"the model that trains must be the explorer's, {source.model.name!r}; received "
                f"{model.name!r}. Make a GradientExplorer of that one"
            )
        with self._lock:
            self._probed = self._shown[:2]
            return source.snapshot(self._shown.layer, self._shown.quantity)

    # -- a recording that grows --------------------------------------------------------------------

    def _follow(self, *, follow: bool) -> None:
        """Show a recording from its beginning, and its new steps if asked."""
        self._read_new()
        if follow:
            self._follower = Follower(self._look, self._say, self._clear_message)

    def _look(self) -> None:
        source = self._source
        if isinstance(source, RecordingSource) and source.recording.refresh():
            self._read_new()

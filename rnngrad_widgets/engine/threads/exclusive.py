"""Exclusive access to the Python code of models, and to their variables.

A model's Python code runs while a function is traced, or at every batch with ``run_eagerly=True``.
It uses objects that all threads share: the engine's taps, the dropout mask of a cell, lists of
losses. So the engine never runs it beside another thread. It waits until other threads have left
such code, and lets them wait at its entrances meanwhile, whichever model they use: models may share
layers. A ``fit`` in another thread is not slowed otherwise: its traced function runs none of this
code.

The weights are read between two training steps: within one, they change one by one.
"""

from __future__ import annotations

import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from rnngrad_widgets.engine.backend import Model, keras, tf
from rnngrad_widgets.engine.keras_api.select import adapter_of
from rnngrad_widgets.engine.threads.frames import innermost_frames, stack
from rnngrad_widgets.engine.threads.gates import ExclusiveAccess, acquisition_count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import CodeType, FrameType

_T = TypeVar("_T")

_CODE = frozenset(
    (
        *("train_step", "test_step", "predict_step"),
        *("compute_loss", "_compute_loss", "_symbolic_build"),
    )
)
"""Names of the methods of a model that run its code, besides ``__call__``."""

_TRAINING = frozenset(("fit", "train_on_batch"))

_SHORT = 5.0
"""Seconds to wait for a function that no ``fit`` or ``train_on_batch`` has called."""

_OBSERVED = 0.1
"""Seconds within which such a function changes weights, if it trains them."""

_HELPERS = ("traceback_utils.py",)
"""Where the wrappers are that catch errors, and what they call besides."""

_FUNCTION = type(tf.function(lambda: None))


def exclusive(model: Model) -> ExclusiveAccess:
    """Enter to run a model's Python code in this thread only.

    Raises
    ------
    RuntimeError
        On entering, if another thread does not leave such code in time.
    """
    return _CodeAccess(model, sys._getframe(1))  # noqa: SLF001 - documented


def undisturbed(model: Model, look: Callable[[], _T]) -> _T:
    """Return the result of `look`, called while the engine does not use the model elsewhere.

    A thread that builds the model may be interrupted, and undo that.
    """
    before = acquisition_count()
    found = look()
    if before is not None and acquisition_count() == before:
        return found
    with exclusive(model):
        return look()


def between_steps(model: Model) -> ExclusiveAccess:
    """Enter to read a model's variables while no other thread changes them.

    Raises
    ------
    RuntimeError
        On entering, if a training step of another thread does not end in time.
    """
    return _VariableAccess(model, sys._getframe(1))  # noqa: SLF001 - documented


def trains_elsewhere() -> bool:
    """Return whether another thread is in a ``fit`` or ``train_on_batch``, of whichever model."""
    return any(frame.f_code.co_name in _TRAINING for frame in _foreign_tensorflow_frames())


def may_train_elsewhere() -> bool:
    """Return whether another thread runs anything of TensorFlow, which may be a training step."""
    return any(True for _ in _foreign_tensorflow_frames())


def _foreign_tensorflow_frames() -> Iterator[FrameType]:
    """Yield the frames of other threads that run code of TensorFlow or Keras."""
    here = threading.get_ident()
    for thread, innermost in innermost_frames().items():
        for frame in stack(innermost) if thread != here else ():
            if frame.f_code.co_filename.startswith(_FOLDERS):
                yield frame


class _ModelAccess(ExclusiveAccess):
    """Exclusive access for one model, which the error names."""

    def __init__(self, model: Model, entering: FrameType) -> None:
        super().__init__(entering)
        self._model = model

    def still_busy(self, why: str) -> RuntimeError:
        """Return an error that names the model."""
        return RuntimeError(
            f"model {self._model.name!r} must not be in use by another thread while it is looked "
            f"into; waited too long, and {why}; call again when that has ended"
        )


class _CodeAccess(_ModelAccess):
    """Exclusive access to the Python code of models."""

    def __init__(self, model: Model, entering: FrameType) -> None:
        super().__init__(model, entering)
        layer = adapter_of(model).module.layers.Layer
        # Another thread may set attributes, which the engine would undo as its own changes, or
        # read the losses of a call that it made before.
        self.methods = ((layer, "__call__"), (layer, "__setattr__"), (layer, "losses"))
        self._guarded = _Guarded(layer.__call__, _func_graph().func_graph_from_py_func)

    def is_inside(self, frame: FrameType, called: FrameType | None) -> bool:
        """Return whether a frame calls a layer, is a step of a model, or traces."""
        return frame.f_code.co_name in _CODE or self._guarded.is_run_by(frame, called)


class _VariableAccess(_ModelAccess):
    """Exclusive access to the variables of models."""

    def __init__(self, model: Model, entering: FrameType) -> None:
        super().__init__(model, entering)
        self.methods = ((_FUNCTION, "__call__"), *map(_apply_method, _optimizers()))
        self._guarded = _Guarded(*(getattr(*method) for method in self.methods))

    def __enter__(self) -> None:
        """Wait until no other thread is inside.

        Raises
        ------
        RuntimeError
            If others are inside for longer than `PATIENCE` seconds, or change the variables there.
        """
        super().__enter__()
        try:
            changes = self._left_inside and self._changes()
        except BaseException:
            self._leave()
            raise
        if changes:
            self._leave()
            raise self.still_busy("a function in another thread changes its weights")

    def _changes(self) -> bool:
        """Return whether the variables change although no other thread may train."""
        before = self._bytes()
        time.sleep(_OBSERVED)
        return self._bytes() != before

    def _bytes(self) -> list[bytes]:
        return [np.asarray(variable).tobytes() for variable in self._model.variables]

    def is_inside(self, frame: FrameType, called: FrameType | None) -> bool:
        """Return whether a frame calls a function, or applies gradients."""
        return frame.f_code.co_name == "train_step" or self._guarded.is_run_by(frame, called)

    def may_stay_inside(self, frame: FrameType, waited: float) -> bool:
        """Return whether a function that no ``fit`` has called has been waited for long enough."""
        return waited > _SHORT and all(f.f_code.co_name not in _TRAINING for f in stack(frame))


def _optimizers() -> list[type]:
    found: list[type] = [keras.optimizers.Optimizer]
    other: Any = sys.modules.get("tf_keras")
    if hasattr(other, "optimizers"):
        found += [other.optimizers.Optimizer, other.optimizers.legacy.Optimizer]
    return found


def _apply_method(kind: type) -> tuple[type, str]:
    """Return the class and the name of the method by which an optimizer changes weights."""
    name = "apply" if hasattr(kind, "apply") else "apply_gradients"  # that calls apply in Keras 3
    return next(owner for owner in kind.__mro__ if name in vars(owner)), name


class _Guarded:
    """Functions, and the wrappers in which Keras and TensorFlow catch what these raise.

    A thread that has entered such a wrapper has passed the gate, and runs the function next. All
    functions have the same wrappers, so that of ``fit`` counts only while it has called nothing but
    its own helpers, which do not last.
    """

    def __init__(self, *functions: Callable[..., Any]) -> None:
        self._codes: set[CodeType] = set()
        self._wrappers: set[CodeType] = set()
        for function in functions:
            each: Any = function
            while hasattr(each, "__wrapped__"):
                self._wrappers.add(each.__code__)
                each = each.__wrapped__
            self._codes.add(each.__code__)

    def is_run_by(self, frame: FrameType, called: FrameType | None) -> bool:
        """Return whether a frame is that of a function, or of a wrapper that may call it."""
        if frame.f_code in self._codes:
            return True
        if frame.f_code not in self._wrappers:
            return False
        return (
            called is None
            or called.f_code in self._codes
            or called.f_code.co_filename.endswith(_HELPERS)
        )


def _func_graph() -> Any:
    return import_module("tensorflow.python.framework.func_graph")


def _folders() -> tuple[str, ...]:
    modules = (import_module("tensorflow"), keras)
    return tuple(str(Path(str(module.__file__)).parent) for module in modules)


_FOLDERS = (*_folders(), str(Path(_folders()[0]).with_name("tf_keras")))

"""One thread at a time in the Python code of models, and none that changes their variables.

A model is Python code that is run while a function is traced, or at every batch with
``run_eagerly=True``; what it runs into there (the engine's taps, a dropout mask on a cell, a list
of losses) is common to all threads. So the engine never runs it beside another thread: it waits
until the others have left such code, and lets them wait at its entrances meanwhile, whichever model
it is: models may share layers. A ``fit`` in another thread is not slowed otherwise: its traced
function runs none of this code.

The weights are read between two training steps: amid one, some are those of the step before.
"""

from __future__ import annotations

import inspect
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
from rnngrad_widgets.engine.threads.gates import ExclusiveAccess, count_of_turns

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
"""Seconds to wait for a function that is called by nothing of Keras."""

_SETTLED = 0.1
"""Seconds in which weights that are being trained by such a function change."""

_FUNCTION = type(tf.function(lambda: None))


def exclusive(model: Model) -> ExclusiveAccess:
    """Enter to run a model's Python code in this thread only.

    Raises
    ------
    RuntimeError
        On entering, if another thread does not leave such code in time.
    """
    return _InCode(model, sys._getframe(1))  # noqa: SLF001 - documented


def undisturbed(model: Model, look: Callable[[], _T]) -> _T:
    """Return what a look at a model sees while no other thread is in its code from here.

    One that builds the model may be interrupted, and undo that.
    """
    before = count_of_turns()
    found = look()
    if before is not None and count_of_turns() == before:
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
    return _InSteps(model, sys._getframe(1))  # noqa: SLF001 - documented


def trains_elsewhere() -> bool:
    """Tell whether another thread is in a ``fit`` or ``train_on_batch``, of whichever model."""
    return any(frame.f_code.co_name in _TRAINING for frame in _of_tensorflow())


def may_train_elsewhere() -> bool:
    """Tell whether another thread runs anything of TensorFlow, which may be a training step."""
    return any(True for _ in _of_tensorflow())


def _of_tensorflow() -> Iterator[FrameType]:
    """Yield the frames of other threads that run code of TensorFlow or Keras."""
    here = threading.get_ident()
    for thread, innermost in innermost_frames().items():
        for frame in stack(innermost) if thread != here else ():
            if frame.f_code.co_filename.startswith(_FOLDERS):
                yield frame


class _OfModel(ExclusiveAccess):
    """ExclusiveAccess on behalf of a model, which the error for a wait in vain names."""

    def __init__(self, model: Model, entering: FrameType) -> None:
        super().__init__(entering)
        self._model = model

    def still_busy(self, why: str) -> RuntimeError:
        """Name the model."""
        return RuntimeError(
            f"model {self._model.name!r} must not be in use by another thread while it is looked "
            f"into; waited too long, and {why}; call again when that has ended"
        )


class _InCode(_OfModel):
    """ExclusiveAccess in the Python code of models."""

    def __init__(self, model: Model, entering: FrameType) -> None:
        super().__init__(model, entering)
        layer = adapter_of(model).module.layers.Layer
        # Others may set attributes, which would be put back as the engine's own doing, and read
        # the losses of a call that they made before.
        self.methods = ((layer, "__call__"), (layer, "__setattr__"), (layer, "losses"))
        self._codes = {_code(layer.__call__), _code(_func_graph().func_graph_from_py_func)}

    def is_inside(self, frame: FrameType) -> bool:
        """Tell whether a frame calls a layer, is a step of a model, or traces."""
        return frame.f_code in self._codes or frame.f_code.co_name in _CODE


class _InSteps(_OfModel):
    """ExclusiveAccess with the variables of models."""

    def __init__(self, model: Model, entering: FrameType) -> None:
        super().__init__(model, entering)
        self.methods = ((_FUNCTION, "__call__"), *map(_applies, _optimizers()))
        self._codes = {_code(getattr(*method)) for method in self.methods}

    def __enter__(self) -> None:
        """Wait until this thread is alone.

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
        """Tell whether the variables change although no other thread may train."""
        before = self._bytes()
        time.sleep(_SETTLED)
        return self._bytes() != before

    def _bytes(self) -> list[bytes]:
        return [np.asarray(variable).tobytes() for variable in self._model.variables]

    def is_inside(self, frame: FrameType) -> bool:
        """Tell whether a frame calls a function, or applies gradients."""
        return frame.f_code in self._codes or frame.f_code.co_name == "train_step"

    def gives_up(self, frame: FrameType, waited: float) -> bool:
        """Leave a function where it is, after a while, that no ``fit`` has called."""
        return waited > _SHORT and all(f.f_code.co_name not in _TRAINING for f in stack(frame))


def _optimizers() -> list[type]:
    found: list[type] = [keras.optimizers.Optimizer]
    other: Any = sys.modules.get("tf_keras")
    if hasattr(other, "optimizers"):
        found += [other.optimizers.Optimizer, other.optimizers.legacy.Optimizer]
    return found


def _applies(kind: type) -> tuple[type, str]:
    """Find the method by which an optimizer changes weights, and the class that has it."""
    name = "apply" if hasattr(kind, "apply") else "apply_gradients"  # that calls apply in Keras 3
    return next(owner for owner in kind.__mro__ if name in vars(owner)), name


def _code(function: Callable[..., Any]) -> CodeType:
    """Return the code of a function, below what is wrapped around it."""
    code: CodeType = inspect.unwrap(function).__code__
    return code


def _func_graph() -> Any:
    return import_module("tensorflow.python.framework.func_graph")


def _folders() -> tuple[str, ...]:
    modules = (import_module("tensorflow"), keras)
    return tuple(str(Path(str(module.__file__)).parent) for module in modules)


_FOLDERS = (*_folders(), str(Path(_folders()[0]).with_name("tf_keras")))

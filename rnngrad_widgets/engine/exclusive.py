"""One thread at a time in a model's Python code, and none that changes its variables.

A model is Python code that is run while a function is traced, or at every batch with
``run_eagerly=True``; what it runs into there (the engine's taps, a dropout mask on a cell, a list
of losses) is common to all threads. So the engine never runs it beside another thread: it waits
until the others have left it, and lets them wait at its entrances meanwhile. A ``fit`` in another
thread is not slowed otherwise: its traced function runs none of this code.

The weights are read between two training steps: amid one, some are those of the step before.
"""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any

from .backend import Model, keras, tf
from .gates import Alone, is_gate, waits
from .library import library_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

_CODE = frozenset(
    (
        *("train_step", "test_step", "predict_step", "__call__", "call", "build"),
        *("compute_loss", "_compute_loss", "_symbolic_build"),
    )
)
"""Names of the methods of a model or layer that run its code."""

_STEPS = frozenset(("fit", "train_on_batch", "train_step"))
"""Names of the methods of a model that train it."""

_SHORT = 2.0
"""Seconds to wait for a function in which nothing is seen of the model."""

_FUNCTION = type(tf.function(lambda: None))


def exclusive(model: Model) -> Alone:
    """Enter to run a model's Python code in this thread only.

    Raises
    ------
    RuntimeError
        On entering, if another thread does not leave the model in time.
    """
    return _InCode(model, sys._getframe(1))  # noqa: SLF001 - documented


def between_steps(model: Model) -> Alone:
    """Enter to read a model's variables while no other thread changes them.

    Raises
    ------
    RuntimeError
        On entering, if a training step of another thread does not end in time.
    """
    return _InSteps(model, sys._getframe(1))  # noqa: SLF001 - documented


def may_train_elsewhere(model: Model) -> bool:
    """Tell whether another thread may change a model's variables."""
    here, objects = threading.get_ident(), _layers(model)
    for thread, current in sys._current_frames().items():  # noqa: SLF001 - documented
        if thread != here and any(
            _steps(frame, objects) or _mentions(frame, objects) for frame in _stack(current)
        ):
            return True
    return False


class _InCode(Alone):
    """Alone in the code of a model."""

    def __init__(self, model: Model, entering: FrameType) -> None:
        super().__init__(entering)
        layer = library_of(model).module.layers.Layer
        # Others may set attributes, which would be put back as the engine's own doing.
        self.methods = ((layer, "__call__"), (layer, "__setattr__"))
        self._model = model
        self._objects = _layers(model)

    def guards(self, thing: object) -> bool:
        """Guard the model and its layers."""
        return id(thing) in self._objects

    def others(self) -> dict[int, FrameType]:
        """Find the other threads in the code; another one may have added layers meanwhile."""
        self._objects = _layers(self._model)
        return super().others()

    def outermost(self, frame: FrameType | None) -> FrameType | None:
        """Return the outermost frame that runs the model's code, or a tape for its losses."""
        code = tape = None
        mentioned = False
        for each in _stack(frame):
            if waits(each):
                return None
            if _runs(each, self._objects):
                code = each
            if any(isinstance(v, tf.GradientTape) and v._recording for v in _values(each)):  # noqa: SLF001
                tape = each
            mentioned = mentioned or _mentions(each, self._objects)
        return tape if tape is not None and mentioned else code

    def still_busy(self, why: str) -> RuntimeError:
        """Name the model."""
        return _still_busy(self._model, why)


class _InSteps(Alone):
    """Alone with the variables of a model."""

    def __init__(self, model: Model, entering: FrameType) -> None:
        super().__init__(entering)
        kinds, name = _optimizers(), "apply_gradients"
        owners = [next(c for c in kind.__mro__ if name in vars(c)) for kind in kinds]
        self.methods = ((_FUNCTION, "__call__"), *((owner, name) for owner in owners))
        self._stepping = (_FUNCTION, *kinds)
        self._model = model
        self._objects = _layers(model)

    def guards(self, thing: object) -> bool:  # noqa: ARG002
        """Guard every function: what is in it is not known."""
        return True

    def outermost(self, frame: FrameType | None) -> FrameType | None:
        """Return the outermost frame that may be in a training step."""
        found = None
        for each in _stack(frame):
            if waits(each):
                return None
            if isinstance(each.f_locals.get("self"), self._stepping):
                found = each
            if each.f_code.co_name == "train_step":
                found = each
        return found

    def gives_up(self, thread: int, waited: float) -> bool:
        """Leave a thread where it is, after a while, that does not know of the model."""
        current = sys._current_frames().get(thread)  # noqa: SLF001 - documented
        return waited > _SHORT and not any(
            _steps(frame, self._objects) or _mentions(frame, self._objects)
            for frame in _stack(current)
        )

    def still_busy(self, why: str) -> RuntimeError:
        """Name the model."""
        return _still_busy(self._model, why)


def _layers(model: Model) -> set[int]:
    return {id(layer) for layer in library_of(model).all_layers(model)}


def _stack(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _values(frame: FrameType) -> list[Any]:
    return list(frame.f_locals.values())


def _runs(frame: FrameType, objects: set[int]) -> bool:
    """Tell whether a frame is a method of one of these objects that runs its code."""
    named = frame.f_code.co_name in _CODE or is_gate(frame)
    return named and id(frame.f_locals.get("self")) in objects


def _steps(frame: FrameType, objects: set[int]) -> bool:
    """Tell whether a frame trains one of these objects."""
    return frame.f_code.co_name in _STEPS and id(frame.f_locals.get("self")) in objects


def _optimizers() -> tuple[type, ...]:
    kinds: list[type] = [keras.optimizers.Optimizer]
    other: Any = sys.modules.get("tf_keras")
    if hasattr(other, "optimizers"):
        kinds += [other.optimizers.Optimizer, other.optimizers.legacy.Optimizer]
    return tuple(kinds)


def _mentions(frame: FrameType, objects: set[int]) -> bool:
    """Tell whether a frame knows one of these objects, as a variable or an attribute of `self`."""
    if any(id(value) in objects for value in _values(frame)):
        return True
    names = frame.f_globals
    if any(id(names.get(name)) in objects for name in frame.f_code.co_names):
        return True
    own = getattr(frame.f_locals.get("self"), "__dict__", {})
    return any(id(value) in objects for value in list(own.values()))


def _still_busy(model: Model, why: str) -> RuntimeError:
    return RuntimeError(
        f"model {model.name!r} must not be in use by another thread while it is looked into; "
        f"waited too long, and {why}; call again when that has ended"
    )

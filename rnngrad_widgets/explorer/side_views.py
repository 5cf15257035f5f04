"""What views need beside the displayed tensor: the companion of a flow, and the weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import Generic, TypeVar

from rnngrad_widgets.data.quantities import TRUNCATION_ERROR, WEIGHTS, quantity_of
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.explorer.displayed import Displayed, DisplayKey
from rnngrad_widgets.explorer.source import Source
from rnngrad_widgets.views.view_stack import ViewStack

Compute = Callable[[str, str], Mapping[str, GradientTensor]]

K = TypeVar("K")
V = TypeVar("V")


class Memo(Generic[K, V]):
    """The last value that was computed, and what it was computed for."""

    def __init__(self) -> None:
        self._entry: tuple[K, V] | None = None

    @property
    def value(self) -> V | None:
        """The value; None where there is none yet."""
        return None if self._entry is None else self._entry[1]

    def holds(self, key: K) -> bool:
        """Tell whether the value is of a key."""
        return self._entry is not None and self._entry[0] == key

    def get(self, key: K, compute: Callable[[], V]) -> V:
        """Return the value of a key, computed where it is not the last one."""
        if self._entry is None or self._entry[0] != key:
            self._entry = (key, compute())
        return self._entry[1]

    def clear(self) -> None:
        """Forget the value."""
        self._entry = None


class SideViews:
    """Compute what a view needs when it is first looked at, and send it to the view stack.

    Parameters
    ----------
    source
        Says which quantities a layer has.
    view_stack
        Where the views are.
    compute
        Computes a quantity of a layer.
    computing
        Makes a context in which the widget says that it computes.
    has_run
        Whether snapshots of a thing have come: a companion would be of one step only.
    """

    def __init__(
        self,
        source: Source,
        view_stack: ViewStack,
        compute: Compute,
        computing: Callable[[], AbstractContextManager[None]],
        has_run: Callable[[DisplayKey], bool],
    ) -> None:
        self._source = source
        self._view_stack = view_stack
        self._compute = compute
        self._computing = computing
        self._has_run = has_run
        self._companion: Memo[tuple[DisplayKey, GradientTensor], GradientTensor | None] = Memo()
        self._weights: Memo[GradientTensor, None] = Memo()

    @property
    def companion(self) -> GradientTensor | None:
        """The companion that was computed last."""
        return self._companion.value

    def find_companion(self, displayed: Displayed) -> GradientTensor | None:
        """Return the total gradient where the direct one is shown, and so on; None if none is."""
        layer, quantity, part = displayed.key
        if not quantity_of(quantity).companion or self._has_run(displayed.key):
            return None

        def compute() -> GradientTensor | None:
            with self._computing():
                found = self._source.companion(layer, quantity, part)
            return found if found is not None and _line_up(found, displayed.tensor) else None

        return self._companion.get((displayed.key, displayed.tensor), compute)

    def show_companion(self, displayed: Displayed) -> None:
        """Draw the companion, if there is one."""
        self._view_stack.show_companion(self.find_companion(displayed))

    def hide_outdated_companion(self, displayed: Displayed) -> None:
        """Remove a companion that belongs to another tensor."""
        if not self._companion.holds((displayed.key, displayed.tensor)):
            self._view_stack.show_companion(None)

    def forget_companion(self) -> None:
        """Remove the companion: it belongs to a single step."""
        if self.companion is not None:
            self._companion.clear()
            self._view_stack.show_companion(None)

    def show_weights(self, displayed: Displayed, compute: Compute | None = None) -> None:
        """Draw the current weights and their gradients, once for each displayed tensor."""
        compute = compute or self._compute

        def send() -> None:
            values, gradients = (compute(displayed.key.layer, name) for name in WEIGHTS)
            self._view_stack.show_weights(values, gradients)

        self._weights.get(displayed.tensor, send)


def _line_up(companion: GradientTensor, shown: GradientTensor) -> bool:
    """Tell whether two tensors have the same timesteps, and samples if both have some."""
    timed = all("timestep" in tensor.dims for tensor in (companion, shown))
    samples = companion.quantity == TRUNCATION_ERROR.name or companion.shape[0] == shown.shape[0]
    return timed and samples and companion.shape[1] == shown.shape[1]

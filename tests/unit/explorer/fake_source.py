"""A source without a model, for tests of what the explorer does with any source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from rnngrad_widgets import GradientExplorer
from rnngrad_widgets.data.tensor import NO_TIME, SEQUENCE, GradientTensor
from rnngrad_widgets.explorer.source import Source

if TYPE_CHECKING:
    from collections.abc import Mapping

BOTH = ("forward", "backward")
# path: shape, directions, quantities
LAYERS: dict[str, tuple[tuple[int, ...], tuple[str, ...], tuple[str, ...]]] = {
    "lstm": ((4, 7, 6), (), ("output_gradient", "hidden_gradient", "cell_gradient")),
    "bi": ((4, 7, 8), BOTH, ("output_gradient",)),
    "gru": ((4, 7, 3), (), ("gate_gradient", "hidden_gradient")),
    "last": ((4, 5), (), ("output_gradient",)),
    "few": ((2, 7, 2), (), ("output_gradient",)),
    "broken": ((4, 7, 6), (), ("output_gradient",)),
}


class FakeSource(Source):
    """Layers of several kinds; every computation has a new step and new numbers.

    ``broken`` raises what ``error`` says; so does every layer while ``all_broken``.
    """

    def __init__(self) -> None:
        self.computed: list[tuple[str, str]] = []
        self.made: list[GradientTensor] = []
        self.error: Exception = ValueError("it does not <b>compute</b>")
        self.all_broken = False
        self.scale = 1.0

    def layers(self) -> Mapping[str, str]:
        return {path: f"{path}  LSTM {shape[-1]}" for path, (shape, *_) in LAYERS.items()}

    def resolve(self, layer: object) -> str:
        paths = list(LAYERS)
        if layer is None:
            return paths[0]
        if isinstance(layer, int) and 0 <= layer < len(paths):
            return paths[layer]
        if not isinstance(layer, str) or layer not in paths:
            raise ValueError(f"the model has no layer {layer!r}; recurrent layers: {paths}")
        return str(layer)

    def quantities(self, layer: str) -> tuple[str, ...]:
        return LAYERS[layer][2]

    def compute(self, layer: str, quantity: str) -> dict[str, GradientTensor]:
        if layer == "broken" or self.all_broken:
            raise self.error
        if quantity not in self.quantities(layer):
            raise ValueError(f"layer {layer!r} has no {quantity!r}")
        self.computed.append((layer, quantity))
        step = len(self.computed)
        shape, directions, _ = LAYERS[layer]
        values = np.random.default_rng(step).normal(size=shape) * self.scale
        dims = SEQUENCE if len(shape) == 3 else NO_TIME
        self.made.append(GradientTensor(values, dims, layer, quantity, directions, step=step))
        return {"": self.made[-1]}


def explore(
    source: Source, layer: Any = None, quantity: str = "output_gradient", **options: Any
) -> GradientExplorer:
    """An explorer of any source."""
    return GradientExplorer.from_source(source, layer, quantity, **options)

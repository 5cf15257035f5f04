"""What is in a figure: its panels, and every text where it was drawn."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import matplotlib.style
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from rnngrad_widgets import GradientExplorer, GradientTensor
from rnngrad_widgets.figures.draw import panels_of
from rnngrad_widgets.figures.layout import STYLE, compose
from rnngrad_widgets.figures.run import run_panels
from rnngrad_widgets.figures.size import Size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from matplotlib.figure import Figure

    from rnngrad_widgets.explorer.frame import PlotFrame

SEQUENCE = ("sample", "timestep", "channel")
BOTH = ("forward", "backward")
RNG_SEED = 3


def gradient(
    samples: int = 4, timesteps: int = 20, channels: int = 6, decay: float = 0.8
) -> np.ndarray:
    """Noise that falls off towards timestep 0."""
    noise = np.random.default_rng(RNG_SEED).normal(size=(samples, timesteps, channels))
    return (0.02 * noise * decay ** np.arange(timesteps)[::-1, None]).astype(np.float32)


def explorer_of(
    values: np.ndarray | None = None, quantity: str = "hidden_gradient", **known: object
) -> GradientExplorer:
    """An explorer of a tensor, nothing of which is displayed."""
    array = gradient() if values is None else values
    dims = SEQUENCE if array.ndim == 3 else ("sample", "channel")
    return GradientExplorer.from_array(GradientTensor(array, dims, "lstm", quantity, **known))


class Drawn(NamedTuple):
    """A figure after it was drawn, its texts, and its pixels, (rows, columns, RGB)."""

    figure: Figure
    texts: list[Text]
    pixels: np.ndarray

    @property
    def words(self) -> list[str]:
        """What is written in it."""
        return [text.get_text() for text in self.texts]


def draw(widget: PlotFrame, width: float = 3.3, dpi: int = 200) -> Drawn:
    """Draw what a widget would save."""
    sheet = widget._sheet()
    with matplotlib.style.context(["default", STYLE]):
        panels = panels_of(sheet.shown, sheet.drawing, width)
        if sheet.run is not None:
            panels += run_panels(sheet.shown, sheet.run, 0.8)
        figure = compose(panels, Size(width, dpi), sheet.title)
        canvas = FigureCanvasAgg(figure)
        with recorded_texts() as texts:
            canvas.draw()
    return Drawn(figure, texts, np.asarray(canvas.buffer_rgba())[..., :3].copy())


@contextmanager
def recorded_texts() -> Iterator[list[Text]]:
    """Note every text that is drawn meanwhile."""
    found: list[Text] = []
    original = Text.draw

    def noted(self: Text, renderer: object, *args: object, **keywords: object) -> None:
        if self.get_visible() and self.get_text().strip():
            found.append(self)
        original(self, renderer, *args, **keywords)

    Text.draw = noted  # type: ignore[method-assign]
    try:
        yield found
    finally:
        Text.draw = original  # type: ignore[method-assign]

"""What is displayed, as one record, and how it is computed of a source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from rnngrad_widgets.data.plot_array import PlotArray, to_plot_array, truncate_to_budget
from rnngrad_widgets.data.tensor import GradientTensor, NothingThereError
from rnngrad_widgets.diagnosis.gradient import is_gradient_over_time
from rnngrad_widgets.diagnosis.loss_position import DIRECT, TOTAL, timesteps_read
from rnngrad_widgets.explorer.source import Source, opened


class DisplayKey(NamedTuple):
    """The values of the three dropdowns."""

    layer: str
    quantity: str
    part: str


@dataclass(frozen=True, eq=False)
class Displayed:
    """What is displayed; replaced as a whole.

    Parameters
    ----------
    key
        Layer, quantity and part.
    parts
        The tensors of the quantity, by part.
    tensor
        The one that is shown: of that part, at the training step that is shown.
    plot_array
        That tensor as the browser has it.
    step
        The training step; None where it is not known.
    """

    key: DisplayKey
    parts: Mapping[str, GradientTensor]
    tensor: GradientTensor
    plot_array: PlotArray
    step: int | None

    def part_of(self, parts: Mapping[str, GradientTensor]) -> GradientTensor:
        """Choose the tensor of newer parts that follows the one that is shown."""
        return parts.get(self.key.part) or next(iter(parts.values()))


class TensorLoader:
    """Compute what is displayed, and know why it is not something else.

    Parameters
    ----------
    source
        Where the tensors come from.
    budget
        Bytes of a tensor that are sent to the browser.

    Attributes
    ----------
    quantity_is_chosen
        Whether the quantity was asked for: another layer opens with it, if it has it.
    """

    def __init__(self, source: Source, budget: int) -> None:
        self.source = source
        self.quantity_is_chosen = False
        self._budget = budget
        self._reasons: dict[tuple[str, str], str] = {}

    def open_first(self, layer: object, quantity: str | None) -> Displayed:
        """Compute what an explorer shows first.

        Parameters
        ----------
        layer, quantity
            As for `opened`.

        Raises
        ------
        ValueError
            What the source raises.
        """
        self.quantity_is_chosen = quantity is not None
        path, word, parts, why = opened(self.source, layer, quantity)
        self._reasons[path, word] = why
        return self.arrange(parts, DisplayKey(path, word, ""))

    def open_layer(self, path: str, quantity: str) -> tuple[str, Mapping[str, GradientTensor]]:
        """Compute what another layer is shown by.

        Parameters
        ----------
        path
            The layer.
        quantity
            The one that is shown now.

        Returns
        -------
        tuple
            The quantity, and its tensors by part.
        """
        why = ""
        if self.quantity_is_chosen and quantity in self.source.quantities(path):
            try:
                return quantity, self.source.compute(path, quantity)
            except NothingThereError as error:
                why = str(error)
        _, word, parts, instead = opened(self.source, path, None)
        self._reasons[path, word] = why or instead
        return word, parts

    def arrange(self, parts: Mapping[str, GradientTensor], key: DisplayKey) -> Displayed:
        """Lay a part out for the browser; the first one where there is none of that name.

        Raises
        ------
        ValueError
            If one sample is larger than the budget.
        """
        part = key.part if key.part in parts else next(iter(parts))
        tensor = parts[part]
        return Displayed(
            key._replace(part=part), parts, tensor, self.plot_array(tensor), tensor.step
        )

    def reason(self, key: DisplayKey) -> str:
        """Say why this is shown and not something else; empty where it was asked for."""
        return self._reasons.get((key.layer, key.quantity), "")

    def only_last(self, displayed: Displayed) -> str:
        """Say that the loss reads the last timesteps only, where the direct gradient shows no more.

        Empty where it shows more, or there is no total gradient to look at instead.
        """
        (layer, quantity, _), tensor = displayed.key, displayed.tensor
        if quantity != DIRECT or TOTAL not in self.source.quantities(layer):
            return ""
        count = timesteps_read(tensor) if is_gradient_over_time(tensor) else None
        if count is None:
            return ""
        last = "timestep" if count == 1 else f"{count} timesteps"
        return (
            f"the loss reads what layer '{layer}' returns at the last {last} only: before, the "
            "direct gradient is exactly 0. The total one goes on through the layer's own recurrence"
        )

    def plot_array(self, tensor: GradientTensor) -> PlotArray:
        """Lay a tensor out for the browser, as many samples as fit the budget.

        Raises
        ------
        ValueError
            If not even one does.
        """
        return truncate_to_budget(to_plot_array(tensor), self._budget)

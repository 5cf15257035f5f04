"""The words of the explorer, in one place."""

from __future__ import annotations

from typing import NamedTuple


class QuantityWords(NamedTuple):
    """How a quantity is called: in the dropdown, in the summary, in captions, in readouts."""

    choice: str
    summary: str
    noun: str
    symbol: str


QUANTITIES = {
    "output_gradient": QuantityWords(
        "gradient w.r.t. output (direct)", "direct output gradient", "Gradient g", "g"
    ),
    "hidden_gradient": QuantityWords(
        "gradient w.r.t. hidden state (total, BPTT)",
        "hidden-state gradient (BPTT)",
        "Gradient g",
        "g",
    ),
    "cell_gradient": QuantityWords(
        "gradient w.r.t. cell state (total, BPTT)", "cell-state gradient (BPTT)", "Gradient g", "g"
    ),
    "gate_gradient": QuantityWords(
        "gradient w.r.t. gates (pre-activation)", "gate gradient", "Gradient g", "g"
    ),
    "weight_gradient": QuantityWords(
        "gradient w.r.t. weights", "weight gradient", "Gradient g", "g"
    ),
    "input_gradient": QuantityWords("gradient w.r.t. input", "input gradient", "Gradient g", "g"),
    "initial_state_gradient": QuantityWords(
        "gradient w.r.t. initial state", "initial-state gradient", "Gradient g", "g"
    ),
    "output": QuantityWords("output", "output", "Output y", "y"),
    "hidden_state": QuantityWords("hidden state", "hidden state", "Hidden state h", "h"),
    "cell_state": QuantityWords("cell state", "cell state", "Cell state c", "c"),
    "gate": QuantityWords("gates (activations)", "gate activations", "Gate a", "a"),
    "weight": QuantityWords("weights", "weights", "Weight w", "w"),
}
"""The quantities that the explorer can show."""

PLAIN = QuantityWords("array", "array", "Value v", "v")
"""An array of which nothing is known but its numbers."""


def words(quantity: str) -> QuantityWords:
    """The words for a quantity; for a plain array those of `PLAIN`."""
    return QUANTITIES.get(quantity, PLAIN)

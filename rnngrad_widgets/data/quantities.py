"""What is known of each quantity, in one registry: the engine, the explorer and the views read it.

A new quantity is a record here and its computation in ``engine/tracing/quantity_sources.py``.

The total gradients (of states and gates) are those of backpropagation through time: P. J. Werbos,
"Backpropagation through time: what it does and how to do it", Proceedings of the IEEE 78(10), 1990.
That of the input is known as saliency: K. Simonyan, A. Vedaldi and A. Zisserman, "Deep inside
convolutional networks: visualising image classification models and saliency maps", ICLR workshop,
2014. The LSTM is that of S. Hochreiter and J. Schmidhuber, "Long short-term memory", Neural
Computation 9(8), 1997, with a forget gate.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from rnngrad_widgets.data.tensor import REACH, SEQUENCE

Subject = Literal[
    "",
    "output",
    "input",
    "hidden_state",
    "cell_state",
    "initial_state",
    "gate",
    "weight",
    "reach",
    "cell_path",
]
"""What a quantity is of, or the derivative by; empty for a plain array.

A reach is of a loss and hidden states: norms of what the loss contributes, timestep by timestep. A
cell path is a part of the gradient by the cell state.
"""


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """What is known of a quantity, whatever the layer.

    Parameters
    ----------
    name
        The word for it, everywhere in code; empty for a plain array.
    of
        What its values are; of a gradient, what the loss is differentiated by.
    is_gradient
        Whether it is a derivative of the loss.
    label
        Its name in the dropdown and of a timeline.
    summary
        Its name in the summary line.
    noun, symbol
        Its name and symbol in captions and readouts.
    formula
        The same symbol on paper, where nothing else says what it is; TeX.
    dims
        Its axes, of a layer that returns a sequence of vectors; empty where they are those of the
        weight.
    companion
        The quantity whose flow is shown beside its own; empty if there is none.
    """

    name: str
    of: Subject
    is_gradient: bool
    label: str
    summary: str
    noun: str
    symbol: str
    formula: str
    dims: tuple[str, ...] = SEQUENCE
    companion: str = ""

    @property
    def is_inside_loop(self) -> bool:
        """Whether it is taken inside the loop over time: of states and gates."""
        return self.is_state or self.of in ("gate", "reach", "cell_path")

    @property
    def is_state(self) -> bool:
        """Whether it is of a state, of which a layer may have none."""
        return self.of in ("hidden_state", "cell_state", "initial_state")

    @property
    def needs_loss(self) -> bool:
        """Whether it is taken from the loss, and not from the forward pass alone."""
        return self.is_gradient or self.of in ("reach", "cell_path")

    @property
    def hint(self) -> str:
        """What must be known to read a gradient: whether the layer's own recurrence is in it."""
        if not self.is_gradient:
            return ""
        if self.of == "output":
            return "direct: without the layer's own recurrence"
        if self.is_inside_loop:
            return "total: through the layer's own recurrence, back through time"
        return ""

    @property
    def by_magnitude(self) -> bool:
        """Whether its histogram shows magnitudes at first: plain arrays may be gradients."""
        return self.needs_loss or not self.name


def _gradient(
    name: str,
    of: Subject,
    by: str,
    summary: str,
    formula: str,
    *,
    dims: tuple[str, ...] = SEQUENCE,
    companion: str = "",
) -> Quantity:
    return Quantity(
        name=name,
        of=of,
        is_gradient=True,
        label=f"gradient w.r.t. {by}",
        summary=summary,
        noun="Gradient g",
        symbol="g",
        formula=rf"\partial L/\partial {formula}",
        dims=dims,
        companion=companion,
    )


def _values(
    name: Subject,
    label: str,
    noun: str,
    formula: str,
    *,
    summary: str = "",
    dims: tuple[str, ...] = SEQUENCE,
) -> Quantity:
    return Quantity(
        name=name,
        of=name,
        is_gradient=False,
        label=label,
        summary=summary or label,
        noun=noun,
        symbol=noun[-1],
        formula=formula,
        dims=dims,
    )


_ALL = (
    _gradient(
        "output_gradient",
        "output",
        "output (direct)",
        "direct output gradient",
        "y_t",
        companion="hidden_gradient",
    ),
    _gradient(
        "hidden_gradient",
        "hidden_state",
        "hidden state (total, BPTT)",
        "hidden-state gradient (BPTT)",
        "h_t",
        companion="output_gradient",
    ),
    _gradient(
        "cell_gradient",
        "cell_state",
        "cell state (total, BPTT)",
        "cell-state gradient (BPTT)",
        "c_t",
    ),
    _gradient("gate_gradient", "gate", "gates (pre-activation)", "gate gradient", r"\tilde{a}_t"),
    _gradient(
        "input_gradient",
        "input",
        "input",
        "input gradient",
        "x_t",
        dims=("sample", "timestep", "feature"),
    ),
    _gradient(
        "initial_state_gradient",
        "initial_state",
        "initial state",
        "initial-state gradient",
        "s_0",
        dims=("sample", "channel"),
    ),
    _gradient("weight_gradient", "weight", "weights", "weight gradient", "W", dims=()),
    Quantity(
        name="cell_path",
        of="cell_path",
        is_gradient=False,
        label="cell path: gradient through the cell state alone",
        summary="cell path",
        noun="Cell path p",
        symbol="p",
        formula="p_t",
    ),
    Quantity(
        name="reach",
        of="reach",
        is_gradient=False,
        label="reach of each loss timestep (itemised BPTT)",
        summary="reach",
        noun="Reach R",
        symbol="R",
        formula="R_{u,t}",
        dims=REACH,
        companion="truncation_error",
    ),
    _values("output", "output", "Output y", "y_t"),
    _values("hidden_state", "hidden state", "Hidden state h", "h_t"),
    _values("cell_state", "cell state", "Cell state c", "c_t"),
    _values("gate", "gates (activations)", "Gate a", "a_t", summary="gate activations"),
    _values("weight", "weights", "Weight w", "W", dims=()),
)

QUANTITIES: Mapping[str, Quantity] = MappingProxyType({each.name: each for each in _ALL})
"""The quantities by name, in the order in which they are offered."""

TRUNCATION_ERROR = Quantity(
    name="truncation_error",
    of="",
    is_gradient=False,
    label="error of truncated BPTT",
    summary="error of truncated BPTT",
    noun="Error e",
    symbol="e",
    formula="e_k",
)
"""What `GradientEngine.truncation_error` returns, which is shown beside a reach: no tensor of a
layer by timestep, but one number of the whole batch for each k."""

PLAIN = Quantity(
    name="",
    of="",
    is_gradient=False,
    label="array",
    summary="array",
    noun="Value v",
    symbol="v",
    formula="v",
)
"""An array of which nothing is known but its numbers."""

WEIGHTS = ("weight", "weight_gradient")
"""The quantities that the view of the weights shows: values, then gradients."""


def check_known(quantities: str | Iterable[str]) -> None:
    """Check that all of them are quantities, of whatever layer.

    Raises
    ------
    ValueError
        If there is none, or one that nothing has.
    """
    words = [quantities] if isinstance(quantities, str) else list(quantities)
    wrong = [word for word in words if word not in QUANTITIES]
    if wrong or not words:
        received = repr(wrong[0]) if wrong else "none"
        raise ValueError(
            f"quantities must be one or several of {list(QUANTITIES)}; received {received}"
        )


def quantity_of(name: str) -> Quantity:
    """Return what is known of a quantity; for any other word what is known of a plain array."""
    return TRUNCATION_ERROR if name == TRUNCATION_ERROR.name else QUANTITIES.get(name, PLAIN)

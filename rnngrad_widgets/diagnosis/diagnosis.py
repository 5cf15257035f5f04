"""`Diagnosis`: the numbers of gradients over time, as a table, as sentences and as a dict."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from rnngrad_widgets.data.text_table import html_table, text_table
from rnngrad_widgets.diagnosis.flat import all_numbers
from rnngrad_widgets.diagnosis.gradient import GradientDiagnosis
from rnngrad_widgets.diagnosis.parameters import GateNumbers, KernelNumbers
from rnngrad_widgets.diagnosis.words import findings_of_gates, findings_over_time, level_words

_MOST_ROWS = 40
"""Of more rows, a table shows the first ones."""


class Table(NamedTuple):
    """The words of a table: its header, its rows, and the lines below it."""

    header: tuple[str, ...]
    rows: list[tuple[str, ...]]
    below: list[str]


@dataclass(frozen=True)
class Diagnosis:
    """What the gradients of a batch say about how far back a network learns.

    Everything holds with these weights, on this batch.

    Parameters
    ----------
    gradients
        Of each layer, quantity and direction.
    gates
        Of each gate, where gate activations were there.
    kernels
        Of each recurrent kernel, where weights were there.
    threshold
        Share of the strongest timestep below which a gradient counts as not reaching one.
    levels
        Shares of the gradient at lag 0 whose reach is told.
    """

    gradients: tuple[GradientDiagnosis, ...]
    gates: tuple[GateNumbers, ...]
    kernels: tuple[KernelNumbers, ...]
    threshold: float
    levels: tuple[float, ...]

    @property
    def findings(self) -> tuple[str, ...]:
        """One careful sentence for each thing to know."""
        sentences: list[str] = []
        for gradient in self.gradients:
            sentences += findings_over_time(gradient, self.threshold)
        return (*sentences, *findings_of_gates(self.gates))

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers and the findings, as JSON can hold them: infinity becomes None."""
        result: dict[str, Any] = as_json(asdict(self))
        for entry, gradient in zip(result["gradients"], self.gradients, strict=True):
            decay = gradient.decay
            if decay is not None:
                entry["decay"] |= as_json(
                    {"factor": decay.factor, "steps_per_decade": decay.steps_per_decade}
                )
        return result | {"findings": list(self.findings)}

    def to_flat(self) -> dict[str, float]:
        """Return all finite numbers by name, as trackers of experiments take them.

        Returns
        -------
        dict
            ``layer/quantity/number``, for instance ``"lstm/hidden_gradient/factor_per_step"``, of
            letters, digits and ``_ - . /``. A number that there is none of has no name.
            ``reach_at_0.368_is_censored`` is 1 where that reach is as far as the sequences go.
        """
        return {name: each for name, each in self.numbers().items() if math.isfinite(each)}

    def numbers(self) -> dict[str, float]:
        """Return all numbers by name, as `to_flat`; NaN for one that there is none of.

        The names are the same at every step of a training run.
        """
        return all_numbers(self.gradients, self.gates, self.kernels, self.levels)

    def __repr__(self) -> str:
        header, rows, below = self.table
        return "\n".join([text_table(header, rows), *below])

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_table(*self.table)

    @property
    def table(self) -> Table:
        """The words of the table."""
        reach = (f"reach at {level_words(level)}" for level in self.levels)
        more = len(self.gradients) - _MOST_ROWS
        return Table(
            ("layer", "quantity", "per step", "steps per decade", *reach, "not reached"),
            [_row(gradient, self.levels) for gradient in self.gradients[:_MOST_ROWS]],
            [*([f"and {more} more"] if more > 0 else []), *self.findings],
        )


def _row(gradient: GradientDiagnosis, levels: tuple[float, ...]) -> tuple[str, ...]:
    decay, reached = gradient.decay, {each.level: str(each) for each in gradient.reach}
    share = gradient.not_reached
    return (
        " ".join(filter(None, (gradient.layer, gradient.direction))) or "array",
        gradient.quantity or "array",
        "none" if decay is None else f"× {decay.factor:.3g}",
        "none" if decay is None else f"{decay.steps_per_decade:.3g}",
        *(reached.get(level, "none") for level in levels),
        "none" if share is None else f"{100 * share:.0f} %",
    )


def as_json(value: Any) -> Any:
    """Return the same in what JSON knows: lists for tuples, None for infinity."""
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value

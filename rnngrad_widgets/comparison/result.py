"""`ComparedRuns`: the numbers of a comparison, as a table, as sentences and as a dict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from rnngrad_widgets.comparison.differences import difference_of
from rnngrad_widgets.comparison.words import finding
from rnngrad_widgets.data.text_table import html_table, text_table
from rnngrad_widgets.diagnosis.diagnosis import Diagnosis, as_json

if TYPE_CHECKING:
    from rnngrad_widgets.comparison.curves import Curve
    from rnngrad_widgets.comparison.differences import Claim, Difference


@dataclass(frozen=True, eq=False)
class ComparedRuns:
    """What the gradients of several conditions say, and what may be claimed of their differences.

    Parameters
    ----------
    curves
        By name of the condition: of each of its repeats, and of each direction.
    base
        The condition that the others are compared with.
    threshold, levels
        As for `diagnose`.
    is_over_steps
        Whether runs have several steps, so that it is said which one is compared.
    """

    curves: Mapping[str, Sequence[Curve]]
    base: str
    threshold: float
    levels: tuple[float, ...]
    is_over_steps: bool = False

    @property
    def directions(self) -> tuple[str, ...]:
        """The directions of the layer, which are the same of all runs; one empty name if none."""
        return tuple(dict.fromkeys(curve.direction for curve in self.curves[self.base]))

    def repeats(self, name: str, direction: str) -> list[Curve]:
        """Return the curves of a condition in one direction, by repeat."""
        return [curve for curve in self.curves[name] if curve.direction == direction]

    @cached_property
    def differences(self) -> tuple[Difference, ...]:
        """Of each condition but the base, in each direction."""
        return tuple(
            difference_of(
                self.repeats(name, direction), self.repeats(self.base, direction), self.threshold
            )
            for name in self.curves
            if name != self.base
            for direction in self.directions
        )

    @property
    def claims(self) -> dict[str, Claim | None]:
        """Whether a condition's gradient extends further than the base's; None: no claim.

        In every direction, where there are two.
        """
        claims: dict[str, Claim | None] = {}
        for name in self.curves:
            if name != self.base:
                own = {each.claim for each in self.differences if each.name == name}
                claims[name] = own.pop() if len(own) == 1 else None
        return claims

    @property
    def findings(self) -> tuple[str, ...]:
        """One sentence for each condition but the base, in each direction."""
        return tuple(finding(each, self.threshold) for each in self.differences)

    def to_dict(self) -> dict[str, Any]:
        """Return all numbers, claims and findings, as JSON can hold them."""
        result: dict[str, Any] = {
            "base": self.base,
            "runs": [
                {"name": curve.name, "repeat": curve.repeat, "step": curve.step, "loss": curve.loss}
                | self._diagnosis(curve).to_dict()["gradients"][0]
                for curves in self.curves.values()
                for curve in curves
            ],
            "differences": [
                asdict(each) | {"interval": each.interval, "claim": each.claim}
                for each in self.differences
            ],
            "claims": self.claims,
            "findings": self.findings,
        }
        found: dict[str, Any] = as_json(result)
        return found

    @property
    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """The header and the rows of the table: a row for each run and direction.

        The layer is named where there are several, the step where runs have several.
        """
        runs = [curve for curves in self.curves.values() for curve in curves]
        return self.header, [(curve.name, *self.cells(curve)) for curve in runs]

    @property
    def header(self) -> tuple[str, ...]:
        """The header of the table."""
        curve = self.curves[self.base][0]
        layer, _, *words = self._diagnosis(curve).table.header
        several, layers = self._distinguished
        step = ("step", "loss") if self.is_over_steps else ()
        return ("name", *["repeat"] * several, *step, *[layer] * layers, *words)

    def cells(self, curve: Curve) -> tuple[str, ...]:
        """Return the row of a run and direction, without its name."""
        ((own, _, *cells),) = self._diagnosis(curve).table.rows
        several, layers = self._distinguished
        step = (_step(curve.step), _loss(curve.loss)) if self.is_over_steps else ()
        return (*[str(curve.repeat)] * several, *step, *[own] * layers, *cells)

    @cached_property
    def _distinguished(self) -> tuple[bool, bool]:
        """Whether the table names repeats, and layers."""
        runs = [curve for curves in self.curves.values() for curve in curves]
        several = max(curve.repeat for curve in runs) > 0
        return several, len({(curve.numbers.layer, curve.direction) for curve in runs}) > 1

    def _diagnosis(self, curve: Curve) -> Diagnosis:
        return Diagnosis((curve.numbers,), (), (), self.threshold, self.levels)

    def __repr__(self) -> str:
        return "\n".join([text_table(*self.table), *self.findings])

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_table(*self.table, self.findings)


def _step(step: int | None) -> str:
    return "" if step is None else f"{step:,}"


def _loss(loss: float | None) -> str:
    """Write a loss with three digits; nothing where it is not known."""
    return "" if loss is None or not math.isfinite(loss) else f"{loss:.3g}"

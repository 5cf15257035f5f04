"""`ComparedRuns`: the numbers of a comparison, as a table, as sentences and as a dict."""

from __future__ import annotations

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
    """

    curves: Mapping[str, Sequence[Curve]]
    base: str
    threshold: float
    levels: tuple[float, ...]

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
                {"name": curve.name, "repeat": curve.repeat}
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

        The layer is named where there are several.
        """
        rows: list[tuple[str, ...]] = []
        header: tuple[str, ...] = ()
        runs = [curve for curves in self.curves.values() for curve in curves]
        several = max(curve.repeat for curve in runs) > 0
        layers = len({(curve.numbers.layer, curve.direction) for curve in runs}) > 1
        for curve in runs:
            (layer, _, *words), ((own, _, *cells),), _ = self._diagnosis(curve).table
            header = ("name", *["repeat"] * several, *[layer] * layers, *words)
            rows.append((curve.name, *[str(curve.repeat)] * several, *[own] * layers, *cells))
        return header, rows

    def _diagnosis(self, curve: Curve) -> Diagnosis:
        return Diagnosis((curve.numbers,), (), (), self.threshold, self.levels)

    def __repr__(self) -> str:
        return "\n".join([text_table(*self.table), *self.findings])

    def _repr_html_(self) -> str:
        """Show the table in a notebook."""
        return html_table(*self.table, self.findings)

"""What a check of gradients found: a table that reads well in a terminal and in a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

from rnngrad_widgets.data.text_table import html_table, text_table

_HEADER = ("layer", "quantity", "relative error", "tolerance", "")
_WORDS = {True: "passed", False: "FAILED", None: "not checked"}


@dataclass(frozen=True)
class CheckRow:
    """One gradient, held against differences of the loss.

    Parameters
    ----------
    layer, quantity
        The key of the gradient in a snapshot.
    error
        The largest error found, relative to the sum of the magnitudes of the terms
        gradient * direction; None where nothing was compared.
    tolerance
        Up to which error it passes, for the dtype that the loss is computed in.
    dtype
        That dtype.
    passed
        True or False; None where it could not be checked.
    reason
        Why it could not be checked, all or in part; empty if there is nothing to say.
    """

    layer: str
    quantity: str
    error: float | None
    tolerance: float
    dtype: str
    passed: bool | None
    reason: str = ""

    @property
    def cells(self) -> tuple[str, ...]:
        """The row as words."""
        error = "" if self.error is None else f"{self.error:.1e}"
        verdict = _WORDS[self.passed] + (f": {self.reason}" if self.reason else "")
        return self.layer, self.quantity, error, f"{self.tolerance:.0e} ({self.dtype})", verdict


@dataclass(frozen=True)
class CheckTable(Sequence[CheckRow]):
    """The rows of a check.

    Parameters
    ----------
    rows
        The rows.
    loss
        The loss of the batch.
    notes
        What the engine said of the gradients: what is left out, and why.
    """

    rows: tuple[CheckRow, ...]
    loss: float | None = None
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether something was checked, and nothing failed."""
        verdicts = {row.passed for row in self.rows}
        return True in verdicts and False not in verdicts

    @property
    def failures(self) -> tuple[CheckRow, ...]:
        """The rows that failed."""
        return tuple(row for row in self.rows if row.passed is False)

    @property
    def unchecked(self) -> tuple[CheckRow, ...]:
        """The rows that could not be checked."""
        return tuple(row for row in self.rows if row.passed is None)

    @overload
    def __getitem__(self, index: int) -> CheckRow: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[CheckRow, ...]: ...
    def __getitem__(self, index: int | slice) -> CheckRow | tuple[CheckRow, ...]:
        return self.rows[index]

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        table = text_table(_HEADER, [row.cells for row in self.rows])
        return "\n".join([table, self._summary(), *self.notes])

    def _repr_html_(self) -> str:
        """Show the table in a notebook; what names layers is escaped."""
        alarms = [place for place, row in enumerate(self.rows) if row.passed is False]
        cells = [row.cells for row in self.rows]
        return html_table(_HEADER, cells, (self._summary(), *self.notes), alarms)

    def _summary(self) -> str:
        counts = [sum(row.passed is verdict for row in self.rows) for verdict in _WORDS]
        words = [f"{n} {word}" for n, word in zip(counts, _WORDS.values(), strict=True) if n]
        loss = "" if self.loss is None else f", at a loss of {self.loss:.6g}"
        return (", ".join(words) or "nothing to check") + loss

"""Words, symbols and numbers of a figure; TeX where matplotlib's mathtext sets it."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rnngrad_widgets.data.quantities import quantity_of
from rnngrad_widgets.figures.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLAIN = (-1, 2)
"""Exponents of numbers that are written without a power of ten: 0.1 to 999."""


def number(value: float, digits: int = 3) -> str:
    r"""Write ``$3 \times 10^{-2}$``, ``0.25``, ``−40``: at most so many digits, no zeros behind."""
    if value == 0:
        return "0"
    mantissa, power = f"{value:.{digits - 1}e}".split("e")
    exponent = int(power)
    if _PLAIN[0] <= exponent <= _PLAIN[1]:
        return f"{float(f'{value:.{digits}g}'):g}".replace("-", "−")
    factor = f"{float(mantissa):g}"
    times = {"1": "", "-1": "-"}.get(factor, rf"{factor}{{\times}}")
    return rf"${times}10^{{{exponent}}}$"


def count(value: float) -> str:
    """Write a count: ``800``, ``30,000``; from a million on as a `number`."""
    return f"{value:,.0f}" if value < 1e6 else number(value)


def formula(quantity: str, around: str = "{}") -> str:
    r"""Return the symbol of a quantity, with what stands around it: ``|{}|``."""
    return f"${around.replace('{}', quantity_of(quantity).formula)}$"


def magnitude(quantity: str) -> str:
    """Return the symbol of the magnitude."""
    return formula(quantity, "{}" if quantity == "reach" else "|{}|")


def norm(quantity: str) -> str:
    """Return the symbol of the norm over channels."""
    return formula(quantity, r"\Vert {} \Vert")


def noun(quantity: str) -> str:
    """Return what a quantity is called: ``gradient``, ``hidden state``."""
    return quantity_of(quantity).noun.rpartition(" ")[0].lower()


def colour_label(shown: Shown) -> str:
    """Return the label of a colour bar: ``gradient ∂L/∂h_t``."""
    if shown.quantity == "reach":
        return formula("reach", r"{} = \Vert \partial L_u/\partial h_t \Vert")
    symbol = magnitude if shown.cmap == "sequential" else formula
    return f"{noun(shown.quantity)} {symbol(shown.quantity)}"


def column_label(shown: Shown, *, second_half: bool = False) -> str:
    """Return the label of the axis of columns; reflected ones are processing steps."""
    columns = shown.plot_array.columns
    gates = shown.plot_array.gates if shown.plot_array.gates_along == "columns" else ()
    if gates:
        return f"gate, {shown.columns // len(gates):,} {columns}s each"
    if shown.reflect:
        return "timestep; processing step of the " + (
            f"{shown.directions[1]} half" if second_half or shown.has_halves else "second half"
        )
    return columns


def row_label(shown: Shown, start: int, stop: int) -> str:
    """Return the label of the axis of rows [start, stop)."""
    rows = shown.plot_array.rows.replace("_", " ")
    gates = shown.plot_array.gates if shown.plot_array.gates_along == "rows" else ()
    if gates:
        halves = 2 if shown.has_halves and stop - start == shown.rows else 1
        return f"gate, {(stop - start) // len(gates) // halves:,} {rows}s each"
    if shown.plot_array.row_labels:
        return "loss timestep $u$"
    return rows


def of_sample(shown: Shown, *before: str) -> str:
    """Return a heading: ``backward half, sample 3, step 20``."""
    sample = f"sample {shown.sample}" if shown.is_timed and shown.samples > 1 else ""
    return joined([*before, sample, shown.when])


def joined(words: Sequence[str]) -> str:
    """Join the words that are there by commas."""
    return ", ".join(word for word in words if word)


def index_ticks(first: int, last: int, most: int) -> list[int]:
    """Return at most about so many indices to label: round ones, and the last."""
    if last <= first:
        return [first]
    wanted = max((last - first) / max(most, 1), 1)
    decade = 10 ** math.floor(math.log10(wanted))
    step = next(size * decade for size in (1, 2, 5, 10) if size * decade >= wanted * (1 - 1e-9))
    ticks = list(range(-(-first // step) * step, last, step))
    # the last one matters more than the regular one beside it
    if len(ticks) > 1 and last - ticks[-1] < 0.7 * step:
        ticks.pop()
    return [*ticks, last]


def even_ticks(size: int, parts: int) -> list[int]:
    """Return indices spread evenly over 0 .. size - 1: 0, 64, 128, 192, 255."""
    return sorted({*(min(round(i * size / parts), size - 1) for i in range(parts)), size - 1})

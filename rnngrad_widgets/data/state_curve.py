"""`StateCurve`: how much the last state of a layer depends on its earlier ones."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

STAYS = 0.01
"""Where ln of the norm changes less than this over all timesteps, it neither falls nor grows."""


@dataclass(frozen=True, eq=False)
class StateCurve:
    """The state curve ||dh_T/dh_t|| of one layer and direction, on one batch.

    h_T is the last hidden state that is computed, of the first timestep in a layer that runs
    backwards. Everything holds with these weights, on this batch; the loss has no part in it.

    Parameters
    ----------
    layer, direction
        Of which layer; the direction is empty where it has only one.
    log10_values
        log10 of the Frobenius norm, (samples, timesteps) in the order of time: NaN at masked
        timesteps, -inf where h_T does not depend on h_t.
    lyapunov_exponents
        The largest one of each sample, (samples,): by what ln of the norm changes with each
        timestep. NaN of fewer than 5 lags; -inf where an earlier state has no influence at all.
    cotangents
        How many vectors the norms are estimated from; as many as channels make them exact.
    """

    layer: str
    direction: str
    log10_values: NDArray[np.float64]
    lyapunov_exponents: NDArray[np.float64]
    cotangents: int

    @property
    def values(self) -> NDArray[np.float64]:
        """The norms, (samples, timesteps); 0 where they are below 1e-308."""
        with np.errstate(over="ignore", under="ignore"):
            return np.asarray(10.0**self.log10_values)

    @property
    def lyapunov_exponent(self) -> float:
        """The median over samples; NaN where none has one."""
        counted = self.lyapunov_exponents[~np.isnan(self.lyapunov_exponents)]
        return float(np.median(counted)) if counted.size else math.nan

    @property
    def steps_per_decade(self) -> float:
        """Timesteps to a tenth of the norm, or ten times as much: ``ln 10 / |exponent|``."""
        exponent = abs(self.lyapunov_exponent)
        return math.inf if exponent == 0 else math.log(10) / exponent

    @property
    def trend(self) -> str:
        """What the norm does with every timestep back: falls, grows, or stays; none if unknown."""
        exponent = self.lyapunov_exponent
        if math.isnan(exponent):
            return "none"
        counted = np.max(np.sum(~np.isnan(self.log10_values), axis=1), initial=0)
        if abs(exponent) * counted < STAYS:
            return "stays"
        return "grows" if exponent > 0 else "falls"

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON can hold it: NaN and infinity become None."""
        return {
            "layer": self.layer,
            "direction": self.direction,
            "log10_values": [_plain(row) for row in self.log10_values],
            "lyapunov_exponents": _plain(self.lyapunov_exponents),
            "lyapunov_exponent": _plain([self.lyapunov_exponent])[0],
            "steps_per_decade": _plain([self.steps_per_decade])[0],
            "trend": self.trend,
            "cotangents": self.cotangents,
        }

    def __repr__(self) -> str:
        samples, timesteps = self.log10_values.shape
        name = " ".join(filter(None, (self.layer, self.direction)))
        head = f"state curve of {name}, {samples} samples, {timesteps} timesteps: "
        if self.trend == "none":
            return head + "no Lyapunov exponent can be read"
        if self.lyapunov_exponent == -math.inf:
            return head + "falls to exactly 0"
        rate = f"largest Lyapunov exponent {self.lyapunov_exponent:.3g} per step, {self.trend}"
        decade = f": {self.steps_per_decade:.3g} steps per decade"
        return head + rate + ("" if self.trend == "stays" else decade)


def _plain(values: Any) -> list[float | None]:
    return [float(value) if math.isfinite(value) else None for value in values]

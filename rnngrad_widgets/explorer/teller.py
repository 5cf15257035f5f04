"""`Teller`: what is told of a tensor, with the explorer's threshold and levels."""

from __future__ import annotations

from collections.abc import Mapping
from weakref import WeakKeyDictionary

from rnngrad_widgets.data.statistics import THRESHOLD
from rnngrad_widgets.data.tensor import GradientTensor
from rnngrad_widgets.diagnosis.shares import LEVELS
from rnngrad_widgets.diagnosis.telling import Evidence, Told, tell
from rnngrad_widgets.explorer.source import Source


class Teller:
    """Tell what there is to say of a tensor; of each once.

    Parameters
    ----------
    source
        Knows where the loss acts.

    Attributes
    ----------
    threshold, levels
        As for `diagnose`.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self.threshold = THRESHOLD
        self.levels: tuple[float, ...] = LEVELS
        self._told: WeakKeyDictionary[GradientTensor, tuple[object, Told]] = WeakKeyDictionary()

    @property
    def shares(self) -> tuple[float, tuple[float, ...]]:
        """What is told depends on these."""
        return self.threshold, self.levels

    def reasons(self, tensor: GradientTensor) -> Mapping[str, str]:
        """Say for each direction of a tensor of the source why no rate can be read from it."""
        return self._source.reasons(tensor)

    def evidence(
        self, tensor: GradientTensor, reasons: Mapping[str, str] | None = None
    ) -> Evidence:
        """Return a tensor with what must be known to read it.

        Parameters
        ----------
        tensor
            Any.
        reasons
            Why no rate can be read from it; None for a tensor of the source, which knows.
        """
        why = self.reasons(tensor) if reasons is None else reasons
        return Evidence(tensor, why, *self.shares)

    def tell(self, tensor: GradientTensor, reasons: Mapping[str, str] | None = None) -> Told:
        """Tell what there is to say of a tensor; parameters as for `evidence`."""
        shares, told = self._told.get(tensor, (None, None))
        if told is None or shares != self.shares:
            told = tell(self.evidence(tensor, reasons))
            self._told[tensor] = self.shares, told
        return told

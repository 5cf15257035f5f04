"""What is written of a snapshot: its tensors, their norms over channels, the numbers of it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from rnngrad_widgets.data.summary import summarised
from rnngrad_widgets.data.tensor import GradientSnapshot, GradientTensor
from rnngrad_widgets.diagnosis.diagnose import diagnosis_of
from rnngrad_widgets.recording.layout import ArrayLayout, Layout, Store
from rnngrad_widgets.recording.plan import check_storable, layout_of

if TYPE_CHECKING:
    from rnngrad_widgets.diagnosis.diagnosis import Diagnosis


@dataclass(frozen=True)
class Entry:
    """What is written of a snapshot.

    Parameters
    ----------
    stored
        The tensors; in a summary, the summaries.
    norms
        The summaries that are stored beside them.
    numbers
        Those of its diagnosis, by name. Without those of weights where the weights are stored:
        the spectral radius of a kernel takes longer than all else.
    layout, masks
        What a recording that begins with it would have.
    """

    stored: GradientSnapshot
    norms: Mapping[tuple[str, str], GradientTensor]
    numbers: Mapping[str, float]
    layout: Layout
    masks: Mapping[str, np.ndarray]

    @classmethod
    def of(
        cls,
        snapshot: GradientSnapshot,
        store: Store,
        info: Mapping[str, str],
        diagnosis: Diagnosis | None = None,
    ) -> Entry:
        """Compute what is written of a snapshot.

        Parameters
        ----------
        snapshot
            The tensors of a step.
        store, info
            As for `Layout`.
        diagnosis
            That of the snapshot, where it is known.

        Raises
        ------
        RecordingError
            If it cannot be stored.
        """
        check_storable(snapshot)
        summary = summarised(snapshot)
        beside = {key: own for key, own in summary.items() if own is not snapshot[key]}
        stored, norms = (snapshot, beside) if store == "full" else (summary, {})
        if diagnosis is None:
            light = {key: own for key, own in snapshot.items() if own.quantity != "weight"}
            told = snapshot if store == "summary" else light
            diagnosis = diagnosis_of(told, summaries=summary)
        if store == "full":
            diagnosis = replace(diagnosis, kernels=())
        numbers = diagnosis.numbers()
        layout, masks = layout_of(stored, store, norms, numbers)
        return cls(stored, norms, numbers, replace(layout, info=info), masks)

    def arrays(self, layout: Layout) -> Iterator[tuple[ArrayLayout, np.ndarray]]:
        """Yield what is written to each array of a layout."""
        for array, tensor in zip(layout.arrays, self.stored.values(), strict=True):
            yield array, _stored(array, tensor)
        for array in layout.norms:
            yield array, _stored(array, self.norms[array.layer, array.quantity])
        if layout.numbers:
            found = [self.numbers.get(name, math.nan) for name in layout.numbers]
            yield layout.of_numbers, np.array(found, "<f8")


def _stored(array: ArrayLayout, tensor: GradientTensor) -> np.ndarray:
    return np.ascontiguousarray(tensor.values, np.dtype(array.dtype).newbyteorder("<"))

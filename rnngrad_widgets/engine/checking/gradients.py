"""The gradients to check, in groups to compute together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.data.tensor import GradientSnapshot
from rnngrad_widgets.engine.layers.find import LayerMatch, RecurrentLayer
from rnngrad_widgets.engine.quantities import offered_quantities


def group_quantities(
    targets: Sequence[LayerMatch], asked: Sequence[str] | None, *, every: bool
) -> Iterator[tuple[list[RecurrentLayer] | None, tuple[str, ...]]]:
    """Yield layers and quantities to compute together: those requested, or all gradients."""
    if asked is not None:
        yield None if every else [target.info for target in targets], tuple(asked)
        return
    together: dict[tuple[str, ...], list[RecurrentLayer]] = {}
    for target in targets:
        words = tuple(word for word in offered_quantities(target) if QUANTITIES[word].is_gradient)
        together.setdefault(words, []).append(target.info)
    for words, layers in together.items():
        yield layers, words


def merge_snapshots(snapshots: Sequence[GradientSnapshot]) -> GradientSnapshot:
    """Merge snapshots of the same batch."""
    tensors = {key: tensor for snapshot in snapshots for key, tensor in snapshot.items()}
    notes = tuple(dict.fromkeys(note for snapshot in snapshots for note in snapshot.notes))
    return GradientSnapshot(tensors, loss=snapshots[0].loss, notes=notes)

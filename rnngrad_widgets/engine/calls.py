"""What is recorded of the calls of a layer while the model is traced."""

from __future__ import annotations

from dataclasses import dataclass, field

from .backend import Tensor
from .steps import Inside, Loop


@dataclass(frozen=True)
class Wanted:
    """What to record of a layer's calls."""

    inputs: bool = False
    inside: Inside = field(default_factory=Inside)


@dataclass(frozen=True, eq=False)
class LayerCall:
    """The tensors of one call of a layer, as traced.

    Parameters
    ----------
    outputs
        What the layer returned, watched by the tape: one tensor, or the forward and the backward
        one for ``Bidirectional(merge_mode=None)``. States that are returned too are not in it.
    inputs
        The input sequence, watched by the tape; several where it is nested, none if it was not
        asked for.
    mask
        Boolean (samples, timesteps) in the order of the input, or None.
    loops
        What was recorded inside the loop, for each direction; none if it was not asked for, or
        `runs` is other than 1.
    timesteps
        How many, if that is known when the model is traced; 1 for a cell.
    repeat
        Which call of a TimeDistributed it belongs to, and which call of the layer it is in one of
        the steps of that; None outside.
    ragged
        Whether the input was ragged: the rows of the outputs begin at the first timestep then,
        whatever the direction.
    runs
        How often the loop over time ran in this call, for each direction.
    """

    outputs: tuple[Tensor, ...]
    inputs: tuple[Tensor, ...]
    mask: Tensor | None
    loops: tuple[Loop, ...]
    timesteps: int | None
    repeat: tuple[int, int] | None = None
    ragged: bool = False
    runs: tuple[int, ...] = ()

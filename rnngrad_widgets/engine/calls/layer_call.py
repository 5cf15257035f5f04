"""What to record of the calls of a layer while the model is traced, and what was recorded."""

from __future__ import annotations

from dataclasses import dataclass, field

from rnngrad_widgets.engine.backend import Tensor
from rnngrad_widgets.engine.layers.cells import StateKey


@dataclass(frozen=True)
class RecurrenceRequest:
    """What to record inside a recurrence; each item costs memory and time over all timesteps.

    Parameters
    ----------
    state_gradients, gate_gradients
        Probes, to differentiate by states and by gates' pre-activations.
    states, gates
        The values of states, and the activations of gates.
    initial_states
        The states before the first timestep, to differentiate by.
    """

    state_gradients: bool = False
    gate_gradients: bool = False
    states: bool = False
    gates: bool = False
    initial_states: bool = False

    def __bool__(self) -> bool:
        return any(vars(self).values())

    @property
    def probed(self) -> bool:
        """Whether the steps themselves are changed."""
        return self.state_gradients or self.gate_gradients


@dataclass(frozen=True, eq=False)
class RecordedLoop:
    """The tensors of one run of a recurrence, in input time order.

    Parameters
    ----------
    states
        Values over time.
    state_probes
        Probes of the states: differentiate by them.
    gate_probes
        For each cell, the probe of its gates' pre-activations, gate after gate.
    gates
        For each cell, the activations of its gates over time, gate after gate.
    initial_states
        The states that the recurrence begins with: differentiate by them.
    unreachable
        Why there is no gradient by a state, for the states that have none.
    unread
        The states that the output of the same timestep does not depend on.
    """

    states: dict[StateKey, Tensor] = field(default_factory=dict)
    state_probes: dict[StateKey, Tensor] = field(default_factory=dict)
    gate_probes: list[Tensor] = field(default_factory=list)
    gates: list[Tensor] = field(default_factory=list)
    initial_states: dict[StateKey, Tensor] = field(default_factory=dict)
    unreachable: dict[StateKey, str] = field(default_factory=dict)
    unread: set[StateKey] = field(default_factory=set)

    @property
    def probes(self) -> list[Tensor]:
        """The probes, of states first."""
        return [*self.state_probes.values(), *self.gate_probes]


@dataclass(frozen=True)
class RecordRequest:
    """What to record of a layer's calls.

    Parameters
    ----------
    inputs
        Whether the inputs are watched, to differentiate by.
    inside
        What to record inside the recurrence.
    """

    inputs: bool = False
    inside: RecurrenceRequest = field(default_factory=RecurrenceRequest)


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
    loops: tuple[RecordedLoop, ...]
    timesteps: int | None
    repeat: tuple[int, int] | None = None
    ragged: bool = False
    runs: tuple[int, ...] = ()

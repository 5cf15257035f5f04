"""Group the calls of a layer that make one tensor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rnngrad_widgets.engine.backend import Tensor, tf
from rnngrad_widgets.engine.calls.layer_call import LayerCall, RecordedLoop

JoinAxis = Literal["", "timestep", "sample"]
"""Axis along which the tensors of several calls are joined; empty for a single call."""


@dataclass(frozen=True, eq=False)
class CallGroup:
    """Calls of one layer that make one tensor."""

    calls: tuple[LayerCall, ...]
    joined: JoinAxis = ""

    def loops_by_direction(self) -> list[tuple[RecordedLoop, ...]]:
        """Return the loops of each direction, one of each call."""
        return list(zip(*(call.loops for call in self.calls), strict=True))


def group_calls(calls: Sequence[LayerCall]) -> list[CallGroup]:
    """Group the calls of a layer.

    Calls of a layer (or cell) that is always called with one timestep are the timesteps of one
    tensor: the model steps it. Calls inside a TimeDistributed are further samples. Every other
    call is a group of its own.
    """
    outside = [call for call in calls if call.repeat is None]
    stepped = len(outside) > 1 and all(call.timesteps == 1 for call in outside)
    groups: dict[object, list[LayerCall]] = {}
    for position, call in enumerate(calls):
        alone = "timestep" if stepped else position
        groups.setdefault(alone if call.repeat is None else call.repeat, []).append(call)
    return [CallGroup(tuple(members), _joined(members)) for members in groups.values()]


def _joined(members: Sequence[LayerCall]) -> JoinAxis:
    if len(members) == 1:
        return ""
    return "timestep" if members[0].repeat is None else "sample"


def join_calls(tensors: Sequence[Tensor], joined: JoinAxis, rank: int) -> Tensor:
    """Join the tensors of several calls into one of this rank.

    Samples are joined so that those of the first sample come first. A scalar weight gets a channel
    axis of size 1.
    """
    if len(tensors) == 1 and len(tensors[0].shape) < rank == 1:
        return tf.reshape(tensors[0], [1])
    if len(tensors) == 1 and len(tensors[0].shape) == rank:
        return tensors[0]
    if joined == "sample":
        stacked = tf.stack(tensors, axis=1)
        return tf.reshape(stacked, tf.concat([[-1], tf.shape(stacked)[2:]], 0))
    # The output of a layer that returns no sequence has no time axis yet.
    return (tf.concat if len(tensors[0].shape) == rank else tf.stack)(tensors, axis=1)

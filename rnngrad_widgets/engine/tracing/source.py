"""What was recorded of a layer, and what one quantity of it is computed from."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rnngrad_widgets.data.quantities import QUANTITIES
from rnngrad_widgets.engine.backend import Tensor, tf
from rnngrad_widgets.engine.calls.groups import CallGroup, JoinAxis
from rnngrad_widgets.engine.calls.layer_call import LayerCall

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rnngrad_widgets.engine.layers.find import LayerMatch


@dataclass(frozen=True, eq=False)
class Source:
    """The tensors that one quantity of one layer call is computed from.

    Parameters
    ----------
    layer, quantity
        The key in the snapshot.
    tensors
        Watched tensors to differentiate the loss by, or the values themselves: for each half of
        the last axis, one of each call.
    joined
        Along which axis the calls are joined.
    dims, directions, gates
        As in `GradientTensor`.
    call
        For a state, the layer's path, with the number of the call where there are several.
    masks
        A boolean (samples, timesteps) tensor of each call, or none.
    optional
        Whether it is left out without a warning if the loss does not depend on it: a weight that
        is not trained.
    """

    layer: str
    quantity: str
    tensors: tuple[tuple[Tensor, ...], ...]
    dims: tuple[str, ...]
    directions: tuple[str, ...] = ()
    gates: tuple[str, ...] = ()
    call: str = ""
    masks: tuple[Tensor, ...] = ()
    joined: JoinAxis = ""
    optional: bool = False

    @property
    def is_gradient(self) -> bool:
        """Whether the loss is differentiated by the tensors."""
        return QUANTITIES[self.quantity].is_gradient


@dataclass(frozen=True, eq=False)
class TracedLayer:
    """What was recorded of one layer while the model was traced.

    Parameters
    ----------
    target
        The layer.
    calls
        Its calls, in the order of the forward pass.
    weights
        Its variables by their id, to differentiate by.
    values
        Their values before the pass, which may assign them.
    """

    target: LayerMatch
    calls: Sequence[LayerCall]
    weights: Mapping[int, Tensor] = field(default_factory=dict)
    values: Mapping[int, Tensor] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class NamedCalls:
    """Calls of a layer that make one tensor of each quantity.

    Parameters
    ----------
    key
        Path of the layer, with the number of the call where there are several.
    target
        The layer.
    group
        The calls.
    """

    key: str
    target: LayerMatch
    group: CallGroup


def masks_of(group: CallGroup) -> tuple[Tensor, ...]:
    """Return a boolean (samples, timesteps) tensor of each call; none if one call has none."""
    recorded: list[Tensor] = [call.mask for call in group.calls]
    if any(mask is None for mask in recorded):
        return ()
    # Keras takes masks with an axis of channels too: a timestep counts where one of them does.
    return tuple(tf.reduce_any(mask, axis=[*range(2, len(mask.shape))]) for mask in recorded)

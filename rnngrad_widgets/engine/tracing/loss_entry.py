"""Where the loss enters a model: tensors that it reads, timestep by timestep."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnngrad_widgets.engine.backend import Tensor, tf

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator
    from rnngrad_widgets.engine.tracing.source import Source


@dataclass(frozen=True, eq=False)
class LossEntry:
    """Tensors with the timesteps at which the loss reads them, and its derivatives by them.

    Parameters
    ----------
    tensors
        The tensors; none depends on another.
    gradients
        The derivative of the loss by each.
    timesteps
        How many timesteps there are, a scalar tensor.
    whole
        For each tensor None where its second axis are the timesteps, or the timestep that all of it
        is of.
    turned
        Whether the second axis begins with the last timestep.
    """

    tensors: tuple[Tensor, ...]
    gradients: tuple[Tensor, ...]
    timesteps: Tensor
    whole: tuple[Tensor | None, ...]
    turned: bool = False

    def seeds(self, timestep: Tensor) -> list[Tensor]:
        """Return the derivatives with all but one timestep set to zero."""
        found = []
        for gradient, whole in zip(self.gradients, self.whole, strict=True):
            if whole is not None:
                found.append(gradient * tf.cast(tf.equal(whole, timestep), gradient.dtype))
                continue
            size = tf.shape(gradient)[1]
            at = size - 1 - timestep if self.turned else timestep
            shape = tf.concat([[1, size], tf.ones_like(tf.shape(gradient)[2:])], 0)
            found.append(gradient * tf.reshape(tf.one_hot(at, size, dtype=gradient.dtype), shape))
        return found


def enter_at_prediction(
    sequences: Sequence[Tensor], differentiator: Differentiator, loss: Tensor, seed: Tensor
) -> LossEntry | None:
    """Return where the loss enters at the model's prediction; None if it reads none of it.

    Parameters
    ----------
    sequences
        The tensors of the prediction that have an axis of timesteps.
    """
    found = differentiator.gradients([loss], sequences, [tf.ones_like(loss) * seed])
    pairs = [pair for pair in zip(sequences, found, strict=True) if pair[1] is not None]
    if not pairs:
        return None
    tensors, gradients = zip(*pairs, strict=True)
    return LossEntry(tensors, gradients, tf.shape(tensors[0])[1], (None,) * len(tensors))


def enter_at_output(
    outputs: Sequence[Source],
    timesteps: Tensor,
    differentiator: Differentiator,
    loss: Tensor,
    seed: Tensor,
    *,
    turned: bool,
) -> LossEntry | None:
    """Return where the loss enters at the output of a layer; None if it reads none of it.

    Parameters
    ----------
    outputs
        Sources of the layer's ``output_gradient``.
    timesteps
        How many the layer processes.
    turned
        Whether the output is in the order of processing, the last timestep first.
    """
    placed: list[tuple[Tensor, Tensor | None]] = []
    for source in outputs:
        for half in source.tensors:
            for position, tensor in enumerate(half):
                if source.joined == "timestep":
                    placed.append((tensor, tf.constant(position)))
                else:
                    last = tf.constant(0) if turned else timesteps - 1
                    placed.append((tensor, None if "timestep" in source.dims else last))
    tensors = [tensor for tensor, _ in placed]
    found = differentiator.gradients([loss], tensors, [tf.ones_like(loss) * seed])
    read = [(*at, g) for at, g in zip(placed, found, strict=True) if g is not None]
    if not read:
        return None
    return LossEntry(
        tuple(tensor for tensor, _, _ in read),
        tuple(gradient for _, _, gradient in read),
        timesteps,
        tuple(whole for _, whole, _ in read),
        turned,
    )

"""Carry a loss back to states, from one of its timesteps at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from rnngrad_widgets.engine.backend import Tensor, tf
from rnngrad_widgets.engine.calls.groups import join_calls

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rnngrad_widgets.engine.differentiation.differentiator import Differentiator
    from rnngrad_widgets.engine.tracing.loss_entry import LossEntry
    from rnngrad_widgets.engine.tracing.source import Source

Measure: TypeAlias = "Callable[[Sequence[Source], Sequence[Tensor]], list[Tensor]]"
"""Called with sources and the gradients by their tensors; returns a tensor for each source."""

_FEW = 32
"""Up to so many timesteps are carried back one by one: to trace them together takes seconds."""


def carry_back(
    entry: LossEntry,
    sources: Sequence[Source],
    rows: Tensor,
    differentiator: Differentiator,
    measure: Measure,
) -> list[Tensor]:
    """Return what is measured of what each timestep of the loss contributes to a gradient.

    Parameters
    ----------
    entry
        Where the loss enters.
    sources
        What the gradient is by, each of one direction.
    rows
        Timesteps of the loss, integers (times, at once); in a graph of many timesteps all of one
        time are carried back together, which takes that much more memory.
    measure
        What to keep of the gradients.

    Returns
    -------
    list
        For each source what is measured, with a first axis of the timesteps of the loss.
    """
    probes = [tensor for source in sources for tensor in source.tensors[0]]

    def of_timestep(timestep: Tensor) -> list[Tensor]:
        seeds = entry.seeds(timestep)
        return measure(sources, differentiator.gradients(entry.tensors, probes, seeds))

    if tf.executing_eagerly():
        each = [of_timestep(timestep) for timestep in tf.reshape(rows, [-1])]
        return [tf.stack(parts) for parts in zip(*each, strict=True)]

    nothing = measure(sources, [None] * len(probes))
    specs = [tf.TensorSpec(norm.shape, norm.dtype) for norm in nothing]
    count = tf.get_static_value(entry.timesteps)
    if count is not None and count <= _FEW:
        each = tf.reshape(rows, [-1])
        found: list[Tensor] = tf.map_fn(of_timestep, each, fn_output_signature=specs)
        return found

    def of_several(timesteps: Tensor) -> list[Tensor]:
        found: list[Tensor] = tf.vectorized_map(of_timestep, timesteps)
        return found

    several = [tf.TensorSpec([None, *spec.shape], spec.dtype) for spec in specs]
    found = tf.map_fn(of_several, rows, fn_output_signature=several, parallel_iterations=1)
    return [tf.reshape(part, tf.concat([[-1], tf.shape(part)[2:]], 0)) for part in found]


def norms(sources: Sequence[Source], gradients: Sequence[Tensor]) -> list[Tensor]:
    """Return the L2 norm over the channels of each source's gradient, (samples, timesteps).

    Parameters
    ----------
    gradients
        One for each tensor of the sources, or None where there is none.
    """
    given = iter(gradients)
    found = []
    for source in sources:
        parts = [filled(next(given), tensor) for tensor in source.tensors[0]]
        joined = join_calls(parts, source.joined, rank=len(source.tensors[0][0].shape))
        axes = list(range(2, len(joined.shape)))
        # Squares of small numbers would be zero.
        largest = tf.reduce_max(abs(joined), axes, keepdims=True)
        relative = tf.norm(tf.math.divide_no_nan(joined, largest), axis=axes[-1])
        for _ in axes[1:]:
            relative = tf.norm(relative, axis=-1)
        found.append(relative * tf.reshape(largest, tf.shape(relative)))
    return found


def filled(gradient: Tensor | None, tensor: Tensor) -> Tensor:
    """Return a gradient by a tensor, zeros where there is none; half precision as single."""
    found = tf.zeros_like(tensor) if gradient is None else tf.convert_to_tensor(gradient)
    half = found.dtype in (tf.float16, tf.bfloat16)
    return tf.cast(found, tf.float32) if half else found

"""One batch, checked and converted as `fit` would convert it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .backend import Model, Nested, Tensor, keras, tf
from .library import library_of


@dataclass(frozen=True, eq=False)
class Batch:
    """The tensors of one batch, nested as the model takes them; None where there is none."""

    x: Nested
    y: Nested
    sample_weight: Nested

    @property
    def leaves(self) -> list[Tensor]:
        """The tensors in a fixed order, without the Nones."""
        return [leaf for leaf in self._flat() if leaf is not None]

    @property
    def signature(self) -> list[Tensor]:
        """What a traced function must accept to take any batch like this one, of any size."""
        return [tf.TensorSpec([None, *leaf.shape[1:]], leaf.dtype) for leaf in self.leaves]

    @property
    def samples(self) -> int:
        """Size of the batch."""
        return int(self.leaves[0].shape[0])

    def count_not_finite(self) -> int:
        """Count the NaN and Inf values of x."""
        floats = [
            leaf
            for leaf in keras.tree.flatten(self.x)
            if leaf is not None and leaf.dtype.is_floating
        ]
        return sum(int(tf.math.count_nonzero(~tf.math.is_finite(leaf))) for leaf in floats)

    def with_leaves(self, leaves: list[Tensor]) -> Batch:
        """Return the same batch with other tensors in the place of its own."""
        given = iter(leaves)
        flat = [None if leaf is None else next(given) for leaf in self._flat()]
        nested = keras.tree.pack_sequence_as((self.x, self.y, self.sample_weight), flat)
        return Batch(*nested)

    def structure(self) -> str:
        """Tell batches apart that hold equal tensors in another nesting."""
        nested = (self.x, self.y, self.sample_weight)
        return str(keras.tree.map_structure(lambda leaf: leaf is not None, nested))

    def describe(self) -> str:
        """Name the shapes, for an error message."""
        return f"x {_shapes(self.x)} and y {_shapes(self.y)}"

    def _flat(self) -> list[Tensor]:
        flat: list[Tensor] = keras.tree.flatten((self.x, self.y, self.sample_weight))
        return flat


def make_batch(model: Model, x: Nested, y: Nested, sample_weight: Nested = None) -> Batch:
    """Check and convert one batch of arrays.

    Floating-point arrays become Keras' `floatx`, as in ``fit``.

    Raises
    ------
    ValueError
        If an array is not numeric, the batch is empty, x and y differ in their number of samples,
        or x does not fit the shape that the model was built for.
    """
    if x is None:
        raise ValueError("x must be an array, or a list or dict of arrays; received None")
    floatx = library_of(model).floatx()
    batch = Batch(
        x=_convert("x", x, floatx),
        y=_convert("y", y, floatx),
        sample_weight=_convert("sample_weight", sample_weight, floatx),
    )
    _check_samples(batch)
    _check_inputs(model, batch.x)
    return batch


def _convert(name: str, value: Nested, floatx: str) -> Nested:
    if value is None:
        return None
    return keras.tree.map_structure(lambda leaf: _to_tensor(name, leaf, floatx), value)


def _to_tensor(name: str, value: Tensor, floatx: str) -> Tensor:
    if value is None:
        return None
    if isinstance(value, (tf.RaggedTensor, tf.SparseTensor)):
        raise ValueError(  # noqa: TRY004 - a wrong array, as the other refusals here
            f"{name} must be a dense array; received a {type(value).__name__}; "
            "pad it, and mask the padding with keras.layers.Masking"
        )
    array = value if tf.is_tensor(value) else np.asarray(value)
    if not _is_numeric(array):
        raise ValueError(
            f"{name} must be numeric or boolean; received dtype {array.dtype.name}; "
            "convert it first (ragged lists become dtype object: pad them)"
        )
    if len(array.shape) == 0:
        raise ValueError(f"{name} must have a samples axis first; received the scalar {value!r}")
    tensor = tf.convert_to_tensor(array)
    return tf.cast(tensor, floatx) if tensor.dtype.is_floating else tensor


def _is_numeric(array: Tensor) -> bool:
    dtype = array.dtype
    if tf.is_tensor(array):
        return bool(dtype.is_floating or dtype.is_integer or dtype.is_bool)
    return dtype.kind in "fiub" or dtype.name == "bfloat16"


def _check_samples(batch: Batch) -> None:
    sizes = {
        name: [int(leaf.shape[0]) for leaf in keras.tree.flatten(value) if leaf is not None]
        for name, value in (("x", batch.x), ("y", batch.y), ("sample_weight", batch.sample_weight))
    }
    if 0 in sizes["x"]:
        raise ValueError(f"a batch must hold at least one sample; received x {_shapes(batch.x)}")
    samples = sizes["x"][0]
    for name, counts in sizes.items():
        for count in counts:
            if count != samples:
                raise ValueError(
                    f"x, y and sample_weight must have the same number of samples; "
                    f"received {samples} in x and {count} in {name}"
                )


def _check_inputs(model: Model, x: Nested) -> None:
    # Subclassed and unbuilt models have no inputs of their own to compare with.
    try:
        inputs = model.inputs
    except (AttributeError, ValueError):
        return
    if not inputs:
        return
    for given, expected in _pairs(x, inputs):
        if not _fits(tuple(given.shape), tuple(expected.shape)):
            wanted = ", ".join("any" if size is None else str(size) for size in expected.shape[1:])
            first = "samples" if expected.shape[0] is None else str(expected.shape[0])
            raise ValueError(
                f"x must have the shape the model was built for, ({first}, {wanted}); "
                f"received {tuple(given.shape)}"
            )


def _pairs(x: Nested, inputs: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    if isinstance(x, dict):
        missing = [tensor.name for tensor in inputs if tensor.name not in x]
        if len(x) < len(inputs):
            raise ValueError(f"x lacks the inputs {missing}; received {sorted(x)}")
        return [(x[tensor.name], tensor) for tensor in inputs if tensor.name in x]
    flat = keras.tree.flatten(x)
    if len(flat) != len(inputs):
        raise ValueError(
            f"x must hold one array for each of the model's {len(inputs)} inputs; "
            f"received {len(flat)}"
        )
    return [pair for pair in zip(flat, inputs, strict=True) if pair[0] is not None]


def _fits(shape: tuple[int, ...], expected: tuple[int | None, ...]) -> bool:
    # Keras adds or drops a last axis of size 1 by itself.
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        shape = (*shape, 1)
    elif len(shape) == len(expected) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    return len(shape) == len(expected) and all(
        want is None or want == size for size, want in zip(shape, expected, strict=True)
    )


def _shapes(value: Nested) -> str:
    if value is None:
        return "None"
    shapes = [None if leaf is None else tuple(leaf.shape) for leaf in keras.tree.flatten(value)]
    return str(shapes[0] if len(shapes) == 1 else shapes)

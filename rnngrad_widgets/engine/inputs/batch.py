"""One batch, checked and converted as `fit` would convert it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnngrad_widgets.engine.backend import Model, Nested, Tensor, keras, tf
from rnngrad_widgets.engine.inputs.arrays import convert, is_text, kind_of, spec_of, values_of
from rnngrad_widgets.engine.inputs.class_weights import weighted
from rnngrad_widgets.engine.keras_api.select import adapter_of


@dataclass(frozen=True, eq=False)
class Batch:
    """The tensors of one batch, nested as the model takes them; None where there is none.

    Ragged and sparse tensors stay what they are.
    """

    x: Nested
    y: Nested
    sample_weight: Nested

    @property
    def leaves(self) -> list[Tensor]:
        """The tensors in a fixed order, without the Nones."""
        return [leaf for leaf in self._flat() if leaf is not None]

    @property
    def signature(self) -> list[Any]:
        """Specs of tensors of any batch like this one, with the number of samples left open."""
        return [spec_of(leaf) for leaf in self.leaves]

    @property
    def samples(self) -> int:
        """Size of the batch."""
        return int(self.leaves[0].shape[0])

    def count_not_finite(self) -> int:
        """Count the NaN and Inf values of x."""
        held = [values_of(leaf) for leaf in keras.tree.flatten(self.x) if leaf is not None]
        return sum(
            int(tf.math.count_nonzero(~tf.math.is_finite(values)))
            for values in held
            if values.dtype.is_floating
        )

    def with_leaves(self, leaves: list[Tensor]) -> Batch:
        """Return a batch of the same structure with other tensors."""
        given = iter(leaves)
        flat = [None if leaf is None else next(given) for leaf in self._flat()]
        nested = keras.tree.pack_sequence_as((self.x, self.y, self.sample_weight), flat)
        return Batch(*nested)

    def structure(self) -> str:
        """Return what batches can differ in whose tensors have equal shapes and dtypes."""
        nested = (self.x, self.y, self.sample_weight)
        return str(
            keras.tree.map_structure(lambda leaf: leaf is not None and kind_of(leaf), nested)
        )

    def describe(self) -> str:
        """Return the shapes in words, for an error message."""
        return f"x {_shapes(self.x)} and y {_shapes(self.y)}"

    def _flat(self) -> list[Tensor]:
        flat: list[Tensor] = keras.tree.flatten((self.x, self.y, self.sample_weight))
        return flat


def make_batch(
    model: Model,
    x: Nested,
    y: Nested,
    sample_weight: Nested = None,
    class_weight: Mapping[int, float] | None = None,
) -> Batch:
    """Check and convert one batch of arrays.

    Floating-point arrays become Keras' `floatx`, as in ``fit``, and a pandas Series a column.

    Raises
    ------
    ValueError
        If an array holds neither numbers nor text, the batch is empty, x and y differ in their
        number of samples, x does not fit the shape that the model was built for, or the weights
        do not fit y.
    """
    if x is None:
        raise ValueError("x must be an array, or a list or dict of arrays; received None")
    floatx = adapter_of(model).floatx()
    x, y = convert("x", x, floatx), convert("y", y, floatx)
    sample_weight = convert("sample_weight", sample_weight, floatx)
    _check_inputs(model, x)
    _check_samples(x, y, sample_weight)
    if class_weight is not None:
        sample_weight = weighted(model, y, sample_weight, class_weight)
    return Batch(x, y, _for_each_output(model, y, sample_weight))


def _check_samples(x: Nested, y: Nested, sample_weight: Nested) -> None:
    sizes = {
        name: [int(leaf.shape[0]) for leaf in keras.tree.flatten(value) if leaf is not None]
        for name, value in (("x", x), ("y", y), ("sample_weight", sample_weight))
    }
    if not sizes["x"]:
        raise ValueError("x must hold at least one array; received none")
    if 0 in sizes["x"]:
        raise ValueError(f"a batch must hold at least one sample; received x {_shapes(x)}")
    samples = sizes["x"][0]
    for name, counts in sizes.items():
        for count in counts:
            if count != samples:
                raise ValueError(
                    f"x, y and sample_weight must have the same number of samples; "
                    f"received {samples} in x and {count} in {name}"
                )


def _for_each_output(model: Model, y: Nested, sample_weight: Nested) -> Nested:
    """Repeat the weights of samples for every output, as ``fit`` does in Keras 3."""
    single = sample_weight is not None and not keras.tree.is_nested(sample_weight)
    if not single or not keras.tree.is_nested(y) or adapter_of(model).module is not keras:
        return sample_weight
    shape = tuple(sample_weight.shape)
    if len(shape) > 2 or shape[1:] not in ((), (1,)):
        raise ValueError(
            "sample_weight for several outputs must be one weight a sample, or nested as y; "
            f"received the shape {shape}"
        )
    return keras.tree.map_structure(lambda leaf: None if leaf is None else sample_weight, y)


def _inputs(model: Model) -> list[Any]:
    # Subclassed and unbuilt models have no inputs of their own to compare with.
    try:
        return list(model.inputs or [])
    except (AttributeError, ValueError):
        return []


def _check_inputs(model: Model, x: Nested) -> None:
    inputs = _inputs(model)
    if not inputs:
        return
    for given, expected in _with_expected(x, inputs):
        if not _fits(tuple(given.shape), _required_shape(model, tuple(expected.shape))):
            wanted = ", ".join("any" if size is None else str(size) for size in expected.shape[1:])
            raise ValueError(
                f"x must have the shape the model was built for, (samples, {wanted}); "
                f"received {tuple(given.shape)}{_advice(given.shape, expected.shape)}"
            )
        if is_text(given) and tf.as_dtype(expected.dtype) != tf.string:
            raise ValueError(
                f"x must hold numbers, the model's input is {tf.as_dtype(expected.dtype).name}; "
                "received text; turn it into numbers, or let the model begin with "
                "keras.Input((1,), dtype='string') and keras.layers.TextVectorization"
            )


def _required_shape(model: Model, expected: tuple[int | None, ...]) -> tuple[int | None, ...]:
    """Return an input's shape with only the sizes that must be as the model was built.

    A Sequential of Keras 3 takes sequences of any length, whatever it was built with.
    """
    if not isinstance(model, keras.Sequential):
        return expected
    if len(expected) == 2 and expected[1] != 1:  # of integers, or of channels
        return None, None
    return (*(None for _ in expected[1:]), *expected[-1:])


def _with_expected(x: Nested, inputs: list[Tensor]) -> list[tuple[Tensor, Tensor]]:
    if isinstance(x, dict):
        missing = [tensor.name for tensor in inputs if tensor.name not in x]
        if len(x) < len(inputs):
            raise ValueError(f"x lacks the inputs {missing}; received {sorted(x)}")
        return [(x[tensor.name], tensor) for tensor in inputs if tensor.name in x]
    flat = keras.tree.flatten(x)
    if len(flat) != len(inputs):
        advice = ""
        if len(inputs) == 1:
            advice = "; a batch of sequences is one array: np.stack(x), padded if they differ"
        raise ValueError(
            f"x must hold one array for each of the model's {len(inputs)} inputs; "
            f"received {len(flat)}{advice}"
        )
    return [pair for pair in zip(flat, inputs, strict=True) if pair[0] is not None]


def _fits(shape: tuple[int | None, ...], expected: tuple[int | None, ...]) -> bool:
    # Keras adds or drops a last axis of size 1 by itself.
    if len(shape) == len(expected) - 1 and expected[-1] == 1:
        shape = (*shape, 1)
    elif len(shape) == len(expected) + 1 and shape[-1] == 1:
        shape = shape[:-1]
    # The number of samples is left to Keras: only some layers need the one they were built for.
    # A ragged axis has no size.
    return len(shape) == len(expected) and all(
        want is None or size is None or want == size
        for size, want in zip(shape[1:], expected[1:], strict=True)
    )


def _advice(given: Tensor, expected: Tensor) -> str:
    """Return advice for a single sample in the place of a batch; empty for anything else."""
    if len(given) == len(expected) - 1 and _fits((1, *given), tuple(expected)):
        return "; one sample is the batch x[None], and a dataset of samples needs .batch(32)"
    return ""


def _shapes(value: Nested) -> str:
    if value is None:
        return "None"
    shapes = [_shape(leaf) for leaf in keras.tree.flatten(value)]
    return shapes[0] if len(shapes) == 1 else f"[{', '.join(shapes)}]"


def _shape(leaf: Tensor) -> str:
    if leaf is None:
        return "None"
    words = [str(tuple(leaf.shape))]
    words += ["of text"] if is_text(leaf) else []
    if isinstance(leaf, tf.RaggedTensor):
        words.append("ragged (a model that does not take it: pad it with .to_tensor())")
    elif isinstance(leaf, tf.SparseTensor):
        words.append("sparse (a model that does not take it: tf.sparse.to_dense)")
    return " ".join(words)

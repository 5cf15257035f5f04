"""Convert arrays to tensors as ``fit`` does."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import numpy as np

from rnngrad_widgets.engine.backend import Nested, Tensor, is_keras_variable, tf

Composite: Any = (tf.RaggedTensor, tf.SparseTensor)
"""Types of tensors that consist of several."""


def convert(name: str, value: Nested, floatx: str) -> Nested:
    """Convert the arrays of a nest to tensors.

    Floating-point arrays become `floatx`, text becomes strings, a pandas Series of n values gets
    the shape (n, 1). Lists of numbers or texts are arrays, as in Keras 2.

    Raises
    ------
    ValueError
        If something is no array, or one of neither numbers nor text.
    """
    if value is None:
        return None
    if isinstance(value, Mapping):
        return {key: convert(name, item, floatx) for key, item in value.items()}
    if isinstance(value, (list, tuple)) and not _is_array(value):
        items = [convert(name, item, floatx) for item in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return _to_tensor(name, value, floatx)


def is_text(tensor: Tensor) -> bool:
    """Return whether a tensor holds strings."""
    return bool(tensor.dtype == tf.string)


def values_of(tensor: Tensor) -> Tensor:
    """Return the values of a tensor as a dense one, whatever its shape."""
    if isinstance(tensor, tf.RaggedTensor):
        return tensor.flat_values
    return tensor.values if isinstance(tensor, tf.SparseTensor) else tensor


def kind_of(tensor: Tensor) -> str:
    """Return a word for what two tensors of equal shape and dtype can differ in."""
    if isinstance(tensor, tf.RaggedTensor):
        return f"ragged {tensor.ragged_rank} {tensor.row_splits.dtype.name}"
    return "sparse" if isinstance(tensor, tf.SparseTensor) else "dense"


def spec_of(tensor: Tensor) -> Any:
    """Return TensorFlow's spec of tensors like this one, with the batch size left open."""
    shape = [None, *tensor.shape[1:]]
    if isinstance(tensor, tf.RaggedTensor):
        return tf.RaggedTensorSpec(shape, tensor.dtype, tensor.ragged_rank, tensor.row_splits.dtype)
    if isinstance(tensor, tf.SparseTensor):
        return tf.SparseTensorSpec(shape, tensor.dtype)
    return tf.TensorSpec(shape, tensor.dtype)


def _is_array(value: Nested) -> bool:
    """Return whether a list is one array: its innermost items are numbers or text."""
    while isinstance(value, (list, tuple)) and value:
        value = value[0]
    return isinstance(value, (bool, int, float, complex, str, bytes, np.generic))


def _to_tensor(name: str, value: Any, floatx: str) -> Tensor:
    tensor = _tensor_of(name, value)
    if len(tensor.shape) == 0:
        way_out = "; a dataset of samples needs .batch(32)" if tf.is_tensor(value) else ""
        raise ValueError(
            f"{name} must have a samples axis first; received the scalar {value!r}{way_out}"
        )
    if not tensor.dtype.is_floating or tensor.dtype == floatx:
        return tensor
    if isinstance(tensor, tf.SparseTensor):
        return tf.SparseTensor(tensor.indices, tf.cast(tensor.values, floatx), tensor.dense_shape)
    return tf.cast(tensor, floatx)


def _tensor_of(name: str, value: Any) -> Tensor:
    if isinstance(value, Composite):
        return value
    if is_keras_variable(value):
        value = value.value
    if _is_scipy_sparse(value):
        coordinates = value.tocoo()
        indices = np.stack([coordinates.row, coordinates.col], axis=1).astype(np.int64)
        return tf.sparse.reorder(tf.SparseTensor(indices, coordinates.data, coordinates.shape))
    array = value if tf.is_tensor(value) else _as_numpy(name, value)
    if not _is_usable(array):
        raise ValueError(_refusal(name, value, array))
    # numpy's own strings of any length are none that TensorFlow knows
    text = not tf.is_tensor(array) and array.dtype.kind == "T"
    return tf.convert_to_tensor(array.astype(object) if text else array)


def _as_numpy(name: str, value: Any) -> np.ndarray[Any, Any]:
    pandas = sys.modules.get("pandas")  # imported already where the value is one of its objects
    if pandas is not None and isinstance(value, pandas.Series):
        return np.expand_dims(value.to_numpy(), axis=-1)
    try:
        array: np.ndarray[Any, Any] = np.asarray(value)
    except (ValueError, TypeError, RuntimeError) as error:
        if isinstance(value, (list, tuple)):
            message = f"{name} must be one array; received lists of different lengths; {_PAD}"
        else:
            message = f"{_no_array(name, value)} ({type(error).__name__}: {error}); {_BATCHES}"
        raise ValueError(message) from error
    return array


def _is_usable(array: Any) -> bool:
    dtype = array.dtype
    if tf.is_tensor(array):
        return bool(dtype.is_floating or dtype.is_integer or dtype.is_bool or dtype == tf.string)
    if dtype.kind in "OT":
        return array.size > 0 and all(isinstance(item, (str, bytes)) for item in array.flat)
    return dtype.kind in "fiubUS" or dtype.name == "bfloat16"


def _is_scipy_sparse(value: Any) -> bool:
    return type(value).__module__.startswith("scipy.sparse") and hasattr(value, "tocoo")


_PAD = (
    "make them equally long with keras.utils.pad_sequences(..., padding='post'), and mask the "
    "padding with keras.layers.Masking or Embedding(mask_zero=True)"
)

_BATCHES = "several batches are a tf.data.Dataset, a keras.utils.PyDataset or what iter() takes"


def _no_array(name: str, value: Any) -> str:
    kind = f"{type(value).__module__}.{type(value).__qualname__}"
    return f"{name} must be an array, or a list or dict of arrays; received a {kind}"


def _refusal(name: str, value: Any, array: Any) -> str:
    rule = f"{name} must hold numbers, booleans or text"
    if array.dtype.name != "object":
        return f"{rule}; received dtype {array.dtype.name}; convert it first"
    if array.ndim == 0:
        return f"{_no_array(name, value)}; {_BATCHES}"
    item = array.flat[0] if array.size else None
    if hasattr(item, "__len__") and not isinstance(item, (str, bytes)):
        return f"{rule}; received an array of sequences, dtype object; {_PAD}"
    strange = next((i for i in array.flat if not isinstance(i, (str, bytes))), None)
    return (
        f"{rule}; received dtype object, with a {type(strange).__name__} in it; convert it first: "
        f"np.asarray({name}, 'float32')"
    )

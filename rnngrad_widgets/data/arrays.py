"""Arrays of any framework as arrays of numpy: none of the frameworks is imported.

What most of them have, numpy takes by itself (`__array__`). Told apart by their methods, and never
by their classes, are those that refuse: tensors of PyTorch that require gradients, lie on a GPU or
have numbers that numpy has not, and arrays of CuPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

_RAGGED = (
    "the array must have rows of the same length; received a {} with rows of different lengths. "
    "Pad them, with nan where there is nothing, or take one sample: numpy.asarray(array[0])[None]"
)


def is_array(value: Any) -> bool:
    """Tell whether a value is an array of some framework; a list of numbers is none."""
    return hasattr(value, "__array__") or hasattr(value, "__dlpack__")


def to_numpy(array: Any) -> NDArray[Any]:
    """Return an array of any framework as one of numpy, in the memory of the CPU.

    Parameters
    ----------
    array
        An array, a tensor, or a list of these or of numbers.

    Returns
    -------
    ndarray
        Without a copy where that is possible: it may change with the array. bfloat16 and smaller
        floats of PyTorch, which numpy has not, are float32. A masked array stays one.

    Raises
    ------
    TypeError
        If it is sparse.
    ValueError
        If its rows have different lengths.
    """
    if isinstance(array, np.ndarray):
        return array
    if isinstance(array, (list, tuple)):
        return _of_rows([to_numpy(each) for each in array] if any(map(is_array, array)) else array)
    if hasattr(array, "ragged_rank"):
        raise ValueError(_RAGGED.format(type(array).__name__))
    if hasattr(array, "detach") and hasattr(array, "cpu"):
        return _of_torch(array)
    if hasattr(array, "__cuda_array_interface__") and hasattr(array, "get"):  # CuPy
        return np.asarray(array.get())
    if hasattr(array, "todense") or hasattr(array, "dense_shape"):  # scipy, JAX; TensorFlow
        raise TypeError(
            f"the array must be dense; received a sparse {type(array).__name__}. "
            "Make it dense first: array.todense(), or tf.sparse.to_dense(array)"
        )
    if hasattr(array, "__dlpack__") and not hasattr(array, "__array__"):
        return np.from_dlpack(array)
    return np.asarray(array)


def _of_rows(rows: Sequence[Any]) -> NDArray[Any]:
    try:
        return np.asarray(rows)
    except ValueError as error:
        if "inhomogeneous" not in str(error):
            raise
        raise ValueError(_RAGGED.format("list")) from None


def _of_torch(tensor: Any) -> NDArray[Any]:
    layout = str(tensor.layout)
    if layout != "torch.strided":
        way_out = "to_padded_tensor(0.0)" if layout == "torch.jagged" else "to_dense()"
        raise TypeError(
            f"the array must be dense; received a tensor of layout {layout}. "
            f"Make it dense first: tensor.{way_out}"
        )
    own = tensor.detach().cpu().resolve_conj().resolve_neg()
    try:
        return np.asarray(own.numpy())
    except TypeError:  # numpy has no bfloat16
        return np.asarray(own.float().numpy())

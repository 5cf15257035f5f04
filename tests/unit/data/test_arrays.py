"""Arrays of other frameworks, by what they can: real ones, and stand-ins for those on a GPU."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from rnngrad_widgets import (
    GradientExplorer,
    GradientTensor,
    compare,
    diagnose,
    show_features_0D,
    show_features_1D,
    show_features_2D,
    show_features_hist,
)
from rnngrad_widgets.data.arrays import to_numpy
from rnngrad_widgets.data.batch_digest import batch_digest
from rnngrad_widgets.data.slices import sequence_of

VALUES = np.random.default_rng(0).normal(size=(3, 8, 4)).astype(np.float32)


class OfCuPy:
    """A stand-in for ``cupy.ndarray``, which refuses to be copied to the CPU unasked."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        self.__cuda_array_interface__ = {"shape": values.shape}

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`")

    def get(self) -> np.ndarray:
        return self.values.copy()


class OnCuda:
    """A stand-in for a ``torch.Tensor`` on a GPU that requires its gradient."""

    layout = "torch.strided"

    def __init__(self, values: np.ndarray, *, attached: bool = True, device: str = "cuda") -> None:
        self.values, self.attached, self.device = values, attached, device
        if device == "cuda":
            self.__cuda_array_interface__ = {"shape": values.shape}

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        return self.numpy()

    def detach(self) -> OnCuda:
        return OnCuda(self.values, attached=False, device=self.device)

    def cpu(self) -> OnCuda:
        return OnCuda(self.values, attached=self.attached, device="cpu")

    def resolve_conj(self) -> OnCuda:
        return self

    resolve_neg = resolve_conj

    def numpy(self) -> np.ndarray:
        if self.attached:
            raise RuntimeError("Can't call numpy() on Tensor that requires grad.")
        if self.device != "cpu":
            raise TypeError("can't convert cuda:0 device type tensor to numpy.")
        return self.values


class OfDLPack:
    """What can be exchanged by DLPack, and nothing else."""

    def __init__(self, values: np.ndarray) -> None:
        self.values = values

    def __dlpack__(self, **options: Any) -> Any:
        return self.values.__dlpack__(**options)

    def __dlpack_device__(self) -> Any:
        return self.values.__dlpack_device__()


def of_torch(values: np.ndarray) -> Any:
    torch = pytest.importorskip("torch", reason="of 1 GB, and of 5 where pip finds one for CUDA")
    return torch.tensor(values, requires_grad=True)


def of_jax(values: np.ndarray) -> Any:
    jax = pytest.importorskip("jax", reason="of 0.3 GB")
    return jax.numpy.asarray(values)


FRAMEWORKS = [OfCuPy, OnCuda, OfDLPack, of_torch, of_jax]
each_framework = pytest.mark.parametrize("made", FRAMEWORKS, ids=lambda made: made.__name__)


@each_framework
def test_values_are_those_of_the_array(made):
    np.testing.assert_array_equal(to_numpy(made(VALUES)), VALUES)
    np.testing.assert_array_equal(to_numpy([made(sample) for sample in VALUES]), VALUES)


@each_framework
def test_every_call_takes_it(made):
    array = made(VALUES)
    np.testing.assert_array_equal(GradientExplorer.from_array(array).tensor.values, VALUES)
    tensor = GradientTensor(made(VALUES), ("sample", "timestep", "channel"))
    np.testing.assert_array_equal(tensor.values, VALUES)
    assert diagnose(array).to_dict() == diagnose(VALUES).to_dict()
    pair = compare({"one": array, "two": made(VALUES)}), compare({"one": VALUES, "two": VALUES})
    assert pair[0].table == pair[1].table
    for show in (show_features_1D, show_features_2D, show_features_hist):
        np.testing.assert_array_equal(show(array).selection.tensor.array, VALUES)
    flat = show_features_0D(made(VALUES[:, -1]))
    np.testing.assert_array_equal(flat.selection.tensor.array, VALUES[:, -1])


@each_framework
def test_what_is_shown_stays_what_it_was(made):
    values = VALUES.copy()
    array = made(values)
    explorer = GradientExplorer.from_array(array)
    values[:] = 0
    if hasattr(array, "detach"):
        to_numpy(array)[:] = 0
    np.testing.assert_array_equal(explorer.tensor.values, VALUES)


@each_framework
def test_a_mask_may_be_of_the_framework(made):
    mask = np.arange(24).reshape(3, 8) % 3 > 0
    own = made(mask.astype(np.float32)) > 0 if made is of_torch else made(mask)
    tensor = GradientTensor(VALUES, ("sample", "timestep", "channel"), mask=own)
    np.testing.assert_array_equal(tensor.mask, mask)


@pytest.mark.parametrize("made", [OnCuda, of_torch, of_jax], ids=lambda made: made.__name__)
def test_a_batch_is_known_again(made):
    assert batch_digest(made(VALUES), [made(VALUES[0])]) == batch_digest(VALUES, [VALUES[0]])


def test_axes_of_a_slice_are_those_that_were_named():
    tensor = of_torch(VALUES)
    assert sequence_of(tensor[:, :, 0], None).dims == ("timestep", "channel")
    named = sequence_of(tensor[:, :, 0], ("sample", "timestep"))
    np.testing.assert_array_equal(named.values, VALUES[:, :, 0])


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float8_e4m3fn", "int8", "bool"])
def test_numbers_of_torch_that_numpy_has_not(dtype):
    tensor = of_torch(VALUES).detach()
    torch = pytest.importorskip("torch")
    there = tensor.to(getattr(torch, dtype))
    values = GradientExplorer.from_array(there).tensor.values
    np.testing.assert_array_equal(values, there.float().numpy())


def test_bfloat16_of_jax():
    values = of_jax(VALUES).astype("bfloat16")
    shown = GradientExplorer.from_array(values).tensor.values
    np.testing.assert_array_equal(shown, np.asarray(values, np.float32))


def test_views_of_torch_that_are_computed_late():
    tensor = of_torch(VALUES)
    negative = (tensor.detach() * 1j).conj().imag  # only marked as negated
    assert negative.is_neg()
    np.testing.assert_array_equal(to_numpy(negative), -VALUES)


def test_sparse_tensors_of_torch_are_refused():
    with pytest.raises(TypeError, match=r"must be dense; .* torch.sparse_coo. .*tensor.to_dense"):
        GradientExplorer.from_array(of_torch(VALUES).to_sparse())


RAGGED = """
import torch
from rnngrad_widgets import diagnose

ragged = torch.nested.nested_tensor([torch.zeros(2, 3), torch.zeros(4, 3)], layout=torch.jagged)
try:
    diagnose(ragged)
except TypeError as error:
    print(error, tuple(ragged.to_padded_tensor(0.0).shape))
"""


def test_ragged_tensors_of_torch_are_refused():
    of_torch(VALUES)
    # in a Python of its own: torch loads triton here, which crashes where TensorFlow 2.20 or 2.21
    # was loaded before (https://github.com/tensorflow/tensorflow/issues/124205)
    command = [sys.executable, "-c", RAGGED]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert re.search(r"layout torch.jagged. .*to_padded_tensor\(0.0\) \(2, 4, 3\)$", said), said


def test_other_sparse_arrays_are_refused():
    scipy_sparse = pytest.importorskip("scipy.sparse")
    with pytest.raises(TypeError, match=r"must be dense; received a sparse \w+. .*todense\(\)"):
        GradientExplorer.from_array(scipy_sparse.eye(3))


@pytest.mark.parametrize(
    "rows",
    [[[1.0, 2.0], [3.0]], [np.ones((3, 2)), np.ones((2, 2))]],
    ids=["of numbers", "of arrays"],
)
@pytest.mark.parametrize("called", [GradientExplorer.from_array, diagnose])
def test_rows_of_different_lengths_are_refused(called, rows):
    with pytest.raises(ValueError, match=r"same length; received a list .*: numpy\.asarray\(array"):
        called(rows)


def test_ragged_tensors_of_tensorflow_are_refused():
    class Ragged:
        ragged_rank = 1

    with pytest.raises(ValueError, match=r"same length; received a Ragged with rows of different"):
        GradientExplorer.from_array(Ragged())


@pytest.mark.parametrize("made", [OfCuPy, OnCuda], ids=lambda made: made.__name__)
def test_complex_numbers_are_refused(made):
    with pytest.raises(TypeError, match=r"real numbers; received dtype complex64. .*array.real"):
        diagnose(made(VALUES * np.complex64(1j)))

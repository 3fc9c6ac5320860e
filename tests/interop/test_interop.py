"""NumPy's functions on tensors, and export."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import autograd as ag
from autograd import Tensor

CALLS: dict[str, Callable[[Any], Any]] = {
    "exp": np.exp,
    "add": lambda x: np.add(x, 1.0),
    "multiply from the left": lambda x: np.full((3, 3), 2.0) * x,
    "matmul from the left": lambda x: np.ones((2, 3)) @ x,
    "sum": lambda x: np.sum(x, axis=0),
    "mean": lambda x: np.mean(x, axis=(0, 1), keepdims=True),
    "maximum": lambda x: np.maximum(0, x),
    "where": lambda x: np.where(np.eye(3) > 0, x, 0),
    "concatenate": lambda x: np.concatenate([x, x], axis=1),
    "stack": lambda x: np.stack([x, 2 * x]),
    "einsum": lambda x: np.einsum("ij,kj->ik", x, x),
    "reshape": lambda x: np.reshape(x, (1, 9)),
    "transpose": np.transpose,
    "moveaxis": lambda x: np.moveaxis(x, 0, 1),
    "inv": lambda x: np.linalg.inv(x),
    "det": lambda x: np.linalg.det(x),
    "solve": lambda x: np.linalg.solve(x, np.ones(3)),
    "linalg.trace": lambda x: np.linalg.trace(np.stack([x, x * x])),
    "linalg.diagonal": lambda x: np.linalg.diagonal(np.stack([x, x * x]), offset=1),
    "linalg.norm": np.linalg.norm,
    "linalg.norm of rows": lambda x: np.linalg.norm(x, 1, axis=1),
    "linalg.vector_norm": lambda x: np.linalg.vector_norm(x, ord=3),
    "amax": lambda x: np.amax(x, 1),
    "around": lambda x: x + np.around(x, 1),
    "atleast_2d": lambda x: np.atleast_2d(x[0]),
    "radians": np.radians,
    "degrees": np.degrees,
    "einsum with lists of axes": lambda x: np.einsum(x, [0, 1], x, [2, 1], [2, 0]),
    "einsum with lists alone": lambda x: np.einsum(x, [27, 0]),
    "einsum with an ellipsis": lambda x: np.einsum(x, [..., 0], x[0], [0], [...]),
    # What NumPy's functions take and the ops do not, as NumPy's defaults.
    "sum by places": lambda x: np.sum(x, 0, None, None, True),
    "sum into nothing": lambda x: np.sum(x, out=None, axis=1),
    "mean of a dtype": lambda x: np.mean(x, dtype=None, keepdims=True),
    "max by places": lambda x: np.max(x, 1, None, True),
    "std by places": lambda x: np.std(x, 1, None, None, 1, True),
    "var with a correction": lambda x: np.var(x, axis=0, correction=1),
    "median by places": lambda x: np.median(x, 0, None, False, True),
    "cumsum by places": lambda x: np.cumsum(x, 0, None, None),
    "trace by places": lambda x: np.trace(x, 1, 0, 1, None),
    "sort of a kind": lambda x: np.sort(x, axis=0, kind=None),
    "take in a mode": lambda x: np.take(x, [0, 2], 1, None, "raise"),
    "reshape in an order": lambda x: np.reshape(x, (1, 9), order="C"),
    "ravel by places": lambda x: np.ravel(x, "C"),
    "copy in an order": lambda x: np.copy(x, order="K"),
    "concatenate by places": lambda x: np.concatenate([x, x], 0, None, dtype=None),
    "vstack of a dtype": lambda x: np.vstack([x, x], dtype=None, casting="same_kind"),
    "clip by places": lambda x: np.clip(x, None, 2.5, None),
    "svd of what is not Hermitian": lambda x: np.linalg.svd(x, False, False, False),
    "exp everywhere": lambda x: np.exp(x, where=True, dtype=None),
    "the first by name": lambda x: np.sum(axis=0, a=x),
    "dot into nothing": lambda x: np.dot(x, x[0], None),
}
if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
    CALLS["clip between"] = lambda x: np.clip(x, min=0.5, max=2.5)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_numpys_functions_are_the_ops(call: Callable[[Any], Any], rng: np.random.Generator) -> None:
    array = rng.standard_normal((3, 3)) + 3 * np.eye(3)
    x = Tensor(array, requires_grad=True)
    y = call(x)
    assert isinstance(y, Tensor)
    assert y.requires_grad
    assert_allclose(y.data, call(array), rtol=1e-12)


def test_what_tells_about_numbers_is_no_tensor() -> None:
    x = Tensor(np.ones((2, 3)), requires_grad=True)
    assert (np.shape(x), np.ndim(x), np.size(x)) == ((2, 3), 2, 6)
    assert np.allclose(x, 1)
    assert np.array_equal(x, np.ones((2, 3)))
    for alike in np.zeros_like, np.ones_like, np.isreal:
        assert type(alike(x)) is np.ndarray
        assert_allclose(alike(x), alike(x.data))


def test_several_arrays_to_atleast_1d_are_a_tuple() -> None:
    x = Tensor(1.0, requires_grad=True)
    one, other = np.atleast_1d(x, x * 2)
    assert (one.shape, other.shape) == ((1,), (1,))
    assert (one + other).requires_grad


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: np.fft.fft(x), ["np.fft.fft", "tensor.data", "@primitive"]),
        (lambda x: np.add.reduce(x), ["np.add.reduce"]),
        (lambda x: np.add(x, 1, out=np.ones(3)), ["np.add", "out"]),
        (lambda x: np.linalg.norm(np.stack([x, x]), 2), ["ord=2", "matrices"]),
        (lambda x: np.sum(x, 0, np.float32), ["np.sum", "dtype=", "float32", "astype()"]),
        (lambda x: np.sum(x, where=np.ones(3, bool)), ["np.sum", "where=", "axis, keepdims"]),
        (lambda x: np.argmax(x, 0, np.zeros((), int)), ["np.argmax", "out="]),
        (lambda x: np.reshape(x, (3, 1), "F"), ["np.reshape", "order='F'", "transpose()"]),
        (lambda x: np.exp(x, where=np.ones(3, bool)), ["np.exp", "where"]),
    ],
)
def test_what_has_no_counterpart_says_so(call: Callable[[Any], Any], words: list[str]) -> None:
    with pytest.raises(TypeError) as caught:
        call(Tensor(np.ones(3), requires_grad=True))
    assert [word for word in words if word not in str(caught.value)] == []


def test_lists_of_axes_are_numbers_of_letters() -> None:
    with pytest.raises(ValueError, match="axis -1 given, a number from 0 to 51"):
        np.einsum(Tensor(np.ones(3)), [-1])


def test_export_shares_memory() -> None:
    x = Tensor(np.arange(3.0))
    assert np.shares_memory(np.from_dlpack(x), x.data)
    assert np.shares_memory(np.asarray(x), x.data)
    with pytest.raises(BufferError, match=r"detach\(\)"):
        np.from_dlpack(ag.exp(Tensor(1.0, requires_grad=True)))

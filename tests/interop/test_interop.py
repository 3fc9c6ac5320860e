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
}


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


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x: np.fft.fft(x), ["np.fft.fft", "tensor.data", "@primitive"]),
        (lambda x: np.add.reduce(x), ["np.add.reduce"]),
        (lambda x: np.add(x, 1, out=np.ones(3)), ["np.add", "out"]),
        (lambda x: np.linalg.norm(np.stack([x, x]), 2), ["ord=2", "matrices"]),
    ],
)
def test_what_has_no_counterpart_says_so(call: Callable[[Any], Any], words: list[str]) -> None:
    with pytest.raises(TypeError) as caught:
        call(Tensor(np.ones(3), requires_grad=True))
    assert [word for word in words if word not in str(caught.value)] == []


def test_export_shares_memory() -> None:
    x = Tensor(np.arange(3.0))
    assert np.shares_memory(np.from_dlpack(x), x.data)
    assert np.shares_memory(np.asarray(x), x.data)
    with pytest.raises(BufferError, match=r"detach\(\)"):
        np.from_dlpack(ag.exp(Tensor(1.0, requires_grad=True)))

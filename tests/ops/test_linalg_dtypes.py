"""Linear algebra of float32, beside numbers and lists, stays float32 to the second order."""

from __future__ import annotations

import numpy as np
import pytest
from support.matrices import Function, with_values

import autograd as ag
from autograd import Tensor


@pytest.mark.parametrize("n", [-2, 0, 1, 3])
def test_matrix_power_stays_narrow(n: int, rng: np.random.Generator) -> None:
    x = Tensor(with_values(rng, (3, 3)), requires_grad=True, dtype=np.float32)
    out = ag.matrix_power(x, n)
    assert out.dtype == np.float32
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    "f",
    [
        lambda x: ag.dot(x, 2.5),
        lambda x: ag.inner(3, x),
        lambda x: ag.outer(x, 2.5),
        lambda x: ag.kron(2.5, x),
        lambda x: ag.tensordot(x, 2.5, 0),
        lambda x: ag.einsum("ij,->i", x, 2.5),
        lambda x: ag.dot(x, [1.0, 2.0, 3.0]),
        lambda x: ag.solve([[2.0, 1.0], [0.0, 1.0]], x),
        lambda x: ag.pinv(x),
        lambda x: ag.det(x @ x.mT),
        lambda x: ag.qr(x).R,
        lambda x: ag.svd(x, full_matrices=False).U,
        lambda x: ag.eigh(x @ x.mT).eigenvectors,
        lambda x: ag.cholesky(x @ x.mT),
    ],
)
def test_float32_stays_float32(f: Function, rng: np.random.Generator) -> None:
    x = Tensor(with_values(rng, (2, 3)), requires_grad=True, dtype=np.float32)
    out = f(x)
    assert out.dtype == np.float32
    out.backward(rng.uniform(-1, 1, out.shape), create_graph=True)
    assert x.grad is not None
    assert x.grad.dtype == np.float32
    first, x.grad = x.grad, None
    if first.requires_grad:
        first.sum().backward()
        assert x.grad is not None
        assert x.grad.dtype == np.float32

"""Decompositions put together again, and inverses of inverses, whose gradients are known."""

from __future__ import annotations

import numpy as np
import pytest
from support.matrices import Array, Function, gradient, slopes, symmetric, with_values

import autograd as ag
from autograd import Tensor


def _symmetrized(v: Array) -> Array:
    return np.asarray((v + v.swapaxes(-1, -2)) / 2)


def _svd_product(x: Tensor) -> Tensor:
    u, s, vh = ag.svd(x, full_matrices=False)
    return (u * s[..., None, :]) @ vh


def _eigh_product(x: Tensor) -> Tensor:
    w, v = ag.eigh(x)
    return (v * w[..., None, :]) @ v.mT


def _cholesky_product(x: Tensor) -> Tensor:
    lower = ag.cholesky(x)
    return lower @ lower.mT


def _qr_product(x: Tensor) -> Tensor:
    q, r = ag.qr(x)
    return q @ r


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (1, 1)])
@pytest.mark.parametrize("product", [_svd_product, _qr_product])
def test_factors_put_together(
    product: Function, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    x, v = with_values(rng, shape), rng.uniform(-1, 1, shape)
    np.testing.assert_allclose(product(Tensor(x)).data, x, 1e-12, 1e-12)
    found = gradient(lambda x: (v * product(x)).sum(), x)
    np.testing.assert_allclose(found, v, 1e-12, 1e-12)


@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (1, 1)])
@pytest.mark.parametrize("product", [_eigh_product, _cholesky_product])
def test_factors_of_symmetric_matrices_put_together(
    product: Function, shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    x, v = symmetric(rng, shape), rng.uniform(-1, 1, shape)
    np.testing.assert_allclose(product(Tensor(x)).data, x, 1e-12, 1e-12)
    found = gradient(lambda x: (v * product(x)).sum(), x)
    np.testing.assert_allclose(found, _symmetrized(v), 1e-12, 1e-12)


@pytest.mark.parametrize(
    "orthonormal",
    [
        lambda x: ag.qr(x).Q,
        lambda x: ag.svd(x, full_matrices=False).U,
        lambda x: ag.svd(x, full_matrices=False).Vh.mT,
        lambda x: ag.eigh(x @ x.mT).eigenvectors,
    ],
)
def test_orthonormal_columns_stay_so(orthonormal: Function, rng: np.random.Generator) -> None:
    x = with_values(rng, (4, 3))
    q = orthonormal(Tensor(x))
    v = rng.uniform(-1, 1, (q.shape[1], q.shape[1]))
    assert np.abs(gradient(lambda x: (v * orthonormal(x)[:2].sum()).sum(), x)).max() > 0.01
    found = gradient(lambda x: (v * (orthonormal(x).mT @ orthonormal(x))).sum(), x)
    np.testing.assert_allclose(found, 0, 0, 1e-12)


def test_inverse_identities(rng: np.random.Generator) -> None:
    x, v = with_values(rng, (3, 3)), rng.uniform(-1, 1, (3, 3))
    twice = gradient(lambda x: (v * ag.inv(ag.inv(x))).sum(), x)
    np.testing.assert_allclose(twice, v, 1e-12, 1e-12)
    one = gradient(lambda x: (v * ag.solve(x, x @ x)).sum(), x)
    np.testing.assert_allclose(one, v, 1e-12, 1e-12)
    moore_penrose = gradient(lambda x: (v[:, :2] * (x @ ag.pinv(x) @ x)).sum(), x[:, :2])
    np.testing.assert_allclose(moore_penrose, v[:, :2], 1e-12, 1e-12)


def test_the_gradient_of_pinv_at_constant_rank(rng: np.random.Generator) -> None:
    """Of rank 2 in both directions: x = a b, whatever a and b."""
    a, b, v = rng.normal(size=(4, 2)), rng.normal(size=(2, 3)), rng.normal(size=(3, 4))
    found = gradient(lambda a: (v * ag.pinv(a @ b)).sum(), a)
    expected = slopes(lambda a: np.sum(v * np.linalg.pinv(a @ b)), a)
    np.testing.assert_allclose(found, expected, 1e-7, 1e-7)

"""The functions of matrices that are compositions, the methods of tensors, and NumPy's names."""

from __future__ import annotations

import numpy as np
import pytest
from support.matrices import gradient, slopes, symmetric, with_values
from support.specs.sampling import reals

import autograd as ag
from autograd import Tensor


@pytest.mark.parametrize("n", [-3, -1, 0, 1, 2, 3, 5, 8])
@pytest.mark.parametrize("shape", [(3, 3), (2, 2, 2), (1, 1), (0, 2, 2)])
def test_matrix_power(n: int, shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x, v = with_values(rng, shape) / 2, rng.uniform(-1, 1, shape)
    out = ag.matrix_power(Tensor(x, requires_grad=True), n)
    assert out.requires_grad
    np.testing.assert_allclose(out.data, np.linalg.matrix_power(x, n), 1e-12, 1e-13)
    expected = slopes(lambda x: np.sum(v * np.linalg.matrix_power(x, n)), x)
    found = gradient(lambda x: (v * ag.matrix_power(x, n)).sum(), x)
    np.testing.assert_allclose(found, expected, 1e-6, 1e-6)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (2, 3, 3), (0, 2, 3)])
def test_svdvals(shape: tuple[int, ...], rng: np.random.Generator) -> None:
    x = with_values(rng, shape)
    v = rng.uniform(-1, 1, np.linalg.svdvals(x).shape)
    np.testing.assert_allclose(ag.svdvals(x).data, np.linalg.svdvals(x), 1e-14)
    expected = slopes(lambda x: np.sum(v * np.linalg.svdvals(x)), x)
    for values in (ag.svdvals, lambda x: ag.svd(x, full_matrices=False).S):
        found = gradient(lambda x, f=values: (v * f(x)).sum(), x)  # type: ignore[misc]
        np.testing.assert_allclose(found, expected, 1e-8, 1e-8)


def test_methods(rng: np.random.Generator) -> None:
    x, y = reals(rng, (2, 3), (3, 2))
    batch = rng.normal(size=(4, 2, 3))
    np.testing.assert_array_equal(Tensor(x).dot(y).data, x.dot(y))
    np.testing.assert_array_equal(Tensor(batch).mT.data, batch.mT)
    np.testing.assert_array_equal(ag.matrix_transpose(batch).data, batch.mT)
    found = gradient(lambda a: (a.mT * batch.mT).sum(), batch)
    np.testing.assert_array_equal(found, batch)


def test_results_have_numpys_names(rng: np.random.Generator) -> None:
    x = symmetric(rng, (3, 3))
    for f in ("slogdet", "qr", "eigh", "svd"):
        ours, theirs = getattr(ag, f)(x), getattr(np.linalg, f)(x)
        assert type(ours) is type(theirs)
        for name in theirs._fields:
            np.testing.assert_array_equal(getattr(ours, name).data, getattr(theirs, name))

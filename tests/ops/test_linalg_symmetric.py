"""Which part of a matrix the functions of symmetric matrices read."""

from __future__ import annotations

import numpy as np
import pytest
from support.matrices import gradient, symmetric

import autograd as ag


@pytest.mark.parametrize("f", ["cholesky", "eigvalsh"])
def test_the_symmetric_part_is_taken(f: str, rng: np.random.Generator) -> None:
    x = symmetric(rng, (3, 3))
    skew = np.triu(rng.uniform(-0.3, 0.3, (3, 3)), 1)
    found = getattr(ag, f)(x + skew - skew.T).data
    np.testing.assert_allclose(found, getattr(np.linalg, f)(x), 1e-13, 1e-13)
    v = rng.uniform(-1, 1, found.shape)
    pulled = gradient(lambda x: (v * getattr(ag, f)(x)).sum(), x)
    np.testing.assert_array_equal(pulled, pulled.T)


@pytest.mark.parametrize("uplo", ["L", "U", "l", "u"])
def test_one_triangle_is_read_where_asked_for(uplo: str, rng: np.random.Generator) -> None:
    x = symmetric(rng, (3, 3))
    read = np.tril(x) if uplo.upper() == "L" else np.triu(x)
    for f in (lambda a: ag.eigh(a, uplo).eigenvalues, lambda a: ag.eigvalsh(a, UPLO=uplo)):
        np.testing.assert_allclose(f(read).data, np.linalg.eigvalsh(x), 1e-13, 1e-13)
        pulled = gradient(lambda a, f=f: (f(a) ** 2).sum(), read)  # type: ignore[misc]
        # The sum of squares of the eigenvalues is that of all elements.
        off = 4 * np.tril(x, -1) if uplo.upper() == "L" else 4 * np.triu(x, 1)
        np.testing.assert_allclose(pulled, off + 2 * np.diag(np.diag(x)), 1e-12, 1e-12)

"""Third derivatives of the matrix products, functions and decompositions."""

from __future__ import annotations

import numpy as np
import pytest
from support.matrices import Function, gradient, slopes, with_values

import autograd as ag
from autograd import Tensor, grad

THIRD: dict[str, Function] = {
    "det": ag.det,
    "inv": ag.inv,
    "slogdet": lambda x: ag.slogdet(x)[1],
    "solve": lambda x: ag.solve(x, x[0]),
    "pinv": lambda x: ag.pinv(x[:, :2]),
    "matrix_power": lambda x: ag.matrix_power(x, 3),
    "einsum": lambda x: ag.einsum("ij,jj,ki->k", x, x, x),
    "kron": lambda x: ag.kron(x, ag.cross(x, x[0])) * x[0, 0],
    "cholesky": lambda x: ag.cholesky(x @ x.mT),
    "qr": lambda x: ag.qr(x[:, :2]).Q,
    "eigh": lambda x: ag.eigh(x @ x.mT).eigenvectors ** 2,
    "eigvalsh": lambda x: ag.eigvalsh(x @ x.mT),
    "svd": lambda x: ag.svd(x[:, :2], full_matrices=False).U ** 2,
}


@pytest.mark.parametrize("name", THIRD)
def test_third_derivative(name: str, rng: np.random.Generator) -> None:
    """By the finite differences of the second, which the rows of specs_linalg.py check."""
    x = with_values(rng, (3, 3))
    v = rng.uniform(-1, 1, THIRD[name](Tensor(x)).shape)
    a, b = rng.uniform(-1, 1, (2, 3, 3))
    first = grad(lambda x: (v * THIRD[name](x)).sum())
    second = grad(lambda x: (a * first(x)).sum())
    expected = slopes(lambda x: np.sum(b * second(Tensor(x)).data), x)
    found = gradient(lambda x: (b * second(x)).sum(), x)
    scale = np.abs(expected).max()
    assert scale > 1e-3
    np.testing.assert_allclose(found, expected, 0, 1e-6 * scale)


@pytest.mark.parametrize("name", ["eigh", "eigvalsh", "svd", "values of eigh", "values of svd"])
@pytest.mark.parametrize("at", ["any", "diagonal"])
def test_forward_over_forward_is_reverse_over_reverse(
    name: str, at: str, rng: np.random.Generator
) -> None:
    f = {
        "values of eigh": lambda x: ag.eigh(x @ x.mT)[0],
        "values of svd": lambda x: ag.svdvals(x)[1:],
    }.get(name) or THIRD[name]
    x = rng.normal(size=(3, 3)) if at == "any" else np.diag([1.0, -2.0, 3.0])
    t, u, weights = rng.normal(size=(3, 3, 3))

    def total(x: Tensor) -> Tensor:
        out = f(x)
        return (out * weights.ravel()[: out.size].reshape(out.shape)).sum()

    for along in (t, np.eye(3), x):
        second = ag.jvp(lambda x: ag.jvp(total, [x], [along])[1], [x], [u])[1]  # noqa: B023
        expected = (ag.hvp(total, [x], [u]) * along).sum()
        np.testing.assert_allclose(second, expected, rtol=1e-9, atol=1e-9)

"""Matrices that are singular, or whose singular values or eigenvalues repeat: which derivatives
there are, and which are refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.matrices import Function, gradient, hessian, slopes, symmetric, with_values

import autograd as ag
from autograd import Tensor, grad

# --- singular matrices ---------------------------------------------------------------------------


def test_second_derivative_of_the_determinant_of_zeros() -> None:
    """det = ad - bc: two pairs of ones, and two of minus one."""
    found = hessian(ag.det, np.zeros((2, 2)))
    np.testing.assert_allclose(
        found, [[0, 0, 0, 1], [0, 0, -1, 0], [0, -1, 0, 0], [1, 0, 0, 0]], 0, 1e-15
    )


def test_third_derivative_of_a_singular_determinant_is_refused(rng: np.random.Generator) -> None:
    x, v = with_values(rng, (3, 3), (2, 1, 0)), rng.uniform(-1, 1, (3, 3))
    second = grad(lambda x: (v * grad(ag.det)(x)).sum())
    assert np.all(np.isfinite(second(Tensor(x)).data))
    with pytest.raises(RuntimeError, match=r"third derivative of 'det'.*singular"):
        grad(lambda x: second(x).sum())(Tensor(x))


def test_slogdet_of_a_singular_matrix() -> None:
    x = Tensor(np.ones((2, 2)), requires_grad=True)
    sign, logabsdet = ag.slogdet(x)
    assert (sign.item(), logabsdet.item()) == (0, -np.inf)
    with pytest.raises(ValueError, match=r"Singular matrix"):
        logabsdet.backward()


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (2, 2)])
def test_qr_of_dependent_columns_has_no_gradient(shape: tuple[int, ...]) -> None:
    x = Tensor(np.ones(shape), requires_grad=True)
    with pytest.raises(ValueError, match=r"'qr' at float64.*linearly dependent"):
        ag.qr(x).R.sum().backward()


# --- values that repeat --------------------------------------------------------------------------


REPEATED: dict[str, tuple[tuple[int, ...], tuple[float, ...]]] = {
    "identity": ((3, 3), (1, 1, 1)),
    "two of three": ((3, 3), (2, 2, 1)),
    "tall": ((4, 3), (2, 2, 1)),
    "wide": ((3, 4), (1, 2, 2)),
    "zeros": ((3, 3), (2, 0, 0)),
    "tall with a zero": ((3, 2), (2, 0)),
}
repeated = pytest.mark.parametrize(("shape", "values"), REPEATED.values(), ids=list(REPEATED))


@repeated
def test_functions_of_repeated_singular_values(
    shape: tuple[int, ...], values: tuple[float, ...], rng: np.random.Generator
) -> None:
    x = with_values(rng, shape, values)
    for singular in (ag.svdvals, lambda x: ag.svd(x, full_matrices=False).S):
        found = gradient(lambda x, f=singular: (f(x) ** 2).sum(), x)  # type: ignore[misc]
        np.testing.assert_allclose(found, 2 * x, 1e-12, 1e-12)
        found = gradient(lambda x, f=singular: (f(x) ** 4).sum(), x)  # type: ignore[misc]
        np.testing.assert_allclose(found, 4 * x @ x.T @ x, 1e-12, 1e-12)
        largest = gradient(lambda x, f=singular: f(x)[0], x)  # type: ignore[misc]
        assert np.linalg.norm(largest, 2) == pytest.approx(1)  # of one choice of the vectors
        assert np.sum(largest * x) == pytest.approx(max(values))


@pytest.mark.parametrize("values", [(1, 1, 1), (2, 2, -1), (0, 0, 3), (0, 0, 0)])
def test_functions_of_repeated_eigenvalues(
    values: tuple[float, ...], rng: np.random.Generator
) -> None:
    x = symmetric(rng, (3, 3), values)
    for eigenvalues in (ag.eigvalsh, lambda x: ag.eigh(x).eigenvalues):
        found = gradient(lambda x, f=eigenvalues: (f(x) ** 3).sum(), x)  # type: ignore[misc]
        np.testing.assert_allclose(found, 3 * x @ x, 1e-12, 1e-12)


def test_projector_onto_the_space_of_repeated_eigenvalues(rng: np.random.Generator) -> None:
    x, v = symmetric(rng, (4, 4), (1, 1, 3, 3)), rng.uniform(-1, 1, (4, 4))

    def projector(eigh: Function, x: Any) -> Any:
        vectors = eigh((x + x.mT) / 2).eigenvectors[:, :2]
        return vectors @ vectors.mT

    found = gradient(lambda x: (v * projector(ag.eigh, x)).sum(), x)
    expected = slopes(lambda x: np.sum(v * projector(np.linalg.eigh, x)), x)
    np.testing.assert_allclose(found, expected, 1e-7, 1e-7)


@pytest.mark.parametrize(("shape", "values"), [((3, 3), (2, 2, 1)), ((4, 3), (1, 1, 1))])
def test_polar_factor_at_repeated_singular_values(
    shape: tuple[int, ...], values: tuple[float, ...], rng: np.random.Generator
) -> None:
    """U Vh depends on no choice, but both factors do, and their slopes cancel."""
    x, v = with_values(rng, shape, values), rng.uniform(-1, 1, shape)

    def polar(svd: Function, x: Any) -> Any:
        u, _, vh = svd(x, full_matrices=False)
        return u @ vh

    found = gradient(lambda x: (v * polar(ag.svd, x)).sum(), x)
    expected = slopes(lambda x: np.sum(v * polar(np.linalg.svd, x)), x)
    np.testing.assert_allclose(found, expected, 1e-7, 1e-7)


@pytest.mark.parametrize(
    ("name", "f", "values"),
    [
        ("eigh", lambda x, v: (v * ag.eigh(x).eigenvectors).sum(), (2, 2, 1)),
        ("svd", lambda x, v: (v * ag.svd(x).U).sum(), (2, 2, 1)),
        ("svd", lambda x, v: (v * ag.svd(x).Vh).sum(), (2, 2, 1)),
        ("svd", lambda x, v: (v * ag.svd(x).U).sum(), (2, 0, 0)),
        ("svd", lambda x, v: (v[:, 0] * ag.svd(x[:, :2], False).U[:, 1]).sum(), (1, 0, 0)),
        ("svd", lambda x, v: (v[0] * ag.svd(x[:2], False).Vh[1]).sum(), (1, 0, 0)),
    ],
)
def test_what_depends_on_a_choice_has_no_gradient(
    name: str, f: Function, values: tuple[float, ...], rng: np.random.Generator
) -> None:
    x, v = Tensor(symmetric(rng, (3, 3), values)), rng.uniform(-1, 1, (3, 3))
    with pytest.raises(ValueError, match=f"'{name}': there is none, as values repeat"):
        grad(f)(x, v)


@pytest.mark.parametrize(
    ("name", "f"),
    [
        ("svd", lambda x: (ag.svdvals(x) ** 2).sum()),
        ("svd", lambda x: (ag.svd(x).S ** 2).sum()),
        ("eigvalsh", lambda x: (ag.eigvalsh(x) ** 2).sum()),
        ("eigh", lambda x: (ag.eigh(x).eigenvalues ** 2).sum()),
    ],
)
def test_second_derivatives_at_repeated_values_are_refused(name: str, f: Function) -> None:
    """Silence would be wrong: that of the sum of squares is 2, of which only a part comes out."""
    with pytest.raises(RuntimeError, match=f"second derivative of '{name}'.*values repeat"):
        hessian(f, np.eye(3))
    found = hessian(f, np.diag([1.0, 2.0, 4.0]))
    symmetrizing = np.eye(9).reshape(9, 3, 3)
    expected = 2 * np.eye(9)
    if name.startswith("eig"):  # of the symmetric part alone
        expected = (symmetrizing + symmetrizing.mT).reshape(9, 9)
    np.testing.assert_allclose(found, expected, 1e-10, 1e-10)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)])
def test_second_derivatives_at_a_singular_value_of_zero(
    shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    """The space beside U or Vh and the vector that belongs to the zero are one; a square matrix has
    none beside."""
    for f in (ag.svdvals, lambda x: ag.svd(x, False).S):
        with pytest.raises(RuntimeError, match=r"second derivative of 'svd'.*vanish"):
            hessian(lambda x, f=f: (f(x) ** 2).sum(), with_values(rng, shape, (2, 0)))  # type: ignore[misc]
        found = hessian(lambda x, f=f: (f(x) ** 2).sum(), with_values(rng, (2, 2), (2, 0)))  # type: ignore[misc]
        np.testing.assert_allclose(found, 2 * np.eye(4), 1e-10, 1e-10)

"""Matrices that are singular, or whose singular values or eigenvalues repeat: which derivatives
there are, and which are refused."""

from __future__ import annotations

from itertools import combinations
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


@pytest.mark.parametrize("scale", [1.0, 1e120, 1e-120])
@pytest.mark.parametrize("values", [(3, 2, 1), (2, 1, 0), (2, 0, 0), (0, 0, 0)])
def test_derivatives_of_the_determinant(
    values: tuple[float, ...], scale: float, rng: np.random.Generator
) -> None:
    """Along three directions: det(a + b + c) has the same terms as their polarization."""
    x = with_values(rng, (3, 3), values)
    a, b, c = rng.uniform(-1, 1, (3, 3, 3))

    def mixed(*terms: Any) -> Any:
        """The derivative of det(x) along all terms, for three matrices x."""
        every = range(len(terms))
        chosen = [s for n in every for s in combinations(every, n + 1)]
        return sum((-1) ** (3 - len(s)) * np.linalg.det(sum(terms[i] for i in s)) for s in chosen)

    def slope(f: Function, v: Any) -> Function:
        return lambda x: (v * grad(f)(x)).sum()

    first = slope(ag.det, a)
    second = slope(first, b)
    third = slope(second, c)
    with np.errstate(over="ignore", under="ignore"):
        found = [f(Tensor(scale * x)).item() for f in (first, second, third)]
        _, tangent = ag.jvp(second, (scale * x,), (c,))
    expected = [mixed(x, x, a) / 2 * scale**2, mixed(x, a, b) * scale, mixed(a, b, c)]
    for ours, exact, size in zip(found, expected, (scale**2, scale, 1), strict=True):
        assert ours == pytest.approx(exact, rel=1e-12, abs=1e-13 * size)
    assert tangent.item() == pytest.approx(found[2])


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


def _power(vectors: Any, values: Any) -> Any:
    return (vectors * values**3) @ vectors.mT


BY_VECTORS: dict[str, tuple[Function, tuple[float, ...]]] = {
    "a vector": (lambda x: ag.eigh(x).eigenvectors[:, 0], (1, 1, 3)),
    "U": (lambda x: ag.svd(x).U, (2, 2, 1)),
    "Vh": (lambda x: ag.svd(x).Vh, (2, 2, 1)),
    "U of zeros": (lambda x: ag.svd(x).U, (2, 0, 0)),
    "U of one zero": (lambda x: ag.svd(x[:, :2], False).U[:, 1], (1, 0, 0)),
    "Vh of one zero": (lambda x: ag.svd(x[:2], False).Vh[1], (1, 0, 0)),
    "a power": (lambda x: _power(ag.eigh(x).eigenvectors, ag.eigh(x).eigenvalues), (1, 1, 3)),
    "the projector": (
        lambda x: ag.eigh(x).eigenvectors[:, :2] @ ag.eigh(x).eigenvectors[:, :2].mT,
        (1, 1, 3),
    ),
    "the polar factor": (lambda x: ag.svd(x).U @ ag.svd(x).Vh, (2, 2, 1)),
}


@pytest.mark.parametrize(("f", "values"), BY_VECTORS.values(), ids=list(BY_VECTORS))
def test_gradient_of_vectors_of_repeated_values_is_nan(
    f: Function, values: tuple[float, ...], rng: np.random.Generator
) -> None:
    """Also where it does not depend on their choice: that of a power is not that of its parts."""
    x = symmetric(rng, (3, 3), values)
    v = rng.uniform(-1, 1, f(x).shape)
    assert np.isnan(gradient(lambda x: (v * f(x)).sum(), x)).any()
    _, tangent = ag.jvp(f, (x,), (rng.uniform(-1, 1, (3, 3)),))
    assert np.isnan(tangent.data).any()


def test_vector_of_a_value_that_does_not_repeat(rng: np.random.Generator) -> None:
    x, v = symmetric(rng, (4, 4), (1, 1, 1, 3)), rng.uniform(-1, 1, (4, 4))

    def projector(eigh: Function, x: Any) -> Any:
        vector = eigh((x + x.mT) / 2).eigenvectors[:, -1:]
        return vector @ vector.mT

    found = gradient(lambda x: (v * projector(ag.eigh, x)).sum(), x)
    expected = slopes(lambda x: np.sum(v * projector(np.linalg.eigh, x)), x)
    np.testing.assert_allclose(found, expected, 1e-7, 1e-7)


@pytest.mark.parametrize(
    ("f", "order"),
    [
        (lambda x: ag.eigh(x).eigenvectors ** 3, 1),
        (lambda x: ag.svd(x).U ** 3, 1),
        (lambda x: ag.svd(x[..., :2], False).Vh ** 3, 1),
        (lambda x: ag.eigvalsh(x) ** 3, 2),
        (lambda x: ag.svdvals(x) ** 3, 2),
    ],
)
def test_other_matrices_of_a_stack_keep_their_gradient(
    f: Function, order: int, rng: np.random.Generator
) -> None:
    x = np.stack([symmetric(rng, (3, 3), values) for values in ((1, 2, 4), (1, 1, 1), (3, 2, 1))])
    a = rng.uniform(-1, 1, (3, 3, 3))

    def derivative(x: Any) -> Any:
        first = grad(lambda x: f(x).sum())
        return first(x) if order == 1 else grad(lambda x: (a[: len(x)] * first(x)).sum())(x)

    found = derivative(Tensor(x)).data
    assert np.isnan(found[1]).any()
    np.testing.assert_allclose(found[0], derivative(Tensor(x[:1])).data[0], 1e-12, 1e-12)
    assert np.isfinite(found[2]).all()


SQUARES: dict[str, Function] = {
    "svdvals": lambda x: (ag.svdvals(x) ** 2).sum(),
    "S": lambda x: (ag.svd(x).S ** 2).sum(),
    "eigvalsh": lambda x: (ag.eigvalsh(x) ** 2).sum(),
    "eigenvalues": lambda x: (ag.eigh(x).eigenvalues ** 2).sum(),
}
squares = pytest.mark.parametrize("name", SQUARES)


@squares
def test_second_derivatives_at_repeated_values(name: str) -> None:
    """That of the sum of squares is 2, of which a part comes out, and NaN for the rest."""
    symmetrizing = np.eye(9).reshape(9, 3, 3)
    expected = 2 * np.eye(9)
    if name.startswith("eig"):  # of the symmetric part alone
        expected = (symmetrizing + symmetrizing.mT).reshape(9, 9)
    found = hessian(SQUARES[name], np.diag([1.0, 2.0, 4.0]))
    np.testing.assert_allclose(found, expected, 1e-10, 1e-10)
    found = hessian(SQUARES[name], np.eye(3))
    assert np.isnan(found[1, 3])
    known = np.isfinite(found)
    np.testing.assert_allclose(found[known], expected[known], 1e-10, 1e-10)


@squares
def test_jvp_of_values_that_repeat(name: str, rng: np.random.Generator) -> None:
    x, t = symmetric(rng, (3, 3), (2, 2, 1)), rng.uniform(-1, 1, (3, 3))
    _, tangent = ag.jvp(SQUARES[name], (x,), (t,))
    assert tangent.item() == pytest.approx(2 * np.sum(x * t))
    values = {"svdvals": ag.svdvals, "S": lambda x: ag.svd(x).S, "eigvalsh": ag.eigvalsh}
    f = values.get(name, lambda x: ag.eigh(x).eigenvalues)
    _, tangents = ag.jvp(f, (x,), (t,))
    assert np.sum(tangents) == pytest.approx(np.sum(gradient(lambda x: f(x).sum(), x) * t))


@pytest.mark.parametrize("values", [(1, 1, 1), (2, 2, 1), (3, 2, 1)])
@pytest.mark.parametrize("shape", [(3, 3), (4, 3)])
def test_sums_of_values_have_second_derivatives_where_values_repeat(
    shape: tuple[int, int], values: tuple[float, ...], rng: np.random.Generator
) -> None:
    """The slope of the nuclear norm is the polar factor, that of the trace the identity."""
    x, v = with_values(rng, shape, values), rng.uniform(-1, 1, shape)

    def polar(x: Any) -> Any:
        u, _, vh = np.linalg.svd(x, full_matrices=False)
        return u @ vh

    for f in (ag.svdvals, lambda x: ag.svd(x, False).S):
        found = gradient(lambda x, f=f: (v * grad(lambda x: f(x).sum())(x)).sum(), x)  # type: ignore[misc]
        np.testing.assert_allclose(found, slopes(lambda x: np.sum(v * polar(x)), x), 1e-7, 1e-7)
    square = symmetric(rng, (3, 3), values)
    for f in (ag.eigvalsh, lambda x: ag.eigh(x).eigenvalues):
        found = hessian(lambda x, f=f: f(x).sum(), square)  # type: ignore[misc]
        np.testing.assert_allclose(found, 0, 0, 1e-12)


@pytest.mark.parametrize("shape", [(3, 2), (2, 3)])
def test_second_derivatives_at_a_singular_value_of_zero(
    shape: tuple[int, ...], rng: np.random.Generator
) -> None:
    """The space beside U or Vh and the vector that belongs to the zero are one; a square matrix has
    none beside."""
    for f in (ag.svdvals, lambda x: ag.svd(x, False).S):
        found = hessian(lambda x, f=f: (f(x) ** 2).sum(), with_values(rng, shape, (2, 0)))  # type: ignore[misc]
        assert np.isnan(found).any()
        found = hessian(lambda x, f=f: (f(x) ** 2).sum(), with_values(rng, (2, 2), (2, 0)))  # type: ignore[misc]
        np.testing.assert_allclose(found, 2 * np.eye(4), 1e-10, 1e-10)

"""Linear algebra beyond single rows of specs_linalg.py: identities, values that repeat, PyTorch,
third derivatives, what is refused, and the functions that are compositions."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numerical import central, unit_directions
from numpy.typing import NDArray
from sampling import reals
from specs import SPECS  # first: it has what specs_linalg takes from it
from specs_linalg import EQUATIONS, symmetric, with_values

import autograd as ag
from autograd import Tensor, grad

Array = NDArray[Any]
Function = Callable[..., Any]

assert SPECS


def slopes(f: Function, x: Array) -> Array:
    """The derivative of f, from an array to one number, by each element of x."""
    one = [np.ones(())]
    found = [central(lambda a: [np.asarray(f(a[0]))], [x], u, one) for u in unit_directions([x], 0)]
    return np.reshape(found, x.shape)


def gradient(f: Function, x: Array) -> Array:
    return np.asarray(grad(f)(Tensor(x)).data)


def hessian(f: Function, x: Array) -> Array:
    """Row by row, as a matrix of (x.size, x.size)."""
    rows = [gradient(lambda x, i=i: grad(f)(x)[i], x).ravel() for i in np.ndindex(x.shape)]  # type: ignore[misc]
    return np.stack(rows)


# --- compositions --------------------------------------------------------------------------------


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


@pytest.mark.parametrize("n", [-2, 0, 1, 3])
def test_matrix_power_stays_narrow(n: int, rng: np.random.Generator) -> None:
    x = Tensor(with_values(rng, (3, 3)), requires_grad=True, dtype=np.float32)
    out = ag.matrix_power(x, n)
    assert out.dtype == np.float32
    out.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == np.float32


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


# --- identities: what is put together again has a gradient that is known -------------------------


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


# --- determinants of singular matrices -----------------------------------------------------------


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


# --- symmetric matrices --------------------------------------------------------------------------


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


# --- third derivatives ---------------------------------------------------------------------------


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


# --- PyTorch -------------------------------------------------------------------------------------


@pytest.mark.oracle
@pytest.mark.parametrize(("equation", "shapes"), EQUATIONS)
def test_einsum_as_in_torch(
    equation: str, shapes: str, rng: np.random.Generator, torch: ModuleType
) -> None:
    operands: list[Array] = []
    for word in shapes.split(", "):
        shape = () if word == "0-d" else tuple(map(int, word.split("x"))) if word != "same" else ()
        operands.append(operands[-1] if word == "same" else rng.uniform(-1, 1, shape))
    ours = [Tensor(a, requires_grad=True) for a in operands]
    theirs = [torch.tensor(a, requires_grad=True) for a in operands]
    out, right = ag.einsum(equation, *ours), torch.einsum(equation, *theirs)
    np.testing.assert_allclose(out.data, right.detach().numpy(), 1e-13, 1e-14)
    v = rng.uniform(-1, 1, out.shape)
    out.backward(v)
    right.backward(torch.tensor(v))
    for a, b in zip(ours, theirs, strict=True):
        assert a.grad is not None
        np.testing.assert_allclose(a.grad.data, b.grad.numpy(), 1e-13, 1e-14)


def _first_column(vectors: Any) -> Any:
    """Up to its sign: the products of its elements."""
    return vectors[..., :, :1] * vectors[..., None, :, 0]


# What to compare, of a library's linalg functions and of a matrix.
IN_TORCH: dict[str, Callable[[Any, Any], Any]] = {
    "det": lambda la, x: la.det(x),
    "slogdet": lambda la, x: la.slogdet(x)[1],
    "inv": lambda la, x: la.inv(x),
    "solve": lambda la, x: la.solve(x, x @ x),
    "pinv, tall": lambda la, x: la.pinv(x[..., :2]),
    "pinv, wide": lambda la, x: la.pinv(x[..., :2, :]),
    "cholesky": lambda la, x: la.cholesky(x @ x.mT),
    "qr, Q": lambda la, x: la.qr(x).Q,
    "qr, R": lambda la, x: la.qr(x[..., :2, :]).R,
    "eigh, values": lambda la, x: la.eigh(x + x.mT)[0],
    "eigh, vectors": lambda la, x: _first_column(la.eigh(x + x.mT)[1]),
    "eigvalsh": lambda la, x: la.eigvalsh(x + x.mT),
    "svd, U": lambda la, x: _first_column(la.svd(x[..., :2], full_matrices=False)[0]),
    "svd, S": lambda la, x: la.svd(x, full_matrices=False)[1],
    "svd, V": lambda la, x: _first_column(la.svd(x[..., :2, :], full_matrices=False)[2].mT),
    "svdvals": lambda la, x: la.svdvals(x),
    "matrix_power": lambda la, x: la.matrix_power(x, -3),
    "vecdot": lambda la, x: la.vecdot(x, x @ x),
    "cross": lambda la, x: la.cross(x, x @ x),
}


@pytest.mark.oracle
@pytest.mark.parametrize("batch", [(), (2,)])
@pytest.mark.parametrize("name", IN_TORCH)
def test_functions_of_matrices_as_in_torch(
    name: str, batch: tuple[int, ...], rng: np.random.Generator, torch: ModuleType
) -> None:
    x = with_values(rng, (*batch, 3, 3))
    ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    out, right = IN_TORCH[name](ag, ours), IN_TORCH[name](torch.linalg, theirs)
    np.testing.assert_allclose(out.data, right.detach().numpy(), 1e-11, 1e-12)
    v = rng.uniform(-1, 1, out.shape)
    out.backward(v)
    right.backward(torch.tensor(v))
    assert ours.grad is not None
    np.testing.assert_allclose(ours.grad.data, theirs.grad.numpy(), 1e-9, 1e-10)


@pytest.mark.oracle
def test_the_gradient_of_cholesky_is_symmetric_as_in_torch(
    rng: np.random.Generator, torch: ModuleType
) -> None:
    x, v = symmetric(rng, (3, 3)), rng.uniform(-1, 1, (3, 3))
    theirs = torch.tensor(x, requires_grad=True)
    (torch.tensor(v) * torch.linalg.cholesky(theirs)).sum().backward()
    ours = gradient(lambda x: (v * ag.cholesky(x)).sum(), x)
    np.testing.assert_allclose(ours, theirs.grad.numpy(), 1e-12, 1e-13)


# --- numbers beside arrays, and what is refused --------------------------------------------------


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


REFUSED: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: ag.inv(np.ones((2, 3))), ValueError, r"inv\(float64 \(2, 3\)\).*square"),
    (lambda: ag.inv(np.ones((2, 2))), ValueError, r"inv.*Singular matrix.*pinv takes any"),
    (lambda: ag.solve(np.eye(2), np.ones(3)), ValueError, r"solve.*\(2, 2\).*\(3,\).*b: a vector"),
    (lambda: ag.det(np.ones(3)), ValueError, r"det\(float64 \(3,\)\).*square matrices"),
    (lambda: ag.cholesky(-np.eye(2)), ValueError, r"cholesky.*not positive definite"),
    (lambda: ag.cholesky(np.ones((2, 3))), ValueError, r"cholesky.*not square"),
    (lambda: ag.eigh(np.ones(3)), ValueError, r"eigh.*not square.*symmetric matrices"),
    (lambda: ag.eigh(np.eye(2), "X"), ValueError, r"eigh.*UPLO"),
    (lambda: ag.svd(np.ones((2, 3))), ValueError, r"svd.*pass full_matrices=False"),
    (lambda: ag.qr(np.eye(2), "complete"), ValueError, r"qr.*'complete'.*'reduced'"),
    (lambda: ag.dot(np.ones((2, 3)), np.ones((2, 3))), ValueError, r"dot.*\(3,\) and \(2,\)"),
    (lambda: ag.inner(np.ones(3), np.ones(2)), ValueError, r"inner.*\(3,\) and \(2,\)"),
    (lambda: ag.tensordot(np.ones(3), np.ones(3), 2), ValueError, r"tensordot.*axes=2"),
    (lambda: ag.tensordot(np.ones(3), np.ones(3), (0, 1)), ValueError, r"axes \(1,\).*1 axes"),
    (lambda: ag.tensordot(np.eye(3), np.eye(3), ([0, 0], [0, 1])), ValueError, "none twice"),
    (lambda: ag.tensordot(np.eye(3), np.eye(3), ([0, 1], 0)), ValueError, "pairs 2 axes with 1"),
    (lambda: ag.tensordot(np.eye(3), np.eye(3), [0]), ValueError, "has 1 parts"),
    (lambda: ag.cross(np.ones(2), np.ones(2)), ValueError, r"cross.*length 2.*length 3"),
    (lambda: ag.einsum("ij", np.ones(3)), ValueError, r"einsum\('ij', float64 \(3,\)\)"),
    (lambda: ag.einsum("i,j->k", [1.0], [1.0]), ValueError, r"einsum.*character k"),
    (lambda: ag.einsum(np.ones(3), [0]), TypeError, r"einsum.*lists of axes"),
    (lambda: ag.matrix_power(np.ones((2, 3)), 2), ValueError, r"matrix_power.*\(2, 3\).*square"),
    (lambda: ag.matrix_power(np.eye(2), 0.5), TypeError, r"matrix_power.*0\.5.*integer"),
    (lambda: ag.matrix_power(np.ones((2, 2)), -1), ValueError, r"Singular matrix"),
    (lambda: ag.matrix_transpose(np.ones(3)), ValueError, r"matrix_transpose.*two axes"),
]


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[m for *_, m in REFUSED])
def test_errors(call: Function, kind: type[Exception], message: str) -> None:
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize("shape", [(3, 2), (2, 3), (2, 2)])
def test_qr_of_dependent_columns_has_no_gradient(shape: tuple[int, ...]) -> None:
    x = Tensor(np.ones(shape), requires_grad=True)
    with pytest.raises(ValueError, match=r"'qr' at float64.*linearly dependent"):
        ag.qr(x).R.sum().backward()

"""Plain arrays in, plain arrays out; tensors where one is given, or a history would be lost."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad as grad_of
from support.leaves import leaf

import autograd as ag
from autograd import Tensor, grad, hessian, hvp, jacobian, jvp, no_grad, value_and_grad, vjp
from autograd.runtime.trees import flatten


def f(x: Any) -> Tensor:
    return (x**3).sum() + x[0] * x[1]


# Each gives everything that a transform gives: at a point, along a direction.
EVERY: dict[str, Callable[[Any, Any], Any]] = {
    "grad": lambda x, u: grad(f)(x),
    "value_and_grad": lambda x, u: value_and_grad(f)(x),
    "aux": lambda x, u: value_and_grad(lambda x: (f(x), {"y": x * 2}), has_aux=True)(x),
    "vjp": lambda x, u: vjp(lambda x: {"y": x * 2, "n": x[0]}, x)[0],
    "pull": lambda x, u: vjp(lambda x: x * x, x)[1](u),
    "jvp": lambda x, u: jvp(lambda x: [x * x, x.sum()], [x], [u]),
    "jacobian": lambda x, u: jacobian(lambda x: x * x)(x),
    "hessian": lambda x, u: hessian(f)(x),
    "hvp": lambda x, u: hvp(f, [x], [u]),
    "grad of grad": lambda x, u: grad(lambda x: (grad(f)(x) * u).sum())(x),
    "jvp of vjp": lambda x, u: jvp(lambda x: vjp(f, x)[1](1.0)[0], [x], [u]),
    "trees": lambda x, u: grad(lambda t: f(t["a"]) * t["b"][0])({"a": x, "b": (2.0, 3)}),
    "two arguments": lambda x, u: grad(lambda x, y: f(x) + f(y), (0, 1))(x, u),
    "a keyword": lambda x, u: grad(lambda x, y: f(x * y))(x, y=u),
}
every = pytest.mark.parametrize("transform", EVERY.values(), ids=EVERY)
X, U = [0.5, -1.5, 2.0], [1.0, 3.0, -2.0]


def numbers(tree: Any) -> list[Any]:
    return [leaf for leaf in flatten(tree)[0] if leaf is not None]


@every
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_plain_in_plain_out(transform: Callable[[Any, Any], Any], dtype: Any) -> None:
    x, u = np.array(X, dtype), np.array(U, dtype)
    kept = x.copy(), u.copy()
    plain = numbers(transform(x, u))
    tensors = numbers(transform(Tensor(x), Tensor(u)))
    for array, tensor in zip(plain, tensors, strict=True):
        assert type(tensor) is Tensor
        assert isinstance(array, np.ndarray if tensor.ndim else np.floating)
        assert (array.shape, array.dtype) == (tensor.shape, tensor.dtype)
        assert_array_equal(array, tensor.data)
    arrays = [array for array in plain if array.ndim]
    for array in arrays:
        array += 1  # each is the caller's own
    assert not any(np.shares_memory(a, b) for a, b in combinations([*arrays, x, u], 2))
    assert_array_equal([x, u], kept)


@pytest.mark.parametrize("name", ["two arguments", "a keyword", "pull", "jvp", "hvp"])
def test_a_tensor_anywhere_makes_tensors(name: str) -> None:
    x, u = np.array(X), np.array(U)
    transform = EVERY[name]
    expected = numbers(transform(x, u))
    for given in (Tensor(x), u), (x, Tensor(u)):
        found = numbers(transform(*given))
        assert all(type(value) is Tensor for value in found)
        for a, b in zip(found, expected, strict=True):
            assert_array_equal(a.data, b)


@pytest.mark.parametrize("number", [2.0, np.float64(2.0), np.array(2.0), np.float32(2.0)])
def test_of_a_number_a_number(number: Any) -> None:
    dtype = np.asarray(number).dtype
    cube: Any = lambda x: x**3  # noqa: E731
    for found, expected in [
        (grad(cube)(number), 12),
        (value_and_grad(cube)(number)[0], 8),
        (grad(grad(cube))(number), 12),
        (jacobian(cube)(number), 12),
        (hessian(cube)(number), 12),
        (vjp(cube, number)[1](1)[0], 12),
        (jvp(cube, [number], [1.0])[1], 12),
        (hvp(cube, (number,), (1.0,)), 12),
    ]:
        assert type(found) is dtype.type
        assert found == expected
    assert isinstance(grad(cube)(2.0), float)
    assert f"{grad(cube)(2.0):.2f}" == "12.00"


def test_gradients_of_one_array_each() -> None:
    """Where rules hand on one array twice, or a view that is not to be written to."""
    a, b = grad(lambda x, y: (x + y).sum(), (0, 1))(np.ones(3), np.ones(3))
    a *= 2
    assert_array_equal(b, [1, 1, 1])
    x = np.ones((2, 2))
    out, pull = vjp(lambda x: x, x)
    out[0] = 5
    (g,) = pull(x)
    g[0] = 7
    assert_array_equal(x, np.ones((2, 2)))
    (g,) = pull(u := np.ones((2, 2)))
    assert not np.shares_memory(g, u)


# --- what a function closes over -----------------------------------------------------------------


def test_what_hangs_on_something_tracked_stays_a_tensor() -> None:
    w = leaf(3.0)
    value, slope = value_and_grad(lambda x: w * x**2)(2.0)
    assert value.requires_grad and slope.requires_grad
    slope.backward()
    assert grad_of(w) == 4
    out, pull = vjp(lambda x: w * x, np.ones(2))
    assert out.requires_grad and pull(np.ones(2))[0].requires_grad
    assert jvp(lambda x: w * x, [2.0], [1.0])[1].requires_grad
    assert jacobian(lambda x: w * x)(np.ones(2)).requires_grad
    assert hvp(lambda x: w * x**3, [2.0], [1.0]).requires_grad


def test_part_of_it_may() -> None:
    w = leaf(3.0)
    found = grad(lambda x, y: (w * x).sum() + (y * y).sum() + (w * w), (0, 1))(
        np.ones(2), np.ones(2)
    )
    assert [type(g) for g in found] == [Tensor, np.ndarray]
    (value, aux), _ = value_and_grad(lambda x: (x * 2, w * x), has_aux=True)(1.0)
    assert (type(value), type(aux)) == (np.float64, Tensor)


def test_where_nothing_is_recorded_and_of_constants_it_is_plain() -> None:
    w, c = leaf(3.0), Tensor([1.0, 2.0])
    with no_grad():
        assert type(grad(lambda x: (w * x).sum())(np.ones(2))) is np.ndarray
        assert type(vjp(lambda x: w * x, np.ones(2))[0]) is np.ndarray
    assert type(grad(lambda x: (c * x).sum())(np.ones(2))) is np.ndarray
    assert type(jvp(lambda x: (x, c), [1.0], [1.0])[0][1]) is np.ndarray


def test_within_an_outer_transform_plain_arguments_keep_what_they_close_over() -> None:
    inner: list[Any] = []

    def g(y: Tensor) -> Tensor:
        inner.append(grad(lambda x: x**2 * y)(2.0))
        inner.append(grad(lambda x: x**2)(2.0))
        return inner[-2] * y * inner[-1]

    assert grad(g)(3.0) == 2 * 4 * 3 * 4
    assert [type(value) for value in inner] == [Tensor, np.float64]
    assert hessian(lambda v: (v * grad(lambda x: (x * v).sum())(np.ones(2))).sum())(
        np.zeros(2)
    ).tolist() == [[2, 0], [0, 2]]


# --- who asks for them ---------------------------------------------------------------------------


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()


@pytest.mark.parametrize("method", ["BFGS", "L-BFGS-B", "CG", "SLSQP"])
def test_scipy_minimizes_by_the_gradient(method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    start = np.array([-1.2, 1.0, 0.5])
    for fun, jac in (rosenbrock, grad(rosenbrock)), (value_and_grad(rosenbrock), True):
        found = optimize.minimize(fun, start, jac=jac, method=method)
        assert_allclose(found.x, np.ones(3), atol=1e-3)
        assert type(found.fun) is not Tensor


@pytest.mark.parametrize("method", ["Newton-CG", "trust-exact", "trust-ncg", "trust-constr"])
def test_scipy_minimizes_by_the_hessian(method: str) -> None:
    optimize = pytest.importorskip("scipy.optimize")
    start = np.array([-1.2, 1.0, 0.5])
    found = optimize.minimize(
        rosenbrock, start, jac=grad(rosenbrock), hess=hessian(rosenbrock), method=method
    )
    assert_allclose(found.x, np.ones(3), atol=1e-4)
    if method != "trust-exact":
        found = optimize.minimize(
            lambda x: ag.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2),  # a tensor
            start,
            jac=grad(rosenbrock),
            hessp=lambda x, p: hvp(rosenbrock, [x], [p]),
            method=method,
        )
        assert_allclose(found.x, np.ones(3), atol=1e-4)


def test_scipy_solves_and_fits_by_the_jacobian(rng: np.random.Generator) -> None:
    optimize = pytest.importorskip("scipy.optimize")

    def system(x: Any) -> Any:
        return ag.stack([x[0] ** 2 + x[1] - 3, x[0] - x[1] ** 2 + 1])

    root = optimize.root(lambda x: system(x).data, np.ones(2), jac=jacobian(system))
    assert_allclose(system(root.x).data, 0, atol=1e-8)
    t = np.linspace(0, 1, 20)
    y = 2 * np.exp(-3 * t)
    fit = optimize.least_squares(
        lambda p: (p[0] * ag.exp(-p[1] * t)).data - y,
        np.ones(2),
        jac=jacobian(lambda p: p[0] * ag.exp(-p[1] * t)),
    )
    assert_allclose(fit.x, [2, 3], rtol=1e-6)
    x, p = rng.standard_normal(3), rng.standard_normal(3)
    assert optimize.check_grad(rosenbrock, grad(rosenbrock), x) < 1e-4 * abs(rosenbrock(x))
    along = optimize.approx_fprime(x, lambda x: grad(rosenbrock)(x) @ p, 1e-7)
    assert_allclose(hvp(rosenbrock, [x], [p]), along, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_descent_on_a_plain_array_in_place(dtype: Any, rng: np.random.Generator) -> None:
    A = rng.standard_normal((20, 3)).astype(dtype)
    W = same = np.zeros(3, dtype)
    truth = np.array([1, -2, 3], dtype)

    def loss(W: Any) -> Any:
        return ((A @ W - A @ truth) ** 2).mean()

    for _ in range(200):
        W -= 0.3 * grad(loss)(W)
    assert W is same
    assert W.dtype == dtype
    assert_allclose(W, truth, rtol=1e-3)
    model = {"w": np.zeros(3), "b": 0.5}
    slopes = grad(lambda m: loss(m["w"]) + m["b"] ** 2)(model)
    model = {name: value - 0.1 * slopes[name] for name, value in model.items()}
    assert (type(model["w"]), type(model["b"])) == (np.ndarray, np.float64)


def test_transforms_within_leave_no_trace() -> None:
    """Their variables are nobody's to differentiate by, and make no history."""
    x = np.array([0.5, 2.0])

    def of_a_pullback(x: Any) -> Any:
        _, pull = vjp(lambda t: t**3, 2.0)
        return (pull(x.sum())[0] * x).sum()

    def of_a_jvp(x: Any) -> Any:
        return (jvp(lambda t: t * t * x, [3.0], [1.0])[1] * x).sum()

    def of_a_checkpoint(x: Any) -> Any:
        return grad(lambda t: ag.checkpoint(lambda t: (t * x * x).sum())(t))(1.0)

    for f in (of_a_pullback, of_a_jvp, of_a_checkpoint):
        for transform in (grad, value_and_grad, hessian, jacobian):
            found = numbers(transform(f)(x))
            assert not any(isinstance(value, Tensor) for value in found)

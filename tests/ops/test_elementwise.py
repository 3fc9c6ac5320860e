"""What the rows of specs_elementwise.py keep off: ties, kinks, tails, infinities; and third
derivatives, and the operators and methods of Tensor."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.leaves import grad, leaf

import autograd as ag
from autograd import Tensor

Array = NDArray[Any]
INF, NAN = math.inf, math.nan


def derivatives(f: Callable[[Tensor], Tensor], x: Any, order: int) -> list[Array]:
    """The first `order` derivatives of an elementwise f."""
    leaf = Tensor(np.array(x), requires_grad=True)
    found: list[Array] = []
    y = f(leaf)
    for _ in range(order):
        y.backward(np.ones(y.shape), create_graph=True)
        assert leaf.grad is not None
        y, leaf.grad = leaf.grad, None
        found.append(y.data)
    return found


def slope(f: Callable[[Tensor], Tensor], x: Any) -> Array:
    return derivatives(f, x, 1)[0]


def slopes(f: Callable[..., Tensor], *points: Any) -> list[Array]:
    """The slopes of an elementwise f in each of its arguments, at points of one shape."""
    leaves = [Tensor(np.array(p, dtype=float), requires_grad=True) for p in points]
    out = f(*leaves)
    out.backward(np.ones(out.shape))
    assert all(leaf.grad is not None for leaf in leaves)
    return [leaf.grad.data for leaf in leaves if leaf.grad is not None]


# --- ties and kinks ------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [ag.maximum, ag.minimum, ag.fmax, ag.fmin])
def test_the_first_of_equals_gets_the_gradient(op: Callable[..., Tensor]) -> None:
    x = [1.0, -0.0, 0.0, INF, 2.0, 3.0]
    y = [1.0, 0.0, -0.0, INF, 3.0, 2.0]
    larger = [0, 1] if "max" in op.__name__ else [1, 0]
    dx, dy = slopes(op, x, y)
    np.testing.assert_array_equal(dx, [1, 1, 1, 1, *larger])
    np.testing.assert_array_equal(dy, 1 - dx)


@pytest.mark.parametrize("op", [ag.fmax, ag.fmin])
def test_nan_gets_no_gradient(op: Callable[..., Tensor]) -> None:
    dx, dy = slopes(op, [NAN, 1.0, NAN], [1.0, NAN, NAN])
    np.testing.assert_array_equal(dx, [0, 1, 0])
    np.testing.assert_array_equal(dy, [1, 0, 1])


def test_relu_is_flat_at_zero() -> None:
    np.testing.assert_array_equal(slope(lambda x: ag.maximum(0, x), [-1.0, 0.0, 1.0]), [0, 0, 1])


def test_absolute_is_flat_at_zero() -> None:
    np.testing.assert_array_equal(slope(ag.abs, [-2.0, -0.0, 0.0, 5e-324]), [-1, 0, 0, 1])


def test_clip_passes_the_gradient_on_its_bounds() -> None:
    x = [-2.0, -1.0, 0.0, 1.0, 2.0]
    dx, low, high = slopes(ag.clip, x, -np.ones(5), np.ones(5))
    np.testing.assert_array_equal(dx, [0, 1, 1, 1, 0])
    np.testing.assert_array_equal(low, [1, 0, 0, 0, 0])
    np.testing.assert_array_equal(high, [0, 0, 0, 0, 1])


def test_clip_with_its_bounds_crossed_or_equal() -> None:
    x = [-2.0, 0.0, 1.0, 2.0]
    dx, low, high = slopes(ag.clip, x, np.ones(4), np.zeros(4))
    np.testing.assert_array_equal([dx, low, high], [[0] * 4, [0] * 4, [1] * 4])
    dx, low, high = slopes(ag.clip, x, np.ones(4), np.ones(4))
    np.testing.assert_array_equal([dx, low, high], [[0, 0, 1, 0], [1, 1, 0, 0], [0, 0, 0, 1]])


def test_bounds_of_clip_have_gradients_by_keyword_too() -> None:
    x, low, high = leaf([-1.0, 0.5, 3.0]), leaf(0.0), leaf(2.0)
    ag.clip(x, a_max=high, a_min=low).sum().backward()
    assert (grad(low), grad(high)) == (1, 1)
    np.testing.assert_array_equal(grad(x), [0, 1, 0])
    np.testing.assert_array_equal(ag.clip(x.data, a_max=high).data, [-1, 0.5, 2])


def test_nan_to_num_passes_the_gradient_of_finite_numbers() -> None:
    x = [1.0, NAN, INF, -INF, -0.0]
    np.testing.assert_array_equal(slope(ag.nan_to_num, x), [1, 0, 0, 0, 1])
    out = ag.nan_to_num(np.array(x, np.float32), nan=2.0).data
    top = np.finfo(np.float32).max
    np.testing.assert_array_equal(out, np.array([1, 2, top, -top, 0], np.float32))


def test_remainder_has_the_sign_of_its_divisor() -> None:
    x, y = [5.0, 5.0, -5.0, -5.0, 6.0, 1.0], [3.0, -3.0, 3.0, -3.0, 3.0, 0.1]
    np.testing.assert_array_equal(ag.remainder(x, y).data[:5], [2, -1, 1, -2, 0])
    dx, dy = slopes(ag.remainder, x, y)
    np.testing.assert_array_equal(dx, np.ones(6))
    # 1 / 0.1 is rounded to 10, but 0.1 goes into 1 nine times: it is a little above a tenth.
    np.testing.assert_array_equal(dy, [-1, 2, 2, -1, -2, -9])


# --- where quotients are 0 / 0, and digits could cancel ------------------------------------------


def test_hypot_and_the_angle_around_the_origin() -> None:
    for op in (ag.hypot, ag.arctan2):
        np.testing.assert_array_equal(slopes(op, [0.0], [0.0]), [[0], [0]])
    for size in (1e-300, 1e-170, 1.0, 1e170, 1e300):  # the squares of all but one are 0 or infinite
        np.testing.assert_allclose(
            slopes(ag.hypot, [3 * size], [-4 * size]), [[0.6], [-0.8]], 1e-15
        )
        dy, dx = slopes(ag.arctan2, [3 * size], [4 * size])
        np.testing.assert_allclose([dy * size, dx * size], [[0.16], [-0.12]], 1e-15)


def test_derivatives_of_sinc_at_zero() -> None:
    """sinc(x) is the sum of (-1)**k (pi x)**2k / (2k + 1)!, so its derivatives at 0 are known."""
    pi = math.pi
    found = derivatives(ag.sinc, [0.0], 6)
    right = [0, -(pi**2) / 3, 0, pi**4 / 5, 0, -(pi**6) / 7]
    np.testing.assert_allclose(np.ravel(found), right, 1e-14, 1e-300)


def test_derivatives_of_sinc_around_zero() -> None:
    x = np.array([1e-300, 1e-160, 1e-8, -1e-5, 1e-3, 1e-2])
    first, second = derivatives(ag.sinc, x, 2)
    z = math.pi * x
    right = z / 3 - z**3 / 30 + z**5 / 840 - z**7 / 45360
    np.testing.assert_allclose(first, -math.pi * right, 1e-14)
    right = 1 / 3 - z**2 / 10 + z**4 / 168 - z**6 / 6480
    np.testing.assert_allclose(second, -(math.pi**2) * right, 1e-14)
    out = ag.sinc(np.array([0, 1e-9, INF], np.float32))
    assert out.dtype == np.float32
    np.testing.assert_array_equal(out.data[:2], [1, 1])


def test_slopes_in_the_tails() -> None:
    x = np.array([-700.0, -40.0, 40.0, 700.0])
    tail = np.exp(-np.abs(x))  # e**-|x| / (1 + e**-|x|)**2, to rounding
    np.testing.assert_allclose(slope(ag.expit, x), tail, 1e-14)
    np.testing.assert_allclose(slope(ag.softplus, x), np.exp(np.minimum(x, 0)), 1e-14)
    np.testing.assert_allclose(slope(ag.expm1, x[:2]), tail[:2], 1e-14)
    np.testing.assert_allclose(slope(ag.log1p, [1e-20, 1e20]), [1, 1e-20], 1e-15)
    np.testing.assert_array_equal(slope(ag.tanh, x), np.zeros(4))
    edge = 1 - 2.0**-50
    np.testing.assert_allclose(slope(ag.arcsin, [edge]), 1 / math.sqrt(2.0**-49), 1e-14)
    np.testing.assert_allclose(slope(ag.arctanh, [edge]), 2.0**49, 1e-14)
    np.testing.assert_allclose(slope(ag.arcsinh, [1e200, -1e200]), [1e-200, 1e-200], 1e-14)
    np.testing.assert_allclose(slope(ag.arccosh, [1e200]), [1e-200], 1e-14)


def test_xlogy_at_zero() -> None:
    np.testing.assert_array_equal(
        ag.xlogy([0.0, 0.0, 0.0, 0.0, 2.0], [0.0, INF, -1.0, NAN, 1.0]).data, [0, 0, 0, NAN, 0]
    )
    dx, dy = slopes(ag.xlogy, [0.0, 0.0, 0.0], [0.0, 2.0, -1.0])
    np.testing.assert_array_equal(dx, [0, math.log(2), 0])
    np.testing.assert_array_equal(dy, [0, 0, 0])
    # d/dx d/dy x log(y) = 1 / y, at x = 0 too.
    x, y = Tensor([0.0], requires_grad=True), Tensor([2.0], requires_grad=True)
    ag.xlogy(x, y).backward(create_graph=True)
    assert y.grad is not None
    x.grad = None
    y.grad.backward()
    np.testing.assert_array_equal(x.grad, [0.5])


@pytest.mark.parametrize(("op", "base"), [(ag.logaddexp, math.e), (ag.logaddexp2, 2.0)])
def test_logaddexp_of_infinities(op: Callable[..., Tensor], base: float) -> None:
    x, y = [-INF, -INF, INF, INF, INF], [-INF, 1.0, 1.0, INF, -INF]
    np.testing.assert_array_equal(op(x, y).data, [-INF, 1, INF, INF, INF])
    dx, dy = slopes(op, x, y)
    np.testing.assert_array_equal(dx, [0.5, 0, 1, 0.5, 1])
    np.testing.assert_array_equal(dy, 1 - dx)
    np.testing.assert_array_equal(slope(lambda x: op(x, -INF), [-INF, 0.0, INF]), [1, 1, 1])
    np.testing.assert_allclose(slope(lambda x: op(x, 0), [-30.0]), 1 / (1 + base**30), 1e-13)


def test_logaddexp_of_large_float32_keeps_its_slopes() -> None:
    """The result is rounded to 1/1024, but the difference of the arguments is exact."""
    x, y = np.array([10000.0], np.float32), np.array([10001.0], np.float32)
    right = 1 / (1 + math.e)
    np.testing.assert_allclose(slope(lambda t: ag.logaddexp(t, y), x), right, 1e-6)
    pair = np.concatenate([x, y])
    np.testing.assert_allclose(slope(ag.logsumexp, pair), [right, 1 - right], 1e-6)


def test_logsumexp_at_the_edges() -> None:
    x = np.array([[0.0, -40.0], [1000.0, 1000.0], [-INF, -INF], [-INF, 3.0], [INF, 3.0]])
    right = [math.exp(-40), 1000 + math.log(2), -INF, 3.0, INF]
    np.testing.assert_allclose(ag.logsumexp(x, axis=1).data, right, 1e-15)
    weights = slope(lambda x: ag.logsumexp(x, axis=1), x)
    np.testing.assert_allclose(weights[1:, 0], [0.5, 0.5, 0, 1], 1e-15)
    np.testing.assert_allclose(weights[1:, 1], [0.5, 0.5, 1, 0], 1e-15)
    np.testing.assert_allclose(weights[0], [1, math.exp(-40)], 1e-14)
    np.testing.assert_equal(ag.logsumexp([1.0, NAN]).item(), NAN)
    np.testing.assert_equal(ag.logsumexp(np.zeros((2, 0)), axis=1).data, [-INF, -INF])
    empty = slope(lambda x: ag.logsumexp(x, axis=1, keepdims=True), np.zeros((2, 0)))
    assert empty.shape == (2, 0)


def test_power_and_roots_at_zero() -> None:
    np.testing.assert_array_equal(derivatives(lambda x: x**2, [0.0], 2), [[0], [2]])
    np.testing.assert_array_equal(derivatives(ag.square, [0.0, 3.0], 2), [[0, 6], [2, 2]])
    np.testing.assert_allclose(slope(ag.cbrt, [-8.0, 27.0]), [1 / 12, 1 / 27], 1e-15)


# --- third derivatives ---------------------------------------------------------------------------


def _third_of_sinc(z: Array) -> Array:
    """The third derivative of sin(z) / z."""
    odd, even = 3 / z**2 - 6 / z**4, 6 / z**3 - 1 / z
    return np.asarray(odd * np.sin(z) + even * np.cos(z))


THIRD: dict[str, tuple[Any, list[float], Callable[[Array], Array]]] = {
    "tan": (ag.tan, [-1.2, 0.3, 1.0], lambda x: (2 + 4 * np.sin(x) ** 2) / np.cos(x) ** 4),
    "tanh": (ag.tanh, [-1.2, 0.3, 1.0], lambda x: (4 * np.sinh(x) ** 2 - 2) / np.cosh(x) ** 4),
    "arctan": (ag.arctan, [-2.0, 0.5, 3.0], lambda x: (6 * x**2 - 2) / (1 + x**2) ** 3),
    "arcsin": (ag.arcsin, [-0.9, 0.1, 0.6], lambda x: (1 + 2 * x**2) / (1 - x**2) ** 2.5),
    "arccosh": (ag.arccosh, [1.3, 4.0], lambda x: (1 + 2 * x**2) / (x**2 - 1) ** 2.5),
    "log1p": (ag.log1p, [-0.5, 0.0, 9.0], lambda x: 2 / (1 + x) ** 3),
    "log2": (ag.log2, [0.5, 3.0], lambda x: 2 / (x**3 * math.log(2))),
    "exp2": (ag.exp2, [-3.0, 2.0], lambda x: math.log(2) ** 3 * 2**x),
    "cbrt": (ag.cbrt, [1.0, 8.0], lambda x: 10 / 27 * x ** (-8 / 3)),
    "reciprocal": (ag.reciprocal, [-2.0, 0.5], lambda x: -6 / x**4),
    "hypot": (lambda x: ag.hypot(x, 2), [-1.0, 3.0], lambda x: -12 * x / (x**2 + 4) ** 2.5),
    "arctan2": (
        lambda y: ag.arctan2(y, 1),
        [-2.0, 3.0],
        lambda y: (6 * y**2 - 2) / (1 + y**2) ** 3,
    ),
    "erf": (
        ag.erf,
        [-1.5, 0.2, 3.0],
        lambda x: (8 * x**2 - 4) / math.sqrt(math.pi) * np.exp(-(x**2)),
    ),
    "softplus": (ag.softplus, [-3.0, 1.5], lambda x: -np.tanh(x / 2) / np.cosh(x / 2) ** 2 / 4),
    "xlogy": (lambda y: ag.xlogy(3, y), [0.5, 4.0], lambda y: 6 / y**3),
    "sinc": (
        ag.sinc,
        [0.3, 0.5, 1.0, -2.6],
        lambda x: _third_of_sinc(math.pi * x) * math.pi**3,
    ),
}


@pytest.mark.parametrize("name", THIRD)
def test_third_derivative(name: str) -> None:
    f, x, right = THIRD[name]
    np.testing.assert_allclose(derivatives(f, x, 3)[2], right(np.array(x)), 1e-12)


# --- operators and methods -----------------------------------------------------------------------


def test_operators() -> None:
    x = Tensor([-2.5, 4.0], requires_grad=True)
    for out, right in [
        (abs(x), [2.5, 4]),
        (+x, [-2.5, 4]),
        (x % 3, [0.5, 1]),
        (7 % x, [-0.5, 3]),
        (x // 3, [-1, 1]),
        (7 // x, [-3, 1]),
        (x.clip(-1, 3), [-1, 3]),
        (x.clip(max=0), [-2.5, 0]),
        (x.clip(min=Tensor([0.0])), [0, 4]),
        (x.round(), [-2, 4]),
        ((x / 3).round(2), [-0.83, 1.33]),
    ]:
        np.testing.assert_array_equal(out.data, right)
    assert not (x // 3).requires_grad
    np.testing.assert_array_equal(slope(lambda x: 7 % x, [-2.5, 4.0]), [3, -1])
    y = +x
    assert not np.shares_memory(y.data, x.data)


@pytest.mark.parametrize("number", [2, 2.5, True])
@pytest.mark.parametrize(
    "op",
    [ag.hypot, ag.arctan2, ag.logaddexp, ag.logaddexp2, ag.xlogy, ag.remainder, ag.fmax, ag.clip],
)
def test_python_numbers_do_not_widen(op: Callable[..., Tensor], number: float) -> None:
    """To second order: the rules too keep a Python number one."""
    x = np.array([0.75, 1.5], np.float32)
    for found in derivatives(lambda t: op(t, number) * op(number, t) * t, x, 2):
        assert found.dtype == np.float32


def test_parts_of_complex_constants_are_numpys_and_real_numbers_have_no_imaginary_part() -> None:
    z = np.array([1 + 2j, -3.5j])
    for part in (ag.real, ag.imag, ag.conj), (np.real, np.imag, np.conj):
        for of, numpys in zip(part, (np.real, np.imag, np.conj), strict=True):
            assert (of(Tensor(z)).data == numpys(z)).all()
    zeros = ag.imag(Tensor(np.array([np.inf, 1], np.float32), requires_grad=True))
    assert (zeros.dtype, zeros.data.tolist(), zeros.requires_grad) == (np.float32, [0, 0], False)

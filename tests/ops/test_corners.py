"""Derivatives of compositions through points where a rule divides, chooses or takes powers; what
each op by itself does there is judged in test_points.py."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor

INF, NAN = math.inf, math.nan


def hessian(f: Callable[..., Tensor], *point: float) -> Any:
    """Of a function of numbers."""
    return np.asarray(ag.hessian(lambda v: f(*(v[i] for i in range(len(point)))))(np.array(point)))


@pytest.mark.parametrize(
    ("point", "right"),
    [
        ((2.0, 0.0), [[0, 0.5], [0.5, math.log(2) ** 2]]),
        ((2.0, 1.0), [[0, 1 + math.log(2)], [1 + math.log(2), 2 * math.log(2) ** 2]]),
        ((0.5, 0.0), [[0, 2], [2, math.log(2) ** 2]]),
        ((0.0, 2.0), [[2, 0], [0, 0]]),
        ((0.0, 3.5), [[0, 0], [0, 0]]),
    ],
)
def test_hessians_of_powers(point: tuple[float, float], right: Any) -> None:
    np.testing.assert_allclose(hessian(lambda x, y: x**y, *point), right, 1e-14)


@pytest.mark.parametrize(
    ("point", "right"),
    [
        ((0.0, 1.0), [[0, -INF], [-INF, 0]]),
        ((-2.0, 3.0), [[-12, NAN], [NAN, NAN]]),
        ((INF, 0.0), [[0, 0], [0, INF]]),
        ((2.0, INF), [[INF, INF], [INF, INF]]),
    ],
)
def test_second_derivatives_of_powers(point: tuple[float, float], right: Any) -> None:
    """One by one, as 0 times those that are not finite would make NaN of all."""
    found = [[float(ag.grad(ag.grad(ag.power, i), j)(*point)) for j in (0, 1)] for i in (0, 1)]
    np.testing.assert_allclose(found, right, 1e-14)


def test_powers_of_arrays_to_second_order(rng: np.random.Generator) -> None:
    x, y = rng.uniform(0.5, 2, (3, 1)), np.array([0.0, 1, 2, 2.5])
    wide = np.broadcast_to(x, (3, 4))
    first = ag.grad(lambda x: (x**y).sum())
    np.testing.assert_allclose(np.asarray(first(x)), (y * wide ** (y - 1)).sum(1, keepdims=True))
    along = ag.jvp(lambda y: ag.grad(lambda y: (x**y).sum())(y), (y,), (np.ones(4),))[1]
    np.testing.assert_allclose(np.asarray(along), (wide**y * np.log(wide) ** 2).sum(0))
    large = np.full(1 << 18, 3.0)
    exponents = np.tile([0.0, 1.0, 2.0, -1.0], 1 << 16)
    slopes = np.asarray(ag.grad(lambda x: ag.power(x, exponents).sum())(large))
    np.testing.assert_allclose(slopes[:4], [0, 1, 6, -1 / 9], 1e-15)


@pytest.mark.parametrize("exponent", [0, 1, 2, 3, np.float32(2), np.int64(3), True, 0.0, 2.0])
def test_constant_exponents_at_zero(exponent: Any) -> None:
    """Numbers, and arrays of them: the n-th derivative of x**n is n!, the others are 0."""
    for n in (exponent, np.array(float(exponent))):
        f: Callable[..., Any] = lambda x, n=n: x**n  # noqa: E731
        for order in range(1, 4):
            f = ag.grad(f)
            expected = math.factorial(order) if order == exponent else 0
            assert float(np.asarray(f(np.array(0.0)))) == expected, (n, order)


@pytest.mark.parametrize(
    "f",
    [
        lambda x, y: ag.hypot(x, y) ** 2,
        lambda x, y: ag.square(ag.hypot(x, 2 * y)),
        lambda x, y: ag.hypot(x, y) * ag.hypot(y, x),
        lambda x, y: ag.arctan2(x, y) * x,
    ],
)
def test_second_derivatives_through_a_corner_are_unknown(f: Callable[..., Tensor]) -> None:
    assert np.isnan(hessian(f, 0.0, 0.0)).all()


def test_curvature_of_a_radius_however_thin_the_angle() -> None:
    """The second derivatives of hypot are those of a circle: y**2, -x y, x**2 over r**3."""
    for x, y in ((1.0, 1e-7), (1e-12, -3.0), (1e-200, 1e-210), (3e200, 4e190), (2.0, 0.0)):
        r = math.hypot(x, y)
        right = [[(y / r) ** 2 / r, -x / r * (y / r) / r], [-x / r * (y / r) / r, (x / r) ** 2 / r]]
        np.testing.assert_allclose(hessian(ag.hypot, x, y), right, 1e-13)


def test_slopes_where_digits_cancelled() -> None:
    """Second derivatives of functions that are odd about a point are linear near it."""
    x = 1e-9
    for f, right in (
        (ag.arcsin, x),
        (ag.arccos, -x),
        (ag.arctanh, 2 * x),
        (ag.expit, -x / 8),
        (ag.tanh, -2 * x),
        (ag.logit, None),
    ):
        if right is not None:
            np.testing.assert_allclose(hessian(f, x)[0, 0], right, 1e-12)
    np.testing.assert_allclose(hessian(ag.logit, 0.5 + 2.0**-40)[0, 0], 2.0**-40 * 32, 1e-9)


def test_gradients_past_a_branch_that_is_not_taken() -> None:
    x = np.array([-1.0, 0.0, 4.0])
    with np.errstate(all="ignore"):
        told = ag.grad(lambda x: ag.where(x > 0, ag.sqrt(x), 0).sum())(x)
    np.testing.assert_array_equal(np.asarray(told), [NAN, NAN, 0.25])
    safe = ag.grad(lambda x: ag.where(x > 0, ag.sqrt(ag.where(x > 0, x, 1)), 0).sum())(x)
    np.testing.assert_array_equal(np.asarray(safe), [0, 0, 0.25])


@pytest.mark.parametrize("op", [ag.power, ag.hypot, ag.arctan2, ag.xlogy])
def test_slopes_at_corners_give_no_warnings_and_keep_float32(op: Callable[..., Tensor]) -> None:
    x = np.array([0.0, 0.0, 1.0, 2.0], np.float32)
    y = np.array([0.0, 1.0, 0.5, 1.0], np.float32)
    for f, *at in ((op, x, y), (lambda x: op(x, 2), x), (lambda y: op(2, y), y[1:])):
        for i in range(len(at)):
            slope = ag.grad(lambda *a, f=f: f(*a).sum(), i)
            assert np.asarray(slope(*at)).dtype == np.float32
            assert np.isfinite(np.asarray(slope(*at))).all()

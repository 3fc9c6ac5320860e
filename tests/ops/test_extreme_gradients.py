"""Gradients that are in range where slopes, or what they are made of, are not; and float16."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, grad, hessian, jvp, primitive


@pytest.mark.parametrize(
    ("function", "x", "right"),
    [
        (lambda x: ag.square(x) * 1e-10, 1.5e308, 3e298),
        (lambda x: ag.reciprocal(x) * 1e300, 1e200, -1e-100),
        (lambda x: ag.reciprocal(x) * 1e-200, 1e-200, -1e200),
        (lambda x: ag.reciprocal(x) * 1e-250, -1e-250, -1e250),
        (lambda x: x**-2 * 1e300, 1e150, -2e-150),
        (lambda x: x**-1 * 1e-200, 1e-200, -1e200),
        (lambda x: x**-3 * 1e300, -1e100, -3e-100),
        (lambda x: x**-0.5 * 1e300, 1e300, -0.5e-150),
        (lambda x: ag.power(x, Tensor(-2.0)) * 1e300, 1e150, -2e-150),
        (lambda x: ag.power(x, Tensor(-3.0)) * 1e300, -1e100, -3e-100),
        (lambda x: ag.power(x, Tensor(1e-100)), 1e-309, 1e209),
        (lambda x: ag.arctan(x) * 1e300, 1e160, 1e-20),
        (lambda x: ag.arctan(x) * 1e300, -1e170, 1e-40),
    ],
)
def test_a_gradient_in_range_is_right_where_the_slope_alone_is_not(
    function: Any, x: float, right: float
) -> None:
    with np.errstate(all="ignore"):
        np.testing.assert_allclose(float(grad(function)(x)), right, 1e-12, 0)


@pytest.mark.parametrize(
    ("function", "x", "scale", "right"),
    [
        (ag.arctan, 300.0, 1.0, 1 / (1 + 300.0**2)),
        (ag.arctan, 1000.0, 6e4, 6e4 / (1 + 1000.0**2)),
        (ag.reciprocal, 3000.0, 6e4, -6e4 / 3000.0**2),
        (lambda x: x**-2, 0.01, 1e-3, -2e3),
    ],
)
def test_float16(function: Any, x: float, scale: float, right: float) -> None:
    half = np.float16
    with np.errstate(all="ignore"):
        g = grad(lambda x: function(x) * half(scale))(Tensor(half(x)))
    np.testing.assert_allclose(float(g), right, 1e-2)


def test_the_derivative_of_a_mean_of_many_float16() -> None:
    x = Tensor(np.ones(65520, np.float16))
    assert float(jvp(ag.mean, [x], [x])[1]) == 1
    c = Tensor(np.float16(2))
    assert float(grad(lambda c: grad(lambda x: ag.mean(x) * c)(x).sum())(c)) == 1
    rows = Tensor(np.ones((2, 65520), np.float16))
    tangents = jvp(lambda x: ag.mean(x, 1, keepdims=True), [rows], [rows])[1]
    assert tangents.data.tolist() == [[1], [1]]


def test_second_derivatives_of_tiny_powers() -> None:
    right = 1e-3 * (1e-3 - 1) * 1e-20 ** (1e-3 - 2)
    x = Tensor(np.float32(1e-20))
    assert float(grad(grad(lambda x: x**1e-3))(x)) == pytest.approx(right, rel=1e-5)
    assert float(grad(grad(lambda x: x**x))(1e-200)) == pytest.approx(1e200)


@pytest.mark.filterwarnings("ignore:overflow")  # of the products themselves
def test_a_hessian_of_running_products_whose_parts_leave_the_range() -> None:
    found = hessian(lambda x: ag.cumprod(x)[-1])(np.array([1e200, 1e200, 1e-200])).data
    right = [[0, 1e-200, 1e200], [1e-200, 0, 1e200], [1e200, 1e200, 0]]
    np.testing.assert_allclose(found, right, 1e-14)


@pytest.mark.parametrize("ord", [None, 0, 1, 2, 3, -1, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", ["i1", "u1", "i8", "?"])
def test_norms_of_integers_are_numpys(dtype: str, ord: Any) -> None:
    x = np.array([-128, 1, 7]).astype(dtype)
    ours, right = ag.norm(Tensor(x), ord), np.linalg.norm(x, ord)
    assert ours.dtype == right.dtype == np.float64
    np.testing.assert_allclose(float(ours), right, 1e-14)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_outputs_of_several_dtypes_promote_in_any_order(order: tuple[int, int]) -> None:
    @primitive
    def both(x: Any) -> Any:
        made = x * np.float32(2), x * np.arange(3.0)
        return made[order[0]], made[order[1]]

    both.defvjp(lambda g, out, x: g[order.index(0)] * 2 + g[order.index(1)] * np.arange(3.0))

    def total(x: Tensor) -> Tensor:
        first, second = both(x)
        return first.sum() + second.sum()

    g = grad(total)(Tensor(np.ones(3, np.float32)))
    assert g.dtype == np.float32
    assert g.data.tolist() == [2, 3, 4]


def test_a_drifted_constant_beside_an_output_of_integers_is_told() -> None:
    @primitive
    def both(x: Any) -> Any:
        return x * np.float32(2), np.argsort(x)

    both.defvjp(lambda g, out, x: g[0] * np.full(3, 2.0))
    with pytest.raises(TypeError, match="drifted"):
        grad(lambda x: both(x)[0].sum())(Tensor(np.ones(3, np.float32)))


@pytest.mark.parametrize(
    "function",
    [ag.prod, ag.cumprod, lambda x: ag.norm(x, 3), lambda x: ag.norm(x, 1.5), ag.norm],
    ids=["prod", "cumprod", "norm of order 3", "norm of order 1.5", "norm"],
)
def test_what_overflows_heeds_the_callers_errstate(function: Any) -> None:
    for x in (np.array([1.7e308, 1.7e308]), np.array([3e38, 3e38], np.float32)):
        with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
            function(Tensor(x))
        with np.errstate(over="ignore"):
            assert np.isinf(function(Tensor(x)).data).any()


def test_products_that_leave_the_range_and_come_back_are_no_overflow() -> None:
    x = np.array([1e200, 1e200, 1e-200, 1e-200])
    with np.errstate(all="raise"):
        np.testing.assert_allclose(float(ag.prod(Tensor(x)).data), 1, 1e-14)
        np.testing.assert_allclose(grad(ag.prod)(x), 1 / x, 1e-14)
        with pytest.raises(FloatingPointError, match="underflow"):
            ag.prod(Tensor(x[2:]))

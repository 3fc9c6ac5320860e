"""Products, norms and variances where the plain formula of the derivative fails: at zeros, among
equal numbers; and the orders that norm takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad
from support.specs.compositions import ORDERS
from support.specs.sampling import Array

import autograd as ag
from autograd import Tensor

# --- products, where elements are zero -----------------------------------------------------------


@pytest.mark.parametrize("zeros", [0, 1, 2, 3])
def test_derivatives_of_a_product_with_zeros(zeros: int) -> None:
    x = np.array([0.0] * zeros + [2.0, -3.0, 0.5, 4.0][: 4 - zeros])
    g = ag.grad(ag.prod)(x)
    H = ag.hessian(ag.prod)(x)
    assert_allclose(g, [np.prod(np.delete(x, i)) for i in range(4)])
    expected = [
        [0 if i == j else np.prod(np.delete(x, [i, j])) for j in range(4)] for i in range(4)
    ]
    assert_allclose(H, expected)
    assert_allclose(ag.grad(lambda x: ag.hessian(ag.prod)(x)[0, 1])(x), third(x))


def third(x: Array) -> list[float]:
    """d3 prod(x) / dx_0 dx_1 dx_k."""
    return [0, 0, x[3], x[2]]


@pytest.mark.parametrize("zeros", [(), (0,), (2,), (1, 3), (0, 1, 2, 3)])
def test_jacobian_of_cumprod_with_zeros(zeros: tuple[int, ...]) -> None:
    x = np.array([2.0, -3.0, 0.5, 4.0])
    x[list(zeros)] = 0
    expected = [
        [np.prod(np.delete(x[: i + 1], k)) if k <= i else 0 for k in range(4)] for i in range(4)
    ]
    assert_allclose(ag.jacobian(ag.cumprod)(x), expected)


def test_product_whose_factors_underflow() -> None:
    """out / x would give 0."""
    x = np.array([1e-200, 1e-200, 3.0])
    assert_allclose(ag.grad(ag.prod)(x), [3e-200, 3e-200, 0])


@pytest.mark.parametrize(
    ("x", "value", "slopes"),
    [
        ([1e200, 1e200, 1e-200, 1e-200], 1, [1e-200, 1e-200, 1e200, 1e200]),
        ([0, 1e200, 1e200, 2], 0, [np.inf, 0, 0, 0]),
        ([1e-200, 1e-200, 1e300, 1e90], 1e-10, [1e190, 1e190, 1e-310, 1e-100]),
    ],
)
def test_product_some_of_which_is_out_of_range(x: Any, value: float, slopes: Any) -> None:
    x = np.array(x, float)
    found, g = ag.value_and_grad(ag.prod)(np.stack([x, [1, 2, 3, 4]]).T)
    assert found == pytest.approx(24 * value)
    assert_allclose(g[:, 0], 24 * np.array(slopes), 1e-12)
    found, g = ag.value_and_grad(lambda x: ag.prod(x, 0).sum())(np.stack([x, [1, 2, 3, 4]]).T)
    assert_allclose(g, np.stack([slopes, [24, 12, 8, 6]]).T, 1e-12)


@pytest.mark.filterwarnings("ignore:overflow")  # of the products themselves
def test_second_derivatives_and_jvp_of_products_out_of_range() -> None:
    x = np.array([1e200, 1e200, 2.0, 3.0])
    found = ag.hessian(ag.prod)(x)
    expected = np.array([np.prod(np.delete(x, [0, 1])), *[3e200, 2e200] * 2, np.inf])
    assert_allclose(found[np.triu_indices(4, 1)], expected[[0, 1, 2, 1, 2, 5]])
    assert ag.jvp(ag.prod, (x,), (np.array([1.0, 0, 0, 0]),))[1].item() == 6e200
    zeros = np.array([0, 1e200, 1e200, 0])
    assert np.isnan(ag.vjp(ag.prod, zeros)[1](np.inf)[0].data).all()  # inf * 0


# --- norms ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("ord", ORDERS)
def test_norm_has_slope_zero_at_zero(ord: Any) -> None:
    x = np.zeros((2, 3))
    assert_array_equal(ag.grad(lambda x: ag.norm(x, ord))(x), x)
    along_rows = np.array([[0.0, 0, 0], [3, 4, 12]])
    g = ag.grad(lambda x: ag.norm(x, ord, axis=1).sum())(along_rows)
    assert_array_equal(g[0], np.zeros(3))
    assert np.isfinite(g).all()
    assert g[1].any()


@pytest.mark.parametrize("ord", [2, 3, 4, 1.5, 0.5, -1])
@pytest.mark.parametrize("power", [1, 2])
def test_curvature_of_a_norm_at_zero_is_unknown(ord: float, power: int) -> None:
    """That of norm**2 at order 2 is 2, which its corner hides: NaN, and not 0."""
    batch = np.array([[0.0, 0], [3, 4]])
    with np.errstate(divide="ignore", invalid="ignore"):
        h = ag.hessian(lambda x: (ag.norm(x, ord, axis=1) ** power).sum())(batch)
    assert np.isnan(h[0, :, 0]).all()
    assert np.isfinite(h[1, :, 1]).all()


@pytest.mark.parametrize(("ord", "known"), [(2, [1, 0]), (3, [np.nan, np.nan])])
def test_slopes_of_norms_of_infinite_elements(ord: float, known: list[float]) -> None:
    batch = np.array([[3.0, 4], [np.inf, 2], [-np.inf, np.inf]])
    g = ag.grad(lambda x: ag.norm(x, ord, axis=1).sum())(batch)
    assert_allclose(g[0], ag.grad(lambda x: ag.norm(x, ord))(batch[0]))
    assert_array_equal(g[1:], [known, [np.nan, np.nan]])


@pytest.mark.parametrize("ord", [-1, -2.5])
def test_norm_of_negative_order_is_flat_beside_a_zero(ord: float) -> None:
    value, g = ag.value_and_grad(lambda x: ag.norm(x, ord))(np.array([0.0, 3, -4]))
    assert value == 0
    assert_array_equal(g, np.zeros(3))


@pytest.mark.parametrize("p", [3, 4, 2.5, 6])
def test_curvature_of_a_norm_beside_a_zero_element(p: float) -> None:
    x = np.array([0.0, 0.6, -0.8])
    exact = ag.hessian(lambda x: (ag.absolute(x) ** p).sum() ** (1 / p))(x)
    assert_allclose(ag.hessian(lambda x: ag.norm(x, p))(x), exact, atol=1e-14)


def test_number_of_nonzero_elements_as_norm() -> None:
    x = Tensor(np.array([[1, 0, 2], [0, 0, 3]], np.float32), requires_grad=True)
    out = ag.norm(x, 0, axis=1)
    assert_array_equal(out.data, [2, 1])
    assert out.dtype == np.float32
    assert not out.requires_grad


def test_norm_of_integers_and_of_complex_numbers() -> None:
    large = np.array([100, 100], np.int8)  # whose squares int8 does not hold
    assert_allclose(ag.norm(large.astype(np.int64)).data, np.hypot(100, 100))
    assert_allclose(ag.norm(large).data, np.hypot(100, 100), 1e-3)
    assert_allclose(ag.norm(np.array([3 + 4j, 12j])).data, 13)


@pytest.mark.parametrize("ord", ["nuc", "inf"])
def test_norm_names_the_orders_it_knows(ord: str) -> None:
    with pytest.raises(ValueError, match=rf"norm: ord '{ord}' given, a number or 'fro' expected"):
        ag.norm(np.ones((2, 2)), ord)


# --- variances -----------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [0.0, 0.1, -3.0])
@pytest.mark.parametrize("axis", [None, 0])
def test_std_of_equal_numbers_has_a_finite_slope(value: float, axis: int | None) -> None:
    """0, also where the mean, of tenths, is rounded."""
    x = np.full((4, 2), value)
    assert_array_equal(ag.grad(lambda x: ag.std(x, axis).sum())(x), np.zeros((4, 2)))
    h = ag.hessian(lambda x: (ag.std(x, axis) ** 2).sum())(x)
    assert np.isnan(np.diagonal(h.reshape(8, 8))).all()


def test_variance_without_degrees_of_freedom_is_as_in_numpy() -> None:
    x = Tensor([1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        with pytest.warns(RuntimeWarning, match="Degrees of freedom"):
            out = ag.var(x, ddof=1)
        out.backward()
    assert np.isnan(out.data)
    assert np.isnan(grad(x))

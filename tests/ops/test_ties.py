"""Extrema, sorting and medians where elements are equal or NaN: which of them gets the gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad, leaf

import autograd as ag

# --- maxima --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "axis", "expected"),
    [
        ([1, 3, 3], None, [0, 1, 0]),
        ([[1, 5], [5, 5]], None, [[0, 1], [0, 0]]),
        ([[1, 5], [5, 5]], 0, [[0, 1], [1, 0]]),
        ([[1, 5], [5, 5]], 1, [[0, 1], [1, 0]]),
        ([[[0, 7], [7, 7]], [[7, 7], [0, 0]]], (0, 2), [[[0, 1], [1, 0]], [[0, 0], [0, 0]]]),
        ([[[0, 7], [7, 7]], [[7, 7], [0, 0]]], (2, 0), [[[0, 1], [1, 0]], [[0, 0], [0, 0]]]),
        ([[[0, 7], [7, 7]], [[7, 7], [0, 0]]], (0, 1), [[[0, 1], [1, 0]], [[0, 0], [0, 0]]]),
        ([1, np.nan, 3, np.nan], None, [0, 1, 0, 0]),
        ([[1, np.nan], [2, 2]], 1, [[0, 1], [1, 0]]),
        ([np.inf, np.inf], None, [1, 0]),
        ([-np.inf, -np.inf], None, [1, 0]),
        (np.zeros((5, 5)), None, np.arange(25).reshape(5, 5) == 0),
        (np.zeros((1, 40)), 1, np.arange(40).reshape(1, 40) == 0),
    ],
)
def test_the_first_maximum_gets_the_gradient(x: Any, axis: Any, expected: Any) -> None:
    t = leaf(x)
    ag.max(t, axis=axis).sum().backward()
    assert_array_equal(grad(t), expected)


def test_the_first_of_a_tie_in_maximum_gets_the_gradient() -> None:
    x, y = leaf(1.0, 2.0, 3.0), leaf(1.0, 3.0, 2.0)
    ag.maximum(x, y).sum().backward()
    assert_array_equal(grad(x), [1, 0, 1])
    assert_array_equal(grad(y), [0, 1, 0])


def test_the_slope_of_relu_at_zero_is_zero() -> None:
    x = leaf(-1.0, 0.0, -0.0, 2.0)
    ag.maximum(0, x).sum().backward()
    assert_array_equal(grad(x), [0, 0, 0, 1])


@pytest.mark.parametrize("shape", [(2, 3), (5, 7)])  # by passes over few elements, or not
@pytest.mark.parametrize("op", [ag.max, ag.min])
def test_first_extremum_gets_the_gradient(op: Any, shape: tuple[int, int]) -> None:
    x = np.ones(shape)
    for axis, index in ((None, (0, 0)), ((0, 1), (0, 0)), (0, 0), (1, (slice(None), 0))):
        expected = np.zeros(shape)
        expected[index] = 1
        assert_array_equal(ag.grad(lambda x, a=axis: op(x, a).sum())(x), expected)


@pytest.mark.parametrize("n", [3, 16, 17, 40])  # up to 16 are looked at one by one
@pytest.mark.parametrize(("op", "place"), [(ag.max, np.argmax), (ag.min, np.argmin)])
def test_extremum_of_few_and_of_many(op: Any, place: Any, n: int, rng: np.random.Generator) -> None:
    x = rng.standard_normal((5, n))
    g = ag.grad(lambda x: op(x, axis=1).sum())(x)
    assert_array_equal(g, np.arange(n) == place(x, axis=1)[:, None])


@pytest.mark.parametrize("op", [ag.max, ag.min, ag.median])
@pytest.mark.parametrize("n", [3, 4, 40])
def test_nan_passes_through_with_its_gradient(op: Any, n: int) -> None:
    x = np.arange(n, dtype=float)
    x[1] = np.nan
    value, g = ag.value_and_grad(op)(x)
    assert np.isnan(value)
    assert_array_equal(g, np.arange(n) == 1)


# --- order ---------------------------------------------------------------------------------------


def test_equal_elements_stay_in_their_order() -> None:
    x = np.array([2.0, 1, 2, 1, 2])
    assert_array_equal(ag.argsort(x).data, [1, 3, 0, 2, 4])
    assert_array_equal(ag.jacobian(ag.sort)(x), np.eye(5)[[1, 3, 0, 2, 4]])
    many = np.tile(x, 20)
    assert_array_equal(ag.argsort(many).data, np.argsort(many, kind="stable"))


def test_nan_is_sorted_to_the_end() -> None:
    assert_array_equal(ag.sort(np.array([np.nan, 1, -np.inf])).data, [-np.inf, 1, np.nan])


def test_median_with_ties() -> None:
    g = ag.grad(ag.median)(np.array([1.0, 3, 2, 2, 2, 5]))
    assert_array_equal(
        g, [0, 0, 0, 0.5, 0.5, 0]
    )  # the second and third of the 2s are in the middle
    assert_array_equal(ag.grad(ag.median)(np.array([2.0, 1, 2])), [1, 0, 0])


def test_median_of_nothing_is_as_in_numpy() -> None:
    with pytest.warns(RuntimeWarning):
        assert np.isnan(ag.median(np.zeros(0)).data)

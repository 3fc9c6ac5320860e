"""Ties of any number of elements, and reading in order: what gradcheck and compare let pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor, compare, gradcheck
from autograd.checking.choices.alike import is_mixture
from autograd.engine.primitives import Primitive

Array = NDArray[Any]
SOME = [pytest.param(n, marks=pytest.mark.slow) for n in (16, 18)]
MANY = [pytest.param(n, marks=pytest.mark.slow) for n in (100, 1000)]
COUNTS = [2, 5, SOME[0], *MANY]


def on_arrays(forward: Callable[..., Any], *rules: Callable[..., Any]) -> Primitive:
    return ag.primitive(forward).defvjp(*map(ag.on_arrays, rules))


def verdict(f: Callable[..., Any], *inputs: Any, **options: Any) -> str:
    return gradcheck(f, *inputs, raise_exception=False, **options).verdict


def leaf(values: Any) -> Tensor:
    return Tensor(np.array(values, float), requires_grad=True)


def splits(n: int, rng: np.random.Generator) -> list[tuple[Array, bool]]:
    """Parts of a gradient of one that n which tie are given, and whether that may be."""
    even, one = np.full(n, 1 / n), np.eye(n)[n // 2]
    moved = even.copy()
    moved[:2] += [-1, 1]
    right = [even, one, rng.dirichlet(np.ones(n)), 0.5 * even + 0.5 * one]
    wrong = [np.ones(n), 1.001 * even, 0.5 * one, moved]
    return [(parts, True) for parts in right] + [(parts, False) for parts in wrong]


def test_a_mixture_of_orders_is_found_by_its_largest_sums(rng: np.random.Generator) -> None:
    for n in (2, 3, 7, 50):
        x = rng.standard_normal(n)
        weights = rng.dirichlet(np.ones(4))
        mixture = np.sum([w * rng.permutation(x) for w in weights], axis=0)
        assert is_mixture(mixture, x, 1e-12)
        assert not is_mixture(mixture + 1e-3, x, 1e-12)
        assert not is_mixture(1.5 * x - 0.5 * x.mean(), x, 1e-12)


# --- any number of ties --------------------------------------------------------------------------


@pytest.mark.parametrize("n", COUNTS)
def test_gradcheck_of_a_maximum_of_many(n: int, rng: np.random.Generator) -> None:
    for parts, right in splits(n, rng):
        op = on_arrays(np.max, lambda g, out, x, w=parts: g * w)
        assert verdict(op, np.ones(n)) == ("pass" if right else "fail")


@pytest.mark.parametrize("n", COUNTS)
def test_compare_at_a_maximum_of_many(n: int, rng: np.random.Generator) -> None:
    x = leaf(np.ones(n))
    for loss in (3 * ag.max(x), 3 * ag.min(x), 3 * ag.norm(x, np.inf)):
        for parts, right in splits(n, rng):
            assert compare(loss, dx=(x, 3 * parts)).ok == right


@pytest.mark.parametrize("n", [5, *MANY])
def test_many_ties_in_each_line(n: int, rng: np.random.Generator) -> None:
    weights, x = np.array([[1.0], [-2], [3]]), leaf(np.ones((3, n)))
    loss = (ag.max(x, axis=1) * weights[:, 0]).sum()
    parts = rng.dirichlet(np.ones(n), 3)
    for given, right in [
        (parts, True),
        (np.full((3, n), 1 / n), True),
        (np.ones((3, n)), False),
        (parts * [[1.1], [1], [0.9]], False),
    ]:
        op = on_arrays(lambda x: x.max(1), lambda g, out, x, w=given: g[:, None] * w)
        assert verdict(op, np.ones((3, n))) == ("pass" if right else "fail")
        assert compare(loss, dx=(x, given * weights)).ok == right


@pytest.mark.parametrize("n", [5, *MANY])
def test_what_is_equal_or_not_and_does_not_tie_has_no_part(n: int) -> None:
    even = np.full(n, 1 / n)
    cases: list[tuple[Callable[..., Any], Callable[..., Any], Array]] = [
        (np.max, ag.max, np.append(np.ones(n), 0.5)),  # smaller
        (lambda x: np.max(x[:n]), lambda x: ag.max(x[:n]), np.ones(n + n // 2)),  # not asked
    ]
    for forward, f, at in cases:
        rest, x = np.zeros(len(at) - n), leaf(at)
        for given, right in [
            (np.append(even, rest), True),
            (np.full(len(at), 1 / len(at)), False),
            (np.append(even[1:], np.append(rest, 1 / n)), False),
        ]:
            op = on_arrays(forward, lambda g, out, x, w=given: g * w)
            assert verdict(op, at) == ("pass" if right else "fail")
            assert compare(2 * f(x), dx=(x, 2 * given)).ok == right


@pytest.mark.parametrize("n", [18, 100])
def test_ties_beside_another_gradient(n: int, rng: np.random.Generator) -> None:
    x, slope = leaf(np.ones(n)), rng.standard_normal(n)
    parts = rng.dirichlet(np.ones(n))
    for other, own in [(ag.exp(x), np.exp(x.data)), (x * slope, slope)]:
        loss = other.sum() + 3 * ag.max(x)
        assert compare(loss, dx=(x, own + 3 * parts)).ok
        assert not compare(loss, dx=(x, own + 3.01 * parts)).ok
        assert not compare(loss, dx=(x, own + 3)).ok


@pytest.mark.parametrize("n", [5, MANY[0]])
def test_maximum_of_several_and_kinks_by_the_hundred(n: int, rng: np.random.Generator) -> None:
    weights = rng.standard_normal(n)
    tensors = [leaf(np.ones(n)) for _ in range(3)]
    x, y, z = tensors
    parts = rng.dirichlet(np.ones(3), n).T * weights
    loss = (ag.maximum(ag.maximum(x, y), z) * weights).sum()
    assert compare(loss, dx=(x, parts[0]), dy=(y, parts[1]), dz=(z, parts[2])).ok
    assert not compare(loss, dx=(x, parts[0]), dy=(y, parts[1]), dz=(z, 1.1 * parts[2])).ok
    slopes, zero = rng.random(n), leaf(np.zeros(n))
    loss = (ag.maximum(zero, 0) * weights).sum()
    assert compare(loss, dx=(zero, weights * slopes)).ok
    assert not compare(loss, dx=(zero, weights * (slopes + 0.9))).ok


def test_a_hundred_ties(rng: np.random.Generator) -> None:
    x = leaf(np.ones(100))
    for parts, right in splits(100, rng)[2:6]:
        op = on_arrays(np.max, lambda g, out, x, w=parts: g * w)
        assert verdict(op, x) == ("pass" if right else "fail")
        assert compare(3 * ag.max(x), dx=(x, 3 * parts)).ok == right


@pytest.mark.slow
@pytest.mark.parametrize("at", [0.0, 1.0])
def test_maximum_where_a_large_argument_ties_everywhere(at: float) -> None:
    x = np.full(65, at)
    assert verdict(ag.maximum, x, x) == "pass"
    assert verdict(lambda x: ag.maximum(x, x[::-1]), x) == "pass"
    wrong = ag.primitive(lambda x, y: np.maximum(x, y)).defvjp(
        lambda g, out, x, y: g * Tensor((x.data >= y.data) * 1.0),
        lambda g, out, x, y: g * Tensor((y.data >= x.data) * 1.0),
    )
    assert verdict(wrong, x, x) == "fail"


# --- reading in order ----------------------------------------------------------------------------

X, W = np.array([3.0, 1, 3, 3, 0]), np.array([1.0, 2, 3, 4, 5])
IN_ORDER: list[tuple[list[float], bool]] = [
    ([3, 2, 4, 5, 1], True),
    ([5, 2, 4, 3, 1], True),
    ([4, 2, 4, 4, 1], True),
    ([3.5, 2, 3.5, 5, 1], True),
    ([5, 2, 5, 5, 1], False),
    ([5, 2, 5, 2, 1], False),
    ([3, 1, 4, 5, 2], False),
    ([2.9, 2, 4, 5.1, 1], False),
]


@pytest.mark.parametrize(
    "f",
    [
        ag.sort,
        lambda x: ag.take(x, ag.argsort(x)),
        lambda x: ag.take_along_axis(x, ag.argsort(x), 0),
        lambda x: x[np.argsort(x.data)],
        lambda x: x[np.argsort(-x.data)][::-1],
        lambda x: x[ag.argsort(x).data[::-1]][::-1],
        lambda x: ag.sort(ag.reshape(x, (1, 5)), axis=1)[0],
    ],
)
def test_equal_elements_may_be_read_in_any_order(f: Callable[..., Any]) -> None:
    x = leaf(X)
    loss = (f(x) * W).sum()
    for given, right in IN_ORDER:
        assert compare(loss, dx=(x, given)).ok == right


@pytest.mark.parametrize(
    ("x", "given", "right"),
    [
        ([1.0, 3, 3, 3, 4], [0, 1, 0, 0, 0], True),
        ([1.0, 3, 3, 3, 4], [0, 0, 0, 1, 0], True),
        ([1.0, 3, 3, 3, 4], [0, 0.5, 0.25, 0.25, 0], True),
        ([1.0, 3, 3, 3, 4], [0, 1, 1, 0, 0], False),
        ([1.0, 3, 3, 3, 4], [1, 0, 0, 0, 0], False),
        ([2.0, 2, 2], [1, 0, 0], True),
        ([2.0, 2, 2], [0.3, 0.3, 0.3], False),
        ([3.0, 3, 3, 4], [0.5, 0.5, 0, 0], True),
        ([3.0, 3, 3, 4], [1 / 3, 1 / 3, 1 / 3, 0], True),
        ([3.0, 3, 3, 4], [0.5, 0, 0, 0.5], False),
    ],
)
def test_any_of_those_that_tie_may_be_the_median(
    x: list[float], given: list[float], right: bool
) -> None:
    tensor = leaf(x)
    assert compare(2 * ag.median(tensor), dx=(tensor, 2 * np.array(given))).ok == right


@pytest.mark.parametrize("n", [11, SOME[1], *MANY])
def test_orders_of_very_many(n: int, rng: np.random.Generator) -> None:
    x, weights = leaf(np.ones(n)), rng.standard_normal(n)
    loss = (ag.sort(x) * weights).sum()
    mixture = np.sum([w * rng.permutation(weights) for w in (0.2, 0.3, 0.5)], axis=0)
    for given in (rng.permutation(weights), mixture, np.full(n, weights.mean())):
        assert compare(loss, dx=(x, given)).ok
        assert not compare(loss, dx=(x, given + 0.01)).ok
    assert not compare(loss, dx=(x, 2 * weights - weights[::-1])).ok
    even = np.full(n, 1 / n)
    assert compare(ag.median(x), dx=(x, even)).ok
    assert not compare(ag.median(x), dx=(x, 1.1 * even)).ok
    for given, expected in [(even, "pass"), (np.ones(n), "fail")]:
        op = on_arrays(np.median, lambda g, out, x, w=given: g * w)
        assert verdict(op, np.ones(n)) == expected


def test_the_largest_few_of_each_line(rng: np.random.Generator) -> None:
    x, weights = np.round(rng.standard_normal((3, 20))), rng.standard_normal((3, 4))
    tensor = leaf(x)
    places = np.argsort(-x, axis=1, kind="stable")[:, :4]
    loss = (ag.take_along_axis(tensor, places, 1) * weights).sum()
    other, given = np.argsort(-x + 1e-6 * rng.random(x.shape), axis=1)[:, :4], np.zeros(x.shape)
    assert (other != places).any()
    np.put_along_axis(given, other, weights, 1)
    assert compare(loss, dx=(tensor, given)).ok
    assert not compare(loss, dx=(tensor, given[:, ::-1])).ok


def test_an_index_that_is_no_order_is_no_choice(rng: np.random.Generator) -> None:
    """Though its elements are equal: a permutation, and one logit of each row, all of them zero."""
    x, weights, order = leaf(np.ones(6)), rng.standard_normal(6), np.array([2, 0, 1, 5, 3, 4])
    right = np.empty(6)
    right[order] = weights
    loss = (x[order] * weights).sum()
    assert compare(loss, dx=(x, right)).ok
    assert not compare(loss, dx=(x, weights)).ok
    logits, labels = leaf(np.zeros((4, 3))), np.array([[1], [1], [0], [2]])
    loss = ag.take_along_axis(logits, labels, 1).sum()
    assert compare(loss, dx=(logits, np.eye(3)[labels[:, 0]])).ok
    assert not compare(loss, dx=(logits, np.eye(3)[[1, 1, 1, 1]])).ok

"""Which of several explanations comes first: the simplest one that the numbers bear out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor, compare
from autograd.checking.comparison_report import Row

Array = NDArray[Any]
RNG = np.random.default_rng(5)


def row_of(loss: Callable[[Tensor], Tensor], at: Array, given: Callable[[Array], Array]) -> Row:
    """What is said of a gradient made of the right one."""
    x = Tensor(at, requires_grad=True)
    value = loss(x)
    value.backward(retain_graph=True)
    assert x.grad is not None
    return compare(value, x=(x, given(x.grad.data))).rows[0]


def first(loss: Callable[[Tensor], Tensor], at: Array, given: Callable[[Array], Array]) -> str:
    row = row_of(loss, at, given)
    assert not row.ok
    return str(row.diagnosis[0]) if row.diagnosis else "unknown"


@pytest.mark.parametrize("scale", [1e-8, 1e8])
@pytest.mark.parametrize("op", [ag.tanh, ag.exp, ag.sin], ids=str)
def test_what_contributes_nothing_is_no_other_derivative(scale: float, op: Any) -> None:
    """Forms of x are all but 0 where x is small, 1 / x where it is large: the term is missing."""
    u, g = RNG.standard_normal((6, 4)), RNG.standard_normal((6, 4))

    def loss(x: Tensor) -> Tensor:
        inner = x * (1 / scale)
        return ((inner + op(inner) * inner) * g).sum()

    def without(right: Array) -> Array:
        return np.asarray((1 + op(u).data) * g / scale)

    assert "contribution missing" in first(loss, u * scale, without)


def test_what_is_right_but_on_a_part_is_told_by_which_part() -> None:
    x, g = RNG.standard_normal((6, 5)), RNG.standard_normal((6, 5))
    for loss in (lambda x: (x**2 * g).sum(), lambda x: (ag.absolute(x) * g).sum()):
        for factor, said in ((0.0, "it is zero there"), (-1.0, "its sign is wrong there")):
            text = first(loss, x, lambda right, f=factor: right * np.where(x < 0, f, 1.0))  # type: ignore[misc]
            assert said in text or "derivative of 'absolute'" in text
            assert "you have" not in text and "twice" not in text
    for loss in (lambda x: (ag.absolute(x) * g).sum(), lambda x: (ag.sin(x) * g).sum()):
        text = first(loss, x, np.abs)
        assert "where the right gradient is negative" in text and "its sign is wrong" in text


def test_few_elements_of_few_show_no_rule() -> None:
    """Which three of eight are zero is no evidence for one of thousands of rules."""
    x, other = RNG.standard_normal((4, 4)), RNG.standard_normal((4, 4))
    g = RNG.standard_normal((4, 4))
    reached = np.argwhere(x > other)

    def given(right: Array) -> Array:
        wrong = right.copy()
        wrong[tuple(reached[::3].T)] = 0
        return wrong

    row = row_of(lambda x: (ag.maximum(x, other) * g).sum(), x, given)
    assert not row.ok and all(h.kind == "subset" for h in row.diagnosis)


@pytest.mark.parametrize(
    "call",
    [lambda x, b: x * b, lambda x, b: x / b, lambda x, b: ag.exp(x) * b, lambda x, b: x**2 * b],
)
def test_a_factor_too_many_is_told_before_a_form_that_comes_to_it(call: Any) -> None:
    b = RNG.uniform(1, 2, (5, 4))
    x = RNG.standard_normal((5, 4))
    text = first(lambda t: call(t, b).sum(), x, lambda right: right * x)
    assert "its own value" in text and "is one factor too many" in text


@pytest.mark.parametrize("call", [ag.multiply, ag.divide], ids=str)
def test_exchanged_arguments_are_told_as_that(call: Any) -> None:
    """Behind other ops, too."""
    x, b, g = RNG.uniform(1, 2, (3, 5, 4))

    def given(right: Array) -> Array:
        theirs = x if call is ag.multiply else -x / b**2
        return np.asarray(g * theirs * 1e4)

    text = first(lambda t: (call(t * 1e4, b) * g).sum(), x * 1e-4, given)
    assert "arguments swapped" in text


def test_a_term_that_the_tape_has_is_told_as_missing() -> None:
    """Of the logarithm of softmax, however it is made of ops."""
    x, g = RNG.standard_normal((6, 5)), RNG.standard_normal((6, 5))
    for op, logarithm in (
        ("logsumexp", lambda x: ag.logsumexp(x, axis=1, keepdims=True)),
        ("exp", lambda x: ag.log(ag.exp(x).sum(axis=1, keepdims=True))),
    ):
        text = first(lambda x, made=logarithm: ((x - made(x)) * g).sum(), x, lambda right: g)  # type: ignore[misc]
        assert "contribution missing" in text and f"of '{op}'" in text


def test_nothing_is_added_where_the_right_gradient_does_not_show() -> None:
    """2 x in the place of a far smaller gradient is no weight decay beside it."""
    x = RNG.standard_normal(7)
    g = 1e-9 * RNG.uniform(1, 2, 7)
    text = first(lambda x: (x**2 * g).sum(), x, lambda right: 2 * x)
    assert "upstream forgotten" in text
    text = first(lambda x: (ag.sin(x) * 2.0).sum(), x, lambda right: right + 0.1 * x)
    assert "weight decay" in text


def test_a_sum_over_the_wrong_axis_behind_a_factor() -> None:
    g = RNG.standard_normal((7, 4))
    x = RNG.standard_normal((7, 4))
    for scale in (1.0, 1e-4, 3.0):

        def loss(b: Tensor, scale: float = scale) -> Tensor:
            return ((x + b * scale) * g).sum()

        def given(right: Array, scale: float = scale) -> Array:
            return np.asarray(scale * g.sum(axis=1))

        assert "wrong axis" in first(loss, RNG.standard_normal(4), given)

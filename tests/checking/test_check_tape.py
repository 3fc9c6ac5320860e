"""check_tape of long tapes: records like others are checked shortly, and no mistake is lost."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.shares import shared

import autograd as ag
from autograd import Tensor, check_tape, primitive
from autograd.checking import records
from autograd.checking.records import check_records
from autograd.checking.screening import Screen
from autograd.engine.tensor import Array

LENGTH, ODD = 8, 5  # calls of an op, and the one at which it is wrong

Rule = Callable[..., Tensor]


def cubed(rule: Rule, forward: Callable[[Array], Array], analytic: bool = False) -> Any:
    return primitive(analytic=analytic)(forward).defvjp(rule)


def right(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
    return 3 * x**2 * g


def inputs(shape: tuple[int, ...], dtype: Any = np.float64) -> list[Array]:
    """All between 0.5 and 2, but for one number."""
    rng = np.random.default_rng(3)
    found = [rng.uniform(0.5, 2.0, shape).astype(dtype) for _ in range(LENGTH)]
    found[ODD].flat[0] = 3.5
    return found


def is_odd(x: Array) -> bool:
    return bool((x.real > 3).any())


def verdicts(op: Any, arrays: list[Array]) -> list[str]:
    """What is said of each call of op."""
    outs = [op(Tensor(a, requires_grad=True)) for a in arrays]
    return [found.verdict for found in check_records(outs, np.random.default_rng(0))]


# --- rules ---------------------------------------------------------------------------------------


def one_element(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
    off = np.zeros(x.shape)
    off.flat[-1] = 1e-7 if x.size < 10 else 1e-5  # of many elements one hides behind others
    return right(g, out, x) * (1 + off)


def writes_into_g(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
    result = right(g, out, x)
    g.data[...] = g.data * 1  # which changes nothing here
    return result


def another_each_time() -> Rule:
    calls = iter(range(1, 10_000))
    return lambda g, out, x: right(g, out, x) * (1 + 1e-6 * next(calls))


MISTAKES: dict[str, Rule] = {
    "twice": lambda g, out, x: 2 * right(g, out, x),
    "the size of g": lambda g, out, x: right(ag.abs(g), out, x),
    "only of positive g": lambda g, out, x: right(ag.maximum(g, 0.0), out, x),
    "g twice": lambda g, out, x: right(g, out, x) * g,
    "g forgotten": lambda g, out, x: 3 * x**2 + 0 * g,
    "one element, a little": one_element,
    "the largest g": lambda g, out, x: right(g.max() + 0 * g, out, x),
    "not finite": lambda g, out, x: right(g, out, x) * np.inf,
    "to be summed": lambda g, out, x: ag.stack([right(g, out, x)] * 2),
    "writes": writes_into_g,
    "another each time": another_each_time(),
}


LIKE = [((3,), True), ((2, 3), False), ((9, 10), True), ((9, 10), False)]  # shape, analytic


@pytest.mark.parametrize(
    ("name", "shape", "analytic"),
    [
        pytest.param(name, *like, marks=marks)
        for (name, like), marks in shared(
            list(itertools.product(MISTAKES, LIKE)), 5, lambda row: row[0]
        )
    ],
)
def test_a_rule_that_is_wrong_at_one_of_many_like_records(
    name: str, shape: tuple[int, ...], analytic: bool
) -> None:
    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        return (MISTAKES[name] if is_odd(x.data) else right)(g, out, x)

    found = verdicts(cubed(rule, lambda x: x**3, analytic), inputs(shape))
    assert [i for i, verdict in enumerate(found) if verdict != "pass"] == [ODD]


def test_a_rule_that_loses_digits_at_one_of_many_like_records() -> None:
    def rule(g: Tensor, out: Tensor, x: Tensor) -> Tensor:
        lost = 1e6 if is_odd(x.data) else 0.0
        return (right(g, out, x) + lost) - lost

    found = verdicts(cubed(rule, lambda x: x**3), inputs((3,), np.float32))
    assert found == ["inconclusive" if i == ODD else "pass" for i in range(LENGTH)]


# --- forwards ------------------------------------------------------------------------------------


def writes(x: Array) -> Array:
    if is_odd(x):
        x[...] = x + 0
    return x**3


def draws(x: Array) -> Array:
    return x**3 + (np.random.default_rng().random() if is_odd(x) else 0.0)


def jumps(x: Array) -> Array:
    """From one side of the odd number to the other."""
    return x**3 + np.where(x > 3.5, 1e-3, 0.0)


def bends(x: Array) -> Array:
    """At the odd number, to sides whose mean is the right slope."""
    return x**3 + np.abs(np.where(x > 3, x - 3.5, 0.0))


def goes_together(x: Array) -> Array:
    """What is 0 along every element, and not along two: no derivative at the odd number."""
    y = x.ravel()
    extra = np.cbrt((y[0] - 3.5) * (y[1] - y1) ** 2) if is_odd(x) else 0.0
    return x**3 + extra


y1 = float(inputs((3,))[ODD][1])


@pytest.mark.parametrize(
    ("forward", "verdict"),
    [(writes, "fail"), (jumps, "inconclusive"), (bends, "pass"), (draws, "inconclusive")],
)
def test_a_forward_that_is_another_at_one_of_many_like_records(
    forward: Any, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []
    report = Screen.report

    def watched(*args: Any) -> Any:
        looked.append(report(*args))
        return looked[-1]

    monkeypatch.setattr(Screen, "report", watched)
    found = verdicts(cubed(right, forward), inputs((3,)))
    assert found == [verdict if i == ODD else "pass" for i in range(LENGTH)]
    assert [i for i, one in enumerate(looked, start=1) if one is None] == [ODD]


def test_what_does_not_add_up_at_one_of_many_like_records() -> None:
    found = verdicts(cubed(right, goes_together), inputs((3,)))
    assert [i for i, one in enumerate(found) if one != "pass"] == [ODD]


# --- how long it takes ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_like_records_of_a_recurrence_are_checked_shortly(
    dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    u, w, b = (
        Tensor(0.3 * rng.standard_normal(s).astype(dtype), requires_grad=True)
        for s in ((3, 4), (4, 4), (4,))
    )
    x, h = Tensor(rng.standard_normal((30, 2, 3)).astype(dtype)), Tensor(np.zeros((2, 4), dtype))
    for t in range(30):
        h = ag.tanh(x[t] @ u + h @ w + b)
    in_full: list[str] = []
    check = records.check
    monkeypatch.setattr(records, "check", lambda *a: in_full.append(a[2]) or check(*a))
    report = check_tape((h * h).sum())
    assert len(report.records) == 5 * 30 + 2
    assert len(in_full) == 8, in_full  # one of each kind; of h @ w also the first, of a constant h
    assert all(r.report and r.report.arguments[0].limit < 1e-3 for r in report.records[6:100])

"""Errors of a jitted function are those of the function: kind, message, and its own line."""

from __future__ import annotations

import itertools
import traceback
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest
from support.jitted_ways.playing import picture, unlike
from support.shares import shared

import autograd as ag
import nn
from autograd import Tensor, jit
from nn import functional as F

Arguments = tuple[Any, ...]


class Case(NamedTuple):
    """A function, arguments that it takes, and others at which it raises.

    Attributes:
        make: gives the function, and what it must leave as the function itself leaves it.
    """

    make: Callable[[], tuple[Callable[..., Any], list[Any]]]
    good: Callable[[int], Arguments]
    bad: Arguments


def of(f: Callable[..., Any]) -> Callable[[], tuple[Callable[..., Any], list[Any]]]:
    return lambda: (f, [])


def vector(n: int, size: int = 3) -> Tensor:
    return Tensor(np.arange(size) + n + 1.0)


def raising_by_a_switch(x: Tensor, fails: bool = False) -> Tensor:
    y = x * 2
    if fails:
        raise ArithmeticError("as was asked for")
    return y


def raising_by_numbers(x: Tensor) -> Tensor:
    if (x < 0).any():
        raise ValueError("a number below 0")
    return x * 2


def asserting(x: Tensor) -> Tensor:
    assert x.sum() > 0, "a sum above 0 expected"
    return x * 2


def keyed(x: Tensor, name: str) -> Tensor:
    return x * {"one": 1, "two": 2}[name]


def divided(x: Tensor, n: int) -> Tensor:
    return x * (1 / n)


def nested(x: Tensor, i: Any) -> Tensor:
    def inner(t: Tensor) -> Tensor:
        return t[i] * 2

    return inner(x + 1)


def reshaped(x: Tensor, n: int) -> Tensor:
    return (x * 2).reshape(n, -1)


def swept_twice(x: Tensor, twice: bool) -> Tensor:
    w = Tensor(np.ones(3), requires_grad=True)
    loss = (w * x).sum()
    loss.backward()
    if twice:
        loss.backward()
    return x * 2


def swept_from_many(x: Tensor, sums: bool) -> Tensor:
    w = Tensor(np.ones(3), requires_grad=True)
    y = w * x
    (y.sum() if sums else y).backward()
    return x * 2


class Stopped(BaseException):
    """As KeyboardInterrupt is."""


def stopping(x: Tensor, stops: bool) -> Tensor:
    if stops:
        raise Stopped("now")
    return x * 2


@ag.primitive
def of_small_numbers(x: Any) -> Any:
    if x.max() > 1e6:
        raise OverflowError("up to a million expected")
    return x * 2


def chained(x: Tensor, name: str) -> Tensor:
    try:
        return keyed(x, name)
    except KeyError as error:
        raise LookupError(f"no {name}") from error


def trained(p: float = 0.0) -> tuple[Callable[..., Any], list[Any]]:
    ag.random.seed(3)
    noise = nn.Dropout(p) if p else nn.Identity()
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), noise, nn.Linear(4, 2))
    optimizer = nn.optim.Adam(model.parameters(), lr=0.1)

    def step(x: Tensor, y: Any) -> Tensor:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return step, [model, optimizer, ag.random.default_generator()]


def trained_and_raising() -> tuple[Callable[..., Any], list[Any]]:
    step, held = trained()

    def steps(x: Tensor, y: Any, wrong: Any) -> Any:
        first = step(x, y)
        return first, step(x, wrong)

    return steps, held


def batch(n: int) -> Tensor:
    return Tensor(np.random.default_rng(n).standard_normal((4, 3)).astype(np.float32))


LABELS, WRONG = np.array([0, 1, 1, 0]), np.array([0, 1, 2, 0])

CASES = {
    "an index out of range": Case(
        of(lambda x, i: x[i] * 2),
        lambda n: (vector(n), np.array([n % 3])),
        (vector(0), np.array([7])),
    ),
    "an index out of range within": Case(
        of(nested), lambda n: (vector(n), np.array([n % 3])), (vector(0), np.array([0, 3]))
    ),
    "a Python index out of range": Case(
        of(lambda x, i: x[i] * 2), lambda n: (vector(n), 1), (vector(0), 3)
    ),
    "shapes that do not fit": Case(
        of(lambda x, y: x @ y), lambda n: (vector(n), vector(2 * n)), (vector(0), vector(1, 4))
    ),
    "shapes that do not broadcast": Case(
        of(lambda x, y: x * y + 1), lambda n: (vector(n), vector(n)), (vector(0), vector(1, 4))
    ),
    "a shape that cannot be": Case(of(reshaped), lambda n: (vector(n, 6), 2), (vector(0, 6), 4)),
    "an axis that is not there": Case(
        of(lambda x, axis: x.sum(axis=axis)), lambda n: (vector(n), 0), (vector(0), 2)
    ),
    "a label too large": Case(trained, lambda n: (batch(n), LABELS), (batch(9), WRONG)),
    "a label too large, after draws": Case(
        lambda: trained(0.5),
        lambda n: (batch(n), LABELS),
        (batch(9), WRONG),
    ),
    "a label below 0": Case(trained, lambda n: (batch(n), LABELS), (batch(9), -WRONG)),
    "too few labels": Case(trained, lambda n: (batch(n), LABELS), (batch(9), LABELS[:3])),
    "a label too large in a second step": Case(
        trained_and_raising,
        lambda n: (batch(n), LABELS, LABELS[::-1].copy()),
        (batch(9), LABELS, WRONG),
    ),
    "an index of an embedding": Case(
        of(lambda i, w: F.embedding(i, w)),
        lambda n: (np.array([n % 3]), Tensor(np.ones((3, 2)))),
        (np.array([3]), Tensor(np.ones((3, 2)))),
    ),
    "raised by a switch": Case(of(raising_by_a_switch), lambda n: (vector(n),), (vector(0), True)),
    "raised by numbers": Case(of(raising_by_numbers), lambda n: (vector(n),), (vector(-9),)),
    "an assertion": Case(of(asserting), lambda n: (vector(n),), (vector(-9),)),
    "a key that is not there": Case(of(keyed), lambda n: (vector(n), "one"), (vector(0), "three")),
    "an error with its cause": Case(of(chained), lambda n: (vector(n), "two"), (vector(0), "six")),
    "a division by 0": Case(of(divided), lambda n: (vector(n), 2), (vector(0), 0)),
    "an attribute that is not there": Case(
        of(lambda x: x.size * x.sum()), lambda n: (vector(n),), (3,)
    ),
    "too many arguments": Case(of(lambda x: x * 2), lambda n: (vector(n),), (vector(0), 1)),
    "a singular matrix": Case(
        of(lambda x: ag.inv(x) * 2),
        lambda n: (Tensor(np.eye(2) * (n + 1)),),
        (Tensor(np.zeros((2, 2))),),
    ),
    "no factor of Cholesky": Case(
        of(lambda x: ag.cholesky(x) * 2),
        lambda n: (Tensor(np.eye(2) * (n + 1)),),
        (Tensor(-np.eye(2)),),
    ),
    "a sweep of what is freed": Case(
        of(swept_twice), lambda n: (vector(n), False), (vector(0), True)
    ),
    "a sweep of many": Case(of(swept_from_many), lambda n: (vector(n), True), (vector(0), False)),
    "no Exception": Case(of(stopping), lambda n: (vector(n), False), (vector(0), True)),
    "an op of one's own": Case(
        of(lambda x: of_small_numbers(x) + 1), lambda n: (vector(n),), (vector(10**7),)
    ),
    "a dtype that is no index": Case(
        of(lambda x, i: x[i]), lambda n: (vector(n), np.array([1])), (vector(0), np.array([1.0]))
    ),
}


def raised(f: Callable[..., Any], arguments: Arguments) -> tuple[Any, ...]:
    """Kind and message of what a call raises, of its cause too, and the last line in this file."""
    try:
        f(*arguments)
    except BaseException as error:
        lines = [
            s.lineno for s in traceback.extract_tb(error.__traceback__) if s.filename == __file__
        ]
        cause = error.__cause__
        return type(error), str(error), type(cause), str(cause), lines[-1]
    raise AssertionError("nothing was raised")


BAD_AT = [[0], [1], [4], [4, 5], [0, 4]]  # calls


@pytest.mark.parametrize(
    ("name", "bad_at"),
    [
        pytest.param(name, bad_at, marks=marks, id=f"{name}-{bad_at}")
        for (name, bad_at), marks in shared(
            list(itertools.product(CASES, BAD_AT)), 5, lambda row: row[0]
        )
    ],
)
def test_errors_are_those_of_the_function(name: str, bad_at: list[int]) -> None:
    case = CASES[name]
    seen = []
    for maker in (lambda f: f, jit):
        f, held = case.make()
        f, notes = maker(f), []
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            for n in range(7):
                if n in bad_at:
                    notes.append(raised(f, case.bad))
                else:
                    notes.append(picture(f(*case.good(n))))
                notes.append(picture(held))
        seen.append(notes)
    for plain, jitted in zip(*seen, strict=True):
        if isinstance(plain, tuple) and isinstance(plain[0], type):
            assert jitted == plain
        else:
            assert unlike(plain, jitted, 4) is None

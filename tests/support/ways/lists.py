"""Tensors in lists and other containers that reach an op, a constructor or an operator; and what
is no number beside them."""

from __future__ import annotations

import collections
from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
from support.ways.judging import Flat, Refused, Right, ways

import autograd as ag
import nn
from autograd import Tensor


class Pair(collections.namedtuple("Pair", "first second")):
    """A tuple with names."""


class OfOurs(Sequence[Any]):
    """A sequence that is no list."""

    def __init__(self, *parts: Any) -> None:
        self.parts = parts

    def __len__(self) -> int:
        return len(self.parts)

    def __getitem__(self, index: Any) -> Any:
        return self.parts[index]


class Arraylike:
    """What gives NumPy an array when asked, made of tensors."""

    def __init__(self, held: Any) -> None:
        self.held = held

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.asarray(self.held)


class Reflecting:
    """A class with operators of its own."""

    def __radd__(self, other: Any) -> Any:
        return other * 3

    __rmatmul__ = __radd__


def objects(*parts: Any) -> Any:
    """An array of objects, which holds the parts themselves."""
    array = np.empty(len(parts), object)
    for i, part in enumerate(parts):
        array[i] = part
    return array


WAYS = [
    *ways(
        Right(),
        {
            "sum([a, b])": (lambda a, b: ag.sum([a * 3, b * 3]), lambda a, b: 3 * a + 3 * b),
            "mean of a list of losses": lambda x: ag.mean([v * v for v in x]),
            "exp([a, b])": (lambda a, b: ag.exp([a, b]), lambda a, b: np.exp([a, b])),
            "where(c, [a, b], 0)": (
                lambda a, b: ag.where([True, False], [a, b], 0),
                lambda a, b: np.where([True, False], [a, b], 0),
            ),
            "x + [a, b, 1]": lambda x, a, b: x.__add__([a, b, 1]),
            "x - [a, b, 1]": lambda x, a, b: x - [a, b, 1],
            "[a, b, 1] - x": lambda x, a, b: [a, b, 1] - x,
            "(a, b, 1) * x": (lambda x, a, b: (a, b, 1) * x, lambda x, a, b: x * [a, b, 1]),
            "x @ [[a], [b], [1]]": lambda x, a, b: x @ [[a], [b], [1.0]],
            "[a, b] @ m": (lambda a, b, m: [a, b] @ m, lambda a, b, m: np.array([a, b]) @ m),
            "a * [1, 2]": (lambda a: a * [1.0, 2.0], lambda a: np.array([a, 2 * a])),
            "[1, 2] * a": (lambda a: [1.0, 2.0] * a, lambda a: np.array([a, 2 * a])),
            "Tensor([a, b])": (
                lambda a, b: Tensor([a, b]) ** 2,
                lambda a, b: np.array([a, b]) ** 2,
            ),
            "Tensor of nested lists": lambda a, b, x: Tensor([[a, (b, 2.0)[0]], [x[0], 1.0]]),
            "Tensor([a, b], dtype)": lambda a, b: Tensor([a, b], dtype=np.float64) * 2,
            "Tensor(leaf)": lambda x: Tensor(x) * 2,
            "Tensor(x * 2)": lambda x: Tensor(x * 2) * 2,
            "a list of vectors and arrays": lambda x: ag.exp([x, np.ones(3), [1.0, 2.0, 3.0]]),
            "a list with integers": lambda x: ag.exp([x, np.arange(3), [1, 2, 3]]),
            "a list with fractions": (
                lambda a: ag.exp([a, Fraction(1, 2), Decimal("0.25"), np.float32(2), True]),
                lambda a: np.exp([a, 0.5, 0.25, 2, 1]),
            ),
            "a named tuple": lambda a, b: ag.exp(Pair(a, b)),
            "a class derived from list": lambda a, b: ag.exp(type("Own", (list,), {})([a, b])),
            "stack of a deque": lambda a, b: ag.stack(collections.deque([a, b])),
            "stack of a generator": lambda x: ag.stack(v * v for v in x),
            "concatenate lists of tensors": lambda a, b: ag.concatenate([[a, b], [b]]),
            "einsum of lists": lambda a, b: ag.einsum("i,i->", [a, b], [b, 2.0]),
            "index_update with a list": lambda a, b: ag.index_update(np.ones(3), [0, 2], [a, b]),
            "the sum of an array of objects": lambda a, b: objects(a, b).sum(),
            "an array of objects, by 2": lambda a, b: objects(a, b) * 2,
            "a class that knows +": (lambda x: x + Reflecting(), lambda x: x * 3),
            "a class that knows @": (lambda x: x @ Reflecting(), lambda x: x * 3),
            "t * Fraction(1, 2)": (lambda x: x * Fraction(1, 2), lambda x: x / 2),
            "Fraction(1, 2) * t": (lambda a: Fraction(1, 2) * a, lambda a: a / 2),
            "Fraction(1, 2) / t": (lambda x: Fraction(1, 2) / x, lambda x: 0.5 / x),
            "Fraction(1, 2) ** t": (lambda x: Fraction(1, 2) ** x, lambda x: 0.5**x),
            "t ** Fraction(1, 2)": (lambda x: x ** Fraction(1, 2), lambda x: x**0.5),
            "Decimal(2) - t": (lambda x: Decimal(2) - x, lambda x: 2 - x),
            "t / Decimal(2)": (lambda x: x / Decimal(2), lambda x: x / 2),
            "np.float64(2) * t": lambda x: np.float64(2) * x,
            "array * t, array @ t": lambda x: (np.arange(3) * x, np.eye(3) @ x),
        },
    ),
    *ways(
        Refused(TypeError, ("number",)),
        {
            "a list with None": lambda a: ag.sum([a, None]),
            "a list with text": lambda a: ag.sum([a, "1"]),
            "Tensor([a, None])": lambda a: Tensor([a, None]),
            "a list with a masked array": lambda x: ag.sum([x, np.ma.array([1.0, 2, 3])]),
            "a set": lambda a, b: ag.sum({a, b}),
            "a dict": lambda a, b: ag.sum({"a": a, "b": b}),
            "the values of a dict": lambda a, b: ag.sum({"a": a, "b": b}.values()),
            "a generator": lambda x: ag.sum(v * v for v in x),
            "map, zip": lambda x: ag.sum(map(ag.exp, x)),
            "Tensor(generator)": lambda x: Tensor(v * v for v in x),
            "Tensor({a, b})": lambda a, b: Tensor({a, b}),
            "add(x, None)": lambda x: ag.add(x, None),
            "equal(x, None)": lambda x: ag.equal(x, None),
        },
    ),
    *ways(
        Refused(TypeError, ("stack()",)),
        {
            "exp(array of objects)": lambda a, b: ag.exp(objects(a, b)),
            "t * array of objects": lambda x, a, b: x[:2] * objects(a, b),
            "array of objects + t": lambda x, a, b: objects(a, b) + x[:2],
        },
    ),
    *ways(
        Refused(TypeError, ("list",)),
        {
            "Tensor(array of objects)": lambda a, b: Tensor(objects(a, b)),
            "Tensor of other objects": lambda a: Tensor(object()) * a,
        },
    ),
    *ways(
        Refused(TypeError, ("unsupported operand",)),
        {
            "x + None": lambda x: x + None,
            "None - x": lambda x: None - x,
            "x - 'a'": lambda x: x - "a",
            "x @ object()": lambda x: x @ object(),
            "x ** {1}": lambda x: x ** {1},
        },
    ),
    *ways(Refused(TypeError, ("not supported",)), {"x < None": lambda x: x < None}),
    *ways(
        Flat(),
        {
            "x == None": (lambda x: x == None, lambda x: False),  # noqa: E711
            "x != 'a'": (lambda x: x != "a", lambda x: True),
            "x in [None, object()]": (lambda x: x in [None, object()], lambda x: False),
        },
    ),
    *ways(
        Refused(RuntimeError, ("stack()", "detach()", ".data")),
        {
            "a deque": lambda a, b: ag.sum(collections.deque([a, b])),
            "a UserList": lambda a, b: ag.sum(collections.UserList([a, b])),
            "a sequence that is no list": lambda a, b: ag.sum(OfOurs(a, b)),
            "Tensor(deque)": lambda a, b: Tensor(collections.deque([a, b])),
            "a deque within a list": lambda a, b: ag.sum([collections.deque([a, b]), [1.0, 2.0]]),
            "what has __array__": lambda x: ag.sum(Arraylike(x)),
            "t * masked array": lambda x: x * np.ma.array([1.0, 2, 3], mask=[1, 0, 0]),
            "array of objects @ t": lambda x, a, b: objects(a, b) @ x[:2],
        },
    ),
    *ways(
        Refused(ValueError, ("detach()",)),
        {
            "Parameter(leaf)": lambda x: nn.Parameter(x),
            "Parameter(x * 2)": lambda x: nn.Parameter(x * 2),
            "Parameter([a, b])": lambda a, b: nn.Parameter([a, b]),
            "Buffer(leaf)": lambda x: nn.Buffer(x),
            "Buffer(x * 2)": lambda x: nn.Buffer(x * 2),
            "Buffer([a, b])": lambda a, b: nn.Buffer([a, b]),
            "Tensor(x, requires_grad=True)": lambda x: Tensor(x, requires_grad=True),
        },
    ),
    *ways(
        Refused(ValueError, ("sum: argument 0", "shape")),
        {"a list of unequal rows": lambda x: ag.sum([x, [1.0, 2.0]])},
    ),
    *ways(Refused(TypeError, ("real",)), {"a list with 1j": lambda a: ag.sum([a, 1j])}),
]

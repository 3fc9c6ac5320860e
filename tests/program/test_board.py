"""The rules of the board: what each rewrites, what it leaves alone, that the result is the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.tracing import (
    COLUMN,
    CUBE,
    INTEGERS,
    ROW,
    SINGLE,
    X,
    expect_simplified,
    names,
    numbers,
    traced,
)

import autograd as ag
from autograd import Tensor, no_grad, primitive
from autograd.program.board import BOARD
from autograd.program.program import Call, Input, Part, Program, Slot, Value, values_in
from autograd.program.rewriting import rewritten

Array = np.ndarray[Any, Any]


# --- times one ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "ops"),
    [
        (lambda x: x * 1, X, ""),
        (lambda x: ag.multiply(1, x), X, ""),
        (lambda x: x / 1, X, ""),
        (lambda x: x**1, X, ""),
        (lambda x: +x, X, ""),
        (lambda x: ((x * 1.0) / 1.0) ** 1.0, SINGLE, ""),
        (lambda x: +(x * 1), INTEGERS, ""),
        (lambda x: x / 1, INTEGERS, "divide"),  # gives floats
        (lambda x: x * 1.0, INTEGERS, "multiply"),
        (lambda x: x * 1, X > 0, "multiply"),
        (lambda x: x**1.0, INTEGERS, "power"),
        (lambda x: x * np.ones(3), ROW, "multiply"),  # which somebody gave
        (lambda x: x * np.ones((2, 3)), ROW, "multiply"),
        (lambda x: x * np.ones(3), SINGLE, "multiply"),
        (lambda x: x * 2, X, "multiply"),
        (lambda x: x * -1, X, "multiply"),
        (lambda x: x * True, X, "multiply"),
        (lambda x: ag.multiply(True, x), X, "multiply"),
        (lambda x: ag.multiply(x, y=1), X, "multiply"),
        (lambda x: ag.add(x, y=-2), X, "add"),
        (lambda x: ag.divide(1, x), X, "divide"),
        (lambda x: ag.power(1, x), X, "power"),
        (lambda x: x + 0, X, "add"),  # -0.0 + 0 is 0.0
        (lambda x: 0 - x, X, "subtract"),  # 0 - 0.0 is 0.0
        (lambda x: x - 1, X, "subtract"),
        (lambda x: x * 0, X, "multiply"),
        (lambda x: x // 1, X, "floor_divide"),
        (lambda x: ag.maximum(x, 1), X, "maximum"),
        (lambda x: ag.where(x > 0, x, 1), X, "greater where"),
    ],
)
def test_times_one(f: Any, x: Array, ops: str) -> None:
    expect_simplified(traced(f, x), ops, x)


# --- minus --------------------------------------------------------------------------------------

BYTES = np.asarray([[1, 200, 0]], np.uint8)


@pytest.mark.parametrize(
    ("f", "xs", "ops"),
    [
        (lambda x: ag.negative(-x), [X], ""),
        (lambda x: -ag.negative(-x), [SINGLE], "negative"),
        (lambda x: ag.negative(-x), [INTEGERS], ""),
        (lambda x: -abs(x), [X], "absolute negative"),
        (lambda x, y: x + (-y), [X, ROW], "subtract"),
        (lambda x, y: ag.add(1.5, -y) * x, [SINGLE, ROW], "subtract multiply"),
        (lambda x, y: (-x) + y, [X, ROW], "negative add"),
        (lambda x, y: x - (-y), [X, ROW], "negative subtract"),
        (lambda x, y: x * (-y), [X, ROW], "negative multiply"),
        (lambda x, y: x + (-y), [X, SINGLE], "subtract"),
        (lambda x, y: x + (-y), [INTEGERS, INTEGERS[::-1]], "subtract"),
        (lambda x, y: x + (-y), [BYTES, BYTES[:, ::-1]], "subtract"),
        # -y is within the bytes, x - y would not be.
        (lambda x, y: x + (-y), [INTEGERS.astype(int), BYTES], "negative add"),
        (lambda x, y: x + (-y), [INTEGERS.astype(np.int32), INTEGERS], "negative add"),
        (lambda x, y: x + (-y), [X, INTEGERS], "negative add"),
        (lambda x, y: x + (-y), [INTEGERS, X], "subtract"),
    ],
)
def test_minus(f: Any, xs: list[Array], ops: str) -> None:
    expect_simplified(traced(f, *xs), ops, *xs)


def test_a_sum_of_gradients_stays_a_sum() -> None:
    kind = Slot((3,), np.dtype(float))
    calls = (
        Call(ag.exp, (Value(0),), {}, (1,)),
        Call(ag.negative, (Value(0),), {}, (2,)),
        Call(ag.add, (Value(1), Value(2)), {}, (3,), part=Part(0, 0, adds=True)),
    )
    program = Program(calls, dict.fromkeys(range(4), kind), (Input(0, "x"),), result=Value(3))
    expect_simplified(program, "exp negative add", ROW)
    alone = replace(calls[2], part=Part(0, 0))
    expect_simplified(replace(program, calls=(*calls[:2], alone)), "exp subtract", ROW)


# --- views --------------------------------------------------------------------------------------


def turned(x: Tensor) -> Tensor:
    return ag.transpose(x, (1, 2, 0))


@pytest.mark.parametrize(
    ("f", "x", "ops"),
    [
        (lambda x: x.T.T, X, ""),
        (lambda x: ag.transpose(x, (0, 1)), X, ""),
        (lambda x: ag.transpose(x, (0, -1)), X, ""),
        (lambda x: ag.transpose(x, axes=(0, 1)), X, ""),
        (lambda x: ag.transpose(x, axes=[1, 0]).T, X, ""),
        (lambda x: x.T, ROW, ""),
        (lambda x: x.T, X, "transpose"),
        (lambda x: x.T.T, CUBE, ""),
        (lambda x: ag.transpose(ag.transpose(x, (1, 2, 0)), (2, 0, 1)), CUBE, ""),
        (lambda x: ag.transpose(ag.transpose(x, (-2, -1, 0)), (-1, 0, -2)), CUBE, ""),
        (lambda x: turned(turned(x)), CUBE, "transpose"),
        (lambda x: ag.transpose(ag.transpose(x, (1, 2, 0)), (0, 2, 1)), CUBE, "transpose"),
        (lambda x: ag.transpose(ag.transpose(x, (2, 0, 1))), CUBE, "transpose"),
        (lambda x: turned(turned(turned(x))), CUBE, ""),
        (lambda x: ag.exp(x.T).T, X, "transpose exp transpose"),
        (lambda x: x.T.reshape(2, 3), X, "transpose reshape"),
        (lambda x: ag.transpose(turned(x), axes=(0, 2, 1)), CUBE, "transpose"),
        (lambda x: ag.reshape(x.reshape(6), shape=(3, 2)), X, "reshape"),
        (lambda x: ag.reshape(x, shape=6).reshape(3, 2), X, "reshape"),
        (lambda x: ag.reshape(x, shape=(2, -1)), X, ""),
        (lambda x: ag.exp(x).reshape(-1), X, "exp reshape"),
        (lambda x: x.reshape(2, 3), X, ""),
        (lambda x: x.reshape(6).reshape(2, 3), X, ""),
        (lambda x: x.reshape(3, 2).reshape(-1), X, "reshape"),
        (lambda x: x.reshape(6).reshape(3, 2).reshape(1, 6), X, "reshape"),
        (lambda x: x.reshape(3, 2), X, "reshape"),
        (lambda x: x.reshape(3, 2).T.reshape(2, 3), X, "reshape transpose"),
        (lambda x: ag.broadcast_to(x, (2, 3)).reshape(6), ROW, "broadcast_to reshape"),
        (lambda x: ag.broadcast_to(x.reshape(3, 1), (3, 2)).reshape(2, 3), ROW,
         "reshape broadcast_to reshape"),
        (lambda x: ag.reshape(ag.transpose(x), shape=(2, 3)), X, "transpose reshape"),
    ],
)  # fmt: skip
def test_views(f: Any, x: Array, ops: str) -> None:
    program = traced(f, x)
    made = expect_simplified(program, ops, x)
    assert names(program) != ops or made.calls == program.calls  # as they were


ONES = np.zeros((1, 3, 1)) - 2


@pytest.mark.parametrize(
    ("f", "x", "ops"),
    [
        (lambda x: ag.sum(x, 0, keepdims=True).reshape(3), X, "sum"),
        (lambda x: ag.sum(x, -1, keepdims=True).reshape(2), X, "sum"),
        (lambda x: ag.sum(x, axis=1, keepdims=True).reshape(2), X, "sum"),
        (lambda x: ag.sum(x, 1, True).reshape(2), X, "sum"),
        (lambda x: ag.sum(x, keepdims=True).reshape(()), X, "sum"),
        (lambda x: ag.sum(x, (0, 1), keepdims=True).reshape(()), X, "sum"),
        (lambda x: ag.sum(x, axis=[1, 0], keepdims=True).reshape(()), INTEGERS, "sum"),
        (lambda x: ag.sum(x, (-1, 0), keepdims=True).reshape(3), CUBE, "sum"),
        (lambda x: ag.sum(x, np.int64(1), keepdims=True).reshape(2, 4), CUBE, "sum"),
        (lambda x: ag.sum(x, 0, keepdims=True).reshape(3, 1), X, "sum reshape"),
        (lambda x: ag.sum(x, 0, keepdims=True).reshape(1, 3, 1), X, "sum reshape"),
        (lambda x: ag.sum(x, 1, keepdims=True).reshape(1, 2), X, "sum reshape"),
        (lambda x: ag.sum(x, (0, 1), keepdims=True).reshape(1), X, "sum reshape"),
        (lambda x: ag.sum(x, 2, keepdims=True).reshape(3), ONES, "sum reshape"),  # the first, too
        (lambda x: ag.sum(x, 2, keepdims=True).reshape(1, 3), ONES, "sum"),
        (lambda x: ag.sum(x, 0).reshape(3, 1), X, "sum reshape"),
        (lambda x: ag.sum(x, ()).reshape(6), X, "sum reshape"),
        (lambda x: ag.max(x, 0, keepdims=True).reshape(3), X, "max reshape"),
        (lambda x: ag.sum(x, 0, keepdims=True) * 2, X, "sum multiply"),
        (lambda x: ag.exp(ag.sum(x)), X, "sum exp"),
        (lambda x: ag.norm(ag.sum(x, 0, keepdims=True), axis=0), X, "sum norm"),
        (lambda x: ag.reshape(ag.sum(x, 0, keepdims=True), shape=-1), X, "sum"),
    ],
)  # fmt: skip
def test_sums_that_are_reshaped(f: Any, x: Array, ops: str) -> None:
    made = expect_simplified(traced(f, x), ops, x)
    if ops == "sum":
        assert made.calls[0].inputs == (Value(0),)
        (slot,) = made.calls[0].outputs
        assert ("axis" in made.calls[0].options) == (made.slots[slot].shape != ())


# --- what broadcasts ----------------------------------------------------------------------------


@primitive(kind="elementwise", broadcasts=True)
def theirs(x: Array, y: Array) -> Array:
    return x * y


def wide(x: Tensor) -> Tensor:
    return ag.broadcast_to(x, (2, 3))


@pytest.mark.parametrize(
    ("f", "xs", "ops"),
    [
        (lambda x, r: x * wide(r), [X, ROW], "multiply"),
        (lambda x, r: wide(r) / x, [X, COLUMN], "divide"),
        (lambda x, r: wide(r) - x, [SINGLE, ROW], "subtract"),
        (lambda x, r: ag.where(x > 0, wide(r), x), [X, ROW], "greater where"),
        (lambda x, r: ag.where(wide(r), x, 3), [X, ROW > 0], "where"),
        (lambda x, r: wide(r.reshape(1, 3)) + x, [X, ROW], "add"),
        (lambda x, r: wide(r.reshape(1, 1)) + x, [X, numbers()], "add"),
        (lambda x, r: wide(ag.reshape(r, shape=(1, 3))) + x, [X, ROW], "add"),
        (lambda x, r: ag.exp(ag.broadcast_to(r, (3,))) * x, [X, ROW], "broadcast_to exp multiply"),
        (lambda x, r: wide(r.reshape(2, 1)) + x, [X, numbers(2)], "reshape add"),
        (lambda x, r: wide(r.reshape(1, 3)) + x, [X, numbers(3, 1)], "reshape add"),
        (lambda x, r: wide(x) * wide(r), [ROW, COLUMN], "multiply"),
        # These make the shape of the output.
        (lambda x, r: x + wide(r), [ROW, ROW], "broadcast_to add"),
        (lambda x, r: x + wide(r), [numbers(2, 1), numbers(2, 1)], "broadcast_to add"),
        (lambda x, r: wide(r) + 2 + 0 * x.sum(), [X, ROW],
         "broadcast_to add sum multiply add"),
        (lambda x, r: ag.exp(wide(r)) + x, [X, ROW], "broadcast_to exp add"),
        (lambda x, r: wide(r) * wide(r) + x, [X, ROW], "broadcast_to multiply add"),
        (lambda x, r: x @ ag.broadcast_to(r, (3, 3)), [X, ROW], "broadcast_to matmul"),
        (lambda x, r: ag.stack([x, wide(r)]), [X, ROW], "broadcast_to stack"),
        (lambda x, r: theirs(x, wide(r)), [X, ROW], "broadcast_to theirs"),
    ],
)  # fmt: skip
def test_broadcasts(f: Any, xs: list[Array], ops: str) -> None:
    expect_simplified(traced(f, *xs), ops, *xs)


# --- where no gradient goes back ----------------------------------------------------------------


def constants_of(f: Callable[[Tensor, Tensor], Tensor], ops: str) -> list[bool]:
    """Which arguments the last call of the simplified program reads as constants."""
    x, row = np.ones((3, 3)), np.ones(3)
    program = traced(
        lambda x, row: f(Tensor(x, requires_grad=True), Tensor(row, requires_grad=True)), x, row
    )
    return [
        value.constant
        for value in values_in(expect_simplified(program, ops, x, row).calls[-1].inputs)
    ]


def without(f: Callable[[], Tensor]) -> Tensor:
    with no_grad():
        return f()


@pytest.mark.parametrize(
    ("f", "ops", "constant"),
    [
        (lambda x, row: x * without(lambda: ag.negative(-x)), "multiply", [False, True]),
        (lambda x, row: x * without(lambda: x * 1), "multiply", [False, True]),
        (lambda x, row: x * x.detach().T.T, "multiply", [False, True]),
        (lambda x, row: x.T.T.detach() * x, "multiply", [True, False]),
        (lambda x, row: x + without(lambda: -x), "subtract", [False, True]),
        (lambda x, row: x + without(lambda: -row), "subtract", [False, True]),
        (lambda x, row: x * without(lambda: ag.broadcast_to(row, (3, 3))), "multiply",
         [False, True]),
        (lambda x, row: x * (ag.negative(-x)), "multiply", [False, False]),
        (lambda x, row: x * (ag.exp(row.detach()) * 1), "exp multiply", [False, False]),
        (lambda x, row: x + (-x).detach(), "negative add", [False, True]),
        (lambda x, row: x * ag.broadcast_to(row, (3, 3)).detach(), "broadcast_to multiply",
         [False, True]),
    ],
)  # fmt: skip
def test_what_is_behind_a_detach_stays_there(f: Any, ops: str, constant: list[bool]) -> None:
    assert constants_of(f, ops) == constant


def by_hand(*calls: tuple[Any, ...]) -> Program:
    """Calls of one square matrix each, of the last one as a constant."""
    kind = Slot((2, 2), np.dtype(float))
    made = [
        Call(op, (Value(i, constant=i > 0), *rest), {}, (i + 1,))
        for i, (op, *rest) in enumerate(calls)
    ]
    slots = dict.fromkeys(range(len(calls) + 1), kind)
    return Program(tuple(made), slots, (Input(0, "x"),), result=Value(len(calls))).check()


@pytest.mark.parametrize(
    "calls",
    [
        [(ag.negative,), (ag.negative,)],
        [(ag.transpose,), (ag.transpose,)],
        [(ag.exp,), (ag.transpose, (0, 1))],
        [(ag.exp,), (ag.reshape, (2, 2))],
        [(ag.exp,), (ag.multiply, 1)],
        [(ag.exp,), (ag.positive,)],
    ],
)
def test_calls_of_constants_stay(calls: Any) -> None:
    program = by_hand(*calls)
    assert rewritten(program, BOARD).calls == program.calls
    free = tuple(call.reading(lambda value: Value(value.slot)) for call in program.calls)
    assert rewritten(replace(program, calls=free), BOARD).calls != free

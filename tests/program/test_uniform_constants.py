"""Constants that a sweep made of one number, as its ones: what the board makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.tracing import (
    COLUMN,
    CUBE,
    INF,
    INTEGERS,
    NAN,
    ROW,
    SINGLE,
    X,
    expect_simplified,
    filled,
    names,
    traced,
)

import autograd as ag
from autograd import Tensor, primitive
from autograd.ops.reductions.reduction import shared, sum_of_products
from autograd.program.passes import simplified
from autograd.program.program import Call, Constant, Input, Part, Program, Slot, Value, values_in
from autograd.program.running import run

Array = np.ndarray[Any, Any]


@primitive(kind="elementwise", broadcasts=True)
def theirs(x: Array, y: Array) -> Array:
    return x * y


def full(number: float, *shape: int, dtype: Any = np.float64) -> Array:
    return np.full(shape, number, dtype)


@pytest.mark.parametrize(
    ("f", "xs", "ops"),
    [
        (lambda x: x * full(2, 2, 3), [X], "multiply"),
        (lambda x: full(1, 2, 3) / x, [X], "divide"),
        (lambda x: x * full(1, 2, 3), [X], ""),
        (lambda x: x / full(1, 3), [X], ""),
        (lambda x: x + full(0, 3), [X], "add"),
        (lambda x: full(0, 3) - x, [X], "subtract"),
        (lambda x: x + full(-0.0, 3), [X], "add"),
        (lambda x: x * full(1, 2, 3, dtype=np.float32), [SINGLE], ""),
        (lambda x: x * full(1 / 3, 2, 3, dtype=np.float32), [SINGLE], "multiply"),
        (lambda x: x - full(INF, 3, dtype=np.float32), [SINGLE], "subtract"),
        (lambda x: x * full(1e-300, 3), [X], "multiply"),
        (lambda x: x * full(3e6, 3), [X], "multiply"),
        (lambda x: x * full(1 / 7, 3), [X], "multiply"),
        (lambda x: x * full(1 / 3, 3, dtype=np.float16), [X.astype(np.float16)], "multiply"),
        (lambda x: x * full(np.longdouble(1) / 3, 3, dtype=np.longdouble),
         [X.astype(np.longdouble)], "multiply"),
    ],
)  # fmt: skip
def test_a_number_for_what_is_one_everywhere(f: Any, xs: list[Array], ops: str) -> None:
    made = expect_simplified(filled(f, *xs), ops, *xs)
    long = xs[0].dtype == np.longdouble  # no number of Python's is as long
    assert [len(list(values_in(call.inputs))) for call in made.calls] == [1 + long] * len(
        made.calls
    )


@pytest.mark.parametrize(
    ("f", "xs"),
    [
        (lambda x: x + np.asarray([0.0, -0.0, 0.0]), [X]),
        (lambda x: x + np.asarray([-0.0, 0.0, 0.0]), [X]),
        (lambda x: x * np.asarray([1.0, 2.0, 1.0]), [X]),
        (lambda x: x * full(NAN, 3), [X]),
        (lambda x: x * full(2, 2, 3), [SINGLE]),  # which make float64 of it
        (lambda x: x * full(1, 2, 3), [INTEGERS]),
        (lambda x: x * full(1, 2, 3, dtype=np.float32), [X]),
        (lambda x: x * full(1, 2, 3, dtype=int), [INTEGERS.astype(int)]),
        (lambda x: x * full(2, 2, 3), [ROW]),  # which make the shape of the output
        (lambda x: x + full(1, 2, 3), [ROW]),
        (lambda x: ag.maximum(x, full(1, 3)), [X]),
        (lambda x: ag.power(x, full(2, 3)), [X]),
        (lambda x: ag.sum(x * np.zeros((0, 3))), [ROW]),
    ],
)
def test_arrays_that_stay(f: Any, xs: list[Array]) -> None:
    program = filled(f, *xs)
    made = expect_simplified(program, names(program), *xs)
    assert [call.inputs for call in made.calls] == [call.inputs for call in program.calls]


@pytest.mark.parametrize(
    ("f", "number"),
    [
        (lambda one: ag.exp(one) * 2, 2 * np.exp(1.0)),
        (lambda one: -one, -1.0),
        (lambda one: ag.broadcast_to(ag.reshape(one, (1, 3)), (2, 3)), 1.0),
        (lambda one: ag.copy(ag.transpose(ag.reshape(one, (3, 1)))), 1.0),
        (lambda one: shared(one, (3, 4), 1), 0.25),
        (lambda one: ag.log(one - 1), -INF),  # nobody is warned of what is computed before
        (lambda one: (one - 1) * -1, -0.0),
        (lambda one: one.astype(np.float32), 1.0),
    ],
)
def test_what_is_made_of_one_number_is_one(f: Any, number: float) -> None:
    program = filled(lambda: f(Tensor(full(1, 3))))
    made = expect_simplified(program, "")
    constant = made.constants[made.result.slot]
    assert constant.filled
    assert np.array_equal(constant.number, number)
    assert np.signbit(constant.number) == np.signbit(number)
    assert Constant(constant.array).number is None
    given = traced(lambda: f(Tensor(full(1, 3))))
    expect_simplified(given, names(given))  # what somebody gave stays


@pytest.mark.parametrize(
    "f",
    [
        lambda one: ag.cumsum(one),
        lambda one: ag.sum(one),
        lambda one: ag.qr(ag.reshape(one, (1, 3)))[0],
        lambda one: ag.exp(one) / Tensor(np.arange(3.0)),
        lambda one: theirs(one, one),
        lambda one: (one - one) / (one - one),  # NaN is equal to nothing
    ],
)
def test_what_is_not_made_one_number(f: Any) -> None:
    program = filled(lambda: f(Tensor(full(1, 3))))
    with np.errstate(all="ignore"):
        made = simplified(program).check()
        assert names(made)
        np.testing.assert_array_equal(run(made), run(program))


def test_a_sum_of_two_gradients_is_no_number() -> None:
    kind = Slot((3,), np.dtype(float))
    add = Call(ag.add, (Value(1), Value(1)), {}, (2,), part=Part(0, 0, adds=True))
    calls = (Call(ag.exp, (Value(0),), {}, (3,)), add)
    constants = {1: Constant(np.ones(3), "", True)}
    inputs = (Input(0, "x"),)
    program = Program(calls, dict.fromkeys(range(4), kind), inputs, constants, Value(2))
    expect_simplified(program, "exp add", ROW)
    alone = replace(add, part=Part(0, 0))
    expect_simplified(replace(program, calls=(calls[0], alone)), "", ROW)


@pytest.mark.parametrize(
    ("f", "xs", "ops"),
    [
        (lambda x: x * full(1, 2, 3), [ROW], "broadcast_to"),
        (lambda x: full(1, 2, 3) * x, [COLUMN], "broadcast_to"),
        (lambda x: x * full(1, 2, 3), [SINGLE[0]], "multiply"),  # gives float64
        (lambda x: x * full(2, 2, 3), [ROW], "multiply"),
        (lambda x: x + full(1, 2, 3), [ROW], "add"),
        (lambda x: sum_of_products(x, full(1, 2, 3)), [X], "sum"),
        (lambda x: sum_of_products(full(1, 2, 3), x, 1), [X], "sum"),
        (lambda x: sum_of_products(x, full(1, 2, 3), axis=0), [X], "sum"),
        (lambda x: sum_of_products(x, full(1, 2, 3, 4), (0, -1)), [CUBE], "sum"),
        (lambda x: sum_of_products(x, full(2, 2, 3)), [X], "sum_of_products"),
        (lambda x: sum_of_products(x, full(1, 2, 3)), [SINGLE], "sum_of_products"),
        (lambda x: ag.matmul(x, full(1, 3, 3)), [X], "matmul"),
    ],
)
def test_ones_beside(f: Any, xs: list[Array], ops: str) -> None:
    expect_simplified(filled(f, *xs), ops, *xs)

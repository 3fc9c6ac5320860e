"""What passes make of programs: dead and common calls, folded constants; what follows of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.specs.specs import Alike
from support.tracing import (
    ROW,
    X,
    expect_passes,
    leaf,
    names,
    traced,
)

import autograd as ag
import nn
from autograd import Tensor, no_grad, primitive
from autograd.ops.reductions.communication import allreduce
from autograd.program.passes import (
    simplified,
    with_common_calls,
    with_folded_constants,
    without_dead_calls,
)
from autograd.program.program import (
    Call,
    Constant,
    Delivery,
    Effect,
    Input,
    Part,
    Program,
    Slot,
    Value,
    values_in,
)
from autograd.program.running import run
from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]

# --- dead calls ---------------------------------------------------------------------------------


@primitive
def theirs(x: Array) -> Array:
    return x * 3


theirs.defvjp(lambda g, out, x: g * 3)


def test_dead_calls_go_with_what_they_alone_read(rng: np.random.Generator) -> None:
    weights, group = rng.random(3), Alike()

    def f(x: Tensor, y: Tensor) -> Tensor:
        theirs(ag.exp(y) * np.asarray(weights))
        allreduce(ag.sin(x), group=group)  # which other processes wait for
        return ag.cos(x)

    program = traced(f, X, ROW)
    made = without_dead_calls(program).check()
    assert names(made) == "sin allreduce cos"
    assert [i.name for i in made.inputs] == ["x", "y"]
    assert not made.constants
    assert set(made.slots) == {*(slot for c in made.calls for slot in c.gives()), 0, 1}
    kept = without_dead_calls(program, keep=[program.calls[0].outputs])
    assert names(kept) == "exp sin allreduce cos"
    assert names(without_dead_calls(replace(program, result=None))) == "sin allreduce"


def test_what_a_rule_reads_of_a_forward_keeps_its_call() -> None:
    kind = Slot((3,), np.dtype(float))
    first = Call(theirs, (Value(0),), {}, (1,), saved=(None, Value(2)))
    program = Program(
        (first, Call(ag.exp, (Value(2),), {}, (3,))),
        dict.fromkeys(range(4), kind),
        (Input(0, "x"),),
        result=Value(3),
    )
    assert without_dead_calls(program).calls == program.calls


def test_effects_are_wanted(rng: np.random.Generator) -> None:
    model = nn.Linear(3, 2, rng=rng)

    def step(x: Tensor) -> Tensor:
        loss = (model(x) ** 2).mean()
        loss.backward()
        ag.exp(x)
        return loss

    x = rng.random((4, 3)).astype(np.float32)
    program = program_of(step, x)
    expect_passes(program, [x])
    made = simplified(program)
    assert len(made.effects) == 2
    assert all(call.op is not ag.exp for call in made.calls)
    assert made.slots[made.effects[0].slot].dtype == np.float32


# --- common calls -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "ops"),
    [
        (lambda x: (ag.exp(x), ag.exp(x)), "exp"),
        (lambda x: ag.exp(ag.sin(x)) + ag.exp(ag.sin(x)), "sin exp add"),
        (lambda x: (x * 2, x * 2, 2 * x), "multiply multiply"),
        (lambda x: (x * 0.0, x * -0.0), "multiply multiply"),
        (lambda x: (x * np.nan, x * np.nan), "multiply"),
        (lambda x: [x * int(n) for n in ("1000", "1000")], "multiply"),
        (lambda x: [ag.einsum("->".join(["ij", n]), x) for n in "iij"], "einsum einsum"),
        (lambda x: [x * float(n) for n in ("0.1", "0.1", "nan", "nan")], "multiply multiply"),
        (lambda x: (x * 1, x * 1.0, x * True), "multiply multiply multiply"),
        (lambda x: [ag.astype(x, d) for d in (np.float32, np.float32, np.float64, bool)],
         "astype astype astype"),
        (lambda x: [ag.astype(x, np.dtype(d)) for d in ("f4", "f4", "f8")], "astype astype"),
        (lambda x: (ag.sum(x, axis=0), ag.sum(x, axis=0), ag.sum(x, axis=1)), "sum sum"),
        (lambda x: (ag.sum(x, keepdims=True), ag.sum(x, keepdims=1)), "sum sum"),
        (lambda x: (ag.sum(x, 0), ag.sum(x, axis=0)), "sum sum"),
        (lambda x: (x[0], x[0], x[:1], x[:1], x[1:], x[None], x[None], x[...], x[0:1]),
         "getitem getitem getitem getitem getitem getitem"),
        (lambda x: (x[[0, 1]], x[[0, 1]], x[[1, 0]], x[(0, 1)]), "getitem getitem getitem"),
        (lambda x: (x[np.asarray([0, 1])], x[np.asarray([0, 1])]), "getitem"),
        (lambda x: (x + np.ones(3), x + np.ones(3), x + np.ones((1, 3))), "add add"),
        (lambda x: (x + np.zeros(3), x + -np.zeros(3)), "add add"),
        (lambda x: (x + np.ones(3), x + np.ones(3, np.float32)), "add add"),
        (lambda x: (x * np.ones(3, np.int32), x * np.ones(3, np.uint32)), "multiply multiply"),
        (lambda x: (ag.qr(x)[0], ag.qr(x)[1]), "qr"),
        (lambda x: (theirs(x), theirs(x)), "theirs theirs"),
        (lambda x: (ag.exp(x), without(lambda: ag.exp(leaf(x))), ag.exp(leaf(x))), "exp exp"),
        (lambda x: [leaf(x) * y for y in (x, x)], "multiply"),
        (lambda x: (lambda y: (y * y, y * y.detach()))(ag.exp(leaf(x))), "exp multiply multiply"),
        (lambda x: (ag.einsum("ij->i", x), ag.einsum("ij->i", x), ag.einsum("ij->j", x)),
         "einsum einsum"),
    ],
)  # fmt: skip
def test_common_calls(f: Any, ops: str) -> None:
    program = traced(f, np.arange(6.0).reshape(2, 3))
    assert names(with_common_calls(program).check()) == ops
    expect_passes(program, [np.arange(6.0).reshape(2, 3) - 2])


def without(f: Callable[[], Tensor]) -> Tensor:
    with no_grad():
        return f()


def test_what_others_see_is_called_as_often() -> None:
    group = Alike()
    program = traced(lambda x: (allreduce(x, group=group), allreduce(x, group=group)), X)
    assert names(with_common_calls(program)) == "allreduce allreduce"
    assert names(simplified(program)) == "allreduce allreduce"


def test_constants_that_are_one(rng: np.random.Generator) -> None:
    def constants(*arrays: Any) -> int:
        program = traced(lambda x: [x + array for array in arrays], np.zeros(()))
        program = replace(
            program,
            constants={
                slot: c if isinstance(c := arrays[i], Constant) else Constant(np.asarray(c))
                for i, slot in enumerate(program.constants)
            },
        )
        return len({call.inputs[1].slot for call in with_common_calls(program).calls})

    one, many = np.ones(3), rng.random((1 << 13) + 1)
    assert constants(one, one.copy()) == 1
    assert constants(many[1:], many[1:].copy()) == 1
    assert constants(many, many.copy()) == 2  # they are not compared
    assert constants(one, one[:, None]) == 2
    assert constants(one, one.astype(">f8")) == 2
    assert constants(0 * one, -0 * one, -(0 * one)) == 2
    assert constants(one * np.nan, one * np.nan) == 1


def by_hand(*calls: Call, **others: Any) -> Program:
    """Calls of an op of one array of three, in slots 0 (an input) to 9."""
    kind = Slot((3,), np.dtype(float))
    inputs = (Input(0, "x"),)
    return Program(calls, dict.fromkeys(range(10), kind), inputs, **others).check()


def called(op: Any, reads: int, gives: int, **others: Any) -> Call:
    return Call(op, (Value(reads),), {}, (gives,), **others)


def test_parts_and_deliveries_follow_the_call_that_is_kept() -> None:
    program = by_hand(
        called(ag.sin, 0, 1),
        called(ag.exp, 0, 2),
        called(ag.exp, 0, 3),
        called(ag.cos, 3, 4),
        called(ag.exp, 3, 5, part=Part(3, 0)),
        called(ag.negative, 5, 6, part=Part(2, 0, adds=True)),
        result=(Value(3), Value(6)),
        effects=(Effect("grad", 0, 6), Effect("data", 0, 3)),
        deliveries=(
            Delivery(None, 4, 4),
            Delivery(Part(3, 0), 3, 5),
            Delivery(Part(2, 0), 0, 6),
        ),
    )
    merged = with_common_calls(program).check()
    assert names(merged) == "sin exp cos exp negative"
    assert [call.part for call in merged.calls[2:]] == [None, Part(2, 0), Part(1, 0, adds=True)]
    assert merged.result == (Value(2), Value(6))
    assert merged.effects == (Effect("grad", 0, 6), Effect("data", 0, 2))
    assert merged.deliveries == (
        Delivery(None, 4, 4),
        Delivery(Part(2, 0), 2, 5),
        Delivery(Part(1, 0), 0, 6),
    )
    alive = without_dead_calls(merged)
    assert names(alive) == "exp exp negative"  # cos is named no more, with its delivery
    assert [call.part for call in alive.calls] == [None, None, Part(0, 0, adds=True)]
    assert alive.deliveries == (Delivery(None, 4, 4), Delivery(Part(0, 0), 0, 6))
    told = without_dead_calls(merged, parts=True)
    assert names(told) == "exp cos exp negative"
    assert [call.part for call in told.calls] == [None, None, Part(1, 0), Part(0, 0, adds=True)]
    assert told.deliveries[1] == Delivery(Part(1, 0), 2, 5)


def test_parts_of_what_is_written_away_belong_to_nothing() -> None:
    program = by_hand(
        called(ag.exp, 0, 1),
        called(ag.positive, 1, 2),
        called(ag.sin, 2, 3, part=Part(1, 0)),
        called(ag.cos, 3, 4, part=Part(0, 0)),
        result=Value(4),
        effects=(Effect("data", 0, 2),),
        deliveries=(Delivery(Part(1, 0), 1, 3), Delivery(Part(0, 0), 0, 4)),
    )
    made = simplified(program).check()
    assert names(made) == "exp sin cos"
    assert [call.part for call in made.calls] == [None, None, Part(0, 0)]
    assert made.effects == (Effect("data", 0, 1),)
    assert made.deliveries == (Delivery(Part(0, 0), 0, 4),)


def test_calls_that_are_kept_stand_for_what_is_made_again() -> None:
    exps = [called(ag.exp, 0, i) for i in (1, 2)]
    sines = [called(ag.sin, i, i + 2) for i in (1, 2)]
    again = [called(ag.exp, 0, i) for i in (5, 6, 7)]
    ends = [called(ag.sin, 6, 8), called(ag.cos, 7, 9)]
    program = by_hand(*exps, *sines, *again, *ends, result=(Value(8), Value(9)))
    first = [call.outputs for call in (*exps, *sines)]
    made = with_common_calls(program, keep=first).check()
    assert made.calls == (*exps, *sines, called(ag.cos, 2, 9))
    assert made.result == (Value(3), Value(9))
    assert names(simplified(program, keep=4)) == "exp exp sin sin cos"
    assert names(simplified(program)) == "exp sin cos"


def test_what_is_made_of_calls_that_are_kept_is_the_same() -> None:
    exps = [called(ag.exp, 0, i) for i in (1, 2, 3)]
    program = by_hand(*exps, called(ag.sin, 2, 4), called(ag.exp, 0, 5), called(ag.sin, 5, 6),
                      result=Value(6))  # fmt: skip
    made = with_common_calls(program, keep=[call.outputs for call in exps]).check()
    assert made.calls == program.calls[:4]
    assert made.result == Value(4)


def test_what_is_saved_is_common_too() -> None:
    calls = [called(ag.exp, 0, i, saved=[Value(i + 1)]) for i in (1, 3)]
    program = by_hand(*calls, called(ag.sin, 4, 5), result=(Value(3), Value(5)))
    made = with_common_calls(program).check()
    assert made.calls == (calls[0], called(ag.sin, 2, 5))
    kept = with_common_calls(program, keep=[call.outputs for call in calls]).check()
    assert kept.calls == program.calls
    again = by_hand(*calls, called(ag.sin, 2, 5), called(ag.sin, 4, 6), result=Value(6))
    every = [call.outputs for call in calls]
    assert len(with_common_calls(again, keep=every).check().calls) == 3


# --- folded constants ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "ops"),
    [
        (lambda x: x + ag.exp(ag.sin(np.ones(3))), "add"),
        (lambda x: x + ag.exp(x), "exp add"),
        (lambda x: x + theirs(np.ones(3)), "theirs add"),
        (lambda x: x + ag.exp(theirs(np.ones(3))), "theirs exp add"),
        (lambda x: x + ag.exp(theirs(ag.sin(np.ones(3)))), "theirs exp add"),
        (lambda x: x + allreduce(np.ones(3), group=Alike()), "allreduce add"),
        (lambda x: x + ag.divide(np.ones(3), np.asarray([1.0, 0, 2])), "add"),
        (lambda x: x @ ag.qr(np.eye(3))[1], "matmul"),
        (lambda x: x + x[ag.argsort(np.asarray([1, 0]))], "getitem add"),
        (lambda x: ag.exp(np.ones(3)), ""),
    ],
)
def test_constants_are_folded(f: Any, ops: str) -> None:
    program = traced(f, X)
    made = with_folded_constants(program).check()
    assert names(made) == ops
    expect_passes(program, [np.nan_to_num(X)])
    assert {c.filled for c in made.constants.values()} <= {False}


def test_large_constants_are_not_folded() -> None:
    program = traced(lambda x: (x + ag.exp(np.ones(8192)), x + ag.exp(np.ones(8193))), np.zeros(()))
    assert names(with_folded_constants(program)) == "add exp add"
    assert names(with_folded_constants(program, most=24)) == "exp add exp add"
    two = traced(lambda x: x @ ag.qr(np.eye(3))[1], np.zeros((2, 3)))
    assert names(with_folded_constants(two, most=143)) == "qr matmul"
    assert names(with_folded_constants(two, most=144)) == "matmul"


def test_effects_and_results_may_be_folded() -> None:
    made = Call(ag.negative, (Value(1),), {}, (2,))
    program = by_hand(
        called(ag.exp, 1, 2),
        called(ag.sin, 0, 3, part=Part(0, 0)),
        constants={1: Constant(np.ones(3))},
        result=[Value(2), Value(3)],
        effects=(Effect("data", 0, 2),),
        deliveries=(Delivery(Part(0, 0), 2, 3), Delivery(None, 3, 2)),
    )
    made = with_folded_constants(program).check()
    (slot,) = set(made.constants) - {1}
    assert made.result == [Value(slot), Value(3)]
    assert made.effects == (Effect("data", 0, slot),)
    assert made.deliveries == (Delivery(None, 3, slot),)
    assert [call.part for call in made.calls] == [None]
    assert np.array_equal(made.constants[slot].array, np.exp(np.ones(3)))
    assert made.slots[slot] == Slot((3,), np.dtype(float))


def test_what_is_folded_is_no_constant_of_the_call() -> None:
    program = traced(lambda x: leaf(x) * ag.exp(np.ones(3)), X)
    (multiply,) = with_folded_constants(program).calls
    assert [value.constant for value in values_in(multiply.inputs)] == [False, False]


def test_saved_arrays_of_dicts_are_computed_anew() -> None:
    @primitive
    def scaled(x: Array) -> Any:
        return ag.Saved(x * 3, {"more": [x + 1], "less": x - 1})

    scaled.defvjp(lambda g, out, x, saved: g * saved["more"][0] * saved["less"])

    def step(x: Tensor) -> Any:
        own = leaf(x)
        scaled(own).sum().backward()
        return own.grad

    program = program_of(step, np.arange(3.0))
    x = np.asarray([1.5, 2.5, -1.0])
    assert np.array_equal(run(program, [x]), (x + 1) * (x - 1))
    expect_passes(program, [x])

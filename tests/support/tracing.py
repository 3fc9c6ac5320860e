"""Functions and numbers that programs in tests are made of, and what passes must not change."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from support.random_programs.builder import random_program
from support.random_programs.names import pullback_names
from support.specs.running import call, dot, like
from support.specs.specs import Sample, Spec

import autograd as ag
from autograd import Tensor
from autograd.program.passes import (
    simplified,
    with_common_calls,
    with_folded_constants,
    without_dead_calls,
)
from autograd.program.program import Call, Program
from autograd.program.running import bound, compute, execute, run
from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]
NAN, INF = np.nan, np.inf
# What is not itself after x + 0, 0 - x, 0 * x and the like.
NUMBERS = [-0.0, 1.5, NAN, 0.0, -INF, -2.25, 3e-300, INF, 7.0, -1e300, 0.1]


def numbers(*shape: int, dtype: Any = np.float64) -> Array:
    kept = NUMBERS if np.dtype(dtype).kind == "f" else [-3, 0, 1, 100, 7, -128]
    with np.errstate(all="ignore"):
        return np.resize(np.asarray(kept).astype(dtype), shape)


X, ROW, COLUMN = numbers(2, 3), numbers(3), numbers(2, 1)
CUBE = numbers(2, 3, 4)
SINGLE = numbers(2, 3, dtype=np.float32)
INTEGERS = numbers(2, 3, dtype=np.int8)


def traced(f: Callable[..., Any], *xs: Array) -> Program:
    with np.errstate(all="ignore"):
        return program_of(f, *xs)


def names(program: Program) -> str:
    return " ".join(call.op.name for call in program.calls)


def expect_simplified(program: Program, ops: str, *xs: Array) -> Program:
    """The program is simplified to these ops, and gives what it gave, to the sign of a zero."""
    made = simplified(program).check()
    assert names(made) == ops
    with np.errstate(all="ignore"):
        before, after = np.asarray(run(program, xs)), np.asarray(run(made, xs))
    assert (after.dtype, after.shape) == (before.dtype, before.shape)
    np.testing.assert_array_equal(after, before)
    kept = ~np.isnan(before)
    assert before.dtype.kind != "f" or np.array_equal(*map(np.signbit, (after[kept], before[kept])))
    return made


def filled(f: Callable[..., Any], *xs: Array) -> Program:
    """The program of f, with its constants as what a sweep begins with."""
    program = traced(f, *xs)
    constants = {slot: c._replace(filled=True) for slot, c in program.constants.items()}
    return replace(program, constants=constants)


# --- the same results ---------------------------------------------------------------------------

PASSES = [without_dead_calls, with_common_calls, with_folded_constants]  # which rewrite nothing


def expect_bytes(a: Array, b: Array) -> None:
    assert (a.dtype, a.shape) == (b.dtype, b.shape)
    assert a.tobytes() == b.tobytes()


def expect_near(got: Array, wanted: Array, now: Call, before: Call, held: Any) -> None:
    """Within 4 units in the last place; sums of products that have become sums, within the bound of
    adding up as many."""
    assert (got.dtype, got.shape) == (wanted.dtype, wanted.shape)
    if got.dtype.kind != "f":
        assert np.array_equal(got, wanted)
        return
    bound = 4 * np.spacing(np.abs(wanted))
    if now.op is not ag.sum or before.op is ag.sum:
        signs = np.signbit(got) == np.signbit(wanted)
        assert (signs | np.isnan(wanted)).all()
    else:
        terms = np.abs(held[now.inputs[0].slot])
        whole = now.op.forward(terms, *now.inputs[1:], **now.options)
        bound = bound + terms.size * np.finfo(got.dtype).eps * whole
    near = (got == wanted) | (np.isnan(got) & np.isnan(wanted))
    assert (near | (np.abs(got - wanted) <= bound)).all()


def executed(program: Program, xs: Sequence[Array]) -> dict[int, Array]:
    held = bound(program, xs)
    execute(program, held)
    return held


def expect_as_before(made: Program, program: Program) -> None:
    """What goes in and comes out is of the same kind, and what belongs to calls names such."""
    made.check()
    assert made.inputs == program.inputs
    assert [e[:2] for e in made.effects] == [e[:2] for e in program.effects]
    assert len(made.wanted()) == len(program.wanted())
    parts = [c.part for c in made.calls] + [d.part for d in made.deliveries]
    assert all(part is None or part.call < len(made.calls) for part in parts)


def expect_exact(made: Program, program: Program, held: dict[int, Array], xs: Any) -> None:
    """All values, results and effects among them, are to the bit as they were."""
    expect_as_before(made, program)
    found = executed(made, xs)
    for slot in found.keys() & held.keys():
        expect_bytes(found[slot], held[slot])
    for a, b in zip(made.wanted(), program.wanted(), strict=True):
        expect_bytes(found[a], held[b])


def expect_close(made: Program, program: Program, held: dict[int, Array]) -> None:
    """Each call gives what was there, of what was there; results and effects are these values."""
    expect_as_before(made, program)
    before = {slot: own for own in program.calls for slot in own.gives()}
    every = {slot: c.array for slot, c in made.constants.items()} | held
    for now in made.calls:
        for slot, got in zip(now.gives(), compute(now, every), strict=True):
            expect_near(got, held[slot], now, before[slot], every)
    for a, b in zip(made.wanted(), program.wanted(), strict=True):
        expect_bytes(every[a], held[b])


def calls_of(program: Program) -> list[Any]:
    return [(call.op, call.inputs, dict(call.options), call.part) for call in program.calls]


def expect_passes(program: Program, *points: Sequence[Array], keep: int = 0) -> None:
    """Each pass gives the same results at each point, and simplified is as simple as it gets."""
    with np.errstate(all="ignore"):
        made = simplified(program, keep)
        for xs in points:
            held = executed(program, xs)
            expect_close(made, program, held)
        for own in PASSES:
            expect_exact(own(program), program, held, xs)
        run(made, xs)
    kept = [[(c.op, c.outputs) for c in p.calls[:keep]] for p in (made, program)]
    assert kept[0] == kept[1]
    assert calls_of(simplified(made, keep)) == calls_of(made)


def leaf(x: Any) -> Tensor:
    return Tensor(x, requires_grad=True)


# --- functions ----------------------------------------------------------------------------------


def moved(xs: Sequence[Array], rng: np.random.Generator) -> list[Array]:
    """The arrays a little further on."""
    return [x * (1 + 1e-4 * rng.random(x.shape)).astype(x.dtype) for x in xs]


def step_of(spec: Spec, sample: Sample, wanted: Sequence[int], rng: np.random.Generator) -> Any:
    """A function of the arguments at the wanted positions: what the op gives, and the gradients of
    a sum over it."""
    outs = call(spec, sample.args, sample.options)
    cotangents = like(rng, [o.data for o in outs])

    def step(*xs: Tensor) -> Any:
        leaves = [Tensor(x, requires_grad=True) for x in xs]
        own = dict(zip((id(sample.args[i]) for i in wanted), leaves, strict=True))
        args = [own.get(id(a), a) for a in sample.args]
        outs = call(spec, args, sample.options)
        if leaves:
            dot(cotangents, outs).backward()
        return outs, [leaf.grad for leaf in leaves]

    return step


def second_derivatives(seed: int) -> tuple[Any, Callable[..., Any], int, Callable[..., Any]]:
    """A random program, the function that runs it, which of its nodes is the head, and a function
    that gives the head, its gradients, and those of the sum of their squares."""
    drawn = random_program(seed)
    run_nodes = drawn.on(pullback_names, Tensor)
    head = drawn.visible.index(drawn.heads[0])

    def second(*xs: Tensor) -> Any:
        leaves = [Tensor(x, requires_grad=True) for x in xs]
        value = run_nodes(*leaves)[head]
        if not value.requires_grad:
            return value
        value.backward(create_graph=True)
        first = [leaf.grad for leaf in leaves if leaf.grad is not None]
        for leaf in leaves:
            leaf.grad = None
        total = ag.sum(ag.stack([(g * g).sum() for g in first]))
        if total.requires_grad:
            total.backward()
        return value, first, [leaf.grad for leaf in leaves if leaf.grad is not None]

    return drawn, run_nodes, head, second


def program_of_second(second: Callable[..., Any], xs: Sequence[Array]) -> Program | None:
    """The program of what `second_derivatives` gives; None where a rule reads what its forward
    saved, so that there is no second derivative."""
    try:
        return program_of(second, *xs)
    except RuntimeError as error:
        assert "the derivative of a rule of 'kept' was asked for" in str(error)
        return None

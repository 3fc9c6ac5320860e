"""What calls of a program cost is what `profile` finds, where the memory is as the shapes say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from support.specs.running import call
from support.specs.specs import SPECS, Spec

import autograd as ag
from autograd import Tensor
from autograd.engine.primitives import Saved
from autograd.profiling.costs import cost as cost_of_arrays
from autograd.program.costs import Cost, cost_of
from autograd.program.program import Call, Program
from autograd.program.running import bound, compute
from autograd.program.watching import program_of

# What lies in other memory for some samples than shapes say: it is its very argument, or a part of
# it, or repeats one number ("shared"), or is a number of its own ("flip" of one).
BY_MEMORY = {"ascontiguousarray", "deviations", "einsum", "flip", "less_share"} | {
    *("reshape", "residuals", "shared")
}


def costs(program: Program) -> Iterator[tuple[Call, Cost, int, int | None]]:
    """Each call, what it costs by its slots, and the bytes and FLOP by its arrays."""
    held = {slot: array.copy() for slot, array in bound(program, ()).items()}
    for made in program.calls:
        given = compute(made, held)
        outs = tuple(given[: len(made.outputs)])
        arrays = [held[x.slot] if hasattr(x, "slot") else x for x in made.inputs]
        seen = cost_of_arrays(made.op, arrays, outs if made.several is not None else outs[0])
        yield made, cost_of(made, program.slots), seen.nbytes, seen.flops
        held.update(zip(made.gives(), [array.copy() for array in given], strict=True))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.op.name)
def test_costs_of_every_op_are_those_of_its_arrays(spec: Spec) -> None:
    for sample in spec.draw():
        program = program_of(lambda sample=sample: call(spec, sample.args, sample.options))
        for made, found, nbytes, flops in costs(program):
            empty = any(0 in program.slots[slot].shape for slot in (*made.reads(), *made.outputs))
            if made.op.name in BY_MEMORY or empty:
                continue
            assert (found.read + found.written, found.flops) == (nbytes, flops), made.op.name


def one(f: Any, *args: Any) -> Cost:
    """The cost of the only call of a function."""
    program = program_of(f, *args)
    (made,) = program.calls
    return cost_of(made, program.slots)


def test_bytes_are_told_apart() -> None:
    x, y = Tensor(np.ones((4, 3), np.float32)), Tensor(np.ones((3, 5), np.float32))
    assert one(lambda x, y: x @ y, x, y) == (48 + 60, 80, 2 * 4 * 3 * 5)
    assert one(ag.exp, x) == (48, 48, 12)
    assert one(lambda x: x.sum(axis=0), x) == (48, 12, 12)
    assert one(lambda x: ag.einsum("ij,kj->ik", x, x), x) == (96, 64, 2 * 4 * 4 * 3)
    assert one(lambda x: 2.0 * x, x).flops == 12


def test_views_cost_nothing_and_gathers_what_they_give() -> None:
    x = Tensor(np.ones((100, 3)))
    for view in (
        lambda x: x.T,
        lambda x: x[3:, ::2],
        lambda x: x[None, ..., 1],
        lambda x: x.ravel(),
    ):
        assert one(view, x) == (0, 0, 0)
    assert one(lambda x: x[3, 1], x) == (8, 8, 0)
    assert one(lambda x: x[[3, 1]], x) == (48 + 16, 48, 0)
    assert one(ag.copy, x) == (2400, 2400, 0)
    assert one(lambda x: ag.pad(x, 1), x) == (2400, 102 * 5 * 8, 0)


def test_of_an_op_that_says_nothing_operations_are_not_known() -> None:
    @ag.primitive
    def twice(x: Any) -> Any:
        return Saved(x + x, x)

    assert one(twice, Tensor(np.ones(5))) == (40, 40, None)

"""Passes give programs that compute the same: of every op and its rules, and at random."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from support.specs.running import call, dot, like, recorded, variables
from support.specs.specs import SPECS, Spec
from support.tracing import (
    expect_passes,
    leaf,
    moved,
    program_of_second,
    second_derivatives,
    step_of,
)

from autograd.program.running import run
from autograd.program.taping import program_of_tape
from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]


def expect_passes_of(spec: Spec, rng: np.random.Generator, most: int | None) -> None:
    for sample in spec.draw()[:most]:
        wanted = variables(spec, sample.args) if spec.op.differentiable else []
        xs = [np.array(sample.args[i], copy=True) for i in wanted]
        program = program_of(step_of(spec, sample, wanted, rng), *xs)
        others = moved(xs, rng)
        try:
            run(program, others)
        except (ValueError, np.linalg.LinAlgError):
            others = xs  # they are none of this op's
        expect_passes(program, xs, others)
        leaves, args = recorded(sample.args, wanted)
        if most is None and leaves:
            outs = call(spec, args, sample.options)
            taped = program_of_tape(dot(like(rng, [o.data for o in outs]), outs))
            expect_passes(taped.program, [], keep=taped.forward)


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.op.name)
def test_passes_of_every_op_and_its_rules(spec: Spec, rng: np.random.Generator) -> None:
    expect_passes_of(spec, rng, 2)


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.op.name)
def test_passes_of_every_sample(spec: Spec, rng: np.random.Generator) -> None:
    expect_passes_of(spec, rng, None)


def expect_random(seed: int) -> None:
    drawn, nodes, head, second = second_derivatives(seed)
    xs = [np.array(x) for x in drawn.inputs]
    program = program_of_second(second, xs)
    if program is None:
        return
    expect_passes(program, xs, [x * (1 + 1e-5) for x in xs])
    leaves = [leaf(x) for x in xs]
    loss = nodes(*leaves)[head]
    if loss.requires_grad and "hooked" not in drawn.source():
        taped = program_of_tape(loss)
        expect_passes(taped.program, [], keep=taped.forward)


@pytest.mark.parametrize("chunk", [0, pytest.param(1, marks=pytest.mark.slow)])
def test_passes_of_random_programs(chunk: int) -> None:
    for seed in range(3000 + chunk * 12, 3000 + chunk * 12 + 12):
        expect_random(seed)


@pytest.mark.slow
@pytest.mark.parametrize("chunk", range(20))
def test_passes_of_more_random_programs(chunk: int) -> None:
    for seed in range(4000 + chunk * 100, 4000 + chunk * 100 + 100):
        expect_random(seed)

"""Correct gradients of random functions: gradcheck and compare have nothing to complain of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from support.specs.random_functions import Program, random_program

from autograd import Tensor, no_grad, ops
from autograd.checking.comparison import compare
from autograd.checking.gradients import gradcheck

Array = NDArray[Any]


class Verdicts(NamedTuple):
    """What the two say of one correct case; `case` and the reports for people to read."""

    case: str
    gradcheck: str
    compare: str
    details: str


def verdicts(seed: int) -> Verdicts:
    """Draw a random function, and check its gradients in both ways."""
    rng = np.random.default_rng(seed)
    program = _within_range(rng)
    with np.errstate(all="ignore"):
        report = gradcheck(program, *program.inputs, seed=seed, raise_exception=False)
        comparison = _compared(program, rng)
    return Verdicts(
        f"seed {seed}: {program}",
        report.verdict,
        "ok" if comparison.ok else "wrong",
        f"{report}\n{comparison}",
    )


def _within_range(rng: np.random.Generator) -> Program:
    """A program whose numbers and gradients its precision can hold."""
    while True:
        program = random_program(rng)
        with np.errstate(all="ignore"):
            tensors = _leaves(program.inputs)
            out = program(*tensors)
            out.backward(np.ones_like(out.data))
            gradients = [t.grad.data for t in tensors if t.grad is not None]
        if all(np.isfinite(a).all() for a in (out.data, *gradients)):
            return program


def _leaves(arrays: list[Array]) -> list[Tensor]:
    return [Tensor(a, requires_grad=True) for a in arrays]


def _compared(program: Program, rng: np.random.Generator) -> Any:
    """Compare with gradients computed in another way in the given precision, and in float64."""
    with no_grad():
        shape = program(*map(Tensor, program.inputs)).shape
    weights = rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    exact = [a.astype(np.float64) for a in program.inputs]
    pairs: dict[str, tuple[Tensor, Array]] = {}
    tensors = _leaves(program.inputs)
    loss = _loss(program, tensors, weights)
    for way, arrays in (("otherwise", program.inputs), ("in float64", exact)):
        again = _leaves(arrays)
        function = program.otherwise if way == "otherwise" else program
        _loss(function, again, weights).backward()
        for i, (tensor, leaf) in enumerate(zip(tensors, again, strict=True)):
            if leaf.grad is not None:
                pairs[f"x{i} {way}"] = (tensor, leaf.grad.data.astype(tensor.dtype))
    return compare(loss, **pairs)


def _loss(function: Any, tensors: list[Tensor], weights: Array) -> Tensor:
    out = function(*tensors)
    return ops.sum(out * weights.astype(out.dtype))

"""Mistakes planted in formulas and in the manual CNN derivation, and what is said of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray
from support.by_hand.manual_answers import first_answer
from support.by_hand.manual_cases import case, digits, on_the_tape
from support.by_hand.manual_mistakes import MISTAKES, Mistake
from support.by_hand.manual_mistakes import planted as planted_step
from support.by_hand.manual_network import backward, forward
from support.mistakes.mutation_formulas import Formula, Scale, formulas
from support.mistakes.mutation_kinds import FACTOR, UNKNOWN
from support.mistakes.mutations import (
    DTYPES,
    GRADCHECK_EVERY,
    SCALES,
    Found,
    Outcome,
    compared,
    twin,
)

from autograd import Tensor, no_grad, ops
from autograd.checking.gradients import gradcheck
from autograd.engine.primitives import Primitive

Array = NDArray[Any]

SIZES = (1, 3)


# A size, and the sizes of the numbers that go in and come out.
FORMULA_CASES = tuple((size, Scale(*scales)) for size in SIZES for scales in SCALES)


def formula_outcomes(
    number: int, seed: int = 0, dtypes: Sequence[np.dtype[Any]] = DTYPES
) -> Iterator[Outcome]:
    """All mistakes of all formulas in one of FORMULA_CASES, in these precisions."""
    size, scale = FORMULA_CASES[number]
    for dtype in dtypes:
        rng = np.random.default_rng([seed, number])
        for formula in formulas(rng, size, scale, dtype):
            scales = f"{scale.inner:g} -> {scale.outer:g}"
            where = f"{formula.name} x{size} {scales} {dtype}"
            yield from _of_formula(formula, where)


def _of_formula(formula: Formula, where: str) -> Iterator[Outcome]:
    for number, (kind, gradient, answers) in enumerate(formula.mistakes, crc32(where.encode())):
        x = Tensor(formula.at, requires_grad=True)
        by_compare = compared(formula.loss(x), x, gradient, formula.right)
        by_gradcheck = None
        # At a kink, gradcheck takes any slope between the two: it is no mistake there.
        smooth = "tie" not in formula.name + kind
        if gradient.shape == formula.right.shape and smooth and number % GRADCHECK_EVERY == 0:
            by_gradcheck = _by_gradcheck(formula, gradient)
        yield Outcome(kind, where, frozenset(answers), by_gradcheck, by_compare)


def _by_gradcheck(formula: Formula, gradient: Array) -> Found:
    """Of the formula as one op, whose rule is the manual gradient times what arrives."""
    report = gradcheck(whole(formula, gradient), formula.at, raise_exception=False)
    (argument,) = report.arguments
    wrong = gradient.astype(np.float64) - formula.right
    effect = float(np.linalg.norm(wrong) / np.linalg.norm(formula.right))
    return Found(effect, argument.limit, argument.verdict == "fail", UNKNOWN, asked=False)


def whole(formula: Formula, gradient: Array) -> Primitive:
    """The formula as an op with this gradient; the registry does not see it."""
    op = twin(ops.negative)

    def loss(x: Array) -> Array:
        with no_grad():
            return formula.loss(Tensor(x)).data

    op.forward, op.name, op.kind, op.analytic = loss, "formula", None, False
    return op.defvjp(lambda g, out, x: g * gradient.astype(x.dtype))


# --- the CNN -------------------------------------------------------------------------------------

# The same numbers under another name: a sum is a mean times the number of its terms.
_ALSO = {"mean for sum": {FACTOR}, "sum for mean": {FACTOR}, FACTOR: {"accumulated twice"}}


def cnn_outcomes(seed: int = 0, mistakes: Sequence[Mistake] = MISTAKES) -> Iterator[Outcome]:
    """Each mistake of the manual derivation at its step, as the first that is wrong."""
    rng = np.random.default_rng(seed)
    _, inputs = case(rng, digits, 4)
    inputs["gamma"][0] = inputs["beta"][0] = 0  # so that some ReLUs stand at 0 exactly
    values = forward(inputs)
    right, tape = backward(values), on_the_tape(inputs)
    for mistake in mistakes:
        of = mistake.step.of
        wrong = backward(values, planted_step(mistake))[of]
        found = compared(tape["loss"], tape[of], wrong, right[of])
        kind, _ = first_answer(mistake)
        answers = {kind} | _ALSO.get(kind, set()) if kind != UNKNOWN else set()
        yield Outcome(f"CNN, at {of}", str(mistake), frozenset(answers), None, found)


# --- noise ---------------------------------------------------------------------------------------

_SHAPES = ((3,), (7,), (50,), (2, 2), (4, 4), (5, 3), (3, 3, 3), (2, 3, 4, 5), (40, 30))


def noise_outcomes(seed: int) -> Iterator[Outcome]:
    """Random numbers for a gradient, of every shape: nothing explains them."""
    rng = np.random.default_rng(seed)
    for shape in _SHAPES:
        dtype = DTYPES[int(rng.integers(2))]
        x = Tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True)
        weights, labels = rng.standard_normal(shape).astype(dtype), rng.integers(0, 2, shape)
        loss = ops.mean(ops.sum(ops.tanh(x) * x * weights, axis=0) ** 2 + ops.max(x * labels))
        loss.backward(retain_graph=True)
        assert x.grad is not None
        right = x.grad.data.astype(np.float64)
        size = np.sqrt(np.mean(np.square(right)))
        wrong = size * rng.standard_normal(shape)
        if rng.random() < 0.5:
            wrong += right
        found = compared(loss, x, wrong.astype(dtype), right)
        where = f"{shape} {dtype}, seed {seed}"
        yield Outcome("random noise", where, frozenset({UNKNOWN}), None, found)

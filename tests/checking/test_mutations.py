"""A share of the mutation test on every run, a larger one with -m slow.

All of it is a command of its own: python tests/mutation_table.py.
"""

from __future__ import annotations

import numpy as np
import pytest
from mutation_table import HIT_RATE, Result, table, tally
from support.by_hand.manual_answers import FIRST
from support.by_hand.manual_mistakes import MISTAKES
from support.mistakes.false_alarms import Verdicts, verdicts
from support.mistakes.mutation_kinds import KINDS
from support.mistakes.mutation_runs import cnn_outcomes, formula_outcomes, noise_outcomes
from support.mistakes.mutation_sites import SITES
from support.mistakes.mutations import DTYPES, Found, Outcome, outcomes, planted, plantings
from support.shares import shared
from support.specs.random_functions import random_program

from autograd import Tensor, ops
from autograd.engine.primitives import registry

EVERY = list(plantings())
SOME = EVERY[3::34]
RANDOM = 50


def assert_found(result: Result) -> None:
    """Every mistake above the stated limit is caught, and nearly all are called what they are."""
    assert not result.missed, "\n".join(result.missed)
    assert result.hit_rate >= HIT_RATE, "\n".join([f"{result.hit_rate:.1%}", *result.misnamed])


def assert_quiet(result: Result) -> None:
    """Nothing right is called wrong."""
    assert not result.false_alarms, "\n".join(result.false_alarms)


def test_kinds_and_ops_are_as_many_as_promised() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) >= 25
    assert len({site.op.name for site in SITES}) == len(SITES) >= 20
    assert {p.dtype.itemsize for p in EVERY} == {4, 8}
    assert {scale for p in EVERY for scale in p.scales} >= {1e-8, 1.0, 1e8}


def test_answers_are_for_mistakes_that_there_are() -> None:
    assert set(FIRST) == {str(mistake) for mistake in MISTAKES if mistake.kind != "the sign"}


def test_planting_leaves_the_op_and_the_registry_alone() -> None:
    before, rules = dict(registry), ops.multiply.rules
    wrong = planted(ops.multiply, 0, lambda call: -call.right)
    x, y = Tensor([1.0, 2.0], requires_grad=True), Tensor([3.0, 4.0], requires_grad=True)
    ops.sum(wrong(x, y)).backward()
    assert x.grad is not None
    assert y.grad is not None
    assert (x.grad.data == [-3, -4]).all()
    assert (y.grad.data == [1, 2]).all()
    assert registry == before
    assert ops.multiply.rules is rules


def test_the_tally_counts_what_was_missed_misnamed_and_a_false_alarm() -> None:
    right = Found(0.5, 1e-8, True, "factor")
    answers = frozenset({"factor"})
    kept: list[Outcome | Verdicts] = [
        Outcome("twice", "a", answers, right, right),
        Outcome("twice", "b", answers, right._replace(caught=False), right),
        Outcome("twice", "c", answers, right, right._replace(answer="unknown")),
        Outcome("twice", "d", answers, None, right._replace(effect=1e-9, caught=False)),
        Verdicts("e", "fail", "ok", ""),
        Verdicts("f", "inconclusive", "ok", ""),
    ]
    result = tally(kept)
    assert [line.split(":")[0] for line in result.missed] == ["twice, b"]
    assert [line.split(":")[0] for line in result.misnamed] == ["twice, c"]
    assert [line.split(":")[0] for line in result.false_alarms] == ["e"]
    assert result.hit_rate == 2 / 3
    assert "false alarms of gradcheck 1 (inconclusive 1)" in table(result)


@pytest.mark.parametrize(
    "number",
    [
        pytest.param(number, marks=marks, id=str(SOME[number]))
        for number, marks in shared(range(len(SOME)), 3)
    ],
)
def test_mistakes_in_rules_are_found(number: int) -> None:
    assert_found(tally(outcomes(SOME[number])))


@pytest.mark.slow
def test_mistakes_in_formulas_are_found() -> None:
    assert_found(tally(formula_outcomes(3, dtypes=DTYPES[:1])))


@pytest.mark.slow
def test_mistakes_in_the_manual_derivation_are_found() -> None:
    assert_found(tally(cnn_outcomes(mistakes=MISTAKES[::10])))


@pytest.mark.slow
def test_noise_stays_unknown() -> None:
    result = tally(outcome for seed in range(5) for outcome in noise_outcomes(seed))
    assert not result.missed
    assert not result.misnamed


def test_random_functions_are_various() -> None:
    programs = [random_program(np.random.default_rng(seed)) for seed in range(200)]
    names = {step.name.split(" over ")[0] for p in programs for step in p.steps}
    assert len(names) > 40
    assert {a.dtype.itemsize for p in programs for a in p.inputs} == {4, 8}
    assert {a.ndim for p in programs for a in p.inputs} == {0, 1, 2, 3, 4}
    assert max(a.size for p in programs for a in p.inputs) > 400


def test_the_other_way_gives_the_same_values() -> None:
    for seed in range(100):
        program = random_program(np.random.default_rng(seed))
        exact = [Tensor(a.astype(np.float64)) for a in program.inputs]
        one, other = program(*exact).data, program.otherwise(*exact).data
        size = max(np.abs(one).max(), program.scales[1])
        assert (np.abs(one - other) <= 1e-10 * size).all(), str(program)


@pytest.mark.slow
def test_correct_gradients_raise_no_alarm() -> None:
    assert_quiet(tally(verdicts(seed) for seed in range(RANDOM)))


@pytest.mark.slow
def test_more_mistakes_are_found_and_a_thousand_correct_functions_pass() -> None:
    """A fifth of what `python tests/mutation_table.py` does, in a fifth of its minutes."""
    assert_found(tally(outcome for planting in EVERY[::5] for outcome in outcomes(planting)))
    assert_quiet(tally(verdicts(seed) for seed in range(RANDOM, RANDOM + 1000)))

"""Random programs beside extrapolated differences: none may come out wrong, at any order."""

from __future__ import annotations

import functools
import os
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.random_programs.asking import Tally, check, chosen_questions
from support.random_programs.builder import MOST_USES, random_program
from support.random_programs.names import INSIDE, USER_OPS, detach
from support.random_programs.questions import ORDER, QUESTIONS
from support.random_programs.steps import KINDS
from support.shares import shared

import autograd as ag
from autograd import Tensor

CHUNK = 100
PLAIN = 2_000
LONG_CHUNK = 1_000
SLOW = int(os.environ.get("PULLBACK_PROGRAMS", "50_000"))


def none_wrong(tally: Tally) -> None:
    asked, wrong, unsure = (c.total() for c in (tally.asked, tally.wrong, tally.unsure))
    assert not wrong, f"{wrong} of {asked} answers are wrong\n\n{tally.report()}"
    # A singularity that lies near is a program's own; what is not decided must stay an exception.
    assert unsure <= 0.02 * asked, f"{unsure} of {asked} questions were not decided"


@pytest.mark.parametrize(
    "first",
    [pytest.param(first, marks=marks) for first, marks in shared(range(0, PLAIN, CHUNK), 10)],
)
def test_no_derivative_is_wrong(first: int) -> None:
    none_wrong(check(range(first, first + CHUNK)))


@pytest.mark.parametrize("first", [PLAIN, pytest.param(PLAIN + CHUNK, marks=pytest.mark.slow)])
def test_no_derivative_is_wrong_where_every_array_is_large(
    first: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Records then drop all that `keeps` does not name."""
    monkeypatch.setattr("autograd.engine.primitives.LARGE", -1)
    none_wrong(check(range(first, first + CHUNK)))


@pytest.mark.slow
@pytest.mark.parametrize("first", range(PLAIN, PLAIN + SLOW, LONG_CHUNK))
def test_no_derivative_of_many_is_wrong(first: int) -> None:
    none_wrong(check(range(first, first + LONG_CHUNK)))


# --- that this can fail, and how much of it there is ----------------------------------------------


def test_every_kind_of_step_is_drawn_and_every_question_asked() -> None:
    programs = [random_program(seed) for seed in range(600)]
    kinds = Counter(kind for p in programs for step in p.steps for kind in step.kinds)
    assert min(kinds[kind] for kind in KINDS) >= 5, kinds
    asked = Counter(name for p in programs for name in chosen_questions(p, order=3))
    assert min(asked[name] for name in QUESTIONS) >= 5, asked
    text = "\n".join(p.source() for p in programs)
    missing = [name for name in (*USER_OPS, *INSIDE, "detach", "no_grad") if f"{name}(" not in text]
    assert not missing
    assert "\n        def inside" in text  # a checkpoint within another
    most = Counter(max(p.uses().values()) for p in programs)
    assert sum(count for uses, count in most.items() if uses >= MOST_USES) > 60, most


def test_a_program_is_the_same_each_time_and_can_be_pasted() -> None:
    for seed in range(20):
        text = str(random_program(seed))
        assert text == str(random_program(seed))
        scope: dict[str, Any] = {}
        exec(text, scope)
        inputs = [v for k, v in scope.items() if k.startswith("n") and isinstance(v, Tensor)]
        assert np.isfinite(scope["program"](*inputs)[-1].data)


def wrong_at(tally: Tally) -> set[int]:
    """The orders of the questions that were answered wrongly."""
    return {ORDER[name] for name in tally.wrong}


@functools.cache
def source(seed: int) -> str:
    return random_program(seed).source()


def calling(name: str, many: int = 15) -> list[int]:
    """Seeds of programs that call `name`."""
    seeds = (s for s in range(2_000) if f"{name}(" in source(s))
    return [seed for seed, _ in zip(seeds, range(many), strict=False)]


def test_a_wrong_rule_is_found_at_the_first_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ag.arctan, "rules", (lambda g, out, x: g * 0.9 / (1 + x * x),))
    assert 1 in wrong_at(check(calling("arctan")))


def test_a_rule_that_loses_its_history_is_found_at_the_second_order_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ag.arctan, "rules", (lambda g, out, x: g * Tensor(1 / (1 + x.data**2)),))
    tally = check(calling("arctan"))
    assert 2 in wrong_at(tally)
    assert 1 not in wrong_at(tally), tally.report()


def no_closure(f: Callable[..., Any]) -> Callable[..., Any]:
    """A checkpoint that loses every gradient."""

    def computed(*args: Any) -> Any:
        with ag.no_grad():
            result = f(*args)
        zeros = [ag.sum(a) * 0 for a in args]
        if isinstance(result, tuple):
            return tuple(part + sum(zeros) for part in result)
        return result + sum(zeros)

    return computed


def unhooked(x: Any, factor: float) -> Any:
    return x


def doubled(x: Tensor, factor: float) -> Tensor:
    """A hook that runs twice."""
    if x.requires_grad:
        for _ in range(2):
            x.register_hook(lambda g: g * factor)
    return x


@pytest.mark.parametrize(
    ("name", "broken"),
    [
        ("checkpoint", no_closure),
        ("detach", lambda x: x),
        ("stop_gradient", lambda x: x),
        ("no_grad", lambda: lambda f: f),
        ("hooked", unhooked),
        ("hooked", doubled),
        ("curved_inside", lambda x, y: detach(ag.sin(x) * y * y) * -1),
        ("turned", lambda x, y: (detach(x) * ag.cos(y), x * ag.sin(y))),
        ("sum_of_sines", lambda *xs: ag.sin(xs[0]) + sum(ag.sin(x) for x in xs[1:])),
        ("take", lambda x, rows, axis: detach(ag.take(x, rows, axis))),
    ],
)
def test_a_broken_part_is_found(name: str, broken: Callable[..., Any]) -> None:
    assert wrong_at(check(calling(name), names={name: broken})) >= {1, 2}


def test_a_backward_that_drops_a_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The later of two backwards replaces what the earlier one left."""
    backward = Tensor.backward

    def forgetful(self: Tensor, *args: Any, **options: Any) -> None:
        for leaf in leaves:
            leaf.grad = None
        backward(self, *args, **options)

    leaves: list[Tensor] = []
    monkeypatch.setattr(Tensor, "backward", forgetful)
    make = Tensor.__init__

    def noted(self: Tensor, data: Any, requires_grad: bool = False, dtype: Any = None) -> None:
        make(self, data, requires_grad, dtype)
        if requires_grad:
            leaves.append(self)

    monkeypatch.setattr(Tensor, "__init__", noted)
    asked = ["accumulated", "accumulated_apart", "graph_twice", "graph_twice_created"]
    tally = check(range(10), questions=asked)
    assert all(tally.wrong[name] for name in asked), tally.wrong

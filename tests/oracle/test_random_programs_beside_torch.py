"""Random programs beside PyTorch: the engine's derivatives, and the differences it is held to."""

from __future__ import annotations

from types import ModuleType

import pytest
from support.random_programs.asking import CERTAIN, TOLERANCE, check, random_program
from support.random_programs.builder import Program
from support.random_programs.case import Case
from support.random_programs.differences import Differences
from support.random_programs.on_torch import OnTorch
from support.shares import shared

pytestmark = pytest.mark.oracle

CHUNK = 100


@pytest.mark.parametrize(
    "first",
    [pytest.param(first, marks=marks) for first, marks in shared(range(0, 2_000, CHUNK), 20)],
)
def test_no_derivative_is_wrong(first: int, torch: ModuleType) -> None:
    def oracle(program: Program, plane: object = None) -> OnTorch:
        return OnTorch(program, torch)

    tally = check(range(first, first + CHUNK), oracles=[oracle])
    assert not tally.wrong, tally.report()


@pytest.mark.parametrize(
    "first",
    [pytest.param(first, marks=marks) for first, marks in shared(range(0, 500, CHUNK), 3)],
)
def test_differences_are_right(first: int, torch: ModuleType) -> None:
    """They are what holds the engine where PyTorch is not: every order, and what they say they
    are certain of."""
    unsure = 0
    for seed in range(first, first + CHUNK):
        program = random_program(seed)
        case = Case(program, Differences)
        theirs = OnTorch(program, torch)
        for head in (case.f, case.g):
            ours = [
                case.oracle.first(head, case.u),
                case.oracle.second(head, case.u, case.w),
                case.oracle.third(head, case.u, case.w),
            ]
            other = [
                theirs.first(head, case.u),
                theirs.second(head, case.u, case.w),
                theirs.third(head, case.u, case.w),
            ]
            for order, (found, (want, _)) in enumerate(zip(ours, other, strict=True), 1):
                scale = 1 + abs(want)
                if found.error >= CERTAIN * scale:
                    unsure += 1
                    continue
                assert abs(found.value - want) <= TOLERANCE * scale, (
                    f"seed {seed}, order {order}: {found.value} by differences, {want} by PyTorch"
                    f"\n{program}"
                )
    assert unsure <= 0.05 * 6 * CHUNK

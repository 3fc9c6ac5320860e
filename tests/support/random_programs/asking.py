"""Random programs, asked questions: does the engine differentiate what it runs?

    python tests/random_programs.py --seeds 0 1000 [--order 3] [--show SEED]

prints what is wrong, and counts by question. A program is drawn from a seed (`builder`), of
steps of many kinds (`steps`); it runs on the engine and on NumPy (`names`). The
engine's derivatives of it (`questions`) are compared with differences (`differences`), or
with PyTorch's (`on_torch`).
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from support.random_programs.builder import Program, random_program
from support.random_programs.case import Case, Oracle
from support.random_programs.differences import Differences, Direction, finer
from support.random_programs.questions import ORDER, QUESTIONS, ask

# Both sides are good to 1e-10 and better, and terms of programs are of the size of one: what
# differs by less than this is no term that was dropped, and rounding is far below it.
TOLERANCE = 1e-8
CERTAIN = TOLERANCE / 3  # an answer is not compared with what may be wrong by more

_UNSURE = "unsure"

MakeOracle = Callable[[Program, "tuple[Direction, Direction] | None"], Oracle]


@dataclass
class Tally:
    """What came of many questions."""

    asked: Counter[str] = field(default_factory=Counter)
    unsure: Counter[str] = field(default_factory=Counter)
    wrong: Counter[str] = field(default_factory=Counter)
    reports: list[str] = field(default_factory=list)
    kinds: Counter[str] = field(default_factory=Counter)
    most_uses: int = 0

    def report(self, most: int = 3) -> str:
        left_out = len(self.reports) - most
        more = [f"... and {left_out} more"] if left_out > 0 else []
        return "\n\n".join([*self.reports[:most], *more])


def chosen_questions(program: Program, order: int) -> list[str]:
    """One of each order, by the seed; third derivatives of every fifth program."""
    rng = np.random.default_rng([program.seed, 13])
    highest = min(order, program.order)
    by_order = [[q for q in QUESTIONS if ORDER[q] == k] for k in range(1, highest + 1)]
    chosen = [names[int(rng.integers(len(names)))] for names in by_order[:2]]
    if highest == 3 and rng.random() < 0.2:
        chosen.append(by_order[2][int(rng.integers(len(by_order[2])))])
    return chosen


def check(
    seeds: Iterable[int],
    order: int = 3,
    oracles: Sequence[MakeOracle] = (Differences, finer),
    names: dict[str, Any] | None = None,
    questions: list[str] | None = None,
) -> Tally:
    """Ask about the program of each seed.

    Args:
        order: of the highest derivatives to ask for.
        oracles: who knows the answers; each is asked where those before it found an answer wrong,
            or were not certain.
        names: what replaces names of the program, on the engine's side.
        questions: what to ask of each; by default some, drawn by the seed.
    """
    tally = Tally()
    for seed in seeds:
        program = random_program(seed)
        tally.kinds.update(kind for step in program.steps for kind in step.kinds)
        tally.most_uses = max(tally.most_uses, *program.uses().values())
        cases: list[Case | None] = [None] * len(oracles)
        for name in questions or chosen_questions(program, order):
            if ORDER[name] > program.order:
                continue
            tally.asked[name] += 1
            found = ""
            for k, oracle in enumerate(oracles):
                case = cases[k] = cases[k] or Case(program, oracle, names)
                found = _asked(name, case)
                if not found:
                    break
            if found == _UNSURE:
                tally.unsure[name] += 1
            elif found:
                tally.wrong[name] += 1
                tally.reports.append(f"seed {seed}, {name}: {found}\n{program}")
    return tally


def _asked(name: str, case: Case) -> str:
    """What is wrong with the answer to a question; nothing where it is right."""
    try:
        got, (want, error) = ask(name, case)
    except Exception as failure:
        return f"{type(failure).__name__}: {failure}"
    scale = 1 + abs(want)
    if not error < CERTAIN * scale:
        return _UNSURE
    if abs(got - want) <= TOLERANCE * scale:
        return ""
    return f"got {got!r}, expected {want!r}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs=2, type=int, default=(0, 1000), metavar=("FROM", "TO"))
    parser.add_argument("--order", type=int, choices=(1, 2, 3), default=3)
    parser.add_argument("--show", type=int, metavar="SEED", help="print a program, and end")
    parser.add_argument("--most", type=int, default=3, help="how many failures to print in full")
    given = parser.parse_args()
    if given.show is not None:
        print(random_program(given.show))
        return
    tally = check(range(*given.seeds), given.order)
    print(tally.report(given.most))
    print(f"{'question':24} {'asked':>7} {'unsure':>7} {'wrong':>7}")
    for name in QUESTIONS:
        print(f"{name:24} {tally.asked[name]:7} {tally.unsure[name]:7} {tally.wrong[name]:7}")
    total, wrong = tally.asked.total(), tally.wrong.total()
    print(f"{'all':24} {total:7} {tally.unsure.total():7} {wrong:7}")
    sys.exit(wrong > 0)

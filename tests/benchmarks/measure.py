"""Blocks of runs in alternation, so that a slow moment of the machine hits every side.

Only what computes the same numbers is compared: a side that disagrees with ours gets no ratio.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from benchmarks.sides import OURS, Side, SideError

PAUSE = 0.05  # seconds between blocks: threads that spin after their work have gone to sleep


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        rounds: how often the sides take turns.
        seconds: what a block of the slowest side should take; 0: as long as `runs` take.
        runs: how many runs a block has at most.
    """

    rounds: int
    seconds: float
    runs: int


@dataclass(frozen=True)
class Request:
    """What to run, as `worker` understands it."""

    task: str
    arguments: dict[str, Any]


@dataclass
class Row:
    """One side in one comparison: a figure for every round, or the problem it had.

    Args:
        figures: seconds (the median of a block), or bytes.
        numbers: what the first block computed: one list for every run.
        problem: why there are no figures; empty if there are.
        wrong: whether the problem is that the numbers are others than ours, or that ours failed.
    """

    figures: list[float] = field(default_factory=list)
    numbers: list[list[float]] = field(default_factory=list)
    problem: str = ""
    wrong: bool = False

    def give_up(self, problem: str, wrong: bool) -> None:
        self.figures, self.problem, self.wrong = [], problem, wrong


Rows = dict[str, Row]
Taken = dict[str, tuple[float, list[list[float]]]]


def in_turn(
    names: Sequence[str], requests: Sequence[Request], effort: Effort, threads: int
) -> list[Rows]:
    """Rows in seconds for every request, from one process a side; all requests in each round."""
    results: list[Rows] = [{name: Row() for name in names} for _ in requests]
    with ExitStack() as stack:
        sides: dict[str, Side] = {}
        for name in names:
            try:
                sides[name] = stack.enter_context(Side(name, threads))
            except SideError as error:
                for rows in results:
                    rows[name].give_up(str(error), wrong=name == OURS)

        def take(rows: Rows, request: Request, count: int) -> Taken:
            taken = {}
            for name in [name for name in sides if not rows[name].problem]:
                time.sleep(PAUSE)
                try:
                    block = sides[name].ask(request.task, request.arguments, count)
                except SideError as error:
                    rows[name].give_up(str(error), wrong=name == OURS)
                else:
                    taken[name] = statistics.median(block["seconds"]), block["numbers"]
            return taken

        counts = [
            _count(lambda n, rows=rows, request=request: take(rows, request, n), effort)
            for rows, request in zip(results, requests, strict=True)
        ]
        for _ in range(effort.rounds):
            for rows, request, count in zip(results, requests, counts, strict=True):
                keep(rows, take(rows, request, count))
    return results


def _count(take: Callable[[int], Taken], effort: Effort) -> int:
    """Runs in a block, after some that warm up; the same for all, as training goes on in it."""
    if not effort.seconds:
        return effort.runs
    slowest = max((seconds for seconds, _ in take(1).values()), default=0.0)
    if slowest < effort.seconds:  # the first run is not like the others
        slowest = max((seconds for seconds, _ in take(3).values()), default=0.0)
    least = 3 if slowest < 1 else 1
    return int(np.clip(effort.seconds / max(slowest, 1e-9), least, effort.runs))


def afresh(
    names: Sequence[str],
    look: Callable[[str], tuple[float, list[list[float]]]],
    rounds: int,
    tolerance: float = 1e-3,
) -> Rows:
    """Rows from `look(side)`, which starts a process and gives its figure and numbers."""
    rows = {name: Row() for name in names}
    for _ in range(rounds):
        taken = {}
        for name in [name for name in names if not rows[name].problem]:
            try:
                taken[name] = look(name)
            except SideError as error:
                rows[name].give_up(str(error), wrong=name == OURS)
        keep(rows, taken, tolerance)
    return rows


def keep(rows: Rows, taken: Taken, tolerance: float = 1e-3) -> None:
    """Add a round's figures to the rows, but for sides whose numbers are not ours."""
    for name, (figure, numbers) in taken.items():
        difference = disagreement(taken[OURS][1], numbers, tolerance) if OURS in taken else ""
        if difference:
            rows[name].give_up(f"{name}: {difference}", wrong=True)
            rows[name].numbers = numbers
        else:
            rows[name].figures.append(figure)
            rows[name].numbers = rows[name].numbers or numbers


def disagreement(
    ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]], tolerance: float = 1e-3
) -> str:
    """What is wrong with a side's numbers, or nothing.

    Each number may differ by `tolerance` times the largest of its kind in the block: the losses of
    a training come near 0, where only rounding is left of them.
    """
    a, b = np.asarray(ours, float), np.asarray(theirs, float)
    if a.shape != b.shape:
        return f"{b.shape} numbers where ours has {a.shape}"
    if not a.size:
        return ""
    allowed = tolerance * np.abs(a).max(axis=0)
    off = ~(np.abs(a - b) <= allowed)  # so that NaN is off
    if not off.any():
        return ""
    run, kind = np.argwhere(off)[0]
    return f"run {run + 1} computes {b[run, kind]:.6g} where ours computes {a[run, kind]:.6g}"


def quartiles(figures: Sequence[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile."""
    low, middle, high = np.percentile(figures, [25, 50, 75])
    return float(low), float(middle), float(high)


def ratio(ours: Row, other: Row) -> tuple[float, float, float] | None:
    """Ours over the other: ratio of the medians, and quartiles of the rounds' own ratios."""
    if not (ours.figures and other.figures):
        return None
    pairs = [a / b for a, b in zip(ours.figures, other.figures, strict=True)]
    low, _, high = quartiles(pairs)
    return statistics.median(ours.figures) / statistics.median(other.figures), low, high

"""Blocks of runs in alternation, so that a slow moment of the machine hits every side.

Every side is tried with each number of threads, and goes on with the one that was faster. Only what
computes the same numbers is compared: a side that disagrees with ours gets no ratio.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

import numpy as np
from benchmarks.sides import OURS, Request, Side, SideError, Variant

TOLERANCE = 1e-3  # by which numbers may differ, relative to the largest of their kind
PAUSE = 0.05  # seconds between blocks: threads that spin after their work have gone to sleep


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Args:
        rounds: how often the sides take turns, those to choose the threads included.
        trials: so many of them with each number of threads.
        seconds: of a block of each side.
        warm: seconds for a side's runs to settle in.
    """

    rounds: int
    trials: int = 2
    seconds: float = 0.5
    warm: float = 5.0


@dataclass(frozen=True)
class Taken:
    """One block of one side: seconds (their median) or bytes, and the numbers to compare."""

    figure: float
    numbers: list[list[float]]
    version: str = ""
    settled: bool = True


@dataclass
class Row:
    """One side in one comparison: a figure for every round, or the problem it had.

    Args:
        by_threads: the figures: seconds (the median of a block), or bytes.
        threads: the number chosen.
        numbers: what the first runs computed: one list for every run.
        settled: whether its times had settled before they were counted.
        problem: why there are no figures; empty if there are.
        wrong: whether the problem is that the numbers are others than ours, or that ours failed.
    """

    by_threads: dict[int, list[float]] = field(default_factory=dict)
    threads: int = 1
    numbers: list[list[float]] = field(default_factory=list)
    version: str = ""
    settled: bool = True
    problem: str = ""
    wrong: bool = False

    @property
    def figures(self) -> list[float]:
        return self.by_threads.get(self.threads, [])

    def give_up(self, problem: str, wrong: bool) -> None:
        self.by_threads, self.problem, self.wrong = {}, problem, wrong

    def choose(self) -> None:
        """The number of threads that was fastest up to now."""
        if self.by_threads:
            medians = {n: statistics.median(figures) for n, figures in self.by_threads.items()}
            self.threads = min(medians, key=medians.__getitem__)


Rows = dict[str, Row]
Look = Callable[[Variant, int, Request], Taken]


def alternate(
    variants: Sequence[Variant],
    requests: Sequence[Request],
    threads: Sequence[int],
    look: Look,
    effort: Effort,
    tolerance: float = TOLERANCE,
) -> list[Rows]:
    """Rows for every request, by `look(variant, threads, request)`; all requests in each round."""
    results: list[Rows] = [
        {variant.name: Row(threads=max(threads)) for variant in variants} for _ in requests
    ]

    def one_round(rows: Rows, request: Request, count: int | None = None) -> None:
        taken = {}
        for variant in variants:
            row = rows[variant.name]
            if row.problem:
                continue
            time.sleep(PAUSE)
            row.threads = count or row.threads
            try:
                taken[variant.name] = look(variant, row.threads, request)
            except SideError as error:
                row.give_up(str(error), wrong=variant.name == OURS)
        keep(rows, taken, tolerance)

    for rows, request in zip(results, requests, strict=True):
        for _ in range(effort.trials):
            for count in threads:
                one_round(rows, request, count)
        for row in rows.values():
            row.choose()
    for _ in range(effort.rounds - effort.trials):
        for rows, request in zip(results, requests, strict=True):
            one_round(rows, request)
    return results


def in_turn(
    variants: Sequence[Variant],
    requests: Sequence[Request],
    threads: Sequence[int],
    effort: Effort,
    tolerance: float = TOLERANCE,
) -> list[Rows]:
    """Rows in seconds, from one process for each side and number of threads."""
    with ExitStack() as stack:
        sides: dict[tuple[Variant, int], Side] = {}

        def look(variant: Variant, count: int, request: Request) -> Taken:
            if (variant, count) not in sides:
                sides[variant, count] = stack.enter_context(Side(variant, count))
            side = sides[variant, count]
            block = side.ask(request)
            figure = statistics.median(block["seconds"])
            return Taken(figure, block["numbers"], side.hello["version"], block["settled"])

        timed = [replace(its, warm=effort.warm, seconds=effort.seconds) for its in requests]
        return alternate(variants, timed, threads, look, effort, tolerance)


def keep(rows: Rows, taken: Mapping[str, Taken], tolerance: float = TOLERANCE) -> None:
    """Add a round's figures to the rows, but for sides whose numbers are not ours."""
    for name, its in taken.items():
        row = rows[name]
        difference = (
            disagreement(taken[OURS].numbers, its.numbers, tolerance) if OURS in taken else ""
        )
        row.numbers = row.numbers or its.numbers
        row.version = its.version
        row.settled &= its.settled
        if difference:
            row.give_up(f"{name}: {difference}", wrong=True)
            row.numbers = its.numbers
        else:
            row.by_threads.setdefault(row.threads, []).append(its.figure)


def disagreement(
    ours: Sequence[Sequence[float]], theirs: Sequence[Sequence[float]], tolerance: float = TOLERANCE
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


def ratio(ours: Sequence[float], other: Sequence[float]) -> tuple[float, float, float] | None:
    """Ours over the other, of each round: median, lower and upper quartile."""
    if not (ours and other):
        return None
    low, middle, high = quartiles([a / b for a, b in zip(ours, other, strict=True)])
    return middle, low, high

"""What a benchmark is asked, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.measure import TOLERANCE, Effort, Row, Rows, in_turn
from benchmarks.sides import OTHER, OURS, REFERENCE, Request, Variant

BOTH = (OURS, REFERENCE)
MILLISECONDS, MICROSECONDS, MEGABYTES = 1e3, 1e6, 1e-6
LINKS = 1000  # of a chain of multiply-adds


@dataclass(frozen=True)
class Settings:
    """What to measure, and how.

    Args:
        variants: those to measure, where a benchmark has them; with another checkout: these in all.
        threads: the numbers of threads, and cores, that each side is tried with.
        quick: whether everything need only be run through, small and short, as a test does.
    """

    variants: Sequence[Variant]
    threads: Sequence[int]
    quick: bool = False

    def of(self, names: Sequence[str]) -> list[Variant]:
        return [its for its in self.variants if its.name in (*names, OTHER)]

    def effort(self, rounds: int, trials: int = 2, seconds: float = 0.5) -> Effort:
        return Effort(2, 1, 0.001, 0.0) if self.quick else Effort(rounds, trials, seconds)


@dataclass
class Result:
    """What one benchmark found.

    Args:
        unit, scale: what figures times scale are.
        rows: a row for every side; for growth, see `points`.
        ratios: at most so many times the figure of a side is wanted of ours.
        limit: at most so much is wanted of ours in `unit`; for growth, of the time per unit's
            largest over its smallest; for cases, of the worst ratio over that of the first.
        points: growth only: the sizes, and the rows at each.
        cases: instead of `rows`: the rows of several comparisons, by what was compared.
        note: what else to know.
        load: the machine's before and after.
    """

    name: str
    title: str
    unit: str
    scale: float
    rows: Rows = field(default_factory=dict)
    ratios: Mapping[str, float] = field(default_factory=dict)
    limit: float | None = None
    points: list[tuple[int, Rows]] = field(default_factory=list)
    cases: Mapping[str, Rows] = field(default_factory=dict)
    note: str = ""
    load: tuple[float | None, float | None] = (None, None)

    def tables(self) -> list[Rows]:
        """All rows, of all comparisons."""
        return [self.rows, *(rows for _, rows in self.points), *self.cases.values()]

    def every_row(self) -> list[Row]:
        return [row for rows in self.tables() for row in rows.values()]


def timed(
    settings: Settings,
    sides: Sequence[str],
    request: Request,
    rounds: int = 12,
    tolerance: float = TOLERANCE,
) -> Rows:
    effort = settings.effort(rounds)
    (rows,) = in_turn(settings.of(sides), [request], settings.threads, effort, tolerance)
    return rows

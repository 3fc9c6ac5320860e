"""How a side is timed: warmed up until its runs get no faster, then for a given time.

A library that is timed from its first run on pays for what it does once: code it compiles, caches
it fills, memory it gets. How long that goes on differs: each side is judged by its own times.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import numpy as np

WINDOW = 0.3  # seconds of runs whose medians are compared; a run that takes longer is one
CLOSE = 0.02  # so much less than the window before, and the runs are still getting faster
RESUME = 0.1  # seconds of runs before a block: the others had the caches meanwhile


def settled(windows: Sequence[float]) -> bool:
    """Whether the last median is no longer below the one before, by more than CLOSE."""
    return len(windows) > 1 and windows[-1] >= (1 - CLOSE) * windows[-2]


class Paced:
    """The runs of one task.

    Attributes:
        numbers: what the first runs computed, which every side has to agree in.
        first: the seconds of the first run; 0 before it.
    """

    def __init__(
        self, run: Callable[[], list[float]], clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._run, self._clock = run, clock
        self._last = self.first = 0.0
        self.numbers: list[list[float]] = []

    def warm_up(self, checked: int, bound: float) -> bool:
        """Runs that are not timed; says whether they settled.

        Args:
            checked: so many are there in any case, and their numbers are kept.
            bound: seconds after the first run, which may compile, when no more are begun; 0 where
                nothing need settle.
        """
        for _ in range(checked):
            self.numbers.append(self._once())
            if len(self.numbers) == 1:
                windows, began, self.first = [], self._clock(), self._last
            elif self._last >= WINDOW:
                windows.append(self._last)
        while not settled(windows) and self._clock() - began < bound:
            windows.append(statistics.median(self._runs(WINDOW)))
        return not bound or settled(windows)

    def block(self, seconds: float) -> list[float]:
        """Seconds of each run that was begun in so many seconds; none for 0."""
        if seconds and self._last < RESUME:
            self._runs(min(RESUME, seconds))
        return self._runs(seconds)

    def _runs(self, seconds: float) -> list[float]:
        times: list[float] = []
        spent = 0.0
        while spent < seconds:
            numbers = self._once()
            times.append(self._last)
            spent += self._last
        if times and not np.isfinite(numbers).all():
            raise ArithmeticError(f"computes {numbers}: what that takes says nothing")
        return times

    def _once(self) -> list[float]:
        began = self._clock()
        numbers = self._run()
        self._last = self._clock() - began
        return numbers

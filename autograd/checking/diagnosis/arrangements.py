"""The right numbers in the wrong places: axes permuted, reversed, rolled."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.checking.diagnosis.evidence import Candidate, Case, fitted_factor, largest

Array = NDArray[Any]

_MOST_SHIFTS = 64


def propose_arrangement(case: Case) -> None:
    """ "transposed", "flipped" and "rolled", also off by a factor at the same time."""
    # An arrangement keeps the numbers: sums tell most pairs apart without trying.
    total = np.sort(np.abs(case.given), axis=None), np.sort(np.abs(case.expected), axis=None)
    factor = largest(total[0]) / case.scale if case.scale else 0.0
    allowed = max(10 * case.relative_limit, 1e-5) * largest(total[0])
    if not factor or largest(total[0] - factor * total[1]) > allowed:
        return
    for kind, text, values, rank in arrangements(case.expected):
        if case.propose(Candidate(kind, text, values, rank)):
            continue
        scaled = fitted_factor(case.given, values)
        if abs(scaled) > 0:
            words = f"{text}, and {scaled:.6g} times the right numbers"
            case.propose(Candidate(kind, words, scaled * values, rank + 4, free=1, scaled=True))


def arrangements(x: Array) -> Iterator[tuple[str, str, Array, float]]:
    """Kind, text, array and rank of every rearrangement that keeps the shape."""
    for order in permutations(range(x.ndim)):
        if order != tuple(range(x.ndim)) and x.transpose(order).shape == x.shape:
            words = "transposed" if x.ndim == 2 else f"its axes are permuted to {order}"
            yield "transposed", f"the gradient is {words}", x.transpose(order), 2.0
    long = [a for a in range(x.ndim) if x.shape[a] > 1]
    for axis in long:
        yield "flipped", f"axis {axis} runs backwards", np.flip(x, axis), 2.1
    for i, first in enumerate(long):
        for second in long[i + 1 :]:
            words = f"axes {first} and {second} run backwards"
            yield "flipped", words, np.flip(x, (first, second)), 2.2
    for axis in long:
        n = x.shape[axis]
        for shift in sorted(range(1, n), key=lambda s: min(s, n - s))[:_MOST_SHIFTS]:
            by = shift if shift <= n // 2 else shift - n
            yield "rolled", f"axis {axis} is rolled by {by}", np.roll(x, by, axis), 2.3

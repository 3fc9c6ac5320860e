"""The right numbers in the wrong places: axes permuted, reversed, rolled."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations

import numpy as np

from autograd.checking.diagnosis.evidence import Candidate, Case, fitted_factor, largest
from autograd.checking.diagnosis.quantities import axes_named, times
from autograd.checking.diagnosis.substitutions import read_in_other_orders
from autograd.engine.tensor import Array

_MOST_SHIFTS = 64


def propose_arrangement(case: Case) -> None:
    """ "transposed", "flipped" and "rolled", also off by a factor at the same time."""
    # An arrangement keeps the numbers, and so their sums: nearly all pairs are told apart by them.
    factor = largest(case.given) / case.scale if case.scale else 0.0
    if not factor:
        return
    allowed = max(10 * case.relative_limit, 1e-5) * case.given.size
    for power in (1, 2):
        sums = [
            float(((np.abs(x) / largest(x)) ** power).sum()) for x in (case.given, case.expected)
        ]
        if abs(sums[0] - sums[1]) > power * allowed:
            return
    for kind, text, values, rank in arrangements(case.expected):
        if np.array_equal(values, case.expected):
            continue
        if case.propose(Candidate(kind, text, values, rank)):
            continue
        scaled = fitted_factor(case.given, values)
        if abs(scaled) > 0:
            words = f"{text}, and its numbers are {times(scaled)} times the right ones"
            case.propose(Candidate(kind, words, scaled * values, rank + 4, free=1, scaled=True))


def arrangements(x: Array) -> Iterator[tuple[str, str, Array, float]]:
    """Kind, text, array and rank of every rearrangement that keeps the shape."""
    for order in permutations(range(x.ndim)):
        if order != tuple(range(x.ndim)) and x.transpose(order).shape == x.shape:
            yield "transposed", _permuted(order), x.transpose(order), 2.0
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
    for kind, what, values, _ in read_in_other_orders(x):
        if kind == "reshaped":
            yield kind, f"the gradient {what}", values, 2.4


def propose_sum(case: Case) -> None:
    """ "wrong axis": summed over more axes than it should be, and the sum repeated."""
    shape = case.expected.shape
    long = [a for a, n in enumerate(shape) if n > 1]
    for count in range(1, len(long) + 1):
        for axes in combinations(long, count):
            values = np.broadcast_to(case.expected.sum(axis=axes, keepdims=True), shape)
            text = f"it is summed over {axes_named(axes)} of the tensor too, and the sum repeated"
            case.propose(Candidate("wrong axis", text, values, 2.5, tried=30))


def _permuted(order: tuple[int, ...]) -> str:
    moved = [a for a, b in enumerate(order) if a != b]
    if len(order) == 2:
        return "the gradient is transposed"
    if len(moved) == 2:
        return f"axes {moved[0]} and {moved[1]} of the gradient are exchanged"
    return f"the axes of the gradient are in the order {order}"

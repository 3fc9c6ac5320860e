"""When numbers are evidence: a candidate must explain far more of them than it has free factors."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from math import lgamma, log, log10

import numpy as np
from numpy.typing import NDArray

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.quantities import Quantities
from autograd.checking.flow import Change
from autograd.engine.tape import Place
from autograd.engine.tensor import Array

RELATIVE = 1e-6  # of what is wrong: constants that were typed in have so many digits
_ENOUGH = 2.5  # decades of evidence, after what the number of candidates takes away
_MOST_PER_NUMBER = 6.0

_SAMPLE = 4096
SIMPLE = 1.2  # rank of a factor with a name and the like
ONLY_WHERE = 7.0  # rank of what says which numbers are wrong, but not how
_PART = 5.5  # the least rank of a mistake that says no more than which are wrong: see `_is_a_part`
# The natural logarithm of how many sets of as many elements there are for each set that is tried:
ENOUGH_CHOICES = 4.0  # those that a predicate names
_ENOUGH_FOR_RULES = 2.0  # those that a mistake in a rule makes wrong


@dataclass(frozen=True)
class Hypothesis:
    """One explanation of a wrong gradient.

    Attributes:
        kind: one of a fixed set of words, such as "factor" or "transposed".
        text: the explanation as a sentence.
        residual: the largest difference that remains between the given gradient and what the
            mistake would give, relative to the largest difference from the right one.
        evidence: on how many numbers it rests.
        at, instead: the place further on where it was made, and what then arrives there; None
            where it was made at the tensor itself, or that is not known.
        changes: where it was made at several places, what is done to the gradients on their way.
        factor: what it is times the right gradient, where that is all.
    """

    kind: str
    text: str
    residual: float
    evidence: str
    at: Place | None = field(default=None, compare=False, repr=False)
    instead: Array | None = field(default=None, compare=False, repr=False)
    factor: float | None = field(default=None, compare=False, repr=False)
    changes: dict[int, Change] | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.kind}: {self.text} ({self.evidence})"


@dataclass(frozen=True)
class Candidate:
    """What a mistake would give.

    Attributes:
        kind, text: as of Hypothesis.
        values: the gradient that one gets with this mistake.
        rank: how far-fetched it is; of those that explain the numbers, the lowest comes first.
        free: how many numbers were fitted.
        tried: how many candidates like this one there were, any of which might fit by chance.
        scaled: whether the noise shrinks with the values, as for a multiple of the right gradient.
        at, instead, factor, changes: as of Hypothesis.
    """

    kind: str
    text: str
    values: Array
    rank: float
    free: int = 0
    tried: int = 1
    scaled: bool = False
    at: Place | None = None
    instead: Array | None = None
    factor: float | None = None
    changes: dict[int, Change] | None = None


@dataclass
class Case:
    """A given and an expected gradient of one shape, in float64.

    Attributes:
        limit: the difference that rounding explains.
        context: the tape, or None where only the two are known.
    """

    given: Array
    expected: Array
    limit: float
    context: Context | None
    found: list[tuple[float, Hypothesis]] = field(default_factory=list)

    @cached_property
    def difference(self) -> Array:
        return self.given - self.expected

    @cached_property
    def wrong(self) -> NDArray[np.bool_]:
        """Where the two differ by more than rounding explains."""
        return np.abs(self.difference) > self.limit

    @cached_property
    def largest_difference(self) -> float:
        return largest(self.difference)

    @cached_property
    def scale(self) -> float:
        return largest(self.expected)

    @cached_property
    def quantities(self) -> Quantities:
        """The numbers that a factor may be named by."""
        return Quantities(self.context)

    @cached_property
    def relative_limit(self) -> float:
        """The limit relative to the largest element expected, at most 1."""
        return min(1.0, self.limit / self.scale) if self.scale else 1.0

    @cached_property
    def tape_is_given(self) -> bool:
        """Whether the gradient to explain is the tape's own: then a rule on the tape is wrong.

        What rules on the tape give is of no use then to say what is right.
        """
        g = self.context.flow.at(self.context.place) if self.context is not None else None
        if g is None or g.shape != self.given.shape:
            return False
        return largest(g - self.given) < largest(g - self.expected)

    def tolerance(self, candidate: Candidate) -> float:
        """How far the given gradient may be from a candidate that explains it."""
        size = largest(candidate.values)
        if candidate.scaled and self.scale:
            noise = self.limit * size / self.scale
            loose = RELATIVE * min(self.largest_difference, size)
        else:
            noise = self.limit * max(1.0, size / self.scale if self.scale else 1.0)
            loose = RELATIVE * self.largest_difference
        most = min(0.03 * self.largest_difference, 1e-3 * largest(self.given))
        return min(max(noise, loose), most)

    def explains(self, candidate: Candidate) -> bool:
        """Whether a candidate gives the numbers, and they are enough to tell."""
        values = candidate.values
        if values.shape != self.given.shape:
            return False
        if not self.may_be(values) or not np.isfinite(values).all():
            return False
        residual, tolerance = largest(self.given - values), self.tolerance(candidate)
        if residual > tolerance:
            return False
        wrong = int(np.count_nonzero(self.wrong))
        each = min(_MOST_PER_NUMBER, log10(self.largest_difference / max(tolerance, 1e-300)))
        return (wrong - candidate.free) * each - log10(candidate.tried) >= _ENOUGH

    @property
    def is_large(self) -> bool:
        """Whether candidates are looked at in a few places, or directions, first."""
        return self.given.size >= 4 * _SAMPLE

    @cached_property
    def _sample(self) -> NDArray[np.intp] | None:
        """Places that are looked at first, where there are many."""
        if not self.is_large:
            return None
        return np.random.default_rng(0).integers(0, self.given.size, _SAMPLE)

    def looked_at(self, values: Array) -> Array:
        """The sample of values of this shape."""
        assert self._sample is not None
        return np.asarray(values[np.unravel_index(self._sample, values.shape)])

    def may_be(self, values: Array) -> bool:
        """Whether the given gradient may be these values, from what a sample shows."""
        if self._sample is None or values.shape != self.given.shape:
            return True
        off = self.looked_at(values) - self.looked_at(self.given)
        return bool(largest(off) <= 0.03 * self.largest_difference)

    @property
    def settled(self) -> bool:
        """Whether something so simple explains the numbers that nothing else need be tried."""
        return any(rank <= SIMPLE for rank, _ in self.found)

    def propose(self, candidate: Candidate) -> bool:
        """Note a candidate if it explains the numbers. Says whether it does."""
        if not self.explains(candidate):
            return False
        residual = largest(self.given - candidate.values) / self.largest_difference
        wrong = int(np.count_nonzero(self.wrong))
        rank = candidate.rank
        if self._is_a_part(candidate.values):
            if self.log_choices < _ENOUGH_FOR_RULES + log(candidate.tried):
                return False
            rank = max(rank, _PART)
        numbers = f"all {wrong} wrong numbers fit" if wrong > 1 else "the one wrong number fits"
        fitted = f", {candidate.free} fitted" if candidate.free else ""
        how_well = f"to {residual:.0e}" if residual else "exactly"
        evidence = f"{numbers}, {how_well}{fitted}"
        c = candidate
        found = Hypothesis(c.kind, c.text, residual, evidence, c.at, c.instead, c.factor, c.changes)
        self.note(rank, found)
        return True

    def _is_a_part(self, values: Array) -> bool:
        """Whether values are right but on a part, where they are 0 or have the wrong sign: then
        each wrong number says no more than that it is one of these."""
        there = np.abs(values - self.expected) > self.limit
        wrong, right = values[there], self.expected[there]
        if there[self.shown].all() or largest(right) <= self.limit:
            return False
        return min(largest(wrong), largest(wrong + right)) <= self.limit

    @cached_property
    def shown(self) -> NDArray[np.bool_]:
        """Where a mistake shows: not where nothing should arrive, and nothing was given."""
        return (np.abs(self.expected) > self.limit) | (np.abs(self.given) > self.limit)

    @cached_property
    def log_choices(self) -> float:
        """The logarithm of how many sets of as many elements as are wrong there are."""
        n, k = (int(np.count_nonzero(mask)) for mask in (self.shown, self.wrong))
        return lgamma(n + 1) - lgamma(k + 1) - lgamma(n - k + 1)

    @property
    def explained(self) -> bool:
        """Whether a hypothesis says what is wrong, and not only where."""
        return any(rank < ONLY_WHERE for rank, _ in self.found)

    def note(self, rank: float, hypothesis: Hypothesis) -> None:
        self.found.append((rank, hypothesis))

    def ranked(self) -> list[Hypothesis]:
        """The hypotheses, best first, each kind and text once."""
        best: dict[tuple[str, str], Hypothesis] = {}
        for _, hypothesis in sorted(self.found, key=lambda pair: (pair[0], pair[1].residual)):
            best.setdefault((hypothesis.kind, hypothesis.text), hypothesis)
        return list(best.values())


def largest(x: Array) -> float:
    """The largest absolute value; 0 of nothing."""
    return float(np.abs(x).max(initial=0.0))


def fitted_factor(given: Array, expected: Array) -> float:
    """The f for which f * expected is nearest to given; 0 where expected is 0.

    Both are scaled first: squares of numbers near 1e-200 are 0.
    """
    unit = largest(expected)
    if not unit:
        return 0.0
    e = (expected / unit).ravel()
    top = largest(given)
    if not top:
        return 0.0
    return float(np.dot((given / top).ravel(), e) / np.dot(e, e)) * (top / unit)

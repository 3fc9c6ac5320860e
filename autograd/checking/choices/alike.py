"""Equal elements that a function treats alike, however many there are.

The gradients close by are then one gradient in every order, and what may be chosen is what that
majorizes: as much in all, and of any number of elements no more than of its largest ones (Rado
1952, "An inequality"; Hardy, Littlewood and Pólya 1934, "Inequalities", section 2.18).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from autograd.engine.tensor import Array

if TYPE_CHECKING:
    from autograd.checking.choices.corners import Corners

FEWEST, _MOST = 8, 4096  # elements
_APART = 5  # times the step of the differences: values of elements that are to be told apart
_LOOKS = 3  # gradients that are met
_ORDERS = 3  # orders in which the value is to be the same
_PARTNERS = 64


def is_mixture(given: Array, gradient: Array, allowed: float) -> bool:
    """Whether a gradient is a convex combination of all orders of another, up to an error in each
    sum of elements."""
    gaps = np.cumsum(np.sort(given)[::-1] - np.sort(gradient)[::-1])
    return bool(gaps.max(initial=0.0) <= allowed and abs(gaps[-1]) <= allowed)


class Alike:
    """The elements equal to one of them, and their slopes beside the point where they are.

    Args:
        rows: combinations of outputs.
        sizes: those of their slopes by the element.

    Attributes:
        equal: the elements.
        possible: whether they may be alike: there are enough, not too many, and they meet.
    """

    def __init__(self, corners: Corners, element: int, rows: Array, sizes: Array) -> None:
        self.of, self.element, self.rows = corners, element, rows
        self.equal = corners.equal_to(element)
        others = self.equal[self.equal != element]
        self.possible = FEWEST <= len(self.equal) <= _MOST and corners.shares(
            element, others, rows, sizes
        )
        if self.possible:
            self._step = corners.fine_step
            self._ladder = _APART * self._step * np.arange(1.0, len(self.equal) + 1)
            if not corners.bounded(element):
                self._ladder -= self._ladder.mean()
            self._looks = [self._look() for _ in range(_LOOKS)]

    def _values(self, lengths: Array) -> Array:
        """Those of the rows, with the equal elements moved."""
        return self.of.moved(self.equal, lengths, self.rows)

    def _look(self) -> tuple[Array, Array]:
        """Where the elements are moved to, all apart, and the slopes there, by rows."""
        at = self.of.point.rng.permutation(self._ladder)
        slopes = np.empty((len(self.rows), len(at)))
        for i in range(len(at)):
            ahead, behind = at.copy(), at.copy()
            ahead[i] += self._step
            behind[i] -= self._step
            slopes[:, i] = (self._values(ahead) - self._values(behind)) / (2 * self._step)
        return at, slopes

    def judged(self, k: int, given: Array) -> tuple[Array, Array, bool | None] | None:
        """The elements that are alike to row k, their slopes, and whether the given gradient, by
        all elements, may be chosen; None where they are not alike."""
        slopes = self._looks[0][1]
        size = max(float(np.abs(slopes[k]).max()), float(np.abs(given[self.equal]).max()))
        allowed = self.of.close(size, self.rows[k], self._step)
        if not np.isfinite(slopes[k]).all():
            return None
        members = self._members(k, allowed)
        if members is None or not self._any_order(k, members):
            return None
        own = self.equal[members]
        rest = np.setdiff1d(np.arange(len(given)), own)
        if self.of.shares(self.element, rest, self.rows[k][None], np.abs(given[[self.element]])):
            return None
        met = [np.sort(found[k][members]) for _, found in self._looks]
        right: bool | None = any(is_mixture(given[own], m, allowed) for m in met)
        if not right and any(np.abs(m - met[0]).max() > allowed for m in met):
            right = None  # f has more than one gradient, and others may not have been met
        return own, slopes[k][members], right

    def _members(self, k: int, allowed: float) -> Array | None:
        """Those that can change places with an element of another slope, and nothing changes: at
        several points, for at one the changes of two outputs may cancel."""
        own = int(np.flatnonzero(self.equal == self.element)[0])
        members = np.arange(len(self.equal))
        for at, slopes in self._looks:
            unlike = np.abs(slopes[k] - np.median(slopes[k]))
            partners = members[np.argsort(-unlike[members])[:_PARTNERS]]
            for partner in map(int, partners[unlike[partners] > allowed]):
                margin = self._margin(k, float(unlike[partner]))
                if self._swapped(k, at, own, partner) <= margin:
                    changes = [self._swapped(k, at, int(j), partner) for j in members]
                    members = members[np.array(changes) <= margin]
                    break
            else:
                return None
        return members if own in members and len(members) > 1 else None

    def _swapped(self, k: int, at: Array, one: int, other: int) -> float:
        """By how much the value changes when two change places."""
        places = at.copy()
        places[[one, other]] = at[[other, one]]
        return float(abs(self._values(places)[k] - self._values(at)[k]))

    def _any_order(self, k: int, members: Array) -> bool:
        """Whether the value is the same in whatever order they are."""
        for at, slopes in self._looks:
            margin = self._margin(k, float(np.ptp(slopes[k][members])))
            here = self._values(at)[k]
            for _ in range(_ORDERS):
                places = at.copy()
                places[members] = self.of.point.rng.permutation(at[members])
                if not abs(self._values(places)[k] - here) <= margin:
                    return False
        return True

    def _margin(self, k: int, slope: float) -> float:
        """What counts as no change: a part of what the smallest change of places would make."""
        return 0.25 * _APART * self._step * slope + 10 * self.of.noise(self.rows[k])

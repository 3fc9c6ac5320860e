"""Of a tape: gradients other than its own that may be chosen as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from autograd.checking.choices.alike import is_mixture
from autograd.checking.choices.hulls import Hull
from autograd.checking.point import length
from autograd.checking.reference import Beside, Reference
from autograd.checking.replaying import ReplayError
from autograd.engine.tape import Place, Record, parents_of
from autograd.engine.tensor import Array

_FIRST = 6  # gradients that are met before any conclusion
_IDLE = 24  # gradients in a row that bring a block nothing new, before it is given up
_MOST = 300
_AT_ONCE = 50  # blocks
_STALE = 24  # looks in a row in which no element in question changes that has not before
_KEPT = 20_000_000  # numbers of gradients that are met, at most
_LEVELS = 32  # that are known of how far elements are moved as their gradient changes
_AS_MUCH = 10  # times the change that such a move makes
_CHANGED = 1e-7  # of the largest element of a gradient
_FEW = 16  # elements that are looked at as one block
_LARGEST = 64  # elements of a block that are unlike, up to which it is judged
_NUDGES = 8  # of all values at once
_RAMPS = (2, 3, 4, 5)  # of these those that are not random
_TELLING = (0, 1, 4, 5)  # those that tell whether a gradient changes
_EXACT = 1e-11  # of the largest element of a gradient
_NEAR = 0.5  # of the limit
_SAME = 1e-8  # of factors between 1 and 2


class Target(NamedTuple):
    """A gradient that was derived by hand, and what it may be off by: a number, and a part of the
    largest element of the gradients close by."""

    place: Place
    values: Array
    limit: float
    relative: float


class Choices:
    """Tells whether gradients are choices: convex combinations of the tape's gradients close by."""

    def __init__(self, reference: Reference) -> None:
        self._reference = reference
        self._nudged: dict[int, Beside] = {}

    def allow(self, target: Target, others: Sequence[Target]) -> bool:
        """Whether the tape might as well have said that this is the gradient of a place, and the
        others what they are: of two tensors that tie, either may have the gradient of their
        maximum, or each a part of it, but not each the whole."""
        if self._reference.fallback is not None:
            return False
        try:
            target = self._limited(target)
            if not self._plausible(target):
                return False
            others = [other for other in map(self._limited, others) if self._changes(other)]
            return self._is_choice([target, *others])
        except ReplayError:
            return False

    def _limited(self, target: Target) -> Target:
        sizes = [np.abs(self._nudge(i).gradient(target.place)).max(initial=0.0) for i in (0, 1)]
        return target._replace(limit=max(target.limit, target.relative * float(max(sizes)), 1e-300))

    def _changes(self, target: Target) -> list[Array]:
        """By how much the gradient is another when all is moved a little, in opposite directions:
        what wins in one of them loses in the other. In units of the limit; where none is another
        beyond that there are none."""
        here, found = self._reference.gradient(target.place), []
        for number in _TELLING:
            change = self._nudge(number).gradient(target.place) - here
            beyond = np.abs(change) > target.limit
            if beyond.any():
                found.append(np.where(beyond, change, 0.0) / target.limit)
        return found

    def _plausible(self, target: Target) -> bool:
        """Whether the gradient changes where it is in question, and by as much."""
        off = (target.values - self._reference.gradient(target.place)) / target.limit
        changes = self._changes(target)
        if not any(((change != 0) & (np.abs(off) > 1)).any() for change in changes):
            return False
        return length(off) <= _AS_MUCH * max(length(change) for change in changes)

    def _is_choice(self, targets: list[Target]) -> bool:
        changed = np.concatenate([np.any(self._changes(t), axis=0).ravel() for t in targets])
        search = _Search(self._reference, targets, [self._nudge(0), self._nudge(1)], changed)
        if search.succeeds():
            return True
        # Moving values within the tape reaches choices that moving the compared tensors does not.
        hull = Hull(search.wanted, _EXACT, _NEAR)
        points = np.array([search.here, *(search.joined(self._nudge(i)) for i in range(_NUDGES))])
        hull.add(points, np.zeros(points.shape))
        return hull.distance <= 1

    def _nudge(self, number: int) -> Beside:
        """The gradients with every value on the tape moved, in one of several ways."""
        if number not in self._nudged:
            rng = np.random.default_rng(number // 2)
            lengths = {}
            for place in self._reference.recorded.places:
                shape = self._reference.shape(place)
                if shape is not None:
                    ramp = np.linspace(0.5, 1, int(np.prod(shape)))
                    # Up and down, so that the last of an array is ahead of all, or behind; or so
                    # that another is in the middle.
                    ramp = ramp if number // 2 == 1 else np.roll(ramp, -(-len(ramp) // 4))
                    u = ramp.reshape(shape) if number in _RAMPS else rng.uniform(-1, 1, shape)
                    lengths[place.serial] = -u if number % 2 else u
            self._nudged[number] = self._reference.beside(lengths)
        return self._nudged[number]


class _Search:
    """The search for what is wanted in the hull of the gradients close by.

    Elements that meet at no corner are independent: each block of those that do has a hull of its
    own, and gradients at one point say something of every block. Elements meet where they get their
    gradient from one output behind the corner: when the gradient of each of these has a factor of
    its own, what arrives at an element has it too.

    Attributes:
        wanted, here: the gradients in question and the tape's, in one vector; a difference of 1
            counts.
        changing: for each element, whether it has been seen to have another gradient.
    """

    def __init__(
        self,
        reference: Reference,
        targets: list[Target],
        nudged: Sequence[Beside],
        changing: Array,
    ) -> None:
        self.changing = changing
        self._reference, self._targets = reference, targets
        self._rng = np.random.default_rng(0)
        self._limits = np.concatenate([np.full(t.values.size, t.limit) for t in targets])
        self._ends = np.cumsum([t.values.size for t in targets])[:-1]
        self.wanted = np.concatenate([t.values.ravel() for t in targets]) / self._limits
        self.here = self.joined(reference.beside({}))
        self._off = np.abs(self.wanted - self.here) > 1
        self._met: list[Array] = []
        self._lengths: list[Array] = []
        self._levels: list[float] = []
        self._seen = np.zeros(len(self.here), bool)  # to change, at a point that was looked at
        self._blocks: dict[int, tuple[Array, Hull]] = {}  # by the first of their elements
        self._first = np.arange(len(self.here))  # element -> the first of its block, or one nearer
        self._from: dict[int, int] = {}  # output -> an element that got its gradient from it
        self._factors = {
            place.serial: self._rng.uniform(1, 2, nudged[0].gradient(place).shape)
            for place in _behind_corners([t.place for t in targets], reference, nudged)
        }

    def joined(self, beside: Beside) -> Array:
        """The gradients of the compared tensors at a point, as one vector."""
        parts = [beside.gradient(t.place).ravel() for t in self._targets]
        return np.asarray(np.concatenate(parts) / self._limits)

    def succeeds(self) -> bool:
        self._look(np.zeros(self.here.shape))
        if not self._all_change():
            return False
        while len(self._met) <= _FIRST:
            self._look(self._random())
        most = len(self._met) + _MOST
        while len(self._met) < most:
            blocks = self._open_blocks()
            if blocks is None:
                return False
            if not blocks:
                return True
            if any(hull.idle > _IDLE + 2 * len(block) for block, hull in blocks):
                return False
            lengths = self._random()
            if len(self._met) % 2:
                for block, hull in blocks:
                    lengths[block] = 0.3 * lengths[block] + hull.towards()
            self._look(lengths)
        return False

    def _all_change(self) -> bool:
        """Look around until every element in question has been seen to have another gradient.

        Those that have not are moved to where others were as theirs changed: where maxima tie that
        is ahead of all, where a median does in the middle; so each look finds one at least.
        """
        stale = 0
        while (waiting := self._off & ~self._seen).any():
            if stale > _STALE or len(self._met) * self.here.size > _KEPT:
                return False
            lengths = self._random()
            if self._levels and stale % 2 == 0:
                count = int(np.count_nonzero(waiting))
                near = self._rng.choice(self._levels[-_LEVELS:], count)
                lengths[waiting] = near + self._rng.uniform(-0.01, 0.01, count)
            lengths[np.argsort(lengths)] = np.linspace(-1, 1, len(lengths))  # none too close
            self._look(lengths)
            stale = 0 if self._seen[waiting].any() else stale + 1
        return True

    def _random(self) -> Array:
        return self._rng.permutation(np.linspace(-1, 1, len(self.here)))

    def _look(self, lengths: Array) -> None:
        """Meet the gradients at a point, with the elements moved by so much."""
        parts = zip(self._targets, np.split(lengths, self._ends), strict=True)
        moves = {t.place.serial: part.reshape(t.values.shape) for t, part in parts}
        beside = self._reference.beside(moves)
        met = self.joined(beside)
        for members, hull in self._blocks.values():
            if hull.distance > 1:
                hull.add(met[None, members], lengths[None, members])
        new = (np.abs(met - self.here) > 1) & ~self._seen
        self._levels += lengths[new][:_LEVELS].tolist()
        self._seen |= new
        self.changing |= new
        self._met.append(met)
        self._lengths.append(lengths)
        if len(met) <= _FEW:
            self._first[:] = 0
        else:
            self._connect(met, self.joined(beside.carried_on(self._factors)))

    def _connect(self, met: Array, with_factors: Array) -> None:
        """Put elements that got their gradient from one output into one block, and all that got it
        from several; what is the same as on the tape does not count."""
        if not len(self._met) > 1:
            self._here_with_factors = with_factors
        known = np.sort(np.concatenate([f.ravel() for f in self._factors.values()]))
        of_interest = self.changing | self._off
        changes = met - self.here, with_factors - self._here_with_factors
        source = _nearest(known, changes[1], changes[0])
        source = np.where(source, source, _nearest(known, with_factors, met))
        reached = np.flatnonzero(((source > 0) | (np.abs(changes[0]) > 1)) & of_interest)
        for element in reached:
            own = self._first_of(int(element))
            other = self._first_of(self._from.setdefault(int(source[element]), own))
            self._first[max(own, other)] = min(own, other)

    def _mixes_orders(self, members: Array, met: Array, lengths: Array) -> bool:
        """Whether the elements of a block are alike, and what is wanted of them is a mixture of
        orders of one gradient, however many they are."""
        met, lengths, wanted = met[1:, members], lengths[1:, members], self.wanted[members]
        for own in (np.zeros(len(members)), np.median(met, axis=0)):  # that is theirs in any order
            gradient = _by_rank(met - own, lengths)
            if gradient is not None:
                return is_mixture(wanted - own, gradient, 1.0)
        return False

    def _first_of(self, element: int) -> int:
        while self._first[element] != element:
            element = int(self._first[element])
        return element

    def _open_blocks(self) -> list[tuple[Array, Hull]] | None:
        """Blocks in which what is wanted is not yet a combination of what was met, some at a time;
        None where one is too large for that."""
        while (self._first != self._first[self._first]).any():
            self._first = self._first[self._first]
        order = np.argsort(self._first, kind="stable")
        firsts = self._first[order]
        met, lengths = np.array(self._met), np.array(self._lengths)
        found = []
        for first in np.unique(self._first[self._off]):
            members = order[slice(*np.searchsorted(firsts, [first, first + 1]))]
            if self._mixes_orders(members, met, lengths):
                continue
            if len(members) > _LARGEST:
                return None
            if first not in self._blocks or len(self._blocks[first][0]) != len(members):
                hull = Hull(self.wanted[members], _EXACT, _NEAR)
                hull.add(met[:, members], lengths[:, members])
                self._blocks[first] = members, hull
            if self._blocks[first][1].distance > 1:
                found.append(self._blocks[first])
                if len(found) == _AT_ONCE:
                    break
        return found


def _by_rank(gradients: Array, lengths: Array) -> Array | None:
    """The gradient by how far elements are ahead, if that is the same at all points."""
    sorted_ = np.take_along_axis(gradients, np.argsort(lengths, axis=1), axis=1)
    return sorted_[0] if (np.ptp(sorted_, axis=0) <= 1).all() else None


def _nearest(known: Array, with_factors: Array, gradients: Array) -> Array:
    """Which of some numbers each gradient was multiplied by, counted from 1; 0 where none."""
    found = np.zeros(len(gradients), int)
    reached = np.flatnonzero(np.abs(gradients) > 1)
    if len(known) > 1 and len(reached):
        factors = with_factors[reached] / gradients[reached]
        after = np.clip(np.searchsorted(known, factors), 1, len(known) - 1)
        nearest = after - (factors - known[after - 1] < known[after] - factors)
        found[reached] = np.where(np.abs(known[nearest] - factors) < _SAME, 1 + nearest, 0)
    return found


def _behind_corners(
    targets: Sequence[Place], reference: Reference, nudged: Sequence[Beside]
) -> list[Place]:
    """The first places behind the targets, on every way to the loss, whose own gradient does not
    change when all is moved a little."""
    here = reference.beside({})
    within = {place.serial for place in targets}
    behind = []
    for place in reference.recorded.places:  # oldest first
        if place.serial in within or not any(p and p.serial in within for p in parents_of(place)):
            continue
        several = isinstance(place, Record) and isinstance(place.out, tuple)
        if several or any(_differ(here.gradient(place), n.gradient(place)) for n in nudged):
            within.add(place.serial)
        else:
            behind.append(place)
    return behind


def _differ(one: Array, other: Array) -> bool:
    return bool((np.abs(one - other) > _CHANGED * np.abs(one).max(initial=0.0)).any())

"""A few numbers that tell candidates apart before any is carried on to the tensor, or made in full.

For a linear map J, <J x, r> = <x, J' r>, and J' r is how a place moves when the tensor moves along
r. It costs two passes for all places together; a candidate then costs no more than its own size. Of
places that only hold the tensor's elements in another order, some elements are looked at. And what
a product with a matrix of few rows cannot have handed back was not made behind it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from typing import Any

import numpy as np

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.evidence import RELATIVE, Case, fitted_factor, largest
from autograd.checking.replaying import Replay, ReplayError
from autograd.engine.modes import no_grad
from autograd.engine.tape import Place, Record
from autograd.engine.tensor import Array, Tensor, wrap

Look = Callable[[Array], Array]

_SAMPLE = 64  # elements of the tensor that candidates are first compared at
_MOVING = {"positive", "reshape", "transpose"}  # ops that move numbers, and change none
_MOST_WORK = 1_000_000_000  # multiplications for what a matrix sends to 0
COUNT = 4
FIRST = 2  # probes that tell nearly all that do not fit, with whatever factor
_STEP = 1e-6  # of the largest element, by which the tensor is moved
_DEVIATIONS = 6  # of a sum of random numbers, which it does not exceed
LOOSE = 1e-5  # of a probe: what is nearly that is looked at in full


class Probes:
    """How places move with the tensor along some directions, and the difference along these.

    Attributes:
        sample: numbers of some of its elements, many of them wrong.
        noise: how far the limit lets a target be off.
    """

    def __init__(self, case: Case, context: Context) -> None:
        self._case, self._context = case, context
        self._latest: tuple[int, list[Array], list[float]] | None = None
        self._directions: list[Array] = []
        self._targets: list[float] = []
        self._moved: list[tuple[Replay, Replay]] = []
        self._sieves: dict[tuple[int, int], Sieve] = {}
        self._known = context.flow.root._place is not None
        self._rng = np.random.default_rng(1)
        n, wrong = case.given.size, np.flatnonzero(case.wrong)
        draw = np.random.default_rng(0)
        picked = draw.choice(wrong, min(wrong.size, _SAMPLE // 2), replace=False)
        self.sample = np.unique(np.concatenate([picked, draw.integers(0, n, _SAMPLE // 2)]))
        self._looks: dict[int, Look | None] = {}
        most = min(float(n), _DEVIATIONS * float(np.sqrt(n)))  # of as many numbers of size 1
        self.noise = case.limit * most
        each = case.limit * max(1.0, largest(case.given) / case.scale if case.scale else 1.0)
        # As far as `Case.explains` lets candidates be off.
        self._each = max(each, RELATIVE * case.largest_difference)
        self._loose = self._each * most

    def directions(self, count: int) -> list[Array]:
        """The first directions, of the shape of the tensor: random numbers of variance 1."""
        while len(self._directions) < count:
            drawn = self._rng.random(self._case.given.shape)
            drawn -= 0.5
            drawn *= 12**0.5
            self._directions.append(drawn)
        return self._directions[:count]

    def along(self, x: Array, count: int) -> Array:
        """An array of the shape of the tensor along the first directions."""
        return np.array([np.vdot(x, r) for r in self.directions(count)])

    def targets(self, count: int) -> Array:
        """What is wrong, along the first directions."""
        if len(self._targets) < count:
            self._targets = list(self.along(self._case.difference, count))
        return np.array(self._targets[:count])

    def at(self, place: Place, count: int = COUNT) -> list[Array] | None:
        """The derivatives of a place along the first directions; None where they are not known."""
        if self._latest is None or self._latest[0] != place.serial:
            self._latest = (place.serial, [], [])
        _, found, sizes = self._latest
        with suppress(ReplayError):
            while len(found) < count and self._known:
                number = len(found)
                if place.serial == self._context.place.serial:
                    found.append(self.directions(number + 1)[number])
                else:
                    up, down = self._points(number)
                    slot = self._context.flow.values.slot(place)
                    change = up.tensors[slot].data - down.tensors[slot].data
                    found.append(change / (2 * self._step))
                sizes.append(float(np.linalg.norm(found[-1])))
        return found[:count] if len(found) >= count else None

    def sizes(self, count: int) -> Array:
        """The lengths of the derivatives that were asked for last."""
        assert self._latest is not None
        return np.array(self._latest[2][:count])

    @cached_property
    def are_exact(self) -> bool:
        """Whether the loss moves as the right gradient says: not where a kink is passed, where
        what is computed again is something else, or rounding has the word."""
        place, expected = self._context.flow.root._place, self._case.expected
        moved = self.at(place, FIRST) if place is not None else None
        if moved is None or any(m.size != 1 for m in moved):
            return False
        made, wanted = np.ravel(moved), self.along(expected, FIRST)
        return bool((np.abs(made - wanted) <= LOOSE * np.linalg.norm(expected)).all())

    def look(self, place: Place) -> Look | None:
        """Picks the sampled elements of the tensor out of what arrives at a place that holds all
        of them, in whatever order; None for other places."""
        if place.serial not in self._looks:
            sources = self._sources(place)
            self._looks[place.serial] = None
            if sources is not None:
                at = np.empty(sources.size, np.intp)
                at[sources.ravel().astype(np.intp)] = np.arange(sources.size)
                shape = sources.shape
                where: Any = np.unravel_index(at[self.sample], shape) if shape else ()
                self._looks[place.serial] = lambda x: np.asarray(np.broadcast_to(x, shape)[where])
        return self._looks[place.serial]

    def _sources(self, place: Place) -> Array | None:
        """The number of the element of the tensor that stands at each of a place."""
        if place.serial == self._context.place.serial:
            return np.arange(self._case.given.size, dtype=np.float64).reshape(
                self._case.given.shape
            )
        if not isinstance(place, Record) or place.op.name not in _MOVING:
            return None
        parent = place.parents[0]
        sources = None if parent is None else self._sources(parent)
        if sources is None:
            return None
        others = self._context.flow.values.arrays(place)[1:]
        with no_grad():
            moved: Tensor = place.op(wrap(sources, None), *others, **place.options)  # type: ignore[operator]
        return moved.data

    def excludes(self, place: Place) -> bool:
        """Whether what is wrong cannot have been made at a place, whatever was made there."""
        case = self._case
        return (
            case.is_large
            and not case.tape_is_given
            and self.look(place) is None
            and not self._may_have_come
        )

    @cached_property
    def _may_have_come(self) -> bool:
        """Whether what is wrong may have come from further on.

        The gradient of a matrix W in X W is X' G, whatever G is: where X v = 0, so is v' X' G. It
        is tried for one random v, where X has fewer rows than columns.
        """
        context = self._context
        uses = [use for use in context.path if self.look(use.place) is not None]
        uses = [use for use in uses if use.record.op.name not in _MOVING]
        if len(uses) != 1 or uses[0].record.op.name != "matmul":
            return True
        position, place = uses[0].position, uses[0].place
        x = np.asarray(context.flow.values.arrays(uses[0].record)[1 - position], np.float64)
        x = x if position else x.T
        sources = self._sources(place)
        if x.ndim != 2 or sources is None or sources.ndim != 2 or not np.isfinite(x).all():
            return True
        rows, columns = x.shape
        if rows >= columns or rows * rows * columns > _MOST_WORK:
            return True
        wrong = self._case.difference.ravel()[sources.astype(np.intp)]
        v = np.random.default_rng(2).standard_normal(columns)
        q = np.linalg.qr(x.T)[0]
        v -= q @ (q.T @ v)
        left = v @ (wrong if position else wrong.T)
        return bool(largest(left) <= _DEVIATIONS * self._each * float(np.linalg.norm(v)))

    def sieve(self, place: Place, key: tuple[int, int], contribution: Array) -> Sieve | None:
        """What may stand in the place of a contribution; None where looking at all of it is as
        cheap, or cannot be spared.

        Args:
            place, contribution: where it arrives, and what it is.
            key: which it is.
        """
        case = self._case
        if not case.is_large or case.tape_is_given:
            return None
        if key not in self._sieves:
            look = self.look(place)
            if look is not None:
                wrong, given = (x.ravel()[self.sample] for x in (case.difference, case.given))
                self._sieves[key] = Sieve(
                    lambda g: (look(g), 0.0), wrong, given, self._each, contribution
                )
            else:
                tangents = self.at(place, FIRST) if self.are_exact else None
                if tangents is None or tangents[0].shape != contribution.shape:
                    return None
                measure = partial(_along, tangents, self.sizes(FIRST))
                wrong, given = self.targets(FIRST), self._given
                self._sieves[key] = Sieve(measure, wrong, given, self._loose, contribution)
        return self._sieves[key]

    @cached_property
    def _given(self) -> Array:
        return self.along(self._case.given, FIRST)

    @cached_property
    def _step(self) -> float:
        return _STEP * (largest(self._context.value) or 1.0)

    def _points(self, number: int) -> tuple[Replay, Replay]:
        values = self._context.flow.values
        moved = values.slot(self._context.place)
        while len(self._moved) <= number:
            move = self._step * self.directions(number + 1)[len(self._moved)]
            try:
                up, down = (
                    Replay(values, None, {moved: sign * move}, faithful=True, recording=False)
                    for sign in (1, -1)
                )
            except ReplayError:
                self._known = False
                raise
            self._moved.append((up, down))
        return self._moved[number]


def _along(tangents: list[Array], sizes: Array, g: Array) -> tuple[Array, Array]:
    made = np.array([np.vdot(g, t) for t in tangents])
    return made, LOOSE * float(np.linalg.norm(g)) * sizes


class Sieve:
    """What may stand in the place of a contribution, as far as a few numbers tell.

    Args:
        measure: gives the numbers of what arrives there, and how far they may be off.
        wrong, given: the numbers of what is wrong with the tensor's gradient, and of all of it.
        noise: how far off those may be.
    """

    def __init__(
        self,
        measure: Callable[[Array], tuple[Array, Array | float]],
        wrong: Array,
        given: Array,
        noise: float,
        contribution: Array,
    ) -> None:
        self._measure, self._wrong, self._given, self._noise = measure, wrong, given, noise
        self._shape = contribution.shape
        self._part, self._spare = measure(contribution)

    def multiple_is_wrong(self) -> bool:
        """Whether what is wrong may be a multiple of the contribution."""
        return proportional(self._wrong, self._part, self._noise, self._spare)

    def passes(self, g: Array) -> bool:
        """Whether g, or a multiple of it, may stand in the place of the contribution."""
        if g.shape != self._shape:
            return False
        made, spare = self._measure(g)
        noise = self._noise + self._spare
        return proportional(self._wrong + self._part, made, noise, spare)

    def is_all(self, g: Array) -> bool:
        """Whether g, or a multiple of it, may be all that was carried on to the tensor."""
        made, spare = self._measure(g)
        return proportional(self._given, made, self._noise, spare)


def proportional(wanted: Array, made: Array, noise: Any, spare: Any = 0.0) -> bool:
    """Whether wanted may be a multiple of made; both may be off by something."""
    if not np.isfinite(made).all():
        return True
    factor = fitted_factor(wanted, made)
    allowed = 2 * np.linalg.norm(noise + abs(factor) * spare + np.zeros(made.shape))
    return bool(np.linalg.norm(wanted - factor * made) <= allowed)

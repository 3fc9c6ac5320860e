"""Random directions that tell candidates apart before any is carried on to the tensor.

For a linear map J, <J x, r> = <x, J' r>, and J' r is how a place moves when the tensor moves along
r. It costs two passes for all places together; a candidate then costs no more than its own size.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property

import numpy as np

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.evidence import RELATIVE, Case, largest
from autograd.checking.replaying import Replay, ReplayError
from autograd.engine.tape import Place
from autograd.engine.tensor import Array
from autograd.program.recorded import Values

_COUNT = 4
FIRST = 2  # probes that tell nearly all that do not fit, with whatever factor
_STEP = 1e-6  # of the largest element, by which the tensor is moved
_DEVIATIONS = 6  # of a sum of random numbers, which it does not exceed
LOOSE = 1e-5  # of a probe: what is nearly that is looked at in full


class Probes:
    """How places move with the tensor along some directions, and the difference along these.

    Attributes:
        directions: of the shape of the tensor.
        targets, given: what is wrong along them, and what was given.
        noise: how far the limit lets a target be off.
        loose: the same for candidates of any size, as far as `Case.explains` lets them be off.
    """

    def __init__(self, case: Case, context: Context) -> None:
        self._case, self._context = case, context
        self._latest: tuple[int, list[Array], list[float]] | None = None
        self._moved: list[tuple[_Point, _Point]] = []
        self._known = context.flow.root._place is not None
        rng = np.random.default_rng(1)
        self.directions = [rng.standard_normal(case.given.shape) for _ in range(_COUNT)]
        self.targets = np.array([np.vdot(case.difference, r) for r in self.directions])
        self.given = np.array([np.vdot(case.given, r) for r in self.directions])
        most = _DEVIATIONS * float(np.sqrt(case.given.size))
        sums = [min(float(np.abs(r).sum()), most) for r in self.directions]
        self.noise = case.limit * np.array(sums)
        each = case.limit * max(1.0, largest(case.given) / case.scale if case.scale else 1.0)
        self.loose = max(each, RELATIVE * case.largest_difference) * np.array(sums)

    def at(self, place: Place, count: int = _COUNT) -> list[Array] | None:
        """The derivatives of a place along the first directions; None where they are not known."""
        if self._latest is None or self._latest[0] != place.serial:
            self._latest = (place.serial, [], [])
        _, found, sizes = self._latest
        with suppress(LookupError, ReplayError):
            while len(found) < count and self._known:
                up, down = self._points(len(found))
                found.append((up.at(place) - down.at(place)) / (2 * self._step))
                sizes.append(float(np.linalg.norm(found[-1])))
        return found[:count] if len(found) >= count else None

    def sizes(self, count: int) -> Array:
        """The lengths of the derivatives that were asked for last."""
        assert self._latest is not None
        return np.array(self._latest[2][:count])

    @cached_property
    def _step(self) -> float:
        return _STEP * (largest(self._context.value) or 1.0)

    def _points(self, number: int) -> tuple[_Point, _Point]:
        flow, serial = self._context.flow, self._context.place.serial
        assert flow.root._place is not None
        while len(self._moved) <= number:
            move = self._step * self.directions[len(self._moved)]
            try:
                up, down = (
                    _Point(flow.values, flow.root._place, {serial: sign * move}) for sign in (1, -1)
                )
            except ReplayError:
                self._known = False
                raise
            self._moved.append((up, down))
        return self._moved[number]


class _Point:
    """The values of a tape with one tensor moved."""

    def __init__(self, values: Values, root: Place, moves: dict[int, Array]) -> None:
        replay = Replay(values, root, None, moves)
        self._values, self._places = Values(replay.root), replay.places

    def at(self, place: Place) -> Array:
        return np.asarray(self._values.at(self._places[place.serial]), np.float64)


class Sieve:
    """What may stand in the place of a contribution, as far as the first probes tell.

    Args:
        place, contribution: where the contribution arrives, and what it is.
        part: the same carried on to the tensor.
    """

    def __init__(self, probes: Probes, place: Place, contribution: Array, part: Array) -> None:
        self._probes, self._place = probes, place
        self._tangents = probes.at(place, FIRST)
        self._target, self._noise = probes.targets[:FIRST], probes.loose[:FIRST]
        self.part = np.array([np.vdot(part, r) for r in probes.directions[:FIRST]])
        if self._tangents is not None:
            self._sizes = probes.sizes(FIRST)
            made, spare = self._dots(contribution)
            # At a kink, and where rounding has the word, the probes are not to be relied on.
            if not (np.abs(made - self.part) <= spare).all():
                self._tangents = None

    def multiple_is_wrong(self) -> bool:
        """Whether what is wrong may be a multiple of the part."""
        if self._tangents is None:
            return True
        return _proportional(self._target, self.part, self._noise, LOOSE * np.abs(self.part))

    def passes(self, g: Array) -> bool:
        """Whether g, or a multiple of it, may stand in the place of the contribution."""
        if self._tangents is None or g.shape != self._tangents[0].shape:
            return True
        made, spare = self._dots(g)
        return _proportional(self._target + self.part, made, self._noise + spare, spare)

    def is_all(self, g: Array) -> bool:
        """Whether g, or a multiple of it, may be all that there is."""
        if self._tangents is None or g.shape != self._tangents[0].shape:
            return True
        made, spare = self._dots(g)
        return _proportional(self._probes.given[:FIRST], made, self._noise + spare, spare)

    def _dots(self, g: Array) -> tuple[Array, Array]:
        assert self._tangents is not None
        made = np.array([np.vdot(g, t) for t in self._tangents])
        return made, LOOSE * float(np.linalg.norm(g)) * self._sizes


def _proportional(wanted: Array, made: Array, noise: Array, spare: Array) -> bool:
    """Whether one pair of numbers may be a multiple of the other."""
    if not np.isfinite(made).all():
        return True
    off = abs(wanted[0] * made[1] - wanted[1] * made[0])
    allowed = abs(wanted[0]) * spare[1] + abs(wanted[1]) * spare[0]
    allowed += abs(made[0]) * noise[1] + abs(made[1]) * noise[0]
    return bool(off <= 2 * allowed + 1e-12 * (abs(wanted[0] * made[1]) + abs(wanted[1] * made[0])))

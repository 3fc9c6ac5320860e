"""The check of one argument along random directions, for all cotangents at once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from autograd.checking.judging import NEGLIGIBLE, Judged, Scales
from autograd.checking.point import Point, flat, length
from autograd.checking.report import ArgumentReport
from autograd.engine.tensor import Array

DIRECTIONS = 3
UNLUCKY = 10  # a random direction sees less than 1 / 10 of an error once in 12 times


class Directions:
    """Argument i at a point.

    Attributes:
        report: of what is found.
        unit: a step of its elements, signed at a bound.
    """

    def __init__(self, point: Point, i: int, report: ArgumentReport) -> None:
        self.point, self.i, self.report = point, i, report
        self.variable = point.subject.variables[i]
        self.unit = self.variable.moves(np.ones(self.variable.shape))

    def direction(self) -> bool:
        """Check along one random direction, all cotangents at once. Whether doubt is left."""
        question = self.question(self.variable.moves(self.point.signs(self.unit.shape)))
        judged, scales = self.point.judge.judge(*question), question[2]
        self.report.directions += 1
        note(self.report, judged, scales, UNLUCKY)
        return not bool(judged.ok.all())

    def _lengths(self, unit: Array) -> Array:
        return np.array(
            [length(self.point.gradient(k, self.i) * unit) for k in self._each_cotangent]
        )

    @property
    def _each_cotangent(self) -> range:
        return range(len(self.point.cotangents))

    def question(self, direction: Array) -> tuple[Callable[[complex], Array], Array, Scales, bool]:
        """The curve of all combinations of outputs, their slopes on the tape, their scales, and
        whether it leads inward."""
        point = self.point
        v = np.array(point.cotangents)
        along = point.subject.along_one(self.i, direction)
        given = np.array(
            [float(np.sum(point.gradient(k, self.i) * direction)) for k in self._each_cotangent]
        )
        values = flat(point.values)
        scales = Scales(
            self._lengths(direction),
            np.array([length(row * values) for row in v]),
            np.array(
                [
                    length(row * point.noise, self.variable.rounding(point.gradient(k, self.i)))
                    for k, row in enumerate(v)
                ]
            ),
        )
        return lambda h: v @ flat(along(h)), given, scales, self.inward(direction)

    def inward(self, direction: Array) -> bool:
        return bool(self.variable.inward[direction != 0].any())

    def random(self, group: Array) -> Array:
        """A random direction of the elements of a group; of a single one, its unit."""
        lengths = np.zeros(self.variable.size)
        lengths[group] = self.point.signs((len(group),)) if len(group) > 1 else 1.0
        return self.variable.moves(lengths.reshape(self.variable.shape))


def holds_beside(point: Point, i: int) -> bool:
    """Whether the gradient by argument i is right at a point close by, where no kink is exactly."""
    with beside(point, i) as check:
        return [check.direction() for _ in range(DIRECTIONS)] == [False] * DIRECTIONS


@contextmanager
def beside(point: Point, i: int) -> Iterator[Directions]:
    """Argument i at a point close by, where no kink is exactly; within, f is asked there."""
    subject, variable = point.subject, point.subject.variables[i]
    at = variable.at
    try:
        variable.at = at + variable.steps.beside * variable.moves(point.signs(variable.shape))
        near = Point(subject, point.judge, point.rng)
        report = ArgumentReport(variable.name, variable.given.dtype, variable.shape)
        yield Directions(near, i, report)
    finally:
        variable.at = at


def note(report: ArgumentReport, judged: Judged, scales: Scales, margin: float) -> None:
    """Keep the largest error and limit in a report, relative to the size of the gradient."""
    with np.errstate(all="ignore"):
        # A gradient that is all but 0 is measured by what would be noticed of it.
        size = np.maximum(scales.gradient, np.abs(judged.numeric))
        size = np.maximum(size, NEGLIGIBLE * scales.natural)
        error = np.where(size > 0, np.abs(judged.given - judged.numeric) / size, 0.0)
        limit = np.where(size > 0, margin * judged.tolerance / size, 0.0)
    report.error = max(report.error, float(error[judged.ok].max(initial=0.0)))
    report.limit = max(report.limit, float(limit.max(initial=0.0)))

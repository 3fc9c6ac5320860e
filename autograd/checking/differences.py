"""Derivatives of a curve by differences, each with an estimate of its own error.

A curve is a function of a step h that returns a vector. All elements are differentiated at once,
and each picks the step that suits it. A curve that leads inward is asked at positive h alone.
"""

from __future__ import annotations

from collections.abc import Callable
from math import factorial
from typing import NamedTuple

import numpy as np

from autograd.engine.tensor import Array

Curve = Callable[[float], Array]

_LEVELS = 5
_EPS = float(np.finfo(float).eps)


class Steps(NamedTuple):
    """How far from the point a function is asked, in units of its arguments.

    Attributes:
        first: the first steps of the tables, in the order in which they are tried: smooth functions
            are content with the first, piecewise ones need the smaller.
        more: of a step that was tried, by what it is multiplied for tables that confirm it.
        widest: the longest of all.
        beside: to a point that is to have no kink.
        bend: over which a kink is seen, that lies at the point itself.
        corner, within_corner: to a point beside a kink, and about that point.
        given: the caller's longest step, in the argument's own units.
    """

    first: tuple[float, ...] = (1e-2, 1e-4, 1e-6, 1e-7, 1e-8, 1e-10)
    more: tuple[float, ...] = (2.0, 0.3, 0.1)
    widest: float = 0.1
    beside: float = 1e-2
    bend: float = 1e-6
    corner: float = 1e-5
    within_corner: float = 1e-7
    given: float | None = None

    @classmethod
    def up_to(cls, given: float) -> Steps:
        """Those of a caller who says how far; a small fraction of it is too small as well."""
        return cls((1.0, 0.3, 0.1), (0.7, 0.2, 0.05), 1.0, 0.5, 0.1, 0.3, 0.01, given)


class Estimate(NamedTuple):
    """Derivatives and the estimated error of each; inf where nothing is known."""

    value: Array
    error: Array


def derivative(curve: Curve, first_step: float, noise: Array, inward: bool = False) -> Estimate:
    """The derivative at h = 0, from the side of positive h alone where the others lead out of the
    domain."""
    if inward:
        return one_sided(curve, curve(0.0), first_step, noise)
    return central(curve, first_step, noise)


def central(curve: Curve, first_step: float, noise: Array) -> Estimate:
    """The derivative at h = 0 from central differences, extrapolated to h = 0.

    The error of a central difference is a series in h**2, of which each column of the table cancels
    one more term; neighbours in the table tell the error of an entry (Ridders 1982, "Accurate
    computation of F'(x) and F'(x) F''(x)").

    Args:
        noise: the size of rounding errors in the curve, for each element.
    """

    def difference(h: float) -> tuple[Array, Array]:
        ahead, behind = curve(h), curve(-h)
        return (ahead - behind) / (2 * h), np.maximum(np.abs(ahead), np.abs(behind))

    return _extrapolated(difference, first_step, 4, noise)


def one_sided(curve: Curve, at_zero: Array, first_step: float, noise: Array) -> Estimate:
    """The slope of the curve on the side of `first_step`, whose sign counts; errors are in h."""

    def difference(h: float) -> tuple[Array, Array]:
        ahead = curve(h)
        return (ahead - at_zero) / h, np.maximum(np.abs(ahead), np.abs(at_zero))

    return _extrapolated(difference, first_step, 2, noise)


def _extrapolated(
    difference: Callable[[float], tuple[Array, Array]], first_step: float, base: int, noise: Array
) -> Estimate:
    best: Estimate | None = None
    above: list[Array] = []
    for level in range(_LEVELS):
        h = first_step / 2**level
        with np.errstate(all="ignore"):
            first, size = difference(h)
            row = [first]
            for column, previous in enumerate(above, start=1):
                finer = row[-1] + (row[-1] - previous) / (base**column - 1)
                error = np.maximum(np.abs(finer - row[-1]), np.abs(finer - previous))
                # Extrapolation at most doubles the rounding error of the difference that it used.
                error = error + 2 * np.maximum(noise, noise_of(size)) / abs(h)
                best = _better(best, Estimate(finer, np.where(np.isfinite(error), error, np.inf)))
                row.append(finer)
        above = row
    assert best is not None
    return best


def _better(best: Estimate | None, other: Estimate) -> Estimate:
    if best is None:
        return other
    closer = other.error < best.error
    return Estimate(
        np.where(closer, other.value, best.value), np.where(closer, other.error, best.error)
    )


def apart(one: Estimate, other: Estimate) -> Array:
    """Where two estimates differ by far more than their errors."""
    with np.errstate(invalid="ignore"):
        gap = np.abs(one.value - other.value)
        return np.asarray(gap > 10 * (one.error + other.error))


class Trusted:
    """The estimate to believe, out of tables with ever smaller steps.

    That of the smallest error, unless one of smaller steps contradicts it by more than the errors
    of both: then the curve is not smooth at the scale of the larger steps, and they do not count.
    """

    def __init__(self) -> None:
        self._tables: list[tuple[float, Estimate]] = []

    def add(self, first_step: float, estimate: Estimate) -> None:
        self._tables.append((first_step, estimate))
        self._tables.sort(key=lambda table: -abs(table[0]))

    def estimate(self) -> Estimate:
        _, trusted = self._tables[0]
        for _, finer in self._tables[1:]:
            take = (finer.error < trusted.error) | apart(finer, trusted)
            trusted = Estimate(
                np.where(take, finer.value, trusted.value),
                np.where(take, finer.error, trusted.error),
            )
        return trusted

    def confirmations(self, trusted: Estimate, given: Array) -> Array:
        """How many tables speak for the trusted value and against the given one."""
        found = np.zeros(np.shape(given), int)
        for _, table in self._tables:
            with np.errstate(invalid="ignore"):
                against = np.abs(table.value - given) > 10 * table.error
                for_trusted = np.abs(table.value - trusted.value) < np.abs(table.value - given) / 4
            found += against & for_trusted
        return found

    def flat_only_nearby(self, given: Array) -> Array:
        """Where small steps change nothing at all while larger ones speak for the given value:
        the curve may be a staircase, having lost its digits."""
        trusted, found = self.estimate(), np.zeros(np.shape(given), bool)
        for _, table in self._tables:
            with np.errstate(invalid="ignore"):
                found |= np.abs(table.value - given) <= np.minimum(
                    10 * table.error, np.abs(given) / 2
                )
        return np.asarray(found & (trusted.value == 0))


def noise_of(values: Array | float) -> Array:
    """What rounding may have done to numbers of this size, computed in a few operations."""
    return np.asarray(8 * _EPS * np.abs(values))


def slope_change(curve: Curve, step: float, inward: bool = False) -> Array:
    """By how much the slope changes over a step: what terms that cancel at 0 are made of.

    0 where the curve is no polynomial at that scale: twice the step, and it would change by much
    more than any power of low order does.
    """
    at_zero = curve(0.0)
    sides = (1,) if inward else (1, -1)
    with np.errstate(all="ignore"):
        near, far = (
            sum(np.abs(curve(side * h) - at_zero) for side in sides) / len(sides)
            for h in (step / 2, step)
        )
        return np.where(np.isfinite(far) & (far <= 1000 * near), far / step, 0.0)


def measured_noise(curve: Curve, step: float, first: int = -3) -> Array:
    """How far the curve's elements jump by rounding: their higher differences over steps so small
    that a smooth curve would have none (Hamming 1973; Moré and Wild 2011, "Estimating computational
    noise", eq. 2.2). The curve is asked at seven points, the first so many steps from 0."""
    with np.errstate(all="ignore"):
        table = np.array([curve(step * i) for i in range(first, first + 7)])
        sizes = []
        for order in range(1, 6):
            table = np.diff(table, axis=0)
            if order >= 3:
                weight = factorial(order) ** 2 / factorial(2 * order)
                sizes.append(np.sqrt(weight * np.mean(np.square(table), axis=0)))
    return np.asarray(np.max(sizes, axis=0))

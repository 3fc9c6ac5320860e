"""Comparing a number from the tape with one from differences, whose error is known."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from autograd.checking.differences import (
    Estimate,
    Steps,
    Trusted,
    derivative,
    noise_of,
    one_sided,
    slope_change,
)
from autograd.engine.tensor import Array

_MARGIN = 10  # times the estimated error of a difference, before it counts against a rule
FLOOR = 1e-9  # of the gradient's own size; rounding in long sums may reach below it
_SHARP = 1e-7  # an error of the differences, relative to the gradient, that is good enough
_CLEAR = (
    1e-3  # an error of the differences, relative to the gradient, beyond which nothing is known
)
NEGLIGIBLE = 1e-8  # a gradient that changes f by less than this part of it, for a change of all
# of the argument, may be as inaccurate
_COMPLEX_STEP = 1e-30


class Judged(NamedTuple):
    """Per element: the numbers compared, the tolerance, and what follows. Exactly one of `ok`,
    `wrong` and `unclear` holds."""

    given: Array
    numeric: Array
    tolerance: Array
    ok: Array
    wrong: Array
    unclear: Array

    def sharp(self, scales: Scales) -> bool:
        """Whether smaller steps would hardly tell more."""
        size = np.maximum(scales.gradient, np.abs(self.numeric))
        small = self.tolerance <= np.maximum(_SHARP * size, FLOOR * scales.natural)
        return bool((small | (self.given == self.numeric)).all())


class Scales(NamedTuple):
    """What the gradients are measured by, per element.

    Args:
        gradient: the size of the gradient of which the number is a part.
        natural: the size of the values that are differentiated.
        noise: the size of their rounding errors.
        change: by how much the gradient changes nearby, which is what it may be a small rest of.
    """

    gradient: Array
    natural: Array
    noise: Array
    change: Array | None = None


class Judge:
    """Decides whether numbers are derivatives of a curve, with as few evaluations as that takes."""

    def __init__(self, steps: Steps) -> None:
        self.steps = steps
        self._first_step = steps.first[0]  # learned: curves of one function are much alike
        self.complex_works = False
        self.took_differences = False

    def judge(
        self,
        curve: Callable[[complex], Array],
        given: Array,
        scales: Scales,
        inward: bool = False,
    ) -> Judged:
        """Compare `given` with the derivatives at 0 of the curve's elements.

        With `inward` the curve is asked at positive h alone.
        """
        if self.complex_works:
            judged = self._by_complex_step(curve, given, scales)
            if judged is not None and bool(judged.ok.all()):
                return judged  # if not, differences are to confirm it
        self.took_differences = True
        return self._by_differences(curve, given, scales, inward)

    def glance(self, curve: Callable[[complex], Array], given: Array, scales: Scales) -> Judged:
        """As `judge`, but no further than to an estimate that agrees: nothing is "wrong"."""
        if self.complex_works:
            judged = self._by_complex_step(curve, given, scales)
            if judged is not None:
                return judged
        self.took_differences = True
        return self._first_tables(Trusted(), curve, given, scales, False)

    def _by_complex_step(
        self, curve: Callable[[complex], Array], given: Array, scales: Scales
    ) -> Judged | None:
        """Im f(ih) / h has no difference in it, hence no cancellation (Squire and Trapp 1998)."""
        try:
            numeric = np.asarray(curve(1j * _COMPLEX_STEP)).imag / _COMPLEX_STEP
        except (TypeError, ValueError, np.exceptions.ComplexWarning):
            self.complex_works = False  # something on the way takes no complex numbers
            return None
        size = np.maximum(scales.gradient, np.abs(numeric))
        error = 1e-12 * size + noise_of(scales.natural) / _MARGIN
        return _verdicts(given, Estimate(numeric, error), scales, np.zeros(given.shape, int))

    def _by_differences(
        self, curve: Callable[[float], Array], given: Array, scales: Scales, inward: bool
    ) -> Judged:
        trusted = Trusted()
        judged = self._first_tables(trusted, curve, given, scales, inward)
        if judged.ok.all() and judged.sharp(scales):
            return judged
        # The slope may be what rounding has left of terms that cancel; so may that of the tape be.
        if scales.change is None:
            scales = scales._replace(change=slope_change(curve, self.steps.widest, inward))
        # Two tables at least must speak against a rule, or differences may be what is wrong.
        for _ in range(2):
            estimate = trusted.estimate()
            confirmed = trusted.confirmations(estimate, given)
            confirmed[trusted.flat_only_nearby(given)] = 0
            judged = _verdicts(given, estimate, scales, confirmed)
            if not judged.unclear.any():
                break
            for factor in self.steps.more:
                step = factor * self._first_step
                trusted.add(step, derivative(curve, step, scales.noise, inward))
        return judged

    def _first_tables(
        self,
        trusted: Trusted,
        curve: Callable[[float], Array],
        given: Array,
        scales: Scales,
        inward: bool,
    ) -> Judged:
        """Add tables up to one that settles it, if any does."""
        others = [step for step in self.steps.first if step != self._first_step]
        for step in (self._first_step, *others):
            trusted.add(step, derivative(curve, step, scales.noise, inward))
            judged = _verdicts(given, trusted.estimate(), scales, np.zeros(given.shape, int))
            if judged.ok.all() and judged.sharp(scales):
                self._first_step = step
                break
        return judged

    def seems_off(
        self, curve: Callable[[float], Array], given: Array, scales: Scales, inward: bool = False
    ) -> bool:
        """A first look, by one table: whether any element is not what differences say."""
        estimate = derivative(curve, self._first_step, scales.noise, inward)
        return not _verdicts(given, estimate, scales, np.zeros(given.shape, int)).ok.all()

    def slopes(
        self,
        curve: Callable[[float], Array],
        at_zero: Array,
        noise: Array,
        inward: bool = False,
    ) -> tuple[Estimate, Estimate]:
        """The slopes at 0 on the left and on the right; of a curve that leads inward the same."""
        left, right = Trusted(), Trusted()
        for step in self.steps.first:
            left.add(step, one_sided(curve, at_zero, step if inward else -step, noise))
            right.add(step, one_sided(curve, at_zero, step, noise))
        return left.estimate(), right.estimate()


def _verdicts(given: Array, estimate: Estimate, scales: Scales, confirmed: Array) -> Judged:
    numeric, error = estimate
    change = 0.0 if scales.change is None else scales.change
    with np.errstate(invalid="ignore"):
        size = np.maximum(scales.gradient, np.abs(numeric))
        natural = np.maximum(scales.natural, change)
        # What changes f by less than its rounding, for a change of all of the argument, is nothing.
        tolerance = _MARGIN * error + FLOOR * size + 4 * noise_of(natural)
        agrees = np.abs(given - numeric) <= tolerance
        known = tolerance <= np.maximum(_CLEAR * size, NEGLIGIBLE * natural)
        known |= given == numeric
    ok = agrees & known
    wrong = ~agrees & (confirmed >= 2)
    return Judged(given, numeric, tolerance, ok, wrong, ~ok & ~wrong)

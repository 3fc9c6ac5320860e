"""What is wrong with a gradient, as far as its numbers tell that do not know how it is made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autograd.checking.differences import derivative
from autograd.checking.judging import Judged
from autograd.checking.point import Point
from autograd.engine.tensor import Array

NOT_A_MULTIPLE = (
    "twice the gradient of the result does not give twice the gradient here: a rule on the way "
    "does not multiply by the g that it gets, or not once"
)
ONLY_LAST = (
    "of the outputs that read one element, only the last counts, where all are to be added. If a "
    "rule writes `o[idx] += g`, that adds once where an index repeats: use np.add.at(o, idx, g). "
    "If it loops, write `+=` for `=`"
)
_STEP = 1e-2
_READERS = 64  # outputs that read one element, up to which they are looked at
_ALIKE = 1e-6  # of the largest slope: what is no difference

Ends = Mapping[tuple[int, ...], tuple[Array, Array]]


def only_last_counts(
    point: Point, i: int, index: tuple[int, ...], curve: Callable[[complex], Array]
) -> bool:
    """Whether several outputs read an element of argument i, and its gradient is that of the last.

    Args:
        curve: all outputs as the element moves by so many units.
    """
    variable = point.subject.variables[i]
    with np.errstate(all="ignore"):
        slopes, errors = derivative(curve, _STEP, point.noise, bool(variable.inward[index]))
    errors = 10 * errors + _ALIKE * np.abs(slopes).max()
    readers = np.flatnonzero(np.abs(slopes) > errors)
    if not 1 < len(readers) <= _READERS:
        return False
    unit = variable.moves(np.ones(variable.shape))[index]
    rows = np.eye(point.outputs)[readers]
    found = unit * np.array([point.gradient_along(row)[i][index] for row in rows])
    wanted = np.where(readers == readers[-1], slopes[readers], 0.0)
    return bool((np.abs(found - wanted) <= errors[readers]).all())


def as_factor(judged: Sequence[Judged]) -> str | None:
    """The number by which a gradient is too large along all directions that were judged, in words;
    None where there is none, or it is 1."""
    given = np.concatenate([one.given for one in judged])
    numeric = np.concatenate([one.numeric for one in judged])
    factor = _factor(given, numeric)
    if factor in (None, 0, 1):
        return None
    sign = "its sign is wrong: " if factor == -1 else ""
    return f"{sign}it is {factor:.6g} times the derivative, in all directions"


def choose(expected: Array, given: Array, ends: Ends, unit: Array) -> None:
    """Expect of each kink the slope that fits best to what is wrong elsewhere: a sign that is wrong
    beside it is wrong at the kink too, whichever slope was meant.

    Args:
        expected, given: the Jacobians of differences and tape, a row for each output; the former is
            changed.
        ends: of elements that have a kink, the slopes on its sides, for steps of a unit.
    """
    smooth = np.ones(unit.shape, bool)
    for index in ends:
        smooth[index] = False
    factor = _factor(given[:, smooth].ravel(), expected[:, smooth].ravel()) or 1.0
    for index, sides in ends.items():
        column: Any = (slice(None), *index)
        low, high = np.sort(np.array(sides) / unit[index], axis=0)
        expected[column] = np.clip(given[column] / factor, low, high)


def _factor(given: Array, numeric: Array) -> float | None:
    """The number by which all of given is larger; None where there is none."""
    size = float(np.abs(numeric).max(initial=0.0))
    if not 0 < size < np.inf or not np.isfinite(given).all():
        return None
    factor = float(f"{(given / size) @ (numeric / size) / np.sum((numeric / size) ** 2):.7g}")
    fits = np.abs(given - factor * numeric) <= _ALIKE * max(1.0, abs(factor)) * size
    return factor if fits.all() else None

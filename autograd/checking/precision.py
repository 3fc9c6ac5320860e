"""Whether gradients in float32 or float16 are those in float64, up to rounding."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd.checking.point import Point, flat, length
from autograd.checking.report import ArgumentReport
from autograd.checking.subject import Subject
from autograd.engine.tensor import Array

_NEIGHBOURS = 3
_FEW = 0.01  # of the elements, where rounding may have turned a comparison


def check_precision(subject: Subject, point: Point, reports: Sequence[ArgumentReport]) -> None:
    """Compare the gradients at the given precision with those at float64.

    Rounding errors scatter where the arguments move by a few units in the last place; a rule that
    is off at low precision is off in the same way at all these points. Only the latter is reported,
    as inconclusive: the rule is right, its arithmetic is not.
    """
    low = [variable.given.dtype.itemsize < 8 for variable in subject.variables]
    if not any(low):
        return
    eps = max(
        float(np.finfo(v.given.dtype).eps)
        for v, is_low in zip(subject.variables, low, strict=True)
        if is_low
    )
    differences = [_difference(subject, point, [np.zeros(v.shape) for v in subject.variables])]
    for _ in range(_NEIGHBOURS):
        moves = [eps * point.rng.uniform(-2, 2, v.shape) for v in subject.variables]
        # At the last number before a natural bound, one of the two sides is no neighbour.
        for signed in (moves, [-move for move in moves]):
            differences.append(_difference(subject, point, signed))
            if all(np.isfinite(gap).all() for _, gap in differences[-1]):
                break
    values = flat(point.values)
    natural = np.array([length(v * values) for v in point.cotangents])
    for i, report in enumerate(reports):
        if low[i]:
            nothing = 32 * eps * natural.reshape(-1, *(1,) * len(report.shape))
            nothing = nothing / subject.variables[i].unit()
            _judge([difference[i] for difference in differences], eps, nothing, report)


def _difference(
    subject: Subject, point: Point, moves: Sequence[Array]
) -> list[tuple[Array, Array]]:
    """For each argument, the gradient in float64, and how far that at low precision is from it.

    Of all cotangents one after the other, along the first axis.
    """
    at = [
        np.asarray(v.within(v.at * (1 + move)), v.given.dtype)
        for v, move in zip(subject.variables, moves, strict=True)
    ]
    exact = subject.taped([np.asarray(a, np.float64) for a in at])
    rounded = subject.taped(at)
    found = []
    for i, variable in enumerate(subject.variables):
        rows = []
        for v in point.cotangents:
            parts = point.split(v)
            pair = [taped.gradients(parts)[i] for taped in (exact, rounded)]
            rows.append(
                [np.zeros(variable.shape) if g is None else g.data.astype(float) for g in pair]
            )
        exactly = np.array([row[0] for row in rows])
        found.append((exactly, np.array([row[1] for row in rows]) - exactly))
    return found


def _judge(
    differences: Sequence[tuple[Array, Array]], eps: float, nothing: Array, report: ArgumentReport
) -> None:
    """`nothing` is the slope by which f changes as by rounding, for a change of all of x."""
    exact, here = differences[0]
    largest = float(np.finfo(report.dtype).max)
    if not exact.size:
        return
    beside = np.array([difference for _, difference in differences[1:]])
    with np.errstate(all="ignore"):
        # What is not finite lies beyond a natural bound, and tells nothing.
        scatter = np.nanmax(np.where(np.isfinite(beside), np.abs(beside - here), 0.0), axis=0)
        # One element may scatter by chance less than the others do.
        scatter = np.maximum(scatter, np.median(scatter))
        size = np.abs(exact).reshape(len(exact), -1).max(axis=1)
        size = size.reshape(-1, *(1,) * (exact.ndim - 1))
        off = ~(np.abs(here) <= 8 * scatter + 1e3 * eps * size + nothing)
        # The right gradient may be more than the dtype can hold.
        off &= ~(np.isinf(here) & (np.abs(exact) > largest) & (np.sign(exact) == np.sign(here)))
    if off.mean() > _FEW:
        k = tuple(int(n) for n in np.argwhere(off)[0])
        report.lower(
            "inconclusive",
            f"in float64 the gradient is right; in {report.dtype} it is "
            f"{exact[k] + here[k]:.6g} at {list(k[1:])} instead of {exact[k]:.6g}, further off "
            "than rounding of the arguments explains: an op on the way loses digits, or overflows",
        )

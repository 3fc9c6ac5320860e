"""Terms missing in the gradient of a normalisation, seen from the numbers alone.

For y = (x - mean) / sqrt(var + eps), dx = (g - mean(g) - y mean(g y)) / sqrt(var + eps) (Ioffe and
Szegedy 2015, section 3). Leaving out a term leaves a difference that is constant over the axes of
the mean, or proportional to x - mean, or both.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import prod

import numpy as np

from autograd.checking.diagnosis.evidence import Candidate, Case, largest
from autograd.checking.diagnosis.roles import role_of
from autograd.engine.tensor import Array


def propose_missing_terms(case: Case) -> None:
    """ "mean term missing", "variance term missing" and "both terms missing"."""
    if case.context is None or case.context.value.shape != case.given.shape:
        return
    if any(role_of(case.context, use) is not None for use in case.context.uses):
        return  # the tape has the terms themselves, and says which of them is missing
    x = case.context.value.astype(np.float64, copy=False)
    for axes in _axes(case):
        count = prod(x.shape[a] for a in axes)
        if count < 4 or not _sums_to_zero(case.expected, axes, case):
            continue
        groups = x.size // count
        deviation = x - x.mean(axis=axes, keepdims=True)
        with np.errstate(all="ignore"):
            unit = deviation / np.sqrt((deviation**2).mean(axis=axes, keepdims=True))
        if not np.isfinite(unit).all():
            continue
        constant = case.difference.mean(axis=axes, keepdims=True)
        slope = (case.difference * unit).mean(axis=axes, keepdims=True)
        orthogonal = _sums_to_zero(case.expected * unit, axes, case, 1e-2)
        over = f"axes {axes}" if len(axes) > 1 else f"axis {axes[0]}"
        mean = f"the difference is constant over {over}: the term of the mean is missing"
        spread = (
            f"the difference is proportional to x - mean over {over}: the term of the variance is "
            "missing"
        )
        both = f"over {over} the terms of mean and variance are both missing"
        zeros = np.zeros_like(case.expected)
        # One constant for all groups is an offset, which nobody needs a mean to explain.
        shifted = bool(np.ptp(constant) > 10 * case.limit)
        sloped = orthogonal and largest(slope) > 10 * case.limit
        if shifted:
            values = case.expected + constant + zeros
            case.propose(Candidate("mean term missing", mean, values, 2.4, groups))
        if sloped:
            values = case.expected + slope * unit
            case.propose(Candidate("variance term missing", spread, values, 2.4, groups))
        if sloped and largest(constant) > 10 * case.limit:
            values = case.expected + constant + slope * unit
            case.propose(Candidate("both terms missing", both, values, 2.6, 2 * groups))


def _axes(case: Case) -> Iterator[tuple[int, ...]]:
    """Sets of axes; over fewer than all, for then a constant difference says nothing of a mean."""
    ndim = case.given.ndim
    for count in range(1, min(ndim, 4) + (ndim == 1)):
        yield from combinations(range(ndim), count)


def _sums_to_zero(x: Array, axes: tuple[int, ...], case: Case, loose: float = 1e-5) -> bool:
    size = np.abs(x).sum(axis=axes)
    return bool(largest(size)) and bool(
        (np.abs(x.sum(axis=axes)) <= max(loose, 10 * case.relative_limit) * size.max()).all()
    )

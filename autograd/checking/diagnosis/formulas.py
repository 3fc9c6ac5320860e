"""Derivatives of softmax and of normalisations, whose elements all hang together, gone wrong."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, combinations
from math import prod

import numpy as np

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.evidence import Candidate, Case, largest
from autograd.checking.diagnosis.quantities import axes_named
from autograd.checking.diagnosis.roles import role_of
from autograd.engine.tape import Record
from autograd.engine.tensor import Array


def propose_softmax(case: Case, context: Context) -> None:
    """ "softmax": the rule of softmax, or of its logarithm, is taken for a simpler one."""
    for axis, p, g, logarithm in _softmaxes(context):
        formulas = _of_logarithm(p, g, axis) if logarithm else _of_softmax(p, g, axis)
        for text, values in formulas:
            if logarithm and values is g and len(context.uses) > 1:
                continue  # the tape has the sum itself, and says that its term is missing
            rank = 3.2 if "taken as -1" in text else 2.7
            case.propose(Candidate("softmax", text, values, rank, tried=50))


def _softmaxes(context: Context) -> Iterator[tuple[int, Array, Array, bool]]:
    """Axis, softmax, upstream gradient, and whether it is that of the logarithm."""
    a = context.value.astype(np.float64)
    for axis in range(a.ndim):
        if a.shape[axis] < 2:
            continue
        e = np.exp(a - a.max(axis=axis, keepdims=True))
        p = e / e.sum(axis=axis, keepdims=True)
        for record in context.records:
            g, out = context.upstream(record), context.flow.values.out(record)
            if g is None or isinstance(out, tuple) or out.shape != p.shape:
                continue
            close = 1e-10 if out.dtype.itemsize >= 8 else 1e-4
            for made, logarithm in ((p, False), (np.log(p), True)):
                if np.isfinite(made).all() and np.allclose(out, made, close, close):
                    yield axis, p, g.astype(np.float64), logarithm


def _of_logarithm(p: Array, g: Array, axis: int) -> Iterator[tuple[str, Array]]:
    right, total = "g - p sum(g)", g.sum(axis=axis, keepdims=True)
    yield from (
        (
            "the logarithm of softmax is differentiated as if each output depended on its own "
            f"input alone: g (1 - p) in place of {right}",
            g * (1 - p),
        ),
        (
            "the 1 stands in the whole row, not at the label alone: (1 - p) sum(g) in place of "
            f"{right}",
            (1 - p) * total,
        ),
        (
            "logarithms of the probabilities are used in place of the probabilities: "
            f"g - log(p) sum(g) in place of {right}",
            g - np.log(p) * total,
        ),
        ("the sum over the row is forgotten: g is handed on without - p sum(g)", g),
        (f"the sum is added: g + p sum(g) in place of {right}", g + p * total),
        (
            "the sum of what arrives is taken as -1, as that of one label is: g + p in place of "
            f"{right}",
            g + p,
        ),
    )
    for words, axes in _other_axes(p.ndim, axis):
        yield (
            f"the sum runs over {words} in place of axis {axis}: {right}",
            g - p * g.sum(axis=axes, keepdims=True),
        )


def _other_axes(ndim: int, axis: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for count in range(1, ndim + 1):
        for axes in combinations(range(ndim), count):
            if axes != (axis,):
                whole = len(axes) == ndim
                yield f"{axes_named(axes)}{' (all, the whole batch)' * whole}", axes


def _of_softmax(p: Array, g: Array, axis: int) -> Iterator[tuple[str, Array]]:
    right, total = "p (g - sum(g p))", (g * p).sum(axis=axis, keepdims=True)
    yield from (
        (
            "softmax is differentiated as if each output depended on its own input alone: "
            f"g p (1 - p) in place of {right}",
            g * p * (1 - p),
        ),
        (f"the sum is forgotten: g p in place of {right}", g * p),
        (
            f"the sum is not weighted: p (g - sum(g)) in place of {right}",
            p * (g - g.sum(axis=axis, keepdims=True)),
        ),
        (f"the factor p is forgotten: g - sum(g p) in place of {right}", g - total),
        (
            f"softmax is differentiated elementwise, and without p: g (1 - p) in place of {right}",
            g * (1 - p),
        ),
        (f"the sum is added: p (g + sum(g p)) in place of {right}", p * (g + total)),
    )
    for words, axes in _other_axes(p.ndim, axis):
        yield (
            f"the sum in softmax's derivative runs over {words} in place of axis {axis}, the row "
            f"of each example: {right}",
            p * (g - (g * p).sum(axis=axes, keepdims=True)),
        )


_MOST_RECORDS = 60


def propose_missing_terms(case: Case, context: Context) -> None:
    """ "mean term missing", "variance term missing" and "both terms missing"."""
    if any(role_of(context, use) is not None for use in context.uses):
        return  # the tape has the terms themselves, and says which of them is missing
    x = context.value.astype(np.float64, copy=False)
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
            case.propose(Candidate("mean term missing", mean, values, 4.4, groups))
        if sloped:
            values = case.expected + slope * unit
            case.propose(Candidate("variance term missing", spread, values, 4.4, groups))
        if sloped and largest(constant) > 10 * case.limit:
            values = case.expected + constant + slope * unit
            case.propose(Candidate("both terms missing", both, values, 4.6, 2 * groups))


def propose_normalization(case: Case, context: Context) -> None:
    """ "normalisation": its gradient with means over other axes, or without one of its factors.

    Where y = (x - mean) / s is on the tape, g its gradient: dx = (g - mean(g) - y mean(g y)) / s.
    """
    if case.tape_is_given:
        return
    x = context.value.astype(np.float64, copy=False)
    for record in context.records[:_MOST_RECORDS]:
        g, y = context.upstream(record), context.flow.values.out(record)
        if g is None or isinstance(y, tuple) or y.shape != x.shape:
            continue
        y, g = y.astype(np.float64, copy=False), g.astype(np.float64, copy=False)
        for axes in _axes(case):
            deviation = x - x.mean(axis=axes, keepdims=True)
            s = _spread(deviation, y, axes)
            if s is None or (s == 1).all():  # x - mean itself
                continue
            mistakes = chain(
                _mistaken(x, y, g, s, axes), _of_another(context, record, y, g, s, axes)
            )
            for text, values in mistakes:
                kind = "local factor forgotten" if "is forgotten" in text else "normalisation"
                case.propose(Candidate(kind, text, values, 2.5, tried=60))
            return


def _spread(deviation: Array, y: Array, axes: tuple[int, ...]) -> Array | None:
    """The s with which y = deviation / s, one for each group; None where there is none."""
    size = np.abs(deviation).sum(axis=axes, keepdims=True)
    norm = np.abs(y).sum(axis=axes, keepdims=True)
    if not size.all() or not norm.all():
        return None
    s = np.asarray(size / norm)
    close = np.abs(y * s - deviation) <= 1e-6 * np.abs(deviation).max()
    return s if close.all() and (s.size > 1 or deviation.ndim == 1) else None


def _mistaken(
    x: Array, y: Array, g: Array, s: Array, axes: tuple[int, ...]
) -> Iterator[tuple[str, Array]]:
    def mean(values: Array, over: tuple[int, ...] = axes) -> Array:
        return np.asarray(values.mean(axis=over, keepdims=True))

    n = prod(x.shape[a] for a in axes)
    right = "(g - mean(g) - y mean(g y)) / s"
    for count in range(1, x.ndim + 1):
        for over in combinations(range(x.ndim), count):
            if over != axes:
                wrong, own = axes_named(over), axes_named(axes)
                if len(over) == x.ndim:
                    wrong += ", all the elements,"
                more = prod(x.shape[a] for a in over) / n
                yield (
                    f"the sums of the normalisation's gradient run over {wrong} in place of {own}, "
                    f"and are divided by {n}, the elements of {own}: {right}",
                    (g - more * mean(g, over) - more * y * mean(g * y, over)) / s,
                )
                yield (
                    f"the means of the normalisation's gradient run over {wrong} in place of "
                    f"{own}: {right}",
                    (g - mean(g, over) - y * mean(g * y, over)) / s,
                )
                for times, how in ((1.0, ""), (more, f", and is divided by {n}")):
                    yield (
                        f"the mean of g runs over {wrong} in place of {own}{how}: {right}",
                        (g - times * mean(g, over) - y * mean(g * y)) / s,
                    )
                    yield (
                        f"the mean of g y runs over {wrong} in place of {own}{how}: {right}",
                        (g - mean(g) - times * y * mean(g * y, over)) / s,
                    )
    for m in {*x.shape, n - 1} - {n, 1}:
        yield (
            f"in the gradient of the normalisation its means are divided by {m}, in place of the "
            f"{n} elements of {axes_named(axes)}: {right}",
            (g - mean(g) * n / m - y * mean(g * y) * n / m) / s,
        )
    inner = g - mean(g) - y * mean(g * y)
    deviation = y * s
    for text, values in (
        ("the division by the standard deviation s is forgotten", inner),
        ("divided by the variance in place of the standard deviation s", inner / s**2),
        ("multiplied by the standard deviation s in place of divided by it", inner * s),
        ("sums stand in place of means", (g - n * mean(g) - y * n * mean(g * y)) / s),
        (
            "x stands in place of the normalised y",
            (g - mean(g) - x * mean(g * x)) / s,
        ),
        (
            "x - mean stands in place of the normalised y",
            (g - mean(g) - deviation * mean(g * deviation)) / s,
        ),
        ("the mean's and the variance's terms are added", (g + mean(g) + y * mean(g * y)) / s),
        ("the mean's term is added, not subtracted", (g + mean(g) - y * mean(g * y)) / s),
        ("the variance's term is added, not subtracted", (g - mean(g) + y * mean(g * y)) / s),
        ("mean and standard deviation are treated as constants: g / s", g / s),
        ("the factor y of the variance's term is forgotten", (g - mean(g) - mean(g * y)) / s),
        ("the y within mean(g y) is forgotten", (g - mean(g) - y * mean(g)) / s),
    ):
        yield f"in the gradient of the normalisation {text}: it is {right}", values


def _of_another(
    context: Context, record: Record, y: Array, g: Array, s: Array, axes: tuple[int, ...]
) -> Iterator[tuple[str, Array]]:
    """The gradient of what is made of y, such as gamma y + beta, in one of the three places."""

    def mean(values: Array) -> Array:
        return np.asarray(values.mean(axis=axes, keepdims=True))

    after = context.after(record)
    for other, theirs in context.gradients:
        if other.serial not in after or theirs.shape != g.shape or np.array_equal(theirs, g):
            continue
        of = f"the gradient of {context.place_named(other)}, not that of the normalised y,"
        right = "it is (g - mean(g) - y mean(g y)) / s"
        for where, values in (
            ("mean(g y)", (g - mean(g) - y * mean(theirs * y)) / s),
            ("mean(g)", (g - mean(theirs) - y * mean(g * y)) / s),
            ("both means", (g - mean(theirs) - y * mean(theirs * y)) / s),
            ("the place of g before the means", (theirs - mean(g) - y * mean(g * y)) / s),
        ):
            yield f"in the gradient of the normalisation {of} stands in {where}: {right}", values


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

"""Mistakes in the derivative of a softmax or its logarithm, whose elements all hang together.

With p = softmax(a), the gradient of a is g - p sum(g) where g is that of log p, and
p (g - sum(g p)) where g is that of p: both come of dp_i/da_j = p_i ([i = j] - p_j) (Bishop 2006,
"Pattern Recognition and Machine Learning", eq. 4.106).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

import numpy as np

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.evidence import Candidate, Case
from autograd.checking.diagnosis.quantities import axes_named
from autograd.engine.tensor import Array


def propose_softmax(case: Case) -> None:
    """ "softmax": the rule of softmax, or of its logarithm, is taken for a simpler one."""
    if case.context is None or case.context.value.shape != case.given.shape:
        return
    for axis, p, g, logarithm in _softmaxes(case.context):
        formulas = _of_logarithm(p, g, axis) if logarithm else _of_softmax(p, g, axis)
        for text, values in formulas:
            case.propose(Candidate("softmax", text, values, 2.7, tried=50))


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
    total = g.sum(axis=axis, keepdims=True)
    yield (
        "the logarithm of softmax is differentiated as if each output depended on its own input "
        "alone: g (1 - p) in place of g - p sum(g)",
        g * (1 - p),
    )
    yield (
        "the 1 stands in the whole row, not at the label alone: (1 - p) sum(g) in place of "
        "g - p sum(g)",
        (1 - p) * total,
    )
    yield (
        "logarithms of the probabilities are used in place of the probabilities: g - log(p) sum(g) "
        "in place of g - p sum(g)",
        g - np.log(p) * total,
    )
    yield "the sum over the row is forgotten: g is handed on without - p sum(g)", g
    yield "the sum is added: g + p sum(g) in place of g - p sum(g)", g + p * total
    yield (
        "the sum of what arrives is taken as -1, as that of one label is: g + p in place of "
        "g - p sum(g)",
        g + p,
    )
    for words, axes in _other_axes(p.ndim, axis):
        yield (
            f"the sum runs over {words} in place of axis {axis}: g - p sum(g)",
            g - p * g.sum(axis=axes, keepdims=True),
        )


def _other_axes(ndim: int, axis: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for count in range(1, ndim + 1):
        for axes in combinations(range(ndim), count):
            if axes != (axis,):
                whole = len(axes) == ndim
                yield f"{axes_named(axes)}{' (all, the whole batch)' * whole}", axes


def _of_softmax(p: Array, g: Array, axis: int) -> Iterator[tuple[str, Array]]:
    yield (
        "softmax is differentiated as if each output depended on its own input alone: "
        "g p (1 - p) in place of p (g - sum(g p))",
        g * p * (1 - p),
    )
    yield "the sum is forgotten: g p in place of p (g - sum(g p))", g * p
    yield (
        "the sum is not weighted: p (g - sum(g)) in place of p (g - sum(g p))",
        p * (g - g.sum(axis=axis, keepdims=True)),
    )
    yield (
        "the factor p is forgotten: g - sum(g p) in place of p (g - sum(g p))",
        g - (g * p).sum(axis=axis, keepdims=True),
    )
    yield (
        "softmax is differentiated elementwise, and without p: g (1 - p) in place of "
        "p (g - sum(g p))",
        g * (1 - p),
    )
    yield (
        "the sum is added: p (g + sum(g p)) in place of p (g - sum(g p))",
        p * (g + (g * p).sum(axis=axis, keepdims=True)),
    )
    for words, axes in _other_axes(p.ndim, axis):
        yield (
            f"the sum in softmax's derivative runs over {words} in place of axis {axis}, the row "
            "of each example: p (g - sum(g p))",
            p * (g - (g * p).sum(axis=axes, keepdims=True)),
        )

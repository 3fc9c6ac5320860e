"""Elementwise exponentials and logarithms, the logistic function, and sums of exponentials.

Each is computed so that neither tail overflows or cancels, and so are its slopes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Tensor
from autograd.ops.elementwise.selection import chosen, where
from autograd.ops.elementwise.steps import equal, isinf, less_equal, logical_and
from autograd.ops.kernels.blocks import by_interval, in_blocks
from autograd.ops.kernels.halves import in_single
from autograd.ops.reductions.reduction import (
    along_last,
    as_before,
    keepdims_shape,
    reduced_axes,
    rule_in_single,
)
from autograd.ops.reductions.reduction import sum as sum_over
from autograd.runtime.threads import elementwise, reduced

_LN2, _LN10 = math.log(2), math.log(10)


@primitive(kind="elementwise", analytic=True)
def exp(x: Array) -> Array:
    """e ** x."""
    return elementwise(np.exp, x)


exp.defvjp(lambda g, out, x: g * out, keeps=["out"])


@primitive(kind="elementwise", analytic=True)
def exp2(x: Array) -> Array:
    """2 ** x."""
    return elementwise(np.exp2, x)


exp2.defvjp(lambda g, out, x: g * (_LN2 * out), keeps=["out"])


@primitive(kind="elementwise", analytic=True)
def expm1(x: Array) -> Array:
    """e ** x - 1, accurate for small x too."""
    return elementwise(np.expm1, x)


expm1.defvjp(lambda g, out, x: g * exp(x), keeps=["x"])  # out + 1 would be 0 where x is far below 0


@primitive(kind="elementwise", analytic=True)
def log(x: Array) -> Array:
    """The natural logarithm. Its slope is 1 / x, below 0 too, where it is NaN.

    So at -0 that is -inf.
    """
    return elementwise(np.log, x)


log.defvjp(lambda g, out, x: g / x, keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def log2(x: Array) -> Array:
    """The logarithm to base 2. Below 0 it is NaN, and its slope is as that of log."""
    return elementwise(np.log2, x)


log2.defvjp(lambda g, out, x: g / (_LN2 * x), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def log10(x: Array) -> Array:
    """The logarithm to base 10. Below 0 it is NaN, and its slope is as that of log."""
    return elementwise(np.log10, x)


log10.defvjp(lambda g, out, x: g / (_LN10 * x), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def log1p(x: Array) -> Array:
    """log(1 + x), accurate for small x too. Below -1 it is NaN, its slope still 1 / (1 + x)."""
    return elementwise(np.log1p, x)


log1p.defvjp(lambda g, out, x: g / (1 + x), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def expit(x: Array) -> Array:
    """The logistic sigmoid 1 / (1 + e ** -x), accurate in both tails.

    Its slope is expit(x) * expit(-x): 1 - expit(x) would be 0 for x > 37.
    """
    return in_blocks(_expit, x)


@primitive(kind="elementwise", analytic=True)
def expit_slope(x: Array) -> Array:
    """The slope of expit, whose own is that times -tanh(x / 2): 1 - 2 expit(x) would cancel."""
    return in_blocks(_expit_slope, x)


@primitive(kind="elementwise", analytic=True)
def tanh_of_half(x: Array) -> Array:
    """tanh(x / 2), which is 2 expit(x) - 1."""
    return elementwise(np.tanh, x / 2)


expit.defvjp(lambda g, out, x: g * expit_slope(x), keeps=["x"])
expit_slope.defvjp(lambda g, out, x: g * (-out * tanh_of_half(x)), keeps=["out x"])
tanh_of_half.defvjp(lambda g, out, x: g * (2 * expit_slope(x)), keeps=["x"])


def _expit_slope(x: Array) -> Array:
    e = np.exp(np.minimum(x, -x))
    lesser = e / (1 + e)  # at most a half: the difference loses less than a square of 1 + e
    return np.asarray(lesser - np.square(lesser))


# Without a branch: np.where on random signs would take as long as all the rest.
def _expit(x: Array) -> Array:
    return np.asarray(np.exp(np.minimum(x, 0)) / (1 + np.exp(np.minimum(x, -x))))


@primitive(kind="elementwise", analytic=True)
def logit(x: Array) -> Array:
    """log(x / (1 - x)), the inverse of expit: -inf at 0, inf at 1, NaN outside.

    Around 1/2, where it is 0, it is computed as 2 artanh(2x - 1), in which nothing cancels. Its
    slope is 1 / (x (1 - x)), outside too; at -0 that is -inf.
    """
    return in_blocks(_logit, x)


logit.defvjp(lambda g, out, x: g / (x * (1 - x)), keeps=["x"])


def _logit(x: Array) -> Array:
    return by_interval(x, x.real, (0.25, 0.75), (_log_odds, _log_odds_middle, _log_odds))


def _log_odds(x: Array) -> Array:
    return np.asarray(np.log(x) - np.log1p(-x))


def _log_odds_middle(x: Array) -> Array:
    return np.asarray(2 * np.arctanh(2 * x - 1))


@primitive(kind="elementwise", analytic=True)
def softplus(x: Array) -> Array:
    """log(1 + e ** x), computed as max(x, 0) + log1p(e ** -|x|); its slope is expit(x)."""
    return in_blocks(_softplus, x)


softplus.defvjp(lambda g, out, x: g * expit(x), keeps=["x"])


def _softplus(x: Array) -> Array:
    return np.asarray(np.maximum(x, 0) + np.log1p(np.exp(np.minimum(x, -x))))


@primitive(kind="elementwise", analytic=True, broadcasts=True)
def xlogy(x: Array, y: Array) -> Array:
    """x * log(y), and 0 where x = 0, unless y is NaN.

    Where x = 0 and y <= 0 both slopes are 0, as in PyTorch for that in x; their slopes in
    y are NaN, in x still 0. Elsewhere the slope in y is x / y, also for y = -0 and below.
    """
    return in_blocks(_xlogy, x, y)


def _xlogy(x: Array, y: Array) -> Array:
    return np.asarray(x * np.log(np.where((x == 0) & ~np.isnan(y), 1, y)))


def _pull_factor(g: Tensor, out: Tensor, x: Tensor, y: Any) -> Tensor:
    # A Python number in the dtype of the other: as a tensor of its own it would be float64.
    y = y if isinstance(y, Tensor) else Tensor(np.asarray(y, out.dtype))
    settled = logical_and(equal(x, 0), less_equal(y, 0))
    return g * log(chosen(settled, 1, y))


def _pull_logarithm(g: Tensor, out: Tensor, x: Any, y: Tensor) -> Tensor:
    if not isinstance(x, Tensor):
        return g * (x / y) if x else where(False, g, 0)
    settled = logical_and(equal(x, 0), less_equal(y, 0))
    return g * (chosen(settled, 0, x) / chosen(settled, 1, y))


xlogy.defvjp(_pull_factor, _pull_logarithm, keeps=["x y", "x y"])


@primitive(kind="elementwise", broadcasts=True)
def logaddexp(x: Array, y: Array) -> Array:
    """log(e ** x + e ** y) without overflow. Its slope in x is expit(x - y), in y expit(y - x).

    So two infinities of one sign have a slope of 1/2 each, as equal numbers do.
    """
    return elementwise(np.logaddexp, x, y)


logaddexp.defvjp(
    lambda g, out, x, y: g * expit(_difference(x, y)),
    lambda g, out, x, y: g * expit(_difference(y, x)),
    keeps=["x y", "x y"],
)


@primitive(kind="elementwise", broadcasts=True)
def logaddexp2(x: Array, y: Array) -> Array:
    """log2(2 ** x + 2 ** y) without overflow; slopes as those of logaddexp, to base 2."""
    return elementwise(np.logaddexp2, x, y)


logaddexp2.defvjp(
    lambda g, out, x, y: g * expit(_LN2 * _difference(x, y)),
    lambda g, out, x, y: g * expit(_LN2 * _difference(y, x)),
    keeps=["x y", "x y"],
)


def _difference(x: Any, y: Any) -> Tensor:
    """x - y, and 0 where both are the same infinity."""
    same = logical_and(equal(x, y), isinf(x))
    x, y = (where(same, 0, a) if isinstance(a, Tensor) else a for a in (x, y))
    difference: Tensor = x - y
    return difference


@primitive(kind="reduction", analytic=True)
@in_single
def logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """log(sum(e ** x)) without overflow; that of no elements is -inf.

    The largest element m is taken out, and its 1 out of the sum: m + log1p(sum of e ** (x - m)
    over the others), so that nothing is lost where m = 0 and the others are far below. The slopes
    are softmax(x); infinities that tie for the largest share alike, as equal numbers do. Second and
    third derivatives are as accurate, however far the largest is from the others.
    """
    axes = reduced_axes(axis, x.ndim)
    return reduced(lambda x: _logsumexp(x, axes, keepdims), axes, keepdims, x)


def _logsumexp(x: Array, axes: tuple[int, ...], keepdims: bool) -> Array:
    shape = keepdims_shape(x.shape, axes)
    kept = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    x = np.moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
    x = x.reshape(*kept, math.prod(x.shape[len(kept) :]))
    if x.dtype.kind not in "fc":
        x = x.astype(np.float64)
    if x.shape[-1]:
        first = x.real.argmax(axis=-1, keepdims=True)
        top = np.take_along_axis(x, first, axis=-1)
        with np.errstate(over="ignore"):  # beside an infinity, which is then the result
            e = np.exp(x - np.where(np.isfinite(top), top, 0))
        np.put_along_axis(e, first, 0, axis=-1)
        out = top[..., 0] + np.log1p(e.sum(axis=-1))
    else:
        out = np.full(kept, -np.inf, x.dtype)
    return np.asarray(out).reshape(shape if keepdims else kept)


@primitive(kind="reduction", analytic=True)
def shares(x: Array, axis: Axis = None) -> Array:
    """softmax over the axes: e ** x by its sum, the slopes of logsumexp."""
    return _along(x, axis, _shares)


@primitive(kind="reduction", expects="two arrays of one shape", analytic=True)
def less_average(y: Array, x: Array, axis: Axis = None) -> Array:
    """y less its mean by the weights p = shares(x).

    Both less y where p is largest: there, where p may be nearly 1, nothing cancels.
    """
    return _along(x, axis, lambda x, y: _less_average(y, x, _shares(x)), y)


@primitive(kind="reduction", expects="two arrays of one shape", analytic=True)
def shares_slope(y: Array, x: Array, axis: Axis = None) -> Array:
    """p * (y - sum(p * y)) for p = shares(x): how shares change by y, a symmetric map. 0 beside an
    infinity that is the largest, which nothing moves."""

    def slope(x: Array, y: Array) -> Array:
        p = _shares(x)
        changed = p * _less_average(y, x, p)
        return np.where(np.isinf(x.real.max(axis=-1, keepdims=True)), 0, changed)

    return _along(x, axis, slope, y)


def _along(x: Array, axis: Axis, function: Callable[..., Array], *others: Array) -> Array:
    """A function of lines, along the last axis, of arrays of one shape."""
    axes = reduced_axes(axis, x.ndim)
    if not x.size:
        return np.zeros_like(x)
    return as_before(function(*[along_last(a, axes) for a in (x, *others)]), x.shape, axes)


def _shares(x: Array) -> Array:
    # x - logsumexp(x) would carry its rounding, which for large x is far above that of x - max(x).
    top = np.take_along_axis(x, x.real.argmax(axis=-1, keepdims=True), axis=-1)
    with np.errstate(invalid="ignore"):
        e = np.exp(np.where((x == top) & np.isinf(x), 0, x - top))
    return np.asarray(e / e.sum(axis=-1, keepdims=True))


def _less_average(y: Array, x: Array, p: Array) -> Array:
    less = y - np.take_along_axis(y, x.real.argmax(axis=-1, keepdims=True), axis=-1)
    return np.asarray(less - np.sum(p * less, axis=-1, keepdims=True))


# Weights sum to 1, so what is the same for all y is left out of what shares_slope is given.
def _pull_shares_slope(g: Tensor, out: Tensor, y: Tensor, x: Tensor, axis: Axis = None) -> Tensor:
    return shares_slope(less_average(g, x, axis) * less_average(y, x, axis), x, axis)


def _pull_averaged(g: Tensor, out: Tensor, y: Tensor, x: Tensor, axis: Axis = None) -> Tensor:
    return g - shares(x, axis) * sum_over(g, axis, keepdims=True)


def _pull_weights(g: Tensor, out: Tensor, y: Tensor, x: Tensor, axis: Axis = None) -> Tensor:
    return -sum_over(g, axis, keepdims=True) * shares_slope(y, x, axis)


shares.defvjp(lambda g, out, x, axis=None: shares_slope(g, x, axis), keeps=["x"])
less_average.defvjp(_pull_averaged, _pull_weights, keeps=["x", "y x"])
shares_slope.defvjp(
    lambda g, out, y, x, axis=None: shares_slope(g, x, axis),
    _pull_shares_slope,
    keeps=["x", "y x"],
)


def _pull_terms(
    g: Tensor, out: Tensor, x: Tensor, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    return g.reshape(keepdims_shape(x.shape, axis)) * shares(x, axis)


logsumexp.defvjp(rule_in_single(logsumexp, _pull_terms), keeps=["x"])

"""Norms of vectors, whose elements may lie along several axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Operand, Tensor
from autograd.ops.elementwise.arithmetic import absolute
from autograd.ops.elementwise.selection import where
from autograd.ops.elementwise.steps import equal
from autograd.ops.kernels.halves import in_single
from autograd.ops.reductions.extremum import max as max_over
from autograd.ops.reductions.extremum import min as min_over
from autograd.ops.reductions.reduction import (
    along_last,
    as_before,
    count_nonzero,
    keepdims_shape,
    reduced_axes,
    rule_in_single,
    spread,
    sum_of_squares,
)
from autograd.ops.reductions.reduction import sum as sum_over
from autograd.ops.shapes.shape import as_tensor


def norm(
    x: Operand, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """The norm of the vector of all elements along one axis, several, or all.

    As numpy.linalg.vector_norm: over two axes, too, the elements make one vector; none of them is
    too large or too small. The norms of matrices as maps are those of their singular values:
    svdvals(x).max(-1) for order 2, and svdvals(x).sum(-1) for "nuc".

    Args:
        ord: p, for sum(abs(x)**p)**(1/p); 2 by default, of matrices the Frobenius norm ("fro").
            inf and -inf give the largest and the smallest magnitude, 0 the number of elements that
            are not zero, a constant.

    Where a norm has no slope, it is taken as 0: of all norms at the zero vector, for p <= 1 also in
    each direction in which x is zero. Higher derivatives are NaN there, but 0 for orders 1, inf and
    -inf, which are linear on either side. For odd p from 3 on, the p-th derivative in a
    direction in which x is zero jumps, and is taken as 0. Of elements that tie for inf and -inf,
    the first in row-major order gets the gradient.

    Raises:
        ValueError: another order.
    """
    if ord is None or ord in ("fro", 2):
        return euclidean_norm(x, axis, keepdims)
    if isinstance(ord, str):
        raise ValueError(
            f"norm: ord {ord!r} given, a number or 'fro' expected; 'nuc' is svdvals(x).sum(-1)"
        )
    if ord == 0:
        x = as_tensor(x)
        return count_nonzero(x, axis, keepdims).astype(np.result_type(x.dtype, np.float16))
    if ord == 1:
        return sum_over(absolute(x), axis, keepdims)
    if abs(ord) == np.inf:
        return (max_over if ord > 0 else min_over)(absolute(x), axis, keepdims)
    return p_norm(x, ord, axis, keepdims)


@primitive(kind="reduction", name="norm")
@in_single
def euclidean_norm(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """sqrt(sum(abs(x)**2)), however large or small x is; see `norm` for its slope at zero."""
    with np.errstate(over="ignore"):
        out = np.sqrt(sum_of_squares.forward(magnitudes(x), axis))
    limits = np.finfo(out.dtype)
    if out.size and not (limits.tiny**0.5 / limits.eps < out.min() <= out.max() < np.inf):
        size = np.abs(magnitudes(x))  # squares have left the range
        scale = _scale(size.max(reduced_axes(axis, x.ndim), keepdims=True, initial=0))
        out = np.sqrt(sum_of_squares.forward(size / scale, axis)) * scale.reshape(out.shape)
    return np.reshape(out, keepdims_shape(x.shape, axis)) if keepdims else np.asarray(out)


@primitive(kind="reduction", name="norm")
@in_single
def p_norm(x: Array, p: float, axis: Axis = None, keepdims: bool = False) -> Array:
    """sum(abs(x)**p)**(1/p), for p other than 0; see `norm` for its slope where that is zero."""
    if p == 2:
        return np.asarray(euclidean_norm.forward(x, axis, keepdims))
    axes, size = reduced_axes(axis, x.ndim), np.abs(magnitudes(x))
    leading = np.maximum if p > 0 else np.minimum
    start = size.dtype.type(0 if p > 0 else np.inf)
    scale = _scale(leading.reduce(size, axis=axes, keepdims=True, initial=start))
    with np.errstate(divide="ignore", over="ignore"):  # a zero makes a norm of negative order 0
        sums = np.sum((size / scale) ** p, axis=axes, keepdims=True)
        out = sums ** (1 / p) * scale
    return np.asarray(out if keepdims else out.squeeze(axes))


def magnitudes(x: Array) -> Array:
    """What has the squares that abs(x) has, in a floating dtype: of real x itself."""
    return np.abs(x) if x.dtype.kind == "c" else np.asarray(x, np.result_type(x, np.float16))


def _scale(size: Array) -> Array:
    """A power of two of the order of `size`, to divide by without rounding; 1 for 0 and inf."""
    usable = np.where(np.isfinite(size) & (size > 0), size, 1)
    return np.asarray(np.ldexp(np.ones_like(usable), np.frexp(usable)[1] - 1))


@primitive(kind="reduction")
def norm_slopes(x: Array, p: float, axis: Axis = None) -> Array:
    """The slopes of the p-norm, sign(x) (|x| / norm)**(p - 1), of the shape of x."""
    size = p_norm.forward(x, p, axis, True)
    with np.errstate(invalid="ignore"):  # inf / inf
        unit = x / np.where(size == 0, 1, size)
    if p == 2:
        return unit
    if p % 2 == 0 and p > 0:
        return unit ** (p - 1)
    slopes = np.sign(x) * np.where(x == 0, 1, np.abs(unit)) ** (p - 1)
    return np.where(size == 0, 0, slopes)


# With s for the slopes and n for the norm, n H g = (p - 1) (|x / n|**(p - 2) g - s <s, g>).
def _pull_slopes(g: Tensor, out: Tensor, x: Tensor, p: float, axis: Axis = None) -> Tensor:
    size = p_norm(x, p, axis, True)
    size = where(equal(size, 0), np.nan, size)
    turned = g
    if p != 2:
        if p < 1:
            out = where(equal(x, 0), np.nan, out)
        unit = x / size
        turned = g * (unit if p % 2 == 0 else absolute(unit)) ** (p - 2)
    turned = turned - out * sum_over(g * out, axis, keepdims=True)
    return (p - 1) * tangential(turned, x, axis) / size


def _pull_norm(
    g: Tensor, out: Tensor, x: Tensor, p: float, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    return spread(g, x.shape, axis) * norm_slopes(x, p, axis)


def _pull_euclidean_norm(g: Tensor, out: Tensor, x: Tensor, *args: Any, **options: Any) -> Tensor:
    return _pull_norm(g, out, x, 2, *args, **options)


p_norm.defvjp(rule_in_single(p_norm, _pull_norm), keeps=["x"])
euclidean_norm.defvjp(rule_in_single(euclidean_norm, _pull_euclidean_norm), keeps=["x"])
norm_slopes.defvjp(_pull_slopes, keeps=["out x"])


@primitive(kind="reduction")
def tangential(w: Array, x: Array, axis: Axis = None) -> Array:
    """w, perpendicular to x but for rounding, without the rounding at an element that outweighs
    all others of x.

    There, w is a small difference of large numbers; it is known from the other elements of w, as
    <w, x> = 0. All this is the identity on what is perpendicular, and so is its gradient.
    """
    axes = reduced_axes(axis, x.ndim)
    lines, weights = along_last(w, axes), along_last(x, axes)
    if not w.size:
        return w
    first = np.abs(weights).argmax(axis=-1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        weights = weights / np.take_along_axis(weights, first, axis=-1)
        outweighs = np.sum(weights * weights, axis=-1, keepdims=True) <= 2
        np.put_along_axis(weights, first, 0, axis=-1)
        others = np.where(weights == 0, 0, weights * lines)
    lines = lines.copy()
    rest = np.sum(others, axis=-1, keepdims=True)
    known = np.where(outweighs, -rest, np.take_along_axis(lines, first, axis=-1))
    np.put_along_axis(lines, first, known, axis=-1)
    return as_before(lines, x.shape, axes)


tangential.defvjp(lambda g, out, w, x, axis=None: g, None, keeps=["", ""])

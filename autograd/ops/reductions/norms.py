"""Norms of vectors, whose elements may lie along several axes."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Operand, Tensor
from autograd.ops.arguments import expect_constants, named
from autograd.ops.elementwise.arithmetic import absolute
from autograd.ops.elementwise.selection import where
from autograd.ops.elementwise.steps import equal, sign
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
from autograd.runtime.threads import elementwise


@named
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
    direction in which x is zero jumps, and is taken as 0. Where elements are infinite, derivatives
    are NaN, but for one alone at order 2. Of elements that tie for inf and -inf, the first in
    row-major order gets the gradient.

    For negative orders, higher derivatives are NaN where the ratio of the smallest element to
    another is out of the range of the dtype.

    Integers and truth values are taken as float64, as in NumPy.

    Raises:
        ValueError: another order.
    """
    expect_constants("norm", ord=ord)
    x = as_tensor(x)
    if x.dtype.kind in "biu":
        x = x.astype(np.float64)
    if ord is None or ord in ("fro", 2):
        return euclidean_norm(x, axis, keepdims)
    if isinstance(ord, str):
        raise ValueError(
            f"norm: ord {ord!r} given, a number or 'fro' expected; 'nuc' is svdvals(x).sum(-1)"
        )
    if ord == 0:
        return count_nonzero(x, axis, keepdims).astype(np.finfo(x.dtype).dtype)
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
        scale = scale_of(size.max(reduced_axes(axis, x.ndim), keepdims=True, initial=0))
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
    scale = scale_of(leading.reduce(size, axis=axes, keepdims=True, initial=start))
    with np.errstate(divide="ignore", over="ignore"):  # a zero makes a norm of negative order 0
        sums = np.sum((size / scale) ** p, axis=axes, keepdims=True)
        relative = sums ** (1 / p)
    out = relative * scale
    return np.asarray(out if keepdims else out.squeeze(axes))


def magnitudes(x: Array) -> Array:
    """What has the squares that abs(x) has, in a floating dtype: of real x itself."""
    return np.abs(x) if x.dtype.kind == "c" else np.asarray(x, np.result_type(x, np.float16))


def scale_of(size: Array) -> Array:
    """A power of two of the order of `size`, to divide by without rounding; 1 for 0 and inf."""
    usable = np.where(np.isfinite(size) & (size > 0), size, 1)
    return np.asarray(np.ldexp(np.ones_like(usable), np.frexp(usable)[1] - 1))


@primitive(kind="reduction")
def unit(x: Array, p: float, axis: Axis = None) -> Array:
    """x by its p-norm, of the shape of x; 0 where that is 0, and its derivatives are NaN there."""
    size = p_norm.forward(x, p, axis, True)
    with np.errstate(invalid="ignore"):  # inf / inf
        out = elementwise(np.divide, x, np.where(size == 0, x.dtype.type(np.inf), size))
    if p < 0 or np.isinf(size).any():  # of infinite elements, one alone is all that counts
        infinite = np.isinf(x)
        several = infinite.sum(reduced_axes(axis, x.ndim), keepdims=True) > (1 if p == 2 else 0)
        out = np.where(several, np.nan, np.where(infinite, np.sign(x), out))
    return out


def _slopes(unit: Tensor, p: float) -> Tensor:
    """The slopes of the p-norm at x, sign(x) |x / norm|**(p - 1), from x / norm."""
    if p == 2:
        return unit
    if p % 2 == 0 and p > 0:
        return unit ** (p - 1)
    if p > 1:
        return sign(unit) * absolute(unit) ** (p - 1)
    zero = equal(unit, 0)
    return where(zero, kinked(unit), sign(unit) * absolute(where(zero, 1, unit)) ** (p - 1))


def _slopes_below(x: Tensor, p: float, axis: Axis) -> Tensor:
    """The slopes of the p-norm at x for p < 0, sign(x) (norm / |x|)**(1 - p).

    The norm is taken as the least element times a function of its ratios to the others: by
    x / norm, the derivatives along that element would be small differences of large numbers.
    """
    axes = reduced_axes(axis, x.ndim)
    lines = along_last(np.abs(x.data), axes)
    places = np.arange(lines.shape[-1]) == lines.argmin(axis=-1, keepdims=True)
    least = as_before(places, x.shape, axes)
    at_zero = np.any(x.data == 0, axis=axes, keepdims=True)
    smooth = where(at_zero, 1, x)
    low = sum_over(where(least, smooth, 0), axis, keepdims=True)
    ratios = absolute(kinked(where(least, 1, low / where(least, 1, smooth))))  # 0 by underflow
    size = sum_over(ratios**-p, axis, keepdims=True) ** (1 / p)
    slopes = sign(smooth) * (size * ratios) ** (1 - p)
    return where(at_zero, unit(where(at_zero, x, 1), p, axis), slopes)


# By x / norm = u, with slopes s: du = (dx - u <s, dx>) / norm, and <s, u> = 1.
def _pull_unit(g: Tensor, out: Tensor, x: Tensor, p: float, axis: Axis = None) -> Tensor:
    size, slopes = p_norm(x, p, axis, True), _slopes(out, p)
    if p < 1:
        slopes = where(equal(out, 0), np.nan, slopes)
    return less_share(g, slopes, out, axis) / where(equal(size, 0), np.nan, size)


def _pull_norm(
    g: Tensor, out: Tensor, x: Tensor, p: float, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    below = p < 0 and x.size
    slopes = _slopes_below(x, p, axis) if below else _slopes(unit(x, p, axis), p)
    return spread(g, x.shape, axis) * slopes


def _pull_euclidean_norm(g: Tensor, out: Tensor, x: Tensor, *args: Any, **options: Any) -> Tensor:
    return _pull_norm(g, out, x, 2, *args, **options)


p_norm.defvjp(rule_in_single(p_norm, _pull_norm), keeps=["x"])
euclidean_norm.defvjp(rule_in_single(euclidean_norm, _pull_euclidean_norm), keeps=["x"])
unit.defvjp(_pull_unit, keeps=["out x"])


@primitive(kind="elementwise")
def kinked(x: Array) -> Array:
    """x, which is known to be 0 where it is 0 by choice: its derivative there is NaN."""
    return np.array(x)


kinked.defvjp(lambda g, out, x: where(equal(x, 0), np.nan, g), keeps=["x"])


@primitive(kind="reduction", expects="three arrays of one shape")
def less_share(y: Array, a: Array, b: Array, axis: Axis = None) -> Array:
    """y - a <b, y> for a and b with <a, b> = 1, no product of whose elements is negative: without
    its share of a, y is perpendicular to b.

    Where one product of elements outweighs all others, y - a <b, y> is a small difference of large
    numbers in its place; it is known from the other places, being perpendicular to b.
    """
    axes = reduced_axes(axis, y.ndim)
    if not y.size:
        return y
    lines, along, across = (along_last(array, axes) for array in (y, a, b))
    with np.errstate(invalid="ignore"):
        lines = lines - along * _inner(across, lines)
        shares = along * across
        place = shares.argmax(axis=-1, keepdims=True)
        here, across_here = (np.take_along_axis(z, place, axis=-1) for z in (lines, across))
        np.put_along_axis(lines, place, 0, axis=-1)
        outweighs = np.take_along_axis(shares, place, axis=-1) > 0.5
        known = -_inner(across, lines) / np.where(outweighs, across_here, 1)
    np.put_along_axis(lines, place, np.where(outweighs, known, here), axis=-1)
    return as_before(lines, y.shape, axes)


def _inner(across: Array, lines: Array) -> Array:
    """The sum of their products. A zero in `lines` makes one zero whatever it meets, and a zero in
    `across` an infinity, but not what is unknown."""
    nothing = (lines == 0) | ((across == 0) & ~np.isnan(lines))
    return np.asarray(np.sum(np.where(nothing, 0, across * lines), axis=-1, keepdims=True))


less_share.defvjp(
    lambda g, out, y, a, b, axis=None: less_share(g, b, a, axis),
    lambda g, out, y, a, b, axis=None: -g * sum_over(b * y, axis, keepdims=True),
    lambda g, out, y, a, b, axis=None: -y * sum_over(a * g, axis, keepdims=True),
    keeps=["a b", "b y", "a y"],
)

"""Variance and standard deviation."""

from __future__ import annotations

import warnings

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Tensor
from autograd.ops.elementwise.selection import where
from autograd.ops.elementwise.steps import equal
from autograd.ops.kernels.halves import in_single
from autograd.ops.reductions.norms import euclidean_norm, magnitudes, scale_of, unit
from autograd.ops.reductions.reduction import (
    along_last,
    as_before,
    keepdims_shape,
    reduced_axes,
    reduced_size,
    rule_in_single,
    spread,
    sum_of_squares,
)
from autograd.ops.reductions.reduction import sum as sum_over
from autograd.runtime.threads import elementwise, reduced


@primitive(kind="reduction", analytic=True)
def deviations(x: Array, axis: Axis = None) -> Array:
    """x less its mean over the axes; zeros where all are equal, whose mean may be rounded."""
    x = np.asarray(x, np.result_type(x, 1.0) if x.dtype.kind in "biu" else x.dtype)
    axes = reduced_axes(axis, x.ndim)
    if not x.size:
        return x
    first = x[tuple(slice(0, 1) if i in axes else slice(None) for i in range(x.ndim))]
    shifted = elementwise(np.subtract, x, first)
    return elementwise(np.subtract, shifted, shifted.mean(axes, keepdims=True))


deviations.defvjp(lambda g, out, x, axis=None: deviations(g, axis), keeps=[""])


@primitive(kind="reduction")
@in_single
def var(x: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """The variance: the sum of squared deviations from the mean, divided by their number - ddof.

    ddof = 1 gives the unbiased estimate from a sample.
    """
    axes = reduced_axes(axis, x.ndim)
    squares = reduced(
        lambda x: sum_of_squares.forward(magnitudes(deviations.forward(x, axes)), axes),
        axes,
        False,
        x,
    )
    out = np.asarray(squares / _told_degrees(x.shape, axis, ddof))
    return out.reshape(keepdims_shape(x.shape, axis)) if keepdims else out


var.defvjp(
    rule_in_single(
        var,
        lambda g, out, x, axis=None, ddof=0, keepdims=False: (
            spread(2 * g / _degrees(x.shape, axis, ddof), x.shape, axis) * deviations(x, axis)
        ),
    ),
    keeps=["x"],
)


@primitive(kind="reduction")
@in_single
def std(x: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """The standard deviation, the square root of `var`.

    Where it is 0, its slope is taken as 0, and higher derivatives are NaN. Where an element is far
    from all others, second derivatives keep their accuracy, in each element; third ones are right
    to the rounding of the largest of them.
    """
    axes = reduced_axes(axis, x.ndim)
    size = reduced(
        lambda x: euclidean_norm.forward(deviations.forward(x, axes), axes, keepdims),
        axes,
        keepdims,
        x,
    )
    return np.asarray(size / _told_degrees(x.shape, axis, ddof) ** 0.5)


@primitive(kind="reduction")
def unit_deviations(x: Array, axis: Axis = None) -> Array:
    """The deviations by their 2-norm: the slopes of that; 0 where all elements are equal."""
    return unit.forward(deviations.forward(x, axis), 2, axis)  # type: ignore[no-any-return]


@primitive(kind="reduction", expects="two arrays of one shape")
def residuals(y: Array, x: Array, axis: Axis = None) -> Array:
    """What a straight line in x leaves of y, by least squares: y less its mean and its share of the
    deviations of x. NaN where all elements of x are equal.

    Where one element of x is far from all others, little is left in its place, a small difference
    of large numbers. So what counts is its distance a from the mean of the others, and theirs, v,
    from it; of y the same, b and w: with s = <v, v> and t = (1 - 1/n) a**2 + s,
    (b s - a <v, w>) / t of b is left, and w - v ((1 - 1/n) a b + <v, w>) / t of w.
    """
    axes = reduced_axes(axis, x.ndim)
    if not x.size:
        return y
    lines, given = along_last(x, axes), along_last(y, axes)
    place = np.abs(deviations.forward(lines, -1)).argmax(axis=-1, keepdims=True)
    part = 1 - 1 / lines.shape[-1]
    (a, v), (b, w) = (_apart(array, place) for array in (lines, given))
    scale = scale_of(np.maximum(np.abs(a), np.abs(v).max(axis=-1, keepdims=True)))
    a, v = a / scale, v / scale
    inner = np.sum(v * w, axis=-1, keepdims=True)
    squares = np.sum(v * v, axis=-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        total = part * a * a + squares
        left = (b * squares - a * inner) / total
        out = w - v * ((part * a * b + inner) / total) - left * (1 - part)
    np.put_along_axis(out, place, part * left, axis=-1)
    return as_before(out, y.shape, axes)


def _apart(lines: Array, place: Array) -> tuple[Array, Array]:
    """How far the element at `place` is from the mean of the others; and these, 0 in its place."""
    count = lines.shape[-1]
    shifted = lines - np.take_along_axis(lines, (place + 1) % count, axis=-1)
    here = np.take_along_axis(shifted, place, axis=-1)
    np.put_along_axis(shifted, place, 0, axis=-1)
    mean = shifted.sum(axis=-1, keepdims=True) / max(count - 1, 1)
    shifted -= mean
    np.put_along_axis(shifted, place, 0, axis=-1)
    return here - mean, shifted


def _size(x: Tensor, axis: Axis) -> Tensor:
    """The 2-norm of the deviations; NaN where it is 0, beyond whose corner nothing is known."""
    size = std(x, axis, 0, True) * reduced_size(x.shape, axis) ** 0.5
    return where(equal(size, 0), np.nan, size)


def _pull_residuals(g: Tensor, out: Tensor, y: Tensor, x: Tensor, axis: Axis = None) -> Tensor:
    unit = unit_deviations(x, axis)
    shares = [sum_over(unit * part, axis, keepdims=True) for part in (y, g)]
    both = shares[0] * residuals(g, x, axis) + shares[1] * residuals(y, x, axis)
    return -both / _size(x, axis)


unit_deviations.defvjp(
    lambda g, out, x, axis=None: residuals(g, x, axis) / _size(x, axis), keeps=["x"]
)
residuals.defvjp(
    lambda g, out, y, x, axis=None: residuals(g, x, axis), _pull_residuals, keeps=["x", "y x"]
)


def _pull_std(
    g: Tensor, out: Tensor, x: Tensor, axis: Axis = None, ddof: float = 0, keepdims: bool = False
) -> Tensor:
    single = reduced_size(x.shape, axis) == 1  # whose deviation is 0 wherever it lies
    slopes = (deviations if single else unit_deviations)(x, axis)
    return spread(g / _degrees(x.shape, axis, ddof) ** 0.5, x.shape, axis) * slopes


std.defvjp(rule_in_single(std, _pull_std), keeps=["x"])


def _degrees(shape: tuple[int, ...], axis: Axis, ddof: float) -> float:
    return max(reduced_size(shape, axis) - ddof, 0)


def _told_degrees(shape: tuple[int, ...], axis: Axis, ddof: float) -> float:
    degrees = _degrees(shape, axis, ddof)
    if not degrees:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
    return degrees

"""Variance and standard deviation."""

from __future__ import annotations

import warnings

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Tensor
from autograd.ops.kernels.halves import in_single
from autograd.ops.reductions.norms import euclidean_norm, magnitudes, unit
from autograd.ops.reductions.reduction import (
    keepdims_shape,
    reduced_axes,
    reduced_size,
    rule_in_single,
    spread,
    sum_of_squares,
)
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

    Where it is 0, its slope is taken as 0, and higher derivatives are NaN.
    """
    axes = reduced_axes(axis, x.ndim)
    size = reduced(
        lambda x: euclidean_norm.forward(deviations.forward(x, axes), axes, keepdims),
        axes,
        keepdims,
        x,
    )
    return np.asarray(size / _told_degrees(x.shape, axis, ddof) ** 0.5)


def _pull_std(
    g: Tensor, out: Tensor, x: Tensor, axis: Axis = None, ddof: float = 0, keepdims: bool = False
) -> Tensor:
    slopes = deviations(x, axis)
    if reduced_size(x.shape, axis) > 1:  # that of a single number is 0 wherever it lies
        slopes = unit(slopes, 2, axis)
    return spread(g / _degrees(x.shape, axis, ddof) ** 0.5, x.shape, axis) * slopes


std.defvjp(rule_in_single(std, _pull_std), keeps=["x"])


def _degrees(shape: tuple[int, ...], axis: Axis, ddof: float) -> float:
    return max(reduced_size(shape, axis) - ddof, 0)


def _told_degrees(shape: tuple[int, ...], axis: Axis, ddof: float) -> float:
    degrees = _degrees(shape, axis, ddof)
    if not degrees:
        warnings.warn("Degrees of freedom <= 0 for slice", RuntimeWarning, stacklevel=2)
    return degrees

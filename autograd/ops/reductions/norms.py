"""Norms of vectors, whose elements may lie along several axes."""

from __future__ import annotations

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Operand, Tensor
from autograd.ops.elementwise.arithmetic import absolute
from autograd.ops.elementwise.selection import divisor, where
from autograd.ops.elementwise.steps import equal, sign
from autograd.ops.reductions.extremum import max as max_over
from autograd.ops.reductions.extremum import min as min_over
from autograd.ops.reductions.reduction import (
    count_nonzero,
    keepdims_shape,
    reduced_axes,
    spread,
    sum_of_squares,
)
from autograd.ops.reductions.reduction import sum as sum_over
from autograd.ops.shapes.shape import as_tensor


def norm(
    x: Operand, ord: float | str | None = None, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    """The norm of the vector of all elements along one axis, several, or all.

    As numpy.linalg.vector_norm: over two axes, too, the elements make one vector. The norms of
    matrices as maps are those of their singular values: svdvals(x).max(-1) for order 2, and
    svdvals(x).sum(-1) for "nuc".

    Args:
        ord: p, for sum(abs(x)**p)**(1/p); 2 by default, of matrices the Frobenius norm ("fro").
            inf and -inf give the largest and the smallest magnitude, 0 the number of elements that
            are not zero, a constant.

    Where a norm has no slope, it is taken as 0: of all norms at the zero vector, for p < 2 also in
    each direction in which x is zero. Of elements that tie for inf and -inf, the first in row-major
    order gets the gradient.

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
def euclidean_norm(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """sqrt(sum(abs(x)**2)); its slope at the zero vector is taken as 0."""
    real = np.abs(x) if x.dtype.kind == "c" else np.asarray(x, np.result_type(x, np.float16))
    out = np.sqrt(sum_of_squares.forward(real, axis))
    return np.reshape(out, keepdims_shape(x.shape, axis)) if keepdims else out


euclidean_norm.defvjp(
    lambda g, out, x, axis=None, keepdims=False: spread(over(g, out), x.shape, axis) * x,
    keeps=["out x"],
)


@primitive(kind="reduction", name="norm")
def p_norm(x: Array, p: float, axis: Axis = None, keepdims: bool = False) -> Array:
    """sum(abs(x)**p)**(1/p), for p other than 0; see `norm` for its slope where that is zero."""
    axes = reduced_axes(axis, x.ndim)
    with np.errstate(divide="ignore"):  # a zero makes a norm of negative order 0
        return np.asarray(np.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=p))


def _pull_p_norm(
    g: Tensor, out: Tensor, x: Tensor, p: float, axis: Axis = None, keepdims: bool = False
) -> Tensor:
    unit = x / spread(divisor(out), x.shape, axis)
    g = spread(where(equal(out, 0), 0, g), x.shape, axis)
    if p % 2 == 0 and p > 0:
        return g * unit ** (p - 1)
    size = where(equal(x, 0), 1, absolute(unit))  # a zero to a negative power is not formed
    return g * sign(x) * size ** (p - 1)


p_norm.defvjp(_pull_p_norm, keeps=["out x"])


def over(g: Tensor, out: Tensor) -> Tensor:
    """g / out, and 0 where out is 0."""
    return where(equal(out, 0), 0, g / divisor(out))

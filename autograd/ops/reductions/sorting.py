"""Order along an axis. The gradient of a sorted element is that of the element it was."""

from __future__ import annotations

from math import prod

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Operand, Tensor
from autograd.ops.arguments import named
from autograd.ops.reductions.reduction import keepdims_shape, mean, reduced_axes
from autograd.ops.shapes.indexing import take_along_axis
from autograd.ops.shapes.shape import as_tensor, moveaxis, ravel, reshape


@primitive(kind="gather", differentiable=False)
def argsort(x: Array, axis: int | None = -1) -> Array:
    """The places of the elements of x in ascending order along an axis; a constant.

    Elements that tie stay in their order (the sort is stable), and NaN comes last. axis=None sorts
    the flattened array.
    """
    return np.argsort(x, axis=axis, kind="stable")


@named
def sort(x: Operand, axis: int | None = -1) -> Tensor:
    """x in ascending order along an axis: a new tensor.

    Elements that tie stay in their order (the sort is stable), and NaN comes last. axis=None sorts
    the flattened array.
    """
    x = as_tensor(x)
    if axis is None:
        x, axis = ravel(x), 0
    return take_along_axis(x, argsort(x, axis), axis)


@named
def median(x: Operand, axis: Axis = None, keepdims: bool = False) -> Tensor:
    """The middle element over one axis, several, or all; NaN where one is NaN.

    Of an even number of elements it is the mean of the middle two, which share the gradient. Of
    elements that tie, those get it that a stable sort puts in the middle.
    """
    x = as_tensor(x)
    axes = reduced_axes(axis, x.ndim)
    last = range(x.ndim - len(axes), x.ndim)
    kept = [n for i, n in enumerate(x.shape) if i not in axes]
    lines = reshape(moveaxis(x, axes, tuple(last)), (*kept, prod(x.shape[a] for a in axes)))
    out = mean(take_along_axis(lines, _middle(lines.data)), -1)
    return reshape(out, keepdims_shape(x.shape, axis)) if keepdims else out


def _middle(lines: Array) -> Array:
    """The places of the one or two middle elements along the last axis; of a NaN, where one is."""
    n = lines.shape[-1]
    order = np.argsort(lines, axis=-1, kind="stable")
    middle, last = order[..., (n - 1) // 2 : n // 2 + 1], order[..., -1:]
    if n and lines.dtype.kind in "fc":
        nan = np.isnan(np.take_along_axis(lines, last, -1))
        # Else it stays a view of the order, which tells checks that others of equal elements do.
        middle = np.where(nan, last, middle) if nan.any() else middle
    return middle

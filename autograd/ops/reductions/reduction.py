"""Reductions over one axis, several, or all (axis=None); keepdims as in NumPy.

What sums or divides computes in float32 where it is given float16, its gradient too.
"""

from __future__ import annotations

import builtins
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd.engine.primitives import Primitive, primitive
from autograd.engine.rules import Rule
from autograd.engine.tensor import Array, Axis, Tensor
from autograd.ops.kernels.halves import in_single, is_half
from autograd.ops.shapes.shape import astype, broadcast_to, reshape
from autograd.runtime.threads import reduced


def reduced_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes that `axis` names, as non-negative numbers in ascending order."""
    if axis is None:
        return tuple(range(ndim))
    if isinstance(axis, bool):  # True would be axis 1
        raise TypeError(f"axis={axis} given, whole numbers expected; give keepdims by name")
    return tuple(sorted(normalize_axis_tuple(axis, ndim)))


def keepdims_shape(shape: tuple[int, ...], axis: Axis) -> tuple[int, ...]:
    """The shape that a reduction with keepdims gives."""
    axes = reduced_axes(axis, len(shape))
    return tuple(1 if i in axes else n for i, n in enumerate(shape))


def spread(g: Tensor, shape: tuple[int, ...], axis: Axis) -> Tensor:
    """g, of the shape that a reduction gives with keepdims or without, repeated to that before."""
    return broadcast_to(reshape(g, keepdims_shape(shape, axis)), shape)


def reduced_size(shape: tuple[int, ...], axis: Axis) -> int:
    """How many elements are reduced to one."""
    return prod(shape[a] for a in reduced_axes(axis, len(shape)))


def along_last(x: Array, axes: tuple[int, ...]) -> Array:
    """x with `axes` moved last and flattened, in their order, into one."""
    moved = np.moveaxis(x, axes, range(x.ndim - len(axes), x.ndim))
    return moved.reshape(*moved.shape[: x.ndim - len(axes)], prod(x.shape[a] for a in axes))


def as_before(lines: Array, shape: tuple[int, ...], axes: tuple[int, ...]) -> Array:
    """The inverse of `along_last`, for an array of that shape before."""
    kept = [n for i, n in enumerate(shape) if i not in axes]
    apart = lines.reshape(kept + [shape[a] for a in axes])
    return np.moveaxis(apart, range(len(kept), len(shape)), axes)


def rule_in_single(op: Primitive, rule: Callable[..., Tensor]) -> Rule:
    """The rule of an op of one tensor, in float32 where that is float16; so is the output then."""

    def wide(g: Tensor, out: Tensor, x: Tensor, *args: Any, **options: Any) -> Tensor:
        if not is_half(x):
            return rule(g, out, x, *args, **options)
        single = astype(x, np.float32)
        out = op(single, *args, **options)
        return astype(rule(astype(g, np.float32), out, single, *args, **options), np.float16)

    return wide


@primitive(kind="reduction", analytic=True)
def sum(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The sum. A narrow float stays narrow; NumPy sums pairwise along contiguous axes."""
    if is_half(x):
        return _sum_of_halves(x, axis, keepdims)
    axes = reduced_axes(axis, x.ndim)
    return reduced(lambda x: np.sum(x, axis=axes, keepdims=keepdims), axes, keepdims, x)


_sum_of_halves = in_single(sum.forward)
sum.defvjp(lambda g, out, x, axis=None, keepdims=False: spread(g, x.shape, axis), keeps=[""])


@primitive(kind="reduction", analytic=True)
def mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The arithmetic mean; that of no elements is NaN."""
    axes = reduced_axes(axis, x.ndim)
    return reduced(lambda x: np.mean(x, axis=axes, keepdims=keepdims), axes, keepdims, x)


@primitive(kind="reduction", analytic=True)
def shared(g: Array, shape: tuple[int, ...], axis: Axis = None) -> Array:
    """g, what `mean` gives of that shape, spread over the elements in equal parts: its adjoint."""
    count = reduced_size(shape, axis) or 1  # of no elements g, which none gets
    single = g.astype(np.float32) if is_half(g) else g  # float16 ends at 65,504
    parts = np.asarray(single / count, g.dtype)
    return np.broadcast_to(parts.reshape(keepdims_shape(shape, axis)), shape)


mean.defvjp(
    lambda g, out, x, axis=None, keepdims=False: shared(g, x.shape, axis),
    keeps=[""],
)
shared.defvjp(
    lambda h, out, g, shape, axis=None: reshape(mean(h, axis), g.shape),
    keeps=[""],
)


@primitive(kind="contraction", expects="two arrays of one shape", analytic=True)
def sum_of_products(x: Array, y: Array, axis: Axis = None) -> Array:
    """sum(x * y) for x and y of one shape, without the product in memory.

    On 800,000 float32 it takes half the time of the product and its sum.
    """
    if x.shape != y.shape:
        raise ValueError("the shapes differ")
    if is_half(x) or is_half(y):
        return _sum_of_products_of_halves(x, y, axis)
    axes = reduced_axes(axis, x.ndim)
    return reduced(lambda x, y: _sum_of_products(x, y, axes), axes, False, x, y)


_sum_of_products_of_halves = in_single(sum_of_products.forward)


def _sum_of_products(x: Array, y: Array, axes: tuple[int, ...]) -> Array:
    if len(axes) < 2:
        return np.asarray((x * y).sum(axis=axes))
    # einsum adds up one number after the other; the outermost axis is left to np.sum, whose
    # pairwise sums are ten times as accurate on 50,000 terms.
    outer = builtins.max(axes, key=lambda a: abs(x.strides[a]))
    labels = list(range(x.ndim))
    kept = [i for i in labels if i == outer or i not in axes]
    return np.asarray(np.einsum(x, labels, y, labels, kept).sum(axis=kept.index(outer)))


sum_of_products.defvjp(
    lambda g, out, x, y, axis=None: spread(g, y.shape, axis) * y,
    lambda g, out, x, y, axis=None: spread(g, x.shape, axis) * x,
    keeps=["y", "x"],
)


@primitive(kind="reduction", analytic=True)
def sum_of_squares(x: Array, axis: Axis = None) -> Array:
    """sum(x * x), without the squares in memory; see sum_of_products."""
    return np.asarray(sum_of_products.forward(x, x, axis))


sum_of_squares.defvjp(lambda g, out, x, axis=None: spread(2 * g, x.shape, axis) * x, keeps=["x"])


@primitive(kind="reduction", differentiable=False)
def all(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether no element is zero; true of no elements. A constant."""
    return np.asarray(np.all(x, axis=axis, keepdims=keepdims))


@primitive(kind="reduction", differentiable=False)
def any(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Whether some element is not zero; false of no elements. A constant."""
    return np.asarray(np.any(x, axis=axis, keepdims=keepdims))


@primitive(kind="reduction", differentiable=False)
def count_nonzero(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """How many elements are not zero. A constant."""
    return np.asarray(np.count_nonzero(x, axis=axis, keepdims=keepdims))

"""Sums and products, running and whole. They compute in float32 where they are given float16.

The gradient of a product is made of the products of all other elements, never by a division: it is
right, to every order, where elements are zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Operand, Tensor
from autograd.ops.elementwise.arithmetic import subtract
from autograd.ops.elementwise.steps import not_equal
from autograd.ops.kernels.halves import in_single
from autograd.ops.reductions.reduction import (
    along_last,
    as_before,
    keepdims_shape,
    reduced_axes,
)
from autograd.ops.shapes.joining import concatenate
from autograd.ops.shapes.padding import pad_constant
from autograd.ops.shapes.shape import as_tensor, broadcast_to, flip, ravel, reshape
from autograd.runtime.threads import reduced


@primitive(kind="reduction", analytic=True)
@in_single
def cumsum(x: Array, axis: int | None = None) -> Array:
    """The sum of each element and all before it along an axis, or in the flattened array."""
    return np.asarray(np.cumsum(x, axis))


cumsum.defvjp(
    lambda g, out, x, axis=None: reshape(flip(cumsum(flip(g, axis), axis), axis), x.shape),
    keeps=[""],
)


def diff(
    x: Operand,
    n: int = 1,
    axis: int = -1,
    prepend: Operand | None = None,
    append: Operand | None = None,
) -> Tensor:
    """Each element less the one before it along an axis, and of that again, n times in all.

    Args:
        prepend, append: what is put before and behind x first: arrays, or a number each. Where n
            is 0 x is returned as it is.

    Raises ValueError where n is negative.
    """
    x = as_tensor(x)
    if n < 0:
        raise ValueError(f"diff: n={n} given, a number of times of at least 0 expected")
    axis = normalize_axis_index(axis, x.ndim)
    one = (*x.shape[:axis], 1, *x.shape[axis + 1 :])
    if n and (prepend is not None or append is not None):
        x = concatenate([*_end(prepend, x, one), x, *_end(append, x, one)], axis)
    less = not_equal if x.dtype == bool else subtract  # of truth values, as in NumPy
    along = (slice(None),) * axis
    later, earlier = (*along, slice(1, None)), (*along, slice(-1))
    for _ in range(n):
        x = less(x[later], x[earlier])
    return x


def _end(end: Any, x: Tensor, shape: tuple[int, ...]) -> list[Any]:
    """What is put at an end of x: nothing, numbers in `shape`, or what is given."""
    if end is None or np.ndim(end):
        return [] if end is None else [end]
    if isinstance(end, int | float):
        end = np.asarray(end, np.result_type(x.dtype, end))
    return [broadcast_to(end, shape)]


@primitive(kind="reduction", analytic=True)
@in_single
def cumprod(x: Array, axis: int | None = None) -> Array:
    """The product of each element and all before it along an axis, or in the flattened array."""
    return np.asarray(np.cumprod(x, axis))


def _pull_cumprod(g: Tensor, out: Tensor, x: Tensor, axis: int | None = None) -> Tensor:
    # out_k = out_(k-1) x_k: a recurrence.
    if axis is None or not x.ndim:
        return reshape(_later(g, ravel(x), 0) * _before(out, 0, 1), x.shape)
    return _later(g, x, axis) * _before(out, axis, 1)


cumprod.defvjp(_pull_cumprod, keeps=["out x"])


@primitive(kind="reduction", expects="two arrays of one shape", analytic=True)
@in_single
def linear_recurrence(a: Array, b: Array, axis: int = -1) -> Array:
    """y_k = a_k y_(k-1) + b_k along an axis, from zero on: y_0 = b_0."""
    if a.shape != b.shape:
        raise ValueError("the shapes differ")
    axis = normalize_axis_index(axis, b.ndim)
    out = np.array(b, np.result_type(a, b), order="K")
    if 0 < out.size == out.shape[axis]:  # along a single line Python's own numbers are faster
        factors, terms = a.ravel().tolist(), b.ravel().tolist()
        places = range(1, out.size)
        line = accumulate(places, lambda y, k: factors[k] * y + terms[k], initial=terms[0])
        out[...] = np.reshape(list(line), out.shape)
        return out
    y, a = np.moveaxis(out, axis, 0), np.moveaxis(a, axis, 0)
    for k in range(1, len(y)):
        y[k] += a[k] * y[k - 1]
    return out


linear_recurrence.defvjp(
    lambda g, out, a, b, axis=-1: _later(g, a, axis) * _before(out, axis, 0),
    lambda g, out, a, b, axis=-1: _later(g, a, axis),
    keeps=["out a", "a"],
)


def _later(g: Tensor, a: Tensor, axis: int) -> Tensor:
    """The adjoint of the recurrence, l_k = g_k + a_(k+1) l_(k+1): the gradient of its b."""
    backwards = linear_recurrence(_before(flip(a, axis), axis, 0), flip(g, axis), axis)
    return flip(backwards, axis)


def _before(x: Tensor, axis: int, start: float) -> Tensor:
    """x moved on by one place along the axis, with `start` at its first."""
    axis = axis % x.ndim
    if not x.shape[axis]:
        return x
    widths = [(int(i == axis), 0) for i in range(x.ndim)]
    return pad_constant(x[(slice(None),) * axis + (slice(-1),)], widths, start)


@primitive(kind="reduction", analytic=True)
@in_single
def prod(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The product; that of no elements is 1.

    Products of some elements may leave the range of their dtype, where that of all does not. Where
    they may, it and its derivatives are computed in decimals, which takes a microsecond for each
    element.
    """
    axes = reduced_axes(axis, x.ndim)
    with np.errstate(over="ignore", invalid="ignore"):
        out = reduced(lambda x: np.prod(x, axis=axes, keepdims=keepdims), axes, keepdims, x)
    if not (np.isfinite(out) & (out != 0)).all():
        line = along_last(x, axes)
        if _may_leave_range(line):
            out = _in_decimals(lambda x: np.prod(x, axis=-1), line).reshape(out.shape)
    return out


@primitive(kind="reduction", analytic=True)
@in_single
def mixed_product(x: Array, *along: Array, axis: Axis = None) -> Array:
    """The derivative of `prod` along arrays of the shape of x, one or more: the sum of all products
    in which an element of each has taken the place of one of x."""
    axes = reduced_axes(axis, x.ndim)
    lines = [along_last(a, axes) for a in (x, *along)]
    compute = _in_decimals if _may_leave_range(*lines) else _directly
    return compute(lambda *a: np.sum(a[-1] * _one_of_each(*a[:-1]), axis=-1), *lines)


@primitive(kind="reduction", analytic=True)
@in_single
def products_of_others(g: Array, x: Array, *along: Array, axis: Axis = None) -> Array:
    """g times the product of all others, for each element: the gradient of `prod`, or with `along`
    that of `mixed_product`. g has the axes that are reduced, with length 1."""
    axes = reduced_axes(axis, x.ndim)
    lines = [along_last(a, axes) for a in (x, *along)]
    compute = _in_decimals if _may_leave_range(*lines) else _directly
    out = compute(lambda g, *a: g * _one_of_each(*a), along_last(g, axes), *lines)
    return as_before(out, x.shape, axes)


# A derivative of a product along several arrays is the same in whichever order.
def _pull_mixed(
    position: int, g: Tensor, out: Tensor, x: Tensor, *along: Tensor, axis: Axis = None
) -> Tensor:
    g = reshape(g, keepdims_shape(x.shape, axis))
    return products_of_others(g, x, *_without(along, position - 1), axis=axis)


def _pull_others(
    position: int, g: Tensor, out: Tensor, own: Tensor, x: Tensor, *along: Tensor, axis: Axis = None
) -> Tensor:
    if position == 0:
        return reshape(mixed_product(x, *along, g, axis=axis), own.shape)
    return products_of_others(own, x, *_without(along, position - 2), g, axis=axis)


def _without(arrays: Sequence[Tensor], place: int) -> list[Tensor]:
    return [a for i, a in enumerate(arrays) if i != place]


prod.defvjp(
    lambda g, out, x, axis=None, keepdims=False: _pull_mixed(0, g, out, x, axis=axis), keeps=["x"]
)
mixed_product.defvjp_each(_pull_mixed)
products_of_others.defvjp_each(_pull_others)


def _one_of_each(x: Array, *along: Array) -> Array:
    """For each k, the sum of all products of the elements but the k-th along the last axis, in
    which one of each of `along` has taken the place of one of x."""
    before = _parts_before(x, along)
    after = _parts_before(x[..., ::-1], [a[..., ::-1] for a in along])
    return np.asarray(sum(b * a[..., ::-1] for b, a in zip(before, after[::-1], strict=True)))


def _parts_before(x: Array, along: Sequence[Array]) -> list[Array]:
    """The same of the elements before the k-th alone, for each subset of `along`, by its bits."""
    found = [_moved_on(np.cumprod(x, axis=-1), 1)]
    for subset in range(1, 1 << len(along)):
        terms = sum(found[subset ^ 1 << i] * a for i, a in enumerate(along) if subset >> i & 1)
        found.append(_moved_on(linear_recurrence.forward(x, terms), 0))
    return found


def _moved_on(x: Array, start: int) -> Array:
    return np.concatenate([np.full_like(x[..., :1], start), x[..., :-1]], axis=-1)


def _may_leave_range(x: Array, *along: Array) -> bool:
    """Whether products of some of the elements along the last axis may overflow or underflow."""
    if x.dtype.kind != "f" or not all(np.isfinite(a).all() for a in (x, *along)):
        return False
    logs = np.log2(np.abs(np.where(x == 0, 1, x)))
    sums = np.cumsum(logs, axis=-1)
    reach = max(np.abs(part).max(initial=0) for part in (sums, sums[..., -1:] - sums))
    largest = (len(along) + 1) * np.abs(logs).max(initial=0)
    return bool(reach + largest > 0.8 * np.finfo(x.dtype).maxexp)


def _directly(f: Callable[..., Array], *arrays: Array) -> Array:
    return f(*arrays)


def _in_decimals(f: Callable[..., Array], *arrays: Array) -> Array:
    """f(*arrays), computed in numbers whose range has no end."""
    with localcontext(Context(prec=30, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])):
        out = np.asarray(f(*(np.frompyfunc(Decimal, 1, 1)(a.astype(object)) for a in arrays)))
        with np.errstate(over="ignore", under="ignore"):
            return out.astype(np.float64).astype(arrays[-1].dtype)

"""Sums and products, running and whole. They compute in float32 where they are given float16.

The gradient of a product is made of the products of all other elements, never by a division: it is
right, to every order, where elements are zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """The product of each element and all before it along an axis, or in the flattened array.

    Where products leave the range of their dtype, as for `prod`.
    """
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        out = np.asarray(np.cumprod(x, axis))
    if not (np.isfinite(out) & (out != 0)).all() and out.ndim:
        line = x.reshape(out.shape)
        lines = np.moveaxis(line, axis or 0, -1)
        if _may_leave_range(lines, running=True):
            exact = _in_decimals(lambda x: np.cumprod(x, axis=-1), lines, told=True)
            out = np.moveaxis(exact, -1, axis or 0)
    return out


@primitive(kind="reduction", analytic=True)
@in_single
def running_mixed_product(x: Array, *along: Array, axis: int = -1) -> Array:
    """The derivative of `cumprod` along arrays of the shape of x, one or more."""
    lines = [np.moveaxis(a, axis, -1) for a in (x, *along)]
    compute = _in_decimals if _may_leave_range(*lines, running=True) else _directly
    return np.moveaxis(compute(lambda x, *a: _running_parts(x, a)[-1], *lines), -1, axis)


@primitive(kind="reduction", analytic=True)
@in_single
def running_products_of_others(g: Array, x: Array, *along: Array, axis: int = -1) -> Array:
    """The gradient of `cumprod`, or with `along` that of `running_mixed_product`."""

    def gradient(g: Array, x: Array, *along: Array) -> Array:
        # An element's products: of those before it, times, for each place from it on, g and those
        # between.
        before = _parts_before(x, along)
        backward = [_moved_on(a[..., ::-1], 0) for a in (x, *along)]
        after = _running_parts(backward[0], backward[1:], g[..., ::-1])
        return np.asarray(sum(b * a[..., ::-1] for b, a in zip(before, after[::-1], strict=True)))

    lines = [np.moveaxis(a, axis, -1) for a in (g, x, *along)]
    compute = _in_decimals if _may_leave_range(*lines[1:], running=True) else _directly
    return np.moveaxis(compute(gradient, *lines), -1, axis)


def _pull_cumprod(g: Tensor, out: Tensor, x: Tensor, axis: int | None = None) -> Tensor:
    if axis is None or not x.ndim:
        return reshape(_pull_cumprod(g, out, ravel(x), 0), x.shape)
    if _may_leave_range(np.moveaxis(x.data, axis, -1), running=True):
        return running_products_of_others(g, x, axis=axis)
    # out_k = out_(k-1) x_k: a recurrence.
    return _later(g, x, axis) * _before(out, axis, 1)


def _pull_running_mixed(
    position: int, g: Tensor, out: Tensor, x: Tensor, *along: Tensor, axis: int = -1
) -> Tensor:
    return running_products_of_others(g, x, *_without(along, position - 1), axis=axis)


def _pull_running_others(
    position: int, h: Tensor, out: Tensor, g: Tensor, x: Tensor, *along: Tensor, axis: int = -1
) -> Tensor:
    if position == 0:
        return running_mixed_product(x, *along, h, axis=axis)
    return running_products_of_others(g, x, *_without(along, position - 2), h, axis=axis)


cumprod.defvjp(_pull_cumprod, keeps=["out x"])
running_mixed_product.defvjp_each(_pull_running_mixed)
running_products_of_others.defvjp_each(_pull_running_others)


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
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        out = reduced(lambda x: np.prod(x, axis=axes, keepdims=keepdims), axes, keepdims, x)
    if not (np.isfinite(out) & (out != 0)).all():
        line = along_last(x, axes)
        if _may_leave_range(line):
            out = _in_decimals(lambda x: np.prod(x, axis=-1), line, told=True).reshape(out.shape)
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
    first, *others = _running_parts(x, along)
    return [_moved_on(first, 1), *(_moved_on(part, 0) for part in others)]


def _running_parts(x: Array, along: Sequence[Array], g: Array | None = None) -> list[Array]:
    """The same of the elements up to the k-th, it too; with g, of the sums of g_j times the
    elements after the j-th, over all j up to k."""
    found = [np.cumprod(x, axis=-1) if g is None else linear_recurrence.forward(x, g)]
    before = [_moved_on(found[0], int(g is None))]
    for subset in range(1, 1 << len(along)):
        terms = sum(before[subset ^ 1 << i] * a for i, a in enumerate(along) if subset >> i & 1)
        found.append(linear_recurrence.forward(x, terms))
        before.append(_moved_on(found[-1], 0))
    return found


def _moved_on(x: Array, start: int) -> Array:
    return np.concatenate([np.full_like(x[..., :1], start), x[..., :-1]], axis=-1)


def _may_leave_range(x: Array, *along: Array, running: bool = False) -> bool:
    """Whether products of some of the elements along the last axis may overflow or underflow: of
    those from an end, or, where `running`, of any in succession."""
    if x.dtype.kind != "f" or not all(np.isfinite(a).all() for a in (x, *along)):
        return False
    limit = 0.8 * np.finfo(x.dtype).maxexp
    size = np.abs(x)
    if not size.all():
        size[size == 0] = 1
    largest = max(np.log2(size.max(initial=1)), -np.log2(size.min(initial=1)))
    if (x.shape[-1] + len(along) + 1) * largest <= limit:
        return False
    logs = np.log2(size)
    sums = np.cumsum(logs, axis=-1)
    if running:
        reach = sums.max(initial=0) - sums.min(initial=0)
    else:
        reach = max(np.abs(part).max(initial=0) for part in (sums, sums[..., -1:] - sums))
    return bool(reach + (len(along) + 1) * largest > limit)


def _directly(f: Callable[..., Array], *arrays: Array) -> Array:
    return f(*arrays)


def _in_decimals(f: Callable[..., Array], *arrays: Array, told: bool = False) -> Array:
    """f(*arrays), computed in numbers whose range has no end; whether the caller's np.errstate is
    told where those of the result's dtype have."""
    from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, localcontext  # slow to import

    with localcontext(Context(prec=30, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])):
        exact = np.asarray(f(*(np.frompyfunc(Decimal, 1, 1)(a.astype(object)) for a in arrays)))
    out = exact.astype(np.float64)
    quiet: Any = {} if told else {"over": "ignore", "under": "ignore"}
    with np.errstate(**quiet):
        # What converts decimals heeds no np.errstate.
        if np.isinf(out).any():
            np.multiply(np.finfo(out.dtype).max, 2)
        if ((out == 0) & (exact != 0)).any():
            np.multiply(np.finfo(out.dtype).tiny, np.finfo(out.dtype).tiny)
        return out.astype(arrays[-1].dtype)

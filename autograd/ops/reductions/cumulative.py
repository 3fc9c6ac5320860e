"""Sums and products, running and whole.

The gradient of a product is made of the products of all other elements, never by a division: it is
right, to every order, where elements are zero.
"""

from __future__ import annotations

from itertools import accumulate
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Operand, Tensor
from autograd.ops.elementwise.arithmetic import subtract
from autograd.ops.elementwise.steps import not_equal
from autograd.ops.reductions.reduction import reduced_axes, spread
from autograd.ops.shapes.joining import concatenate
from autograd.ops.shapes.padding import pad_constant
from autograd.ops.shapes.shape import as_tensor, broadcast_to, flip, ravel, reshape
from autograd.runtime.threads import reduced


@primitive(kind="reduction", analytic=True)
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
def cumprod(x: Array, axis: int | None = None) -> Array:
    """The product of each element and all before it along an axis, or in the flattened array."""
    return np.asarray(np.cumprod(x, axis))


def _pull_cumprod(g: Tensor, out: Tensor, x: Tensor, axis: int | None = None) -> Tensor:
    # out_k = out_(k-1) x_k: a recurrence.
    if axis is None:
        return reshape(_later(g, ravel(x), 0) * _before(out, 0, 1), x.shape)
    return _later(g, x, axis) * _before(out, axis, 1)


cumprod.defvjp(_pull_cumprod, keeps=["out x"])


@primitive(kind="reduction", expects="two arrays of one shape", analytic=True)
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
def prod(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The product; that of no elements is 1."""
    axes = reduced_axes(axis, x.ndim)
    return reduced(lambda x: np.prod(x, axis=axes, keepdims=keepdims), axes, keepdims, x)


prod.defvjp(
    lambda g, out, x, axis=None, keepdims=False: (
        spread(g, x.shape, axis) * _product_of_others(x, reduced_axes(axis, x.ndim))
    ),
    keeps=["x"],
)


def _product_of_others(x: Tensor, axes: tuple[int, ...]) -> Any:
    """For each element, the product of all others along the axes."""
    if not axes:
        return 1
    *rest, axis = axes
    before = _before(cumprod(x, axis), axis, 1)
    after = flip(_before(cumprod(flip(x, axis), axis), axis, 1), axis)
    return before * after * _product_of_others(prod(x, axis, keepdims=True), tuple(rest))

"""Products of vectors, matrices and arrays of any rank. Sums over named axes: `subscripts.py`."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from autograd.engine.modes import array_within
from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Operand, Tensor, wrap
from autograd.ops.kernels.multiplication import product
from autograd.ops.shapes.shape import reshape, sum_to, swapaxes, transpose

Axes = tuple[int, ...]


@primitive(
    kind="contraction",
    expects="x (..., n, k) and y (..., k, m), or vectors of length k",
    analytic=True,
    broadcasts=True,
)
def matmul(x: Array, y: Array) -> Array:
    """x @ y over the last two axes; leading axes broadcast, and a vector is a row or a column."""
    return product(x, y)


# d(XY) = dX Y + X dY, so <G, dX Y> = <G Y^T, dX> and <G, X dY> = <X^T G, dY> (Giles 2008, 2.2.2,
# whose title is in linalg.py). A vector takes part as a matrix of one row or column; the sweep sums
# over broadcast axes.
def _pull_x(g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Tensor:
    if y.ndim == 1:
        return g[..., None] * y
    if x.ndim == 1:
        return (g[..., None, :] @ swapaxes(y, -1, -2))[..., 0, :]
    return _product_stored_as(x, g, swapaxes(y, -1, -2))


def _pull_y(g: Tensor, out: Tensor, x: Tensor, y: Tensor) -> Tensor:
    if x.ndim == 1:
        return x[:, None] * g[..., None, :] if y.ndim > 1 else g * x
    if y.ndim == 1:
        return (swapaxes(x, -1, -2) @ g[..., None])[..., 0]
    return _product_stored_as(y, swapaxes(x, -1, -2), g)


def _product_stored_as(model: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """x @ y, stored column by column where `model` is, so that what follows runs along memory.

    In one step of the basic net, the gradient of the flattened images stored the other way round
    made the ops before it three times slower.
    """
    strides = array_within(model).strides[-2:]
    if strides[0] < strides[1]:
        return swapaxes(swapaxes(y, -1, -2) @ swapaxes(x, -1, -2), -1, -2)
    return x @ y


matmul.defvjp(_pull_x, _pull_y, keeps=["x y", "x y"])


# --- what the other products share ---------------------------------------------------------------


def as_arrays(*args: Any) -> list[Array]:
    """Python's numbers among the arguments as arrays of a dtype that does not widen the others."""
    dtype = np.result_type(*args)
    # Plus 0, for None would be NaN in that dtype.
    return [a if isinstance(a, np.ndarray) else np.asarray(a + 0, dtype) for a in args]


def as_tensor(argument: Any, g: Tensor) -> Tensor:
    """The same in a rule, where g has the dtype of the result."""
    if isinstance(argument, Tensor):
        return argument
    return wrap(np.asarray(argument, g.dtype), None)


def _contracted(x: Any, y: Any, axes: tuple[Axes, Axes]) -> Array:
    """The sum of products along pairs of axes: those of x that are left, then those of y."""
    x, y = as_arrays(x, y)
    x_axes, y_axes = axes
    sizes = [[a.shape[i] for i in own] for a, own in ((x, x_axes), (y, y_axes))]
    if sizes[0] != sizes[1]:
        raise ValueError(
            f"axes {x_axes} of the first and {y_axes} of the second are summed over, "
            f"and have the lengths {tuple(sizes[0])} and {tuple(sizes[1])}"
        )
    x_left, y_left = _left(x, x_axes), _left(y, y_axes)
    shape = [x.shape[i] for i in x_left] + [y.shape[i] for i in y_left]
    rows, inner = prod(x.shape[i] for i in x_left), prod(sizes[0])
    columns = prod(y.shape[i] for i in y_left)
    product: Array = matmul.forward(
        x.transpose(x_left + x_axes).reshape(rows, inner),
        y.transpose(y_axes + y_left).reshape(inner, columns),
    )
    return product.reshape(shape)


def _left(x: Array | Tensor, axes: Axes) -> Axes:
    return tuple(i for i in range(x.ndim) if i not in axes)


# As for matrices: an axis of g stands for an axis that was left of x or of y, and the gradient of
# one argument sums g and the other over the axes left of the other.
def _pull_first(g: Tensor, x: Tensor, y: Any, axes: tuple[Axes, Axes]) -> Tensor:
    y = as_tensor(y, g)
    (x_axes, y_axes), y_left = axes, _left(y, axes[1])
    order = _left(x, x_axes) + tuple(x_axes[k] for k in np.argsort(y_axes))
    pulled = tensordot(g, y, (tuple(range(g.ndim - len(y_left), g.ndim)), y_left))
    return transpose(pulled, tuple(np.argsort(order).tolist()))


def _pull_second(g: Tensor, x: Any, y: Tensor, axes: tuple[Axes, Axes]) -> Tensor:
    x = as_tensor(x, g)
    (x_axes, y_axes), x_left = axes, _left(x, axes[0])
    order = tuple(y_axes[k] for k in np.argsort(x_axes)) + _left(y, y_axes)
    pulled = tensordot(x, g, (x_left, tuple(range(len(x_left)))))
    return transpose(pulled, tuple(np.argsort(order).tolist()))


# --- the products, under NumPy's names -----------------------------------------------------------


@primitive(
    kind="contraction", expects="axes as a number, or as a pair: of x and of y", analytic=True
)
def tensordot(x: Array, y: Array, axes: int | Sequence[Any] = 2) -> Array:
    """The sum of products over pairs of axes: axes[0] of x and axes[1] of y.

    A number stands for the last axes of x and the first of y; 0 gives the outer product. The shape
    is that of the axes left of x, followed by those left of y.
    """
    return _contracted(x, y, _axes_of_tensordot(np.ndim(x), np.ndim(y), axes))


def _axes_of_tensordot(x_ndim: int, y_ndim: int, axes: int | Sequence[Any]) -> tuple[Axes, Axes]:
    if isinstance(axes, int | np.integer):
        if not 0 <= axes <= min(x_ndim, y_ndim):
            raise ValueError(f"axes={axes} for arrays of {x_ndim} and {y_ndim} axes")
        return tuple(range(x_ndim - int(axes), x_ndim)), tuple(range(axes))
    if len(axes) != 2:
        raise ValueError(f"axes={axes} has {len(axes)} parts")
    first, second = (_numbers(own, n) for own, n in zip(axes, (x_ndim, y_ndim), strict=True))
    if len(first) != len(second):
        raise ValueError(f"axes={axes} pairs {len(first)} axes with {len(second)}")
    return first, second


def _numbers(axes: int | Sequence[int], ndim: int) -> Axes:
    given = (axes,) if isinstance(axes, int | np.integer) else tuple(axes)
    if any(not -ndim <= a < ndim for a in given) or len({a % ndim for a in given}) < len(given):
        raise ValueError(f"axes {given} of an array of {ndim} axes, none twice")
    return tuple(int(a) % ndim for a in given)


tensordot.defvjp(
    lambda g, out, x, y, axes=2: _pull_first(g, x, y, _axes_of_tensordot(x.ndim, np.ndim(y), axes)),
    lambda g, out, x, y, axes=2: _pull_second(
        g, x, y, _axes_of_tensordot(np.ndim(x), y.ndim, axes)
    ),
    keeps=["y", "x"],
)


@primitive(
    kind="contraction", expects="x (..., k) and y (..., k, m), or a y of shape (k,)", analytic=True
)
def dot(x: Array, y: Array) -> Array:
    """The sum of products over the last axis of x and the last but one of y (or its only one).

    Other than in matmul, leading axes do not pair up: x (a, n, k) and y (b, k, m) give
    (a, n, b, m). With a number it multiplies.
    """
    return _contracted(x, y, _axes_of_dot(np.ndim(x), np.ndim(y)))


def _axes_of_dot(x_ndim: int, y_ndim: int) -> tuple[Axes, Axes]:
    return ((x_ndim - 1,), (max(y_ndim - 2, 0),)) if x_ndim and y_ndim else ((), ())


dot.defvjp(
    lambda g, out, x, y: _pull_first(g, x, y, _axes_of_dot(x.ndim, np.ndim(y))),
    lambda g, out, x, y: _pull_second(g, x, y, _axes_of_dot(np.ndim(x), y.ndim)),
    keeps=["y", "x"],
)


@primitive(kind="contraction", expects="arrays whose last axes have one length", analytic=True)
def inner(x: Array, y: Array) -> Array:
    """The sum of products over the last axes; with a number it multiplies."""
    return _contracted(x, y, _axes_of_inner(np.ndim(x), np.ndim(y)))


def _axes_of_inner(x_ndim: int, y_ndim: int) -> tuple[Axes, Axes]:
    return ((x_ndim - 1,), (y_ndim - 1,)) if x_ndim and y_ndim else ((), ())


inner.defvjp(
    lambda g, out, x, y: _pull_first(g, x, y, _axes_of_inner(x.ndim, np.ndim(y))),
    lambda g, out, x, y: _pull_second(g, x, y, _axes_of_inner(np.ndim(x), y.ndim)),
    keeps=["y", "x"],
)


@primitive(kind="contraction", analytic=True)
def outer(x: Array, y: Array) -> Array:
    """The products of each element of x with each of y: (x.size, y.size)."""
    x, y = as_arrays(x, y)
    return np.outer(x, y)


outer.defvjp(
    lambda g, out, x, y: reshape(g @ reshape(as_tensor(y, g), -1), x.shape),
    lambda g, out, x, y: reshape(reshape(as_tensor(x, g), -1) @ g, y.shape),
    keeps=["y", "x"],
)


@primitive(kind="contraction", expects="vectors along one axis of one length", broadcasts=True)
def vecdot(x: Array, y: Array, *, axis: int = -1) -> Array:
    """The sum of products along `axis` of both; the other axes broadcast."""
    vecdot: Any = np.vecdot  # whose annotations leave the axis out
    return np.asarray(vecdot(x, y, axis=axis))


def _pull_vecdot(g: Tensor, own: Tensor, other: Tensor, axis: int) -> Tensor:
    return _moved_back(g[..., None] * _moved_last(other, axis), own, axis)


vecdot.defvjp(
    lambda g, out, x, y, axis=-1: _pull_vecdot(g, x, y, axis),
    lambda g, out, x, y, axis=-1: _pull_vecdot(g, y, x, axis),
    keeps=["y", "x"],
)


@primitive(kind="contraction", analytic=True)
def kron(x: Array, y: Array) -> Array:
    """The Kronecker product: blocks of y, each times an element of x.

    Axis i has the length x.shape[i] * y.shape[i]; the one with fewer axes gets leading ones.
    """
    x, y = as_arrays(x, y)
    return np.asarray(np.kron(x, y))


def _blocks(g: Tensor, x: Tensor, y: Tensor) -> tuple[Tensor, Axes, Axes, Axes]:
    """g with two axes for each, of x and of y; and which are those of x, of y, and lead in y."""
    n = max(x.ndim, y.ndim)
    shapes = [(1,) * (n - a.ndim) + a.shape for a in (x, y)]
    apart = reshape(g, tuple(k for pair in zip(*shapes, strict=True) for k in pair))
    evens, odds = tuple(range(0, 2 * n, 2)), tuple(range(1, 2 * n, 2))
    return apart, evens, odds, tuple(range(n))


def _pull_blocks(g: Tensor, out: Tensor, x: Tensor, y: Any) -> Tensor:
    y = as_tensor(y, g)
    apart, _, odds, every = _blocks(g, x, y)
    full = reshape(y, (1,) * (len(every) - y.ndim) + y.shape)
    return reshape(tensordot(apart, full, (odds, every)), x.shape)


def _pull_block(g: Tensor, out: Tensor, x: Any, y: Tensor) -> Tensor:
    x = as_tensor(x, g)
    apart, evens, _, every = _blocks(g, x, y)
    full = reshape(x, (1,) * (len(every) - x.ndim) + x.shape)
    return reshape(tensordot(full, apart, (every, evens)), y.shape)


kron.defvjp(_pull_blocks, _pull_block, keeps=["y", "x"])


@primitive(
    kind="contraction",
    expects="vectors of length 3, and other axes that broadcast",
    analytic=True,
    broadcasts=True,
)
def cross(
    x: Array, y: Array, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None
) -> Array:
    """The cross product of vectors of length 3.

    They lie along axisa of x and axisb of y, and along axisc of the result; `axis` stands for all
    three. The other axes broadcast.
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    if x.shape[axisa] != 3 or y.shape[axisb] != 3:
        raise ValueError(f"vectors of length {x.shape[axisa]} and {y.shape[axisb]} given")
    return np.asarray(np.cross(x, y, axisa, axisb, axisc))


# <g, dx * y> = <dx, y * g> and <g, x * dy> = <dy, g * x>: a triple product may be turned round.
def _pull_cross_x(
    g: Tensor,
    out: Tensor,
    x: Tensor,
    y: Tensor,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    if axis is not None:
        axisa = axisb = axisc = axis
    return _moved_back(cross(_moved_last(y, axisb), _moved_last(g, axisc)), x, axisa)


def _pull_cross_y(
    g: Tensor,
    out: Tensor,
    x: Tensor,
    y: Tensor,
    axisa: int = -1,
    axisb: int = -1,
    axisc: int = -1,
    axis: int | None = None,
) -> Tensor:
    if axis is not None:
        axisa = axisb = axisc = axis
    return _moved_back(cross(_moved_last(g, axisc), _moved_last(x, axisa)), y, axisb)


cross.defvjp(_pull_cross_x, _pull_cross_y, keeps=["y", "x"])


def _moved_last(x: Tensor, axis: int) -> Tensor:
    axis %= x.ndim
    return transpose(x, (*(i for i in range(x.ndim) if i != axis), axis))


def _moved_back(g: Tensor, x: Tensor, axis: int) -> Tensor:
    """g, whose vectors lie last and whose other axes broadcast, as a gradient of x."""
    axis %= x.ndim
    left = [i for i in range(x.ndim) if i != axis]
    summed = sum_to(g, (*(x.shape[i] for i in left), x.shape[axis]))
    return transpose(summed, tuple(np.argsort([*left, axis]).tolist()))


def matrix_transpose(x: Operand) -> Tensor:
    """x with its last two axes exchanged.

    Raises:
        ValueError: x has fewer than two axes.
    """
    x = x if isinstance(x, Tensor) else Tensor(x)
    if x.ndim < 2:
        raise ValueError(f"matrix_transpose: at least two axes expected, shape {x.shape} given")
    return swapaxes(x, -1, -2)

"""Ops that rearrange elements and change none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod
from operator import mul
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from autograd.engine.conforming import broadcast_axes
from autograd.engine.modes import array_within
from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Operand, Tensor
from autograd.ops.arguments import expect_constants, named
from autograd.runtime.rooms import Room, new

if TYPE_CHECKING:
    from numpy.typing import DTypeLike


def as_tensor(x: Operand) -> Tensor:
    """x itself, or a constant of it: for compositions that look at the shape first."""
    return x if isinstance(x, Tensor) else Tensor(x)


@primitive(kind="view", analytic=True)
def reshape(x: Array, shape: int | tuple[int, ...]) -> Array:
    """The same elements in row-major order under another shape; one entry may be -1."""
    return np.reshape(x, shape)


reshape.defvjp(lambda g, out, x, shape: reshape(g, x.shape), keeps=[""])


def reshaped(x: Array, shape: int | tuple[int, ...], room: Room = new) -> Array:
    """See `reshape`; into a room, where no view can have that shape."""
    if room is new or x.flags.c_contiguous or not x.size:
        return x.reshape(shape)
    sizes = [shape] if isinstance(shape, int) else list(shape)
    if -1 in sizes:
        sizes[sizes.index(-1)] = -(x.size // prod(sizes))
    if prod(sizes) != x.size or _lies_so(x, sizes):
        return x.reshape(shape)  # which refuses another size
    out = room(tuple(sizes), x.dtype)
    out.reshape(x.shape)[...] = x
    return out


def _lies_so(x: Array, shape: Sequence[int]) -> bool:
    """Whether a view of x can have that shape: it must keep apart what memory keeps apart."""
    axes = [(n, step) for n, step in zip(x.shape, x.strides, strict=True) if n > 1]
    sizes = list(accumulate([n for n, _ in axes], mul))
    apart = {
        size
        for size, (_, step), (n, inner) in zip(sizes, axes, axes[1:], strict=False)
        if step != n * inner
    }
    return apart.issubset(accumulate(shape, mul))


def ravel(x: Operand) -> Tensor:
    """The elements of x in row-major order along one axis. A view where memory allows."""
    return reshape(x, -1)


@primitive(kind="view", analytic=True)
def transpose(x: Array, axes: Sequence[int] | None = None) -> Array:
    """Axis i of the result is axis axes[i] of x; without axes their order is reversed."""
    return np.transpose(x, axes)


transpose.defvjp(lambda g, out, x, axes=None: transpose(g, _inverse(axes, x.ndim)), keeps=[""])


def _inverse(axes: Sequence[int] | None, ndim: int) -> tuple[int, ...] | None:
    return None if axes is None else tuple(np.argsort([a % ndim for a in axes]).tolist())


@named
def swapaxes(x: Operand, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged."""
    x = as_tensor(x)
    return transpose(x, np.swapaxes(_numbered(x.ndim), axis1, axis2).shape)


@named
def moveaxis(x: Operand, source: int | Sequence[int], destination: int | Sequence[int]) -> Tensor:
    """x with the axes `source` at the places `destination`; the others keep their order."""
    x = as_tensor(x)
    return transpose(x, np.moveaxis(_numbered(x.ndim), source, destination).shape)


def _numbered(ndim: int) -> Array:
    """An array of no elements whose axis i has length i: moved about, its shape tells which axis
    is where."""
    return np.empty(tuple(range(ndim)))


@named
def expand_dims(x: Operand, axis: int | tuple[int, ...]) -> Tensor:
    """x with a new axis of length 1 at each of these places of the result."""
    x = as_tensor(x)
    return reshape(x, np.expand_dims(array_within(x), axis).shape)


@named
def squeeze(x: Operand, axis: Axis = None) -> Tensor:
    """x without the axes given, or without all of length 1.

    Raises:
        ValueError: an axis given has another length than 1.
    """
    x = as_tensor(x)
    try:
        shape = np.squeeze(array_within(x), axis).shape
    except np.exceptions.AxisError:
        raise
    except ValueError as error:
        raise ValueError(
            f"squeeze: axis {axis} of shape {x.shape} given, axes of length 1 expected; "
            "take one element of a longer one by an index"
        ) from error
    return reshape(x, shape)


def atleast_1d(x: Operand) -> Tensor:
    """x, or the vector of one element of a single number."""
    x = as_tensor(x)
    return x if x.ndim >= 1 else reshape(x, 1)


def atleast_2d(x: Operand) -> Tensor:
    """x with axes of length 1 put in front until it has two."""
    x = as_tensor(x)
    return x if x.ndim >= 2 else reshape(x, np.atleast_2d(array_within(x)).shape)


def atleast_3d(x: Operand) -> Tensor:
    """x with axes of length 1 until it has three; (n,) becomes (1, n, 1) and (n, m) (n, m, 1)."""
    x = as_tensor(x)
    return x if x.ndim >= 3 else reshape(x, np.atleast_3d(array_within(x)).shape)


@primitive(kind="view", analytic=True)
def broadcast_to(x: Array, shape: int | tuple[int, ...]) -> Array:
    """x repeated along new axes and along axes of length 1, as a read-only view."""
    return np.broadcast_to(x, shape)


broadcast_to.defvjp(lambda g, out, x, shape: sum_to(g, x.shape), keeps=[""])


def sum_to(g: Tensor, shape: tuple[int, ...]) -> Tensor:
    """g summed over the axes along which an array of `shape` was broadcast to that of g."""
    axes = broadcast_axes(g.shape, shape)
    return reshape(g.sum(axis=axes, keepdims=True), shape) if axes else g


@primitive(kind="view", analytic=True)
def flip(x: Array, axis: Axis = None) -> Array:
    """x with the order of its elements reversed along one axis, several, or all; a view."""
    return np.flip(x, axis)


flip.defvjp(lambda g, out, x, axis=None: flip(g, axis), keeps=[""])


@named
def flipud(x: Operand) -> Tensor:
    """x with the order along its first axis reversed."""
    return flip(x, 0)


@named
def fliplr(x: Operand) -> Tensor:
    """x, of two axes or more, with the order along its second axis reversed."""
    return flip(x, 1)


@named
def rot90(x: Operand, k: int = 1, axes: tuple[int, int] = (0, 1)) -> Tensor:
    """x turned k times by 90 degrees, from the first of the two axes towards the second."""
    expect_constants("rot90", k=k)
    x = as_tensor(x)
    first, second = normalize_axis_tuple(axes, x.ndim, "axes", allow_duplicate=True)
    if first == second:
        raise ValueError(
            f"rot90: axes {axes} of a tensor of shape {x.shape} given, two different axes expected"
        )
    turns = k % 4
    if turns == 1:
        return swapaxes(flip(x, second), first, second)
    if turns == 3:
        return flip(swapaxes(x, first, second), second)
    return flip(x, (first, second)) if turns else x


@primitive(kind="gather", analytic=True)
def roll(x: Array, shift: int | tuple[int, ...], axis: Axis = None) -> Array:
    """x with its elements moved on by `shift` along the axis; those that leave enter at its start.

    Without an axis they move on in row-major order. Tuples give a shift for each axis.
    """
    return np.roll(x, shift, axis)


roll.defvjp(
    lambda g, out, x, shift, axis=None: roll(g, np.negative(shift).tolist(), axis), keeps=[""]
)


@primitive(kind="view", analytic=True)
def ascontiguousarray(x: Array) -> Array:
    """x in row-major memory: a copy where it is not, and the same values."""
    return np.ascontiguousarray(x).reshape(x.shape)  # NumPy makes 0-d arrays 1-d here


ascontiguousarray.defvjp(lambda g, out, x: g, keeps=[""])


@primitive(kind="view", analytic=True)
def copy(x: Array) -> Array:
    """x in memory of its own."""
    return np.array(x, order="K")


copy.defvjp(lambda g, out, x: g, keeps=[""])


@primitive(kind="elementwise")
def astype(x: Array, dtype: DTypeLike) -> Array:
    """x converted to another dtype. The gradient is converted back."""
    return np.asarray(x).astype(dtype)


astype.defvjp(lambda g, out, x, dtype: astype(g, x.dtype), keeps=[""])


def real(x: Operand) -> Tensor:
    """x, where it is real: for formulas that hold for complex numbers as well.

    Raises TypeError, as imag and conj do, for complex numbers that want a gradient.
    """
    return _of_complex("real", np.real, x)


def imag(x: Operand) -> Tensor:
    """Zeros, where x is real; see real."""
    x = as_tensor(x)
    return _of_complex(
        "imag", np.imag, x if x.dtype.kind == "c" else np.zeros_like(array_within(x))
    )


def conj(x: Operand) -> Tensor:
    """x, where it is real; see real."""
    return _of_complex("conj", np.conj, x)


conjugate = conj  # NumPy has both names


def _of_complex(name: str, function: Callable[[Array], Array], x: Operand) -> Tensor:
    x = as_tensor(x)
    if x.dtype.kind != "c":
        return x
    if x.requires_grad:
        raise TypeError(
            f"{name}: a tensor of {x.dtype} that wants a gradient given, a real one expected: "
            "gradients are real throughout; declare an op with @primitive that leaves complex "
            "numbers inside"
        )
    return Tensor(function(x.data))

"""Primitives that move elements and change none."""

from __future__ import annotations

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from autograd.conforming import sum_to
from autograd.primitives import primitive

if TYPE_CHECKING:
    from autograd.tensor import Operand, Tensor

Array = NDArray[Any]


@primitive(kind="view")
def reshape(x: Array, shape: int | tuple[int, ...]) -> Array:
    """The same elements in row-major order under another shape; one entry may be -1."""
    return np.reshape(x, shape)


reshape.defvjp(lambda g, out, x, shape: reshape(g, x.shape))


@primitive(kind="view")
def transpose(x: Array, axes: Sequence[int] | None = None) -> Array:
    """Axis i of the result is axis axes[i] of x; without axes their order is reversed."""
    return np.transpose(x, axes)


transpose.defvjp(lambda g, out, x, axes=None: transpose(g, _inverse(axes, x.ndim)))


def _inverse(axes: Sequence[int] | None, ndim: int) -> tuple[int, ...] | None:
    return None if axes is None else tuple(np.argsort([a % ndim for a in axes]).tolist())


def swapaxes(x: Operand, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged."""
    axes = list(range(np.ndim(getattr(x, "data", x))))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return transpose(x, tuple(axes))


@primitive(kind="view")
def broadcast_to(x: Array, shape: int | tuple[int, ...]) -> Array:
    """x repeated along new axes and along axes of length 1, as a read-only view."""
    return np.broadcast_to(x, shape)


broadcast_to.defvjp(lambda g, out, x, shape: sum_to(g, x.shape))


@primitive(kind="view")
def pad(x: Array, pad_width: Any, constant_values: float = 0) -> Array:
    """x with constant borders; pad_width is (before, after) for each axis, or as in np.pad."""
    widths = _pad_widths(pad_width, x.ndim)
    shape = tuple(n + before + after for n, (before, after) in zip(x.shape, widths, strict=True))
    out = np.full_like(x, constant_values, shape=shape)  # keeps the order of memory of x
    out[_inner(widths, x.shape)] = x
    return out


pad.defvjp(
    lambda g, out, x, pad_width, constant_values=0: g[
        _inner(_pad_widths(pad_width, x.ndim), x.shape)
    ]
)


def _pad_widths(pad_width: Any, ndim: int) -> list[tuple[int, int]]:
    widths = np.broadcast_to(pad_width, (ndim, 2)).tolist()
    if any(w < 0 for pair in widths for w in pair):
        raise ValueError(f"pad widths of at least 0 expected, {pad_width} given")
    return [(before, after) for before, after in widths]


def _inner(widths: list[tuple[int, int]], shape: tuple[int, ...]) -> tuple[builtins.slice, ...]:
    return tuple(slice(before, before + n) for (before, _), n in zip(widths, shape, strict=True))


@primitive(kind="view")
def ascontiguousarray(x: Array) -> Array:
    """x in row-major memory: a copy where it is not, and the same values."""
    return np.ascontiguousarray(x).reshape(x.shape)  # NumPy makes 0-d arrays 1-d here


ascontiguousarray.defvjp(lambda g, out, x: g)


@primitive(kind="view")
def copy(x: Array) -> Array:
    """x in memory of its own."""
    return np.array(x, order="K")


copy.defvjp(lambda g, out, x: g)


@primitive(kind="elementwise")
def astype(x: Array, dtype: DTypeLike) -> Array:
    """x converted to another dtype. The gradient is converted back."""
    return np.asarray(x).astype(dtype)


astype.defvjp(lambda g, out, x, dtype: astype(g, x.dtype))

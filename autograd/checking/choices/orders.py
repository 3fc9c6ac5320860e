"""Reading in order, as `sort`, `median` and a gather by argsort do: of elements that are equal, any
may come first, but the index on a tape says which did."""

from __future__ import annotations

from collections.abc import Callable
from math import lgamma
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autograd.engine.tensor import Array

_BY_CHANCE = 0.05  # how likely an order that sorts is to be another permutation


def reordered(x: Array, index: Any) -> Callable[[Array], Any] | None:
    """If x[index] reads lines of x in their order, or some places of it: what gives the index that
    does so at values close by."""
    parts = list(index) if isinstance(index, tuple) else [index]
    axis = _axis(x, parts)
    if axis is None:
        return None
    places = parts[axis]
    # Some places of the order are a view of it.
    order = places.base if isinstance(places.base, np.ndarray) else places
    if order.shape != x.shape or order.dtype != places.dtype or not order.flags.c_contiguous:
        return None
    sign = _direction(x, order, axis)
    if sign is None:
        return None
    offset = places.__array_interface__["data"][0] - order.__array_interface__["data"][0]
    scale = np.dtype(np.intp).itemsize // order.itemsize
    read = as_strided(
        np.arange(order.size)[offset // order.itemsize :],
        places.shape,
        [scale * stride for stride in places.strides],
    )

    def at(moved: Array) -> Any:
        parts[axis] = np.argsort(sign * moved, axis=axis, kind="stable").ravel()[read]
        return tuple(parts) if isinstance(index, tuple) else parts[0]

    return at


def _axis(x: Array, parts: list[Any]) -> int | None:
    """The axis along which an index reads each line at its own places."""
    if len(parts) != x.ndim or not all(isinstance(p, np.ndarray) for p in parts):
        return None
    if any(p.dtype.kind not in "iu" or p.ndim != x.ndim or not p.size for p in parts):
        return None
    grid = np.ogrid[tuple(slice(n) for n in x.shape)]
    unlike = [
        axis
        for axis, (part, line) in enumerate(zip(parts, grid, strict=True))
        if x.ndim == 1 or not np.array_equal(part, line)
    ]
    return unlike[0] if len(unlike) == 1 else None


def _direction(x: Array, order: Array, axis: int) -> int | None:
    """1 where an array of places puts lines in ascending order, -1 in descending; None where it
    does neither, or may do so by chance."""
    numbers = np.arange(x.shape[axis]).reshape([-1 if a == axis else 1 for a in range(x.ndim)])
    if not (np.sort(order, axis=axis) == numbers).all() or np.isnan(x).any():
        return None
    steps = np.diff(np.take_along_axis(x, order, axis), axis=axis)
    for sign in (1, -1):
        if (sign * steps >= 0).all():
            stable = np.argsort(sign * x, axis=axis, kind="stable")
            if np.array_equal(order, stable) or _chance(x, axis) < _BY_CHANCE:
                return sign
    return None


def _chance(x: Array, axis: int) -> float:
    """How likely a random permutation is to sort all lines: equal elements may stand as they do."""
    log = 0.0
    for line in np.moveaxis(x, axis, -1).reshape(-1, x.shape[axis]):
        counts = np.unique(line, return_counts=True)[1]
        log += sum(lgamma(1 + count) for count in counts) - lgamma(1 + len(line))
    return float(np.exp(log))

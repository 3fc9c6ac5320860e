"""Forwards of several passes or pieces, worked on in blocks that stay in the cache."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd.engine.tensor import Array
from autograd.ops.kernels.halves import is_half
from autograd.runtime.threads import STREAMED, in_slabs

_BLOCK = 1 << 14


def add_into(total: Array, part: Array) -> None:
    """Add an array to another in place; to one of float16, as if it were one of float32."""
    if is_half(total):
        total[...] = _in_single(total, part)
    elif total.size < STREAMED:  # by one thread, without further ado
        np.add(total, part, out=total)
    else:
        in_slabs(np.add, total, total, part)


# Sums of float16 in float32, by the id of the array that holds them rounded, while there is one: a
# thousand small parts, each added to a rounded sum, would be lost in it.
_wide: dict[int, tuple[weakref.ref[Array], Array]] = {}


def _in_single(total: Array, part: Array) -> Array:
    key = id(total)
    if key not in _wide:
        own = weakref.ref(total, lambda _: _wide.pop(key, None))
        _wide[key] = own, total.astype(np.float32)
    wide = _wide[key][1]
    return np.add(wide, part, out=wide)


def in_blocks(function: Callable[..., Any], *arrays: Any) -> Array:
    """function(*arrays) for one that works elementwise; integers are taken as floats.

    It works in the dtype of the result and gives no warnings: its steps may overflow or be NaN
    where its result is not, and that of a pole is inf or NaN.
    """
    return _computed(function, np.result_type(*arrays, 1.0), None, arrays)


def in_double(function: Callable[..., Any], x: Array) -> Array:
    """function(x), computed in float64 (complex128), in the dtype of x.

    For series that are made for double precision: of float32 the result is then right to the last
    bit but one.
    """
    dtype = np.result_type(x, 1.0)
    return _computed(function, dtype, np.complex128 if dtype.kind == "c" else np.float64, (x,))


def _computed(
    function: Callable[..., Any], dtype: np.dtype[Any], within: Any, arrays: tuple[Any, ...]
) -> Array:
    arrays = tuple([np.asarray(a, dtype) for a in arrays])
    model = max(arrays, key=np.size)
    out = np.empty_like(model, shape=np.broadcast_shapes(*map(np.shape, arrays)))

    def part(*arrays: Array, out: Array) -> None:
        if within is not None:
            arrays = tuple([a.astype(within, copy=False) for a in arrays])
        with np.errstate(all="ignore"):
            out[...] = function(*arrays)

    return in_slabs(part, out, *arrays, block=_BLOCK)


def by_interval(
    x: Array, key: Array, edges: Sequence[float], functions: Sequence[Callable[[Array], Any]]
) -> Array:
    """functions[k](x) where edges[k - 1] <= key < edges[k], each on those elements alone.

    The first and the last interval are open; NaN lies in the last.
    """
    piece = np.zeros(x.shape, np.int8)
    for edge in edges:
        piece += ~(key < edge)
    numbers, flat = piece.ravel(), x.ravel()
    out = np.empty_like(flat)
    # By their places, not by masks as in np.piecewise: on random numbers six times as fast.
    for number, function in enumerate(functions):
        places = np.flatnonzero(numbers == number)
        if places.size:
            out[places] = function(flat[places])
    return out.reshape(x.shape)

"""How far arrays are from each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from autograd.engine.tensor import Array

_AT_ONCE = 1 << 16  # elements, of which what is computed on the way stays in the cache


def equal(a: Array, b: Array) -> Array:
    """Where two arrays of floats have the same number, or NaN both."""
    same: Array = (a == b) | (np.isnan(a) & np.isnan(b))
    return same


def same_bits(a: Array, b: Array) -> bool:
    """Whether all elements of two arrays are the same to the bit, for which minus zero is another
    than zero; False too for types that are looked at otherwise. It takes no memory to speak of, and
    stops where the first differs."""
    if a.shape != b.shape or a.dtype != b.dtype or a.dtype.hasobject:
        return False
    if a.strides == b.strides:
        if _begin(a) == _begin(b):
            return True  # they are one
        one, other = _span(a), _span(b)
        if one is not None and other is not None:
            a, b = one, other
    if a.itemsize not in (1, 2, 4, 8):
        return False
    bits = f"u{a.itemsize}"
    pairs = zip(_pieces(a.view(bits)), _pieces(b.view(bits)), strict=True)
    return all(np.array_equal(one, other) for one, other in pairs)


def elementwise(f: Callable[[Array], Array], array: Array) -> Array:
    """f of each element, where an array may show one several times, as windows do: once of each."""
    span = _span(array)
    if span is None or 2 * span.size > array.size:
        return f(array)
    made = f(span)
    steps = tuple([s // array.itemsize * made.itemsize for s in array.strides])
    shown: Array = np.ndarray(array.shape, made.dtype, made.data, 0, steps)
    return shown


def _begin(array: Array) -> int:
    begin: int = array.__array_interface__["data"][0]
    return begin


def _span(array: Array) -> Array | None:
    """All that lies in memory from the first to the last element, in a row; None where it is much
    more than the array has, or strides go backwards, or not by whole elements."""
    size = array.itemsize
    if not array.size or any(s < 0 or s % size for s in array.strides):
        return None
    steps = [(n - 1) * s // size for n, s in zip(array.shape, array.strides, strict=True)]
    count = 1 + sum(steps)
    if count > array.size + array.size // 4:
        return None
    return np.lib.stride_tricks.as_strided(array, (count,), (size,), writeable=False)


def _pieces(array: Array) -> Iterator[Array]:
    """Parts of an array, one after the other, none of them large."""
    if array.size <= _AT_ONCE or not array.ndim:
        yield array
    elif len(array) == 1:
        yield from _pieces(array[0])
    else:
        rows = max(_AT_ONCE * len(array) // array.size, 1)
        for start in range(0, len(array), rows):
            part = array[start : start + rows]
            yield from [part] if part.size <= _AT_ONCE else _pieces(part[0])


def gap(a: Array, b: Array) -> float:
    """The largest difference, as far as that is a number; infinite between two shapes."""
    if a.shape != b.shape:
        return float("inf")
    with np.errstate(all="ignore"):
        return float(np.nanmax(np.abs(a.astype(float) - b.astype(float)), initial=0.0))

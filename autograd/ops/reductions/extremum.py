"""Largest and smallest elements over axes, and where they are.

Of elements that tie, the first in row-major order gets the whole gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from math import prod
from typing import Any

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Axis, Tensor
from autograd.ops.kernels.masking import masked
from autograd.ops.reductions.reduction import (
    along_last,
    as_before,
    keepdims_shape,
    reduced_axes,
)
from autograd.ops.shapes.shape import reshape
from autograd.runtime.rooms import Room, new
from autograd.runtime.threads import in_slabs, outermost

# Up to so many elements to reduce, one pass a slice beats NumPy's reduction over short axes: 2x2
# windows of 800,000 float32 take 0.46 ms instead of 1.44.
_FEW = 16
_SMALL = 1 << 10  # elements

_SOME = "at least one element along the axes that are reduced"


@primitive(kind="gather", analytic=True)
def scatter_first_max(g: Array, peak: Array, x: Array) -> Array:
    """Zeros of the shape of x, but g at the first place where x reaches its maximum `peak`.

    g and peak have the shape of x, with 1 for each axis that the maximum was taken over.
    """
    return scattered(g, peak, x)


def scattered(g: Array, peak: Array, x: Array, room: Room = new) -> Array:
    """See `scatter_first_max`; into a room where few are reduced."""
    axes = _collapsed(peak.shape, x.shape)
    if _few_and_finite(peak, x, axes):
        out = room(x.shape, g.dtype, x)
        if outermost(out) in axes:
            _scatter_few(g, peak, x, axes, out=out)
            return out
        return in_slabs(partial(_scatter_few, axes=axes), out, g, peak, x)
    lines = along_last(x, axes)
    out = np.zeros_like(lines, dtype=g.dtype)
    np.put_along_axis(out, _argfirst(lines), g.reshape(*lines.shape[:-1], 1), axis=-1)
    return as_before(out, x.shape, axes)


def _scatter_few(g: Array, peak: Array, x: Array, axes: tuple[int, ...], out: Array) -> None:
    for index, hit in _first_hits(peak, x, axes):
        masked(g, hit, out=out[index])


@primitive(kind="gather", analytic=True)
def gather_first_max(h: Array, peak: Array, x: Array) -> Array:
    """The entries of h, of the shape of x, where x first reaches its maximum `peak`.

    The adjoint of `scatter_first_max`; the result has the shape of peak.
    """
    axes = _collapsed(peak.shape, x.shape)
    if _few_and_finite(peak, x, axes):
        out = np.zeros_like(peak, dtype=h.dtype)
        for index, hit in _first_hits(peak, x, axes):
            np.add(out, masked(h[index], hit), out=out)
        return out
    picked = np.take_along_axis(along_last(h, axes), _argfirst(along_last(x, axes)), axis=-1)
    return picked.reshape(peak.shape)


# Where the maximum lies does not change with an infinitesimal step: no gradient for peak and x.
scatter_first_max.defvjp(
    lambda g, out, _, peak, x: gather_first_max(g, peak, x), None, None, keeps=["peak x", "", ""]
)
gather_first_max.defvjp(
    lambda g, out, _, peak, x: scatter_first_max(g, peak, x), None, None, keeps=["peak x", "", ""]
)


@primitive(kind="reduction", expects=_SOME, analytic=True)
def max(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The maximum; NaN where there is one. The first in row-major order gets the whole gradient,
    as in PyTorch's max_pool2d."""
    return _extremum(np.maximum, x, axis, keepdims)


max.defvjp(
    lambda g, out, x, axis=None, keepdims=False: _to_first_max(
        g, out, x, keepdims_shape(x.shape, axis)
    ),
    keeps=["out x"],
)


@primitive(kind="reduction", expects=_SOME, analytic=True)
def min(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The minimum; NaN where there is one. The first in row-major order gets the whole gradient."""
    return _extremum(np.minimum, x, axis, keepdims)


min.defvjp(
    lambda g, out, x, axis=None, keepdims=False: _to_first_max(
        g, -out, -x, keepdims_shape(x.shape, axis)
    ),
    keeps=["out x"],
)


def _to_first_max(g: Tensor, peak: Tensor, x: Tensor, shape: tuple[int, ...]) -> Tensor:
    return scatter_first_max(reshape(g, shape), reshape(peak, shape), x)


def _extremum(larger: np.ufunc, x: Array, axis: Axis, keepdims: bool) -> Array:
    """The reduction of x with np.maximum or np.minimum."""
    axes = reduced_axes(axis, x.ndim)
    # Of so few NumPy's slow loop takes less time than the slices: 1 µs, not 38, for (4, 10).
    if x.size < _SMALL or not 1 < prod(x.shape[a] for a in axes) <= _FEW:
        return np.asarray(larger.reduce(x, axis=axes, keepdims=keepdims))
    first = tuple(slice(0, 1) if i in axes else slice(None) for i in range(x.ndim))
    out = np.empty_like(x[first])
    if outermost(x) in axes:
        _extremum_of_few(larger, x, axes, out=out)
    else:
        in_slabs(partial(_extremum_of_few, larger, axes=axes), out, x)
    return out if keepdims else out.squeeze(axes)


def _extremum_of_few(larger: np.ufunc, x: Array, axes: tuple[int, ...], out: Array) -> None:
    parts = [x[index] for index in _unit_slices(x.shape, axes)]
    larger(parts[0], parts[1], out=out)
    for part in parts[2:]:
        larger(out, part, out=out)


@primitive(kind="reduction", differentiable=False, expects=_SOME)
def argmax(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the first maximum along one axis, or in the flattened array; a constant."""
    return np.asarray(np.argmax(x, axis=axis, keepdims=keepdims))


@primitive(kind="reduction", differentiable=False, expects=_SOME)
def argmin(x: Array, axis: int | None = None, keepdims: bool = False) -> Array:
    """The index of the first minimum along one axis, or in the flattened array; a constant."""
    return np.asarray(np.argmin(x, axis=axis, keepdims=keepdims))


def _unit_slices(shape: tuple[int, ...], axes: tuple[int, ...]) -> Iterator[tuple[Any, ...]]:
    """Indices of the slices of length 1 along `axes`, in row-major order."""
    for where in np.ndindex(*(shape[a] for a in axes)):
        index = [slice(None)] * len(shape)
        for a, i in zip(axes, where, strict=True):
            index[a] = slice(i, i + 1)
        yield (*index, ...)  # the ellipsis keeps what is picked from a 0-d array an array


def _first_hits(
    peak: Array, x: Array, axes: tuple[int, ...]
) -> Iterator[tuple[tuple[Any, ...], Array]]:
    """For each slice of x, where it is the first to reach the peak."""
    *earlier, last = _unit_slices(x.shape, axes)
    vacant = np.ones_like(peak, dtype=np.bool_)
    for index in earlier:
        hit = np.equal(x[index], peak)
        hit &= vacant
        vacant ^= hit
        yield index, hit
    yield last, vacant  # some slice must reach it


def _few_and_finite(peak: Array, x: Array, axes: tuple[int, ...]) -> bool:
    # NaN equals nothing, so its place is left to argmax.
    return prod(x.shape[a] for a in axes) <= _FEW and not np.isnan(peak).any()


def _collapsed(short: tuple[int, ...], full: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(i for i, (n, m) in enumerate(zip(short, full, strict=True)) if n != m)


def _argfirst(lines: Array) -> Array:
    return np.asarray(lines.argmax(axis=-1, keepdims=True))

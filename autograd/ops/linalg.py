"""Matrix products."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from autograd.ops.shape import swapaxes
from autograd.primitives import primitive
from autograd.threads import LARGE, blas_on_one_thread, share, slabs

if TYPE_CHECKING:
    from autograd.tensor import Tensor

Array = NDArray[Any]

_SMALL = 4096  # elements of both arguments, below which BLAS keeps to one thread by itself
_BLOCK = 4096  # elements of the inner axis that are multiplied at once


@primitive(kind="contraction", expects="x (..., n, k) and y (..., k, m), or vectors of length k")
def matmul(x: Array, y: Array) -> Array:
    """x @ y over the last two axes; leading axes broadcast, and a vector is a row or a column."""
    size = x.size + y.size
    if size < _SMALL:
        return np.asarray(np.matmul(x, y))
    with blas_on_one_thread():
        if x.ndim != 2 or y.ndim != 2 or size < LARGE:
            return np.asarray(np.matmul(x, y))
        return _large_product(x, y)


def _large_product(x: Array, y: Array) -> Array:
    """x @ y in parts: along the longest of its three axes, so that no part is needlessly skinny."""
    (n, k), m = x.shape, y.shape[1]
    if k > 4 * max(n, m):
        return _in_blocks(x, y)
    out = np.empty((n, m), np.result_type(x, y))
    if n >= m:
        parts = [(x[s], y, out[s]) for s in slabs(n, x.size + y.size)]
    else:
        parts = [(x, y[:, s], out[:, s]) for s in slabs(m, x.size + y.size)]
    share([partial(np.matmul, a, b, out=c) for a, b, c in parts])
    return out


def _in_blocks(x: Array, y: Array) -> Array:
    """Products of blocks of the inner axis, summed.

    A block fits the cache: (16, 50,000) @ (50,000, 9) runs at 22 GFLOP/s instead of 12. And sums of
    sums are more accurate than one long sum.
    """
    k = x.shape[1]
    pieces = slabs(k, x.size + y.size)
    sums = np.zeros((len(pieces), x.shape[0], y.shape[1]), np.result_type(x, y))

    def add_up(piece: slice, total: Array) -> None:
        for start in range(piece.start, piece.stop, _BLOCK):
            block = slice(start, min(start + _BLOCK, piece.stop))
            total += x[:, block] @ y[block]

    share([partial(add_up, piece, total) for piece, total in zip(pieces, sums, strict=True)])
    return np.asarray(sums.sum(axis=0))


# d(XY) = dX Y + X dY, so <G, dX Y> = <G Y^T, dX> and <G, X dY> = <X^T G, dY> (Giles 2008, 2.2.1).
# A vector takes part as a matrix of one row or column; the sweep sums over broadcast axes.
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
    strides = model.data.strides[-2:]
    if strides[0] < strides[1]:
        return swapaxes(swapaxes(y, -1, -2) @ swapaxes(x, -1, -2), -1, -2)
    return x @ y


matmul.defvjp(_pull_x, _pull_y)

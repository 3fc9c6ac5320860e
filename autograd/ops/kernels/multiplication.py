"""Products of matrices, and of stacks of them, by BLAS: in parts for the threads to share, and in
blocks that BLAS multiplies fastest."""

from __future__ import annotations

from functools import partial

import numpy as np

from autograd.engine.tensor import Array
from autograd.ops.kernels.halves import in_single, is_half
from autograd.runtime.blas import blas_on_one_thread
from autograd.runtime.rooms import Room, new
from autograd.runtime.threads import LARGE, share, slabs

_SMALL = 4096  # elements of both arguments, below which BLAS keeps to one thread by itself
_WORK = 1 << 24  # multiplications below which a second thread takes longer to come than it saves

# OpenBLAS multiplies up to some 10^6 pairs of numbers without first packing the matrices. Skinny
# products are 1.3 to 2.9 times as fast in blocks of that size: (16, 9) @ (9, 50,000) takes 0.20 ms
# instead of 0.50, (16, 50,000) @ (50,000, 9) 0.19 instead of 0.58. NumPy goes through a stack of
# blocks in one call, without the interpreter.
_UNPACKED = 1 << 19
_NARROW = 256  # narrower blocks lose more than that


def product(x: Array, y: Array, room: Room = new) -> Array:
    """np.matmul(x, y), which says what it takes. Of float16 by BLAS in float32, and then rounded:
    NumPy sums it in float32 as well, without BLAS."""
    if is_half(x) or is_half(y):
        return _product_of_halves(x, y, room=room)
    size = x.size + y.size
    if size < _SMALL:
        return np.asarray(np.matmul(x, y))
    with blas_on_one_thread():
        if size >= LARGE and x.ndim == y.ndim == 2:
            return _of_matrices(x, y, room)
        if size >= LARGE and x.ndim == y.ndim == 3 and len(x) == len(y):
            return _of_stacks(x, y, room)
        return np.asarray(np.matmul(x, y))


_product_of_halves = in_single(product)


def _of_matrices(x: Array, y: Array, room: Room) -> Array:
    """x @ y in parts: along the longest of its three axes, so that no part is needlessly skinny."""
    (n, k), m = x.shape, y.shape[1]
    work, dtype = x.size * m, np.result_type(x, y)
    if k > 4 * max(n, m):
        # Sums of sums, which are more accurate than one long sum.
        pieces = slabs(k, work, _WORK)
        sums = np.empty((len(pieces), n, m), dtype)
        share([partial(_by_terms, x[:, s], y[s], out) for s, out in zip(pieces, sums, strict=True)])
        return np.asarray(np.sum(sums, axis=0, out=room((n, m), dtype)))
    out = room((n, m), dtype)
    if n >= m:  # the transposes, by columns
        parts = [(y.T, x[s].T, out[s].T) for s in slabs(n, work, _WORK)]
    else:
        parts = [(x, y[:, s], out[:, s]) for s in slabs(m, work, _WORK)]
    share([partial(by_columns, *part) for part in parts])
    return out


def _of_stacks(x: Array, y: Array, room: Room) -> Array:
    """Product by product, shared among the threads."""
    out = room((len(x), x.shape[1], y.shape[2]), np.result_type(x, y))
    multiply = _by_terms if x.shape[2] > 4 * max(out.shape[1:]) else by_columns
    pieces = slabs(len(x), x.size * y.shape[2], _WORK)
    share([partial(multiply, x[piece], y[piece], out[piece]) for piece in pieces])
    return out


def by_columns(x: Array, y: Array, out: Array) -> None:
    """x @ y for matrices or stacks of them; where x is small, in blocks of columns of y."""
    width, whole = _blocks(x, y.shape[-1])
    if whole:
        blocks, results = _split(y[..., :whole], width), _split(out[..., :whole], width)
        np.matmul(x[..., None, :, :], blocks, out=results)
    if whole < y.shape[-1]:
        np.matmul(x, y[..., whole:], out=out[..., whole:])


def _by_terms(x: Array, y: Array, out: Array) -> None:
    """The same; where the result is small, in blocks of the axis that is summed over."""
    width, whole = _blocks(out, x.shape[-1])
    if not whole:
        np.matmul(x, y, out=out)
        return
    columns, rows = x[..., :whole], np.swapaxes(y[..., :whole, :], -1, -2)
    terms = np.matmul(_split(columns, width), np.swapaxes(_split(rows, width), -1, -2))
    np.sum(terms, axis=-3, out=out)
    if whole < x.shape[-1]:
        out += x[..., whole:] @ y[..., whole:, :]


def _blocks(small: Array, length: int) -> tuple[int, int]:
    """How wide blocks are beside the small matrices, and how much of `length` they fill."""
    width = _UNPACKED // max(small.shape[-2] * small.shape[-1], 1)
    return width, length // width * width if width >= _NARROW else 0


def _split(matrices: Array, width: int) -> Array:
    """A view of (..., n, blocks * width) as (..., blocks, n, width)."""
    *stack, n, m = matrices.shape
    return np.swapaxes(matrices.reshape(*stack, n, m // width, width), -3, -2)

"""Windows that slide over the last axes, and their adjoint: the pair behind im2col and pooling."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array
from autograd.ops.kernels.halves import in_single
from autograd.ops.shapes.shape import reshaped
from autograd.runtime.rooms import Room, new

Sizes = tuple[int, ...]


@primitive(kind="view", analytic=True)
def sliding_windows(x: Array, window: Sizes, stride: Sizes, dilation: Sizes) -> Array:
    """Every window of the last axes of x, as a read-only view.

    Args:
        x: (..., n_1, ..., n_k).
        window, stride, dilation: k lengths each, in elements.

    Returns:
        (..., m_1, ..., m_k, window_1, ..., window_k) with
        m_i = (n_i - dilation_i * (window_i - 1) - 1) // stride_i + 1.

    Raises:
        ValueError: a window is longer than its axis, or a length is below 1.
    """
    k = len(window)
    counts = _counts(x.shape[x.ndim - k :], window, stride, dilation)
    steps = x.strides[x.ndim - k :]
    return as_strided(
        x,
        shape=x.shape[: x.ndim - k] + counts + window,
        strides=x.strides[: x.ndim - k]
        + tuple(s * step for s, step in zip(stride, steps, strict=True))
        + tuple(d * step for d, step in zip(dilation, steps, strict=True)),
        writeable=False,
    )


@primitive(kind="gather", analytic=True)
def fold_windows(
    g: Array, shape: tuple[int, ...], window: Sizes, stride: Sizes, dilation: Sizes
) -> Array:
    """Adds each window of g to its place in zeros of `shape`: the adjoint of sliding_windows."""
    return folded(g, shape, window, stride, dilation)


@in_single
def folded(
    g: Array,
    shape: tuple[int, ...],
    window: Sizes,
    stride: Sizes,
    dilation: Sizes,
    room: Room = new,
) -> Array:
    """See `fold_windows`; into a room."""
    k = len(window)
    batch = g.ndim - 2 * k
    counts = g.shape[batch : batch + k]
    if stride == window and dilation == (1,) * k and _tiles(shape[batch:], counts, window):
        return reshaped(
            _interleave(g, batch, k), shape, room
        )  # no overlap: a view where memory allows
    every = (slice(None),) * batch
    first = (slice(None),) * (batch + k) + (0,) * k
    out = room(shape, g.dtype, g[first])  # in the order of memory of g
    out.fill(0)
    for offset in np.ndindex(*window):
        place = tuple(
            slice(o * d, o * d + (m - 1) * s + 1, s)
            for o, d, m, s in zip(offset, dilation, counts, stride, strict=True)
        )
        window_at = (..., *offset)
        out[every + place] += g[window_at]
    return out


sliding_windows.defvjp(
    lambda g, out, x, window, stride, dilation: fold_windows(g, x.shape, window, stride, dilation),
    keeps=[""],
)
fold_windows.defvjp(
    lambda g, out, _, shape, window, stride, dilation: sliding_windows(g, window, stride, dilation),
    keeps=[""],
)


def _counts(sizes: Sizes, window: Sizes, stride: Sizes, dilation: Sizes) -> Sizes:
    if min(*window, *stride, *dilation) < 1:
        raise ValueError(
            f"window {window}, stride {stride} and dilation {dilation} must be at least 1"
        )
    spans = tuple(d * (w - 1) + 1 for w, d in zip(window, dilation, strict=True))
    if any(span > n for span, n in zip(spans, sizes, strict=True)):
        raise ValueError(
            f"a window spanning {spans} does not fit into axes of {sizes}; pad them, or make the "
            "window smaller"
        )
    return tuple((n - span) // s + 1 for n, span, s in zip(sizes, spans, stride, strict=True))


def _tiles(sizes: Sizes, counts: Sizes, window: Sizes) -> bool:
    return all(n == m * w for n, m, w in zip(sizes, counts, window, strict=True))


def _interleave(g: Array, batch: int, k: int) -> Array:
    """(..., m_1, ..., m_k, w_1, ..., w_k) -> (..., m_1, w_1, ..., m_k, w_k)."""
    pairs = [axis for i in range(k) for axis in (batch + i, batch + k + i)]
    return np.transpose(g, (*range(batch), *pairs))

"""Tiles of images, each transformed along both axes by a small matrix, and the adjoint: the pair
of which Winograd's convolution is composed, see nn.functional.winograd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array
from autograd.ops.kernels.multiplication import by_columns
from autograd.runtime.blas import blas_on_one_thread
from autograd.runtime.rooms import Room, new
from autograd.runtime.threads import share, slabs

Pair = tuple[int, int]
Matrix = tuple[tuple[float, ...], ...]  # its rows

# Elements of tiles that are worked on at once: 1 MiB of float32, so that they stay in the cache
# between being gathered and being multiplied.
_BLOCK = 1 << 18


@primitive(kind="gather", analytic=True)
def transform_tiles(x: Array, matrix: Matrix, step: int, start: Pair, counts: Pair) -> Array:
    """L d L^T of every tile d of the images x, which are zero beyond their edges.

    out[u,v,c,i,j,n] = sum_{p,q} L[u,p] L[v,q] x[c, i step + p + start_0, j step + q + start_1, n].

    Args:
        x: (C, H, W, N).
        matrix: L (t, k).
        step: from one tile to the next, in pixels, at most k.
        start: the first pixel of the first tile; negative where it lies before the image.
        counts: tiles along each axis.

    Returns:
        (t, t, C, *counts, N).

    Raises:
        ValueError: a step below 1, or above k.
    """
    return transformed(x, matrix, step, start, counts)


def transformed(
    x: Array, matrix: Matrix, step: int, start: Pair, counts: Pair, room: Room = new
) -> Array:
    """See `transform_tiles`; into a room."""
    tiles = _Tiling(matrix, step, start, counts, x.shape)
    dtype = np.result_type(x, 1.0)  # that of x, floats for integers
    out = room((tiles.height, tiles.height, len(x), *counts, x.shape[3]), dtype)
    if out.size:
        kernel = tiles.both_axes(dtype)
        _share(tiles, partial(_transform, tiles, kernel, x, out))
    return out


@primitive(kind="gather", analytic=True)
def fold_tiles(g: Array, matrix: Matrix, step: int, start: Pair, sizes: Pair) -> Array:
    """The sum of L^T g L over all tiles g, each at its place: the adjoint of transform_tiles.

    Args:
        g: (t, t, C, m_1, m_2, N), m_1 by m_2 tiles.
        matrix, step, start: as for transform_tiles.
        sizes: (H, W) of the images; what falls outside is dropped.

    Returns:
        (C, H, W, N).

    Raises:
        ValueError: a step below 1, or above k.
    """
    return folded_tiles(g, matrix, step, start, sizes)


def folded_tiles(
    g: Array, matrix: Matrix, step: int, start: Pair, sizes: Pair, room: Room = new
) -> Array:
    """See `fold_tiles`; into a room."""
    shape = (g.shape[2], *sizes, g.shape[5])
    tiles = _Tiling(matrix, step, start, (g.shape[3], g.shape[4]), shape)
    dtype = np.result_type(g, 1.0)
    out = room(shape, dtype)
    if not (tiles.covers(sizes) and g.size):
        out.fill(0)
    if g.size and out.size:
        kernel = np.ascontiguousarray(tiles.both_axes(dtype).T)
        _share(tiles, partial(_fold, tiles, kernel, np.ascontiguousarray(g, dtype), out))
    return out


transform_tiles.defvjp(
    lambda g, out, x, matrix, step, start, counts: fold_tiles(g, matrix, step, start, x.shape[1:3]),
    keeps=[""],
)
fold_tiles.defvjp(
    lambda g, out, x, matrix, step, start, sizes: transform_tiles(
        g, matrix, step, start, x.shape[3:5]
    ),
    keeps=[""],
)


class _Tiling:
    """Where the tiles lie in the images, and in what pieces the work is done.

    A piece is a run of channels, or some rows of tiles of a single one. Its images are copied into
    a frame that holds all pixels of the tiles, those beyond the edges too.
    """

    def __init__(
        self, matrix: Matrix, step: int, start: Pair, counts: Pair, shape: tuple[int, ...]
    ) -> None:
        self.matrix, self.step, self.counts = matrix, step, counts
        self.height, self.width = len(matrix), len(matrix[0])
        if not 1 <= step <= self.width:
            raise ValueError(
                f"a step of {step} given, 1 to {self.width} expected with tiles of {self.width}"
            )
        self.channels, self.batch = shape[0], shape[3]
        self.frame = tuple((m - 1) * step + self.width for m in counts)
        common = [_common(*axis) for axis in zip(self.frame, start, shape[1:3], strict=True)]
        self.of_frame = (slice(None), *(inner for inner, _ in common))
        self.of_images = (slice(None), *(outer for _, outer in common))
        row = max(self.height, self.width) ** 2 * counts[1] * self.batch
        self.rows = max(1, min(counts[0], _BLOCK // max(row, 1)))
        self.run = max(1, _BLOCK // max(row * counts[0], 1))

    def both_axes(self, dtype: np.dtype[Any]) -> Array:
        """The matrix (t^2, k^2) of the transform of a tile along both axes."""
        matrix = np.asarray(self.matrix, dtype)
        return np.kron(matrix, matrix)

    def covers(self, sizes: Pair) -> bool:
        """Whether every pixel of images of these sizes lies in the frame."""
        return bool(prod(self.counts)) and self.of_images[1:] == (
            slice(0, sizes[0]),
            slice(0, sizes[1]),
        )

    def pieces(self, channels: slice) -> Iterator[tuple[slice, list[slice]]]:
        """Runs of channels, each with the rows of tiles to be done at once."""
        rows = [
            slice(first, min(first + self.rows, self.counts[0]))
            for first in range(0, self.counts[0], self.rows)
        ]
        for first in range(channels.start, channels.stop, self.run):
            yield slice(first, min(first + self.run, channels.stop)), rows

    def disjoint(self, frame: Array, rows: slice, places: Array) -> Iterator[tuple[Array, Array]]:
        """The pixels of tiles (k, k, channels, rows, columns, N) in groups within which no two
        tiles overlap, each with the view of the frame where it belongs."""
        corners = range(0, self.width, self.step)
        for p, q in product(corners, corners):
            part = places[p : p + self.step, q : q + self.step]
            yield part, self.view(frame, rows, (p, q), part.shape[:2])

    def view(self, frame: Array, rows: slice, origin: Pair, size: Pair) -> Array:
        """Of some rows of tiles the pixels from `origin` on, `size` along each axis, as a view
        (*size, channels, rows, columns, N) of a frame (channels, H, W, N)."""
        corner = frame[:, rows.start * self.step + origin[0] :, origin[1] :]
        of_channel, of_row, of_column, of_image = frame.strides
        return as_strided(
            corner,
            (*size, len(frame), rows.stop - rows.start, self.counts[1], self.batch),
            (of_row, of_column, of_channel, self.step * of_row, self.step * of_column, of_image),
        )


def _common(length: int, start: int, size: int) -> tuple[slice, slice]:
    """Of `length` places from `start` on, those from 0 to size: counted from start, and from 0."""
    first = min(max(start, 0), size)
    stop = max(first, min(start + length, size))
    return slice(first - start, stop - start), slice(first, stop)


def _share(tiles: _Tiling, work: Callable[[slice], None]) -> None:
    """work(channels), shared among the threads."""
    pieces = slabs(tiles.channels, tiles.channels * tiles.batch * prod(tiles.frame))
    with blas_on_one_thread():
        share([partial(work, piece) for piece in pieces])


# NumPy copies, adds and multiplies a piece in one call each: of many small calls the threads would
# spend more time waiting for each other's turn in the interpreter than computing.


def _transform(tiles: _Tiling, kernel: Array, x: Array, out: Array, channels: slice) -> None:
    frames = np.zeros((tiles.run, *tiles.frame, tiles.batch), out.dtype)
    size = (tiles.width, tiles.width)
    flat = out.reshape(len(kernel), tiles.channels, *out.shape[3:])
    for run, groups in tiles.pieces(channels):
        frame = frames[: run.stop - run.start]
        frame[tiles.of_frame] = x[run][tiles.of_images]
        for rows in groups:
            gathered = np.ascontiguousarray(tiles.view(frame, rows, (0, 0), size))
            by_columns(kernel, gathered.reshape(kernel.shape[1], -1), _columns(flat[:, run, rows]))


def _fold(tiles: _Tiling, kernel: Array, g: Array, out: Array, channels: slice) -> None:
    frames = np.empty((tiles.run, *tiles.frame, tiles.batch), out.dtype)
    flat = g.reshape(kernel.shape[1], tiles.channels, *g.shape[3:])
    for run, groups in tiles.pieces(channels):
        frame = frames[: run.stop - run.start]
        frame.fill(0)
        for rows in groups:
            given = flat[:, run, rows]
            places = np.empty((tiles.width, tiles.width, *given.shape[1:]), out.dtype)
            # A copy: the rows lie so far apart that BLAS would wait for memory at each block.
            gathered = np.ascontiguousarray(_columns(given))
            by_columns(kernel, gathered, places.reshape(len(kernel), -1))
            fresh = len(groups) == 1  # nothing but zeros is there yet
            for part, view in tiles.disjoint(frame, rows, places):
                if fresh:
                    view[...] = part
                else:
                    view += part
                fresh = False
        out[run][tiles.of_images] = frame[tiles.of_frame]


def _columns(tiles: Array) -> Array:
    """(t^2, channels, rows, columns, N) as a matrix, a view: see the pieces of a tiling."""
    return tiles.reshape(len(tiles), -1)

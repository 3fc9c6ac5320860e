"""Tiles of images, each transformed along both axes by a small matrix, and the adjoint: the pair
of which Winograd's convolution is composed, see nn.functional.winograd."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.primitives import primitive
from autograd.threads import share, slabs

Array = NDArray[Any]
Pair = tuple[int, int]
Matrix = tuple[tuple[float, ...], ...]  # its rows
Factors = tuple[Matrix, ...]

# Elements of the images that are worked on at once. Smaller blocks would fit a nearer cache, but
# each NumPy call then does less, and the threads wait for the interpreter between the calls: with
# 2^15 the transforms took 1.2 to 3 times as long, with 2^22 1.3 to 2 times.
_BLOCK = 1 << 18


@primitive(kind="gather", analytic=True)
def transform_tiles(x: Array, factors: Factors, step: int, start: Pair, counts: Pair) -> Array:
    """L d L^T of every tile d of the images x, which are zero beyond their edges.

    out[u,v,c,i,j,n] = sum_{p,q} L[u,p] L[v,q] x[c, i step + p + start_0, j step + q + start_1, n].

    Args:
        x: (C, H, W, N).
        factors: L (t, k) as a product of matrices, first the one that is applied first. Each costs
            a pass for every entry other than 0, and a second if it is not 1 or -1.
        step: from one tile to the next, in pixels, at most k.
        start: the first pixel of the first tile; negative where it lies before the image.
        counts: tiles along each axis.

    Returns:
        (t, t, C, *counts, N).

    Raises:
        ValueError: a step below 1, or above k.
    """
    tiles = _Tiling(factors, step, start, counts, x.shape)
    dtype = np.result_type(x, 1.0)  # that of x, floats for integers
    out = np.empty((tiles.height, tiles.height, len(x), *counts, x.shape[3]), dtype)
    if out.size:
        _in_blocks(partial(_transform, tiles, x, out), tiles, dtype)
    return out


@primitive(kind="gather", analytic=True)
def fold_tiles(g: Array, factors: Factors, step: int, start: Pair, sizes: Pair) -> Array:
    """The sum of L^T g L over all tiles g, each at its place: the adjoint of transform_tiles.

    Args:
        g: (t, t, C, m_1, m_2, N), m_1 by m_2 tiles.
        factors, step, start: as for transform_tiles.
        sizes: (H, W) of the images; what falls outside is dropped.

    Returns:
        (C, H, W, N).

    Raises:
        ValueError: a step below 1, or above k.
    """
    shape = (g.shape[2], *sizes, g.shape[5])
    tiles = _Tiling(factors, step, start, (g.shape[3], g.shape[4]), shape)
    dtype = np.result_type(g, 1.0)
    if not g.size:
        return np.zeros(shape, dtype)
    out = np.empty(shape, dtype) if tiles.cover() else np.zeros(shape, dtype)
    _in_blocks(partial(_fold, tiles, g, out), tiles, dtype)
    return out


transform_tiles.defvjp(
    lambda g, out, x, factors, step, start, counts: fold_tiles(
        g, factors, step, start, x.shape[1:3]
    )
)
fold_tiles.defvjp(
    lambda g, out, x, factors, step, start, sizes: transform_tiles(
        g, factors, step, start, x.shape[3:5]
    )
)


class _Tiling:
    """Where the tiles lie, and how a block of images is stored while it is worked on.

    Columns are stored by their remainder modulo the step: those with the same place in their tiles
    then lie side by side, and each pass over them is one long run. Rows need no such care, a row
    being long already. So a block is (channels, step, rows, columns of one remainder, N).
    """

    def __init__(
        self, factors: Factors, step: int, start: Pair, counts: Pair, shape: tuple[int, ...]
    ) -> None:
        self.factors, self.step, self.start, self.counts = factors, step, start, counts
        self.adjoint = tuple(tuple(zip(*matrix, strict=True)) for matrix in factors[::-1])
        self.width, self.height = len(factors[0][0]), len(factors[-1])
        if not 1 <= step <= self.width:
            raise ValueError(
                f"a step of {step} given, 1 to {self.width} expected with tiles of {self.width}"
            )
        self.channels, self.sizes, self.batch = shape[0], shape[1:3], shape[3]
        rest = (self.width - 1) // step  # steps by which a tile reaches beyond its own
        self.rows, self.columns = (counts[0] - 1) * step + self.width, counts[1] + rest

    def block(self, channels: int) -> tuple[int, ...]:
        return (channels, self.step, self.rows, self.columns, self.batch)

    def passed(self, channels: int) -> tuple[int, ...]:
        """The shape of one row of the result of a pass along the rows of a block."""
        return (channels, self.step, self.counts[0], self.columns, self.batch)

    def tile_rows(self, block: Array, place: int) -> Array:
        """Of all tiles, the row that is number `place` in its tile."""
        last = place + (self.counts[0] - 1) * self.step
        return block[:, :, place : last + 1 : self.step]

    def tile_columns(self, passed: Array, place: int) -> Array:
        steps, remainder = divmod(place, self.step)
        return passed[..., remainder, :, steps : steps + self.counts[1], :]

    def pieces(self) -> list[tuple[tuple[Any, ...], tuple[Any, ...]]]:
        """Pairs of indices, into a block and into the images, of the same pixels."""
        rows = _common(self.rows, 1, self.start[0], self.sizes[0])
        pairs = []
        for remainder in range(self.step):
            columns = _common(self.columns, self.step, self.start[1] + remainder, self.sizes[1])
            of_block = (slice(None), remainder, rows[0], columns[0])
            pairs.append((of_block, (slice(None), rows[1], columns[1])))
        return pairs

    def cover(self) -> bool:
        """Whether every pixel of the images lies in a block."""
        lengths = (self.rows, self.columns * self.step)
        return all(
            first <= 0 and first + length >= size
            for first, length, size in zip(self.start, lengths, self.sizes, strict=True)
        )


def _common(length: int, step: int, start: int, size: int) -> tuple[slice, slice]:
    """Of the places start + k step with k < length, those from 0 to size: the k, and the places."""
    first = min(length, max(0, -(start // step)))
    end = max(first, min(length, -(-(size - start) // step)))
    return slice(first, end), slice(start + first * step, start + end * step, step)


class _Scratch:
    """Memory of one thread, allocated once for all its blocks."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._memory: dict[str, Array] = {}

    def __call__(self, name: str, shape: tuple[int, ...]) -> Array:
        """An array of this shape. It holds what it held when `name` was last asked for; zeros at
        first. Ask for the largest first."""
        size = prod(shape)
        memory = self._memory.get(name)
        if memory is None or memory.size < size:
            memory = self._memory[name] = np.zeros(size, self._dtype)
        return memory[:size].reshape(shape)


def _in_blocks(
    work: Callable[[slice, _Scratch], None], tiles: _Tiling, dtype: np.dtype[Any]
) -> None:
    """work(channels, scratch) for blocks of channels, shared among the threads."""
    one = prod(tiles.block(1))

    def task(piece: slice) -> None:
        scratch = _Scratch(dtype)
        length = max(1, _BLOCK // one)
        for first in range(piece.start, piece.stop, length):
            work(slice(first, min(first + length, piece.stop)), scratch)

    pieces = slabs(tiles.channels, one * tiles.channels)
    share([partial(task, piece) for piece in pieces])


def _transform(tiles: _Tiling, x: Array, out: Array, channels: slice, scratch: _Scratch) -> None:
    count = channels.stop - channels.start
    block = scratch("block", tiles.block(count))  # its zeros around the images stay
    for of_block, of_images in tiles.pieces():
        block[of_block] = x[channels][of_images]
    passed = scratch("passed", (tiles.height, *tiles.passed(count)))
    places = range(tiles.width)
    _multiply(tiles.factors, [tiles.tile_rows(block, p) for p in places], list(passed), scratch)
    columns = [tiles.tile_columns(passed, q) for q in places]
    _multiply(tiles.factors, columns, [out[:, v, channels] for v in range(tiles.height)], scratch)


def _fold(tiles: _Tiling, g: Array, out: Array, channels: slice, scratch: _Scratch) -> None:
    count, own = channels.stop - channels.start, tiles.step
    passed = scratch("passed", (tiles.height, *tiles.passed(count)))
    passed[..., tiles.counts[1] :, :] = 0  # nothing is the first to come here; it is added to
    columns = [tiles.tile_columns(passed, q) for q in range(tiles.width)]
    given = [g[:, v, channels] for v in range(tiles.height)]
    _multiply(tiles.adjoint, given, columns, scratch, assigned=own)
    block = scratch("block", tiles.block(count))
    block[:, :, tiles.counts[0] * own :] = 0
    rows = [tiles.tile_rows(block, p) for p in range(tiles.width)]
    _multiply(tiles.adjoint, list(passed), rows, scratch, assigned=own)
    for of_block, of_images in tiles.pieces():
        out[channels][of_images] = block[of_block]


def _multiply(
    factors: Factors,
    sources: Sequence[Array],
    outs: Sequence[Array],
    scratch: _Scratch,
    assigned: int | None = None,
) -> None:
    """The product of a matrix and a vector of arrays. The first `assigned` results, all by
    default, are written to their places, the others added to what is there."""
    shape = sources[0].shape
    for number, matrix in enumerate(factors[:-1]):
        between = list(scratch(f"between {number}", (len(matrix), *shape)))
        for row, out in zip(matrix, between, strict=True):
            _combine(row, sources, out, scratch)
        sources = between
    for number, (row, out) in enumerate(zip(factors[-1], outs, strict=True)):
        if assigned is None or number < assigned:
            _combine(row, sources, out, scratch)
        else:
            term = scratch("term", shape)
            _combine(row, sources, term, scratch)
            np.add(out, term, out=out)


def _combine(row: Sequence[float], sources: Sequence[Array], out: Array, scratch: _Scratch) -> None:
    """The sum of row[k] sources[k], in as few passes as NumPy allows."""
    # A factor of 1 first: no pass is spent on it. Then the others, so that of two factors one at
    # most is other than 1 and -1 wherever that is possible.
    terms = sorted(
        ((factor, source) for factor, source in zip(row, sources, strict=True) if factor),
        key=lambda term: (term[0] != 1, term[0] == -1),
    )
    if not terms:
        out[...] = 0
        return
    (factor, source), *rest = terms
    if factor == 1 and rest and abs(rest[0][0]) == 1:
        second = rest.pop(0)
        (np.add if second[0] == 1 else np.subtract)(source, second[1], out=out)
    elif factor == 1:
        out[...] = source
    else:
        np.multiply(source, factor, out=out)
    for factor, source in rest:
        if abs(factor) == 1:
            (np.add if factor == 1 else np.subtract)(out, source, out=out)
        else:
            scaled = scratch("scaled", source.shape)
            np.multiply(source, factor, out=scaled)
            np.add(out, scaled, out=out)

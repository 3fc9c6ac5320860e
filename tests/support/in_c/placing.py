"""Calls of the ops that move what is there: indices, windows, borders, views."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from support.in_c.arrays import FLOATS, Given, short, some, strewn

from autograd import ops
from autograd.lowering.rows.table import ROWS
from autograd.ops.reductions.extremum import gather_first_max, scatter_first_max
from autograd.ops.shapes.indexing import scatter
from autograd.ops.shapes.windows import fold_windows


def _indexed(rng: np.random.Generator) -> Iterator[tuple[str, tuple[int, ...], Any]]:
    """A name, a shape, and an index into it."""
    i, j = np.array([2, 0, -1, 2, 1]), np.array([0, -3, 4, 4, 0])
    column, wide = i[:, None], rng.integers(-65, 65, (17,))
    cases: list[tuple[tuple[int, ...], Any]] = [
        ((5, 7), (slice(4, None, -1), slice(None, None, 3))),
        ((65,), slice(63, 1, -7)),
        ((5, 7), (None, 2, ..., None)),
        ((3, 5), (i, j)),
        ((3, 5), (column, j)),
        ((3, 5), (i, slice(3, 0, -1))),
        ((3, 5), (slice(None, None, -1), j)),
        ((3, 5, 4), (slice(None), j, ..., np.array([3, 0, 1, -1, 2]))),
        ((3, 5, 4), (i, slice(None), np.array([3, 0, 1, -1, 2]))),
        ((3, 5, 4), (i, ..., np.array([3, 0, 1, -1, 2]))),
        ((3, 5), (i, ..., j)),
        ((4, 3, 5), (slice(None), i, ..., j)),
        ((4, 3, 5), (1, ..., j)),
        ((4, 3, 5), (slice(None), 1, j)),
        ((4, 3, 5), (..., None, 1, j)),
        ((65, 63), wide),
        ((5, 65), (slice(None), wide)),
        ((5, 65, 2), (slice(None), wide)),
        ((3, 1, 5), (i, np.zeros(5, int), j)),
        ((3, 5), (np.array(1), slice(None))),
        ((3, 5), (i.astype(np.int8), j.astype(np.int32))),
        ((3, 5), (np.arange(3), np.array([0, 2, 2]))),
        ((70, 4), (np.arange(70), rng.integers(0, 4, 70))),
        ((5, 1), (slice(None), np.zeros((3, 2), np.int16))),
        ((3, 5), (i.astype(np.uint8) % 3, slice(None))),
    ]
    for shape, index in cases:
        yield str(index).replace("\n", ""), shape, index


def _read_at(rng: np.random.Generator) -> Iterator[Given]:
    for name, shape, index in _indexed(rng):
        for dtype in (*FLOATS, np.int16, np.bool_):
            yield f"{short(dtype)} {shape} at {name}", (some(rng, dtype, *shape), index), {}


def _added_at(rng: np.random.Generator) -> Iterator[Given]:
    for name, shape, index in _indexed(rng):
        for dtype in (*FLOATS, np.int16):
            g = some(rng, dtype, *np.zeros(shape)[index].shape)
            yield f"{short(dtype)} {shape} at {name}", (g, index, shape), {}


def _firsts(rng: np.random.Generator) -> Iterator[Given]:
    shapes = [((5, 70), 1), ((70, 5), 0), ((3, 4, 65), (1, 2)), ((3, 70, 5), 1), ((300,), 0)]
    for dtype, (shape, axis) in itertools.product(FLOATS, shapes):
        for of in (some(rng, dtype, *shape), strewn(rng, dtype, *shape), np.zeros(shape, dtype)):
            peak = np.max(of, axis=axis, keepdims=True)
            yield f"{short(dtype)} {shape} along {axis}", (peak, of), {}


def _scattered_first(rng: np.random.Generator) -> Iterator[Given]:
    for name, (peak, x), _ in _firsts(rng):
        yield name, (some(rng, x.dtype, *peak.shape), peak, x), {}


def _gathered_first(rng: np.random.Generator) -> Iterator[Given]:
    for name, (peak, x), _ in _firsts(rng):
        yield name, (some(rng, x.dtype, *x.shape), peak, x), {}


_WINDOWS: list[tuple[tuple[int, ...], ...]] = [
    ((65,), (3,), (1,), (1,)),
    ((63,), (7,), (7,), (1,)),
    ((2, 17, 19), (3, 2), (2, 3), (1, 2)),
    ((3, 8, 9), (2, 3), (2, 3), (1, 1)),
    ((3, 8, 9), (2, 3), (2, 1), (1, 2)),
    ((6, 6), (1, 1), (2, 2), (1, 1)),
    ((5, 6), (5, 6), (1, 1), (1, 1)),
]


def _windowed(rng: np.random.Generator) -> Iterator[Given]:
    for dtype, (shape, *how) in itertools.product((*FLOATS, np.int16), _WINDOWS):
        yield f"{short(dtype)} {shape} {how}", (some(rng, dtype, *shape), *how), {}


def _folded(rng: np.random.Generator) -> Iterator[Given]:
    for dtype, (shape, window, stride, dilation) in itertools.product(FLOATS, _WINDOWS):
        x = some(rng, dtype, *shape)
        given = ops.sliding_windows(x, window, stride, dilation).data
        name = f"{short(dtype)} {shape} {window} {stride} {dilation}"
        yield name, (np.array(given), shape, window, stride, dilation), {}


def _padded(rng: np.random.Generator) -> Iterator[Given]:
    cases = [((17,), (3, 4)), ((5, 7), ((0, 2), (1, 0))), ((3, 1, 65), ((1, 1), (2, 0), (0, 0)))]
    for dtype, (shape, widths) in itertools.product(FLOATS, cases):
        for fill in (0, -0.0, np.nan, np.inf, 0.1):
            name = f"{short(dtype)} {shape} by {widths} of {fill}"
            yield name, (some(rng, dtype, *shape), widths, fill), {}
    yield "int16", (some(rng, np.int16, 5, 7), 1, 3), {}
    yield "bool", (some(rng, np.bool_, 5, 7), 1), {}


def _moved(op: Any) -> Callable[[np.random.Generator], Iterator[Given]]:
    cases: dict[Any, list[tuple[tuple[int, ...], tuple[Any, ...]]]] = {
        ops.transpose: [
            ((3, 5, 65), ((2, 0, 1),)),
            ((17, 15), ()),
            ((1, 5, 1, 3), ((3, 2, 1, 0),)),
        ],
        ops.reshape: [((6, 35), ((10, 21),)), ((6, 10), ((4, 15),)), ((4, 15), (-1,))],
        ops.broadcast_to: [((65,), ((3, 65),)), ((3, 1, 5), ((2, 3, 17, 5),)), ((), ((5,),))],
        ops.flip: [((65,), ()), ((3, 5, 17), ((0, 2),)), ((3, 1), (1,))],
        ops.copy: [((17,), ()), ((), ())],
        ops.ascontiguousarray: [((17, 3), ()), ((), ())],
    }

    def given(rng: np.random.Generator) -> Iterator[Given]:
        for dtype, (shape, rest) in itertools.product((*FLOATS, np.uint8, np.bool_), cases[op]):
            yield f"{short(dtype)} {shape} {rest}", (some(rng, dtype, *shape), *rest), {}

    return given


OWN: dict[Any, Callable[[np.random.Generator], Iterator[Given]]] = {
    ops.getitem: _read_at,
    scatter: _added_at,
    scatter_first_max: _scattered_first,
    gather_first_max: _gathered_first,
    ops.sliding_windows: _windowed,
    fold_windows: _folded,
    next(op for op in ROWS if op.name == "pad"): _padded,
}
OWN |= {
    op: _moved(op)
    for op in (
        ops.transpose,
        ops.reshape,
        ops.broadcast_to,
        ops.flip,
        ops.copy,
        ops.ascontiguousarray,
    )
}

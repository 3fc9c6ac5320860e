"""Which products of transformed tiles are convolutions: what Winograd's algorithm leaves in a list
of calls, told by what its matrices are, whoever chose them. `direct.py` writes others for them.

With K(w) = kron(G, G) w, T for transform_tiles and F for fold_tiles there are three kinds, of two
each of the images x, the weight w and the gradient g (Lavin & Gray 2016, section 4):

    F(K(w) @ T(x; B); A)                the convolution
    F(K(w).mT @ T(g; A); B)             the gradient of the images
    (T(g; A) @ T(x; B).mT) kron(G, G)   the gradient of the weight

and each may be of a sum of such products.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from math import isqrt
from typing import Any, Literal, NamedTuple

import numpy as np

from autograd import ops
from autograd.engine.tensor import Array
from autograd.lowering.convolutions.regrouped import Regrouped, joined, sizes_of, whole
from autograd.ops.shapes.winograd import Matrix, Pair, fold_tiles, transform_tiles
from autograd.program.program import Call, Program, Shape, Value

Way = Literal["convolution", "images", "weight"]
Spans = tuple[Pair, ...]  # from a pixel to the one after the last, along each axis

_TERMS = 1000  # of one sum
_TILE = 16  # pixels along a side: of larger ones the errors are beyond use


class Tiling(NamedTuple):
    """How tiles lie in images (C, *sizes, N): see transform_tiles and fold_tiles."""

    matrix: Matrix
    step: int
    start: Pair
    counts: Pair
    sizes: Pair


class Tiles(NamedTuple):
    """Transformed tiles of images (C, H, W, N), in a slot of their own."""

    image: Regrouped
    tiling: Tiling
    slot: int


class Kernels(NamedTuple):
    """A matrix (t^2, r^2) times a weight (r^2, m)."""

    matrix: Array
    weight: Regrouped


class Weighted(NamedTuple):
    """Kernels times tiles, (t, t, rows, *counts, N); the weight is (r^2, rows, summed)."""

    matrix: Array
    weight: Regrouped
    tiles: Tiles


class Paired(NamedTuple):
    """Tiles times tiles, summed over places and images: (t, t, rows, columns)."""

    rows: Tiles
    columns: Tiles


class Term(NamedTuple):
    """What is to be computed in the place of a product.

    Attributes:
        product: Weighted, or Paired, as the end of it reads it.
        inner, outer: the tiling of x, and that of g or of the convolution's result.
        window: r.
        frame: the pixels of x that take part, zeros beyond its edges among them.
        span: the pixels of g, or of the result, that take part.
    """

    way: Way
    product: Regrouped
    inner: Tiling
    outer: Tiling
    window: int
    frame: Spans
    span: Spans


Sum = tuple[Regrouped, ...]  # the terms of one


class Finding:
    """Goes through the calls of a program, and notes what is a sum of products of tiles.

    Args:
        chosen: whether a term is to be computed in another way.

    Attributes:
        ends: by the number of a call that gives such a convolution or gradient, what it is the sum
            of.
    """

    def __init__(self, program: Program, chosen: Callable[[Term], bool]) -> None:
        self._program, self._chosen = program, chosen
        self._sums: dict[int, Sum] = {}
        self.ends: dict[int, list[Term]] = {}
        self._number = 0
        for self._number, call in enumerate(program.calls):
            rule, count = _RULES.get(id(call.op), (None, 0))
            given = call.inputs[:count]
            if rule is None or len(given) < count or any(type(v) is not Value for v in given):
                continue
            slots = [program.slots[slot] for slot in (*[v.slot for v in given], *call.outputs)]
            if all(
                0 not in s.shape and s.dtype.kind == "f" and s.dtype.itemsize > 2 for s in slots
            ):
                found = rule(self, call, slots[-1].shape, *[self._sum(v.slot) for v in given])
                if found and len(found) <= _TERMS and None not in found:
                    self._sums[call.outputs[0]] = found
        self._leave_what_others_read()

    def _sum(self, slot: int) -> Sum:
        return self._sums.get(slot) or (whole(slot, self._program.slots[slot].shape),)

    def _leave_what_others_read(self) -> None:
        """Keep the ends whose products nobody else reads, another end neither: they would be there
        all the same, or be computed twice. Tiles that are wanted, for a sweep to come, say, are
        there anyway: their products stay, too."""
        makers, readers = self._program.makers(), self._program.readers()
        wanted = set(self._program.wanted())
        there = {x.of.slot for slot in wanted for x in self._sum(slot) if type(x.of) is Tiles}
        self.ends = {
            end: terms
            for end, terms in self.ends.items()
            if there.isdisjoint(tiles.slot for term in terms for tiles in _tiles(term.product.of))
        }
        inner: dict[int, set[int]] = {}  # by end, the slots from its products to it
        for end in self.ends:
            found, waiting = set[int](), [self._program.calls[end]]
            while waiting:
                for slot in waiting.pop().reads():
                    if slot in self._sums and _are_products(self._sums[slot]) and slot not in found:
                        found.add(slot)
                        waiting.append(self._program.calls[makers[slot]])
            inner[end] = found
        while True:
            times = Counter(slot for end in self.ends for slot in inner[end])
            known = {makers[slot] for slot in times} | self.ends.keys()
            kept = {
                slot
                for slot, ends in times.items()
                if ends > 1 or slot in wanted or not known.issuperset(readers[slot])
            }
            if not kept:
                return
            self.ends = {end: t for end, t in self.ends.items() if kept.isdisjoint(inner[end])}

    def _end(self, terms: list[Term | None]) -> None:
        known = [term for term in terms if term is not None]
        if len(known) == len(terms) and all(map(self._chosen, known)):
            self.ends[self._number] = known

    # --- by op, of which sum what a call gives is, where that is known ---------------------------

    def _reshape(self, call: Call, shape: Shape, x: Sum) -> Any:
        return tuple([one.reshaped(shape) for one in x])

    def _transpose(self, call: Call, shape: Shape, x: Sum) -> Any:
        axes = call.inputs[1] if len(call.inputs) > 1 else call.options.get("axes")
        order = range(len(shape))[::-1] if axes is None else [axis % len(shape) for axis in axes]
        return tuple([one.transposed(order) for one in x])

    def _astype(self, call: Call, shape: Shape, x: Sum) -> Any:
        return x if _are_products(x) else None

    def _add(self, call: Call, shape: Shape, x: Sum, y: Sum) -> Any:
        both = (*x, *y)
        once = len({id(one.of) for one in both}) == len(both)  # or x + x would compute it twice
        alike = _are_products(both) and {one.shape for one in both} == {shape}
        return both if once and alike else None

    def _transform(self, call: Call, shape: Shape, x: Sum) -> Any:
        matrix, step, start, counts = _options(call, "matrix", "step", "start", "counts")
        _, height, width, _ = x[0].shape
        image = x[0] if type(x[0].of) is int else whole(call.inputs[0].slot, x[0].shape)
        tiling = Tiling(matrix, step, start, counts, (height, width))
        return (whole(Tiles(image, tiling, call.outputs[0]), shape),)

    def _fold(self, call: Call, shape: Shape, g: Sum) -> Any:
        matrix, step, start, sizes = _options(call, "matrix", "step", "start", "sizes")
        *_, rows, columns, _ = g[0].shape
        tiling = Tiling(matrix, step, start, (rows, columns), sizes)
        if all(type(one.of) is Weighted and one.dims == one.axes for one in g):
            self._end([_weighted_term(one, tiling) for one in g])

    def _matmul(self, call: Call, shape: Shape, x: Sum, y: Sum) -> Any:
        if any(len(one.dims) != len(shape) for one in (*x, *y)):
            return None  # a vector, or one that broadcasts
        if len(shape) > 2:
            return (_product(x[0], y[0]),) if len(x) == len(y) == 1 else None
        left, right = [tuple([one.turned() for one in part]) for part in (y, x)]
        found = self._by_matrix(x, y, False) or self._by_matrix(left, right, True)
        return (found,)  # of x @ y, which is (y.T @ x.T).T

    def _by_matrix(self, x: Sum, y: Sum, turn: bool) -> Any:
        """A constant matrix x times a weight; where y are products, an end is noted."""
        constant = self._program.constants.get(x[0].of) if type(x[0].of) is int else None
        if constant is None or _can_change(constant.array):
            return None
        matrix = x[0].numbers(constant.array)
        if len(y) == 1 and type(y[0].of) is int:
            t = isqrt(len(matrix))
            if t * t != len(matrix) or t > _TILE:
                return None
            places = whole(Kernels(matrix, y[0]), (t, t, y[0].shape[1]))
            seen = places.reshaped((t * t, y[0].shape[1]))
            return seen.turned() if turn and seen else seen
        if all(type(one.of) is Paired and one.dims[0] == joined(one.axes[:2]) for one in y):
            self._end([_paired_term(one, matrix.T, turn) for one in y])
        return None


# By op, the rule, and how many arrays the op is given.
_RULES: dict[int, tuple[Callable[..., Any], int]] = {
    id(ops.reshape): (Finding._reshape, 1),
    id(ops.transpose): (Finding._transpose, 1),
    id(ops.astype): (Finding._astype, 1),
    id(ops.add): (Finding._add, 2),
    id(ops.matmul): (Finding._matmul, 2),
    id(transform_tiles): (Finding._transform, 1),
    id(fold_tiles): (Finding._fold, 1),
}


def _options(call: Call, *names: str) -> list[Any]:
    """Arguments after the first, by position or by name."""
    given = dict(zip(names, call.inputs[1:], strict=False)) | dict(call.options)
    return [given[name] for name in names]


def _can_change(array: Any) -> bool:
    """Whether somebody may write to an array, or to that of which it is a view: a matrix that is
    the user's may be another at the next call."""
    while isinstance(array, np.ndarray) and not array.flags.writeable:
        array = array.base
    return array is not None


def _are_products(terms: Sum) -> bool:
    return all(isinstance(one.of, Weighted | Paired) for one in terms)


def _tiles(product: Weighted | Paired) -> tuple[Tiles, ...]:
    return (product.tiles,) if isinstance(product, Weighted) else product


def _product(x: Regrouped, y: Regrouped) -> Regrouped | None:
    """The product of kernels and tiles, or of tiles and tiles, at each place within a tile."""
    if type(x.of) is Tiles and type(y.of) is Kernels:  # (y.mT @ x.mT).mT
        turned = _product(y.turned(), x.turned())
        return turned and turned.turned()
    if type(y.of) is not Tiles or type(x.of) not in (Kernels, Tiles):
        return None
    (*batch, rows, summed), (*others, met, columns) = x.dims, y.dims
    t = len(y.of.tiling.matrix)
    if batch != others or joined(batch) != joined(whole(None, (t, t)).axes):
        return None
    channels, places = y.axes[2], joined(y.axes[3:])
    sizes = sizes_of([*x.axes[:2], rows])
    if type(x.of) is Tiles:
        alike = sizes_of(x.axes[3:]) == sizes_of(y.axes[3:])
        if not alike or (rows, summed) != (x.axes[2], joined(x.axes[3:])):
            return None
        if (met, columns) != (places, channels):
            return None
        seen = whole(Paired(x.of, y.of), (*sizes, *sizes_of([columns])))
        return replace(seen, dims=(*batch, *seen.axes[2:]))
    if (met, columns) != (channels, places):
        return None
    matrix, weight = x.of
    (a, b) = sizes_of([rows, summed])
    if rows + summed == x.axes[2]:
        weight = weight.reshaped((weight.shape[0], a, b))
    elif summed + rows == x.axes[2]:
        weight = weight.reshaped((weight.shape[0], b, a))
        weight = weight and weight.transposed((0, 2, 1))
    else:
        return None
    if weight is None:
        return None
    seen = whole(Weighted(matrix, weight, y.of), (*sizes, *sizes_of(y.axes[3:])))
    return replace(seen, dims=(*batch, seen.axes[2], joined(seen.axes[3:])))


def _weighted_term(one: Regrouped, tiling: Tiling) -> Term | None:
    matrix, _, (_, own, _) = one.of
    return _term("convolution", one, matrix, own, tiling) or _term(
        "images", one, matrix, tiling, own
    )


def _paired_term(one: Regrouped, matrix: Array, turned: bool) -> Term | None:
    seen, rows, columns = one.turned() if turned else one, one.of.rows.tiling, one.of.columns.tiling
    if one.dims[1] not in (one.axes[2] + one.axes[3], one.axes[3] + one.axes[2]):
        return None
    return _term("weight", seen, matrix, columns, rows) or _term(
        "weight", seen, matrix, rows, columns
    )


def _term(way: Way, product: Regrouped, matrix: Array, inner: Tiling, outer: Tiling) -> Term | None:
    """The term for a product, if it is one of a convolution that reaches any pixel."""
    m, window = len(outer.matrix[0]), isqrt(matrix.shape[1])
    if (inner.step, outer.step) != (m, m) or not _convolves(matrix, inner.matrix, outer.matrix):
        return None
    span, frame = [], []
    for axis in range(2):
        first = max(0, -outer.start[axis])
        last = min(outer.counts[axis] * m, outer.sizes[axis] - outer.start[axis])
        span.append((first + outer.start[axis], last + outer.start[axis]))
        frame.append((first + inner.start[axis], last + inner.start[axis] + window - 1))
        if first >= last or frame[-1][1] <= 0 or frame[-1][0] >= inner.sizes[axis]:
            return None
    return Term(way, product, inner, outer, window, tuple(frame), tuple(span))


def _convolves(matrix: Array, inner: Matrix, outer: Matrix) -> bool:
    """Whether the sum over t of M[t, kl] kron(B, B)[t, pq] kron(A, A)[t, ab] is 1 where p = a + k
    and q = b + l, and 0 elsewhere, to within the rounding of these matrices."""
    B, A = np.asarray(inner, np.float64), np.asarray(outer, np.float64)
    (t, p), (m, r) = B.shape, (A.shape[1], isqrt(matrix.shape[1]))
    if matrix.shape != (t * t, r * r) or len(A) != t or p != m + r - 1 or t > _TILE:
        return False
    eps = 4 * np.finfo(matrix.dtype).eps + 4 * t * t * np.finfo(np.float64).eps
    places = np.arange(p)[:, None] == np.arange(m) + np.arange(r)[:, None, None]  # (k, p, a)
    with np.errstate(all="ignore"):  # of whatever a user's matrices have
        both = (matrix.astype(np.float64), np.kron(B, B), np.kron(A, A))
        found, size = [
            np.einsum("tx,ty,tz->xyz", *given, optimize=True) for given in (both, map(np.abs, both))
        ]
        wanted = np.einsum("kpa,lqb->klpqab", places, places).reshape(found.shape)
        return bool((np.abs(found - wanted) <= eps * size).all())

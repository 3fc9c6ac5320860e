"""Winograd's convolution undone: windows and one product, as im2col would have traced them, which C
can read in place. `tiled.py` finds what is such a convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from autograd import ops
from autograd.lowering.convolutions.regrouped import Group, Regrouped, joined, sizes_of
from autograd.lowering.convolutions.tiled import Finding, Paired, Spans, Term
from autograd.lowering.writing import Writing
from autograd.ops.shapes.padding import pad_constant
from autograd.ops.shapes.windows import fold_windows, sliding_windows
from autograd.ops.shapes.winograd import Pair, fold_tiles, transform_tiles
from autograd.program.program import Call, Program, Value

_TRANSFORMS = 350  # products in the time of one number's way through the transforms


def is_better(channels: int, filters: int, window: int, tile: int, sizes: Pair) -> bool:
    """Whether C is faster without Winograd's algorithm, by the products of a pixel.

    Measured in float32 on one core with AVX-512, value and both gradients, in alternation, as the
    ratio of medians of the times without it and with it (tiles of 4):

        channels, images, batch
        16 -> 16, 28x28, 64       0.37
        32 -> 32, 28x28, 64       0.63
        64 -> 64, 14x14, 64       0.56
        64 -> 64, 28x28, 8        0.73
        64 -> 64, 112x112, 1      0.75
        128 -> 128, 14x14, 64     0.77
        128 -> 128, 28x28, 32     1.20
        256 -> 256, 16x16, 32     1.48

    Args:
        channels, filters: of the weight.
        window: pixels along a side of a filter.
        tile: pixels along a side of a tile of the result.
        sizes: height and width of the convolution's result.
    """
    both = channels * filters
    covered = prod(-(-n // tile) * tile for n in sizes) / max(prod(sizes), 1)
    products = ((tile + window - 1) / tile) ** 2 * both
    return window**2 * both <= covered * (products + _TRANSFORMS * (channels + filters))


def with_direct_convolutions(program: Program) -> Program:
    """Convolutions by windows and a product, wherever they are by Winograd's algorithm.

    The results differ by rounding; and where a pixel or a weight is infinite or NaN: Winograd's
    algorithm makes NaN of whole tiles then, windows only of what it is a factor of. What does not
    fit stays as it is, and so does a product that somebody else reads too, or a matrix that can be
    written to. What is wanted keeps its slots.
    """
    if not any(call.op in (transform_tiles, fold_tiles) for call in program.calls):
        return program
    ends = Finding(program, _is_better).ends
    if not ends:
        return program
    writing = _Writing(program)
    for number, call in enumerate(program.calls):
        if number in ends:
            writing.instead(call, ends[number])
        else:
            writing.calls.append(call)
    return writing.finished()


def _is_better(term: Term) -> bool:
    of = term.product.of
    if isinstance(of, Paired):
        sides = of.rows.image.shape[0], of.columns.image.shape[0]
    else:
        _, *sides = of.weight.shape
    return is_better(*sides, term.window, term.outer.step, term.outer.sizes)


class _Writing(Writing):
    """Writes calls: those of a program, and others for its convolutions."""

    def instead(self, end: Call, terms: Sequence[Term]) -> None:
        """Calls of which the last gives the sum of the terms, as the end did."""
        self.end, kind = end, self.slots[end.outputs[0]]
        ways = {"convolution": self._convolution, "images": self._images, "weight": self._weight}
        found, *others = [ways[term.way](term) for term in terms]
        for other in others:
            found = self.call(ops.add, kind.shape, found, other)
        if self.slots[found.slot].dtype != kind.dtype:
            found = self.call(ops.astype, kind.shape, found, kind.dtype)
        self.ended()

    def _convolution(self, term: Term) -> Value:
        """(F, C r r) @ (C r r, H W N), as (F, H, W, N)."""
        _, weight, (image, *_) = term.product.of
        kernels = self._matrix(weight.transposed((1, 2, 0)))
        y = self._product(kernels, self._columns(image, term))
        y = self.call(ops.reshape, (weight.shape[1], *_lengths(term.span), image.shape[3]), y)
        return self._taken(y, 1, _beside(term.span, term.outer.sizes))

    def _images(self, term: Term) -> Value:
        """(C r r, F) @ (F, H W N), whose windows (N, C, H, W, r, r) are folded."""
        _, weight, (image, *_) = term.product.of
        kernels = self._matrix(weight.transposed((2, 1, 0)))  # (F, C r r)
        g = self._flat(image, term)
        columns = self._product(self.transposed(kernels, (1, 0)), g)
        window, (h, w) = (term.window,) * 2, _lengths(term.span)
        channels, batch = weight.shape[1], image.shape[3]
        columns = self.call(ops.reshape, (channels, *window, h, w, batch), columns)
        windows = self.transposed(columns, (5, 0, 3, 4, 1, 2))
        shape = (batch, channels, *_lengths(term.frame))
        x = self.call(fold_windows, shape, windows, shape, window, (1, 1), (1, 1))
        x = self._taken(x, 2, _beside(term.frame, term.inner.sizes))
        return self.transposed(x, (1, 2, 3, 0))

    def _weight(self, term: Term) -> Value:
        """(F, H W N) @ (H W N, C r r), in the order of the axes of the product of tiles."""
        (g, x), (*_, of_g, of_x) = term.product.of, term.product.axes
        if term.outer is x.tiling:
            g, x, of_g, of_x = x, g, of_x, of_g
        columns = self._columns(x.image, term)
        found = self._product(self._flat(g.image, term), self.transposed(columns, (1, 0)))
        taps = (("taps", term.window**2),)
        places = joined(term.product.axes[:2])
        dims = tuple([taps if dim == places else dim for dim in term.product.dims])
        return self._arranged(Regrouped(found.slot, (of_g, of_x + taps), dims))

    # --- their parts ---------------------------------------------------------------------------

    def _columns(self, image: Regrouped, term: Term) -> Value:
        """The windows of images (C, H, W, N) as a matrix (C r r, H' W' N)."""
        x = self._arranged(image.transposed((3, 0, 1, 2)))
        x = self._taken(x, 2, term.frame)
        (channels, *_, batch), window = image.shape, (term.window,) * 2
        shape = (batch, channels, *_lengths(term.span), *window)
        windows = self.call(sliding_windows, shape, x, window, (1, 1), (1, 1))
        columns = self.transposed(windows, (1, 4, 5, 2, 3, 0))
        size = batch * prod(_lengths(term.span))
        return self.call(ops.reshape, (channels * term.window**2, size), columns)

    def _flat(self, image: Regrouped, term: Term) -> Value:
        """The pixels of images (F, H, W, N) that take part, as (F, H' W' N)."""
        g = self._taken(self._arranged(image), 1, term.span)
        size = image.shape[3] * prod(_lengths(term.span))
        return self.call(ops.reshape, (image.shape[0], size), g)

    def _matrix(self, weight: Regrouped) -> Value:
        """The last two axes of three as one."""
        rows, columns, taps = weight.dims
        return self._arranged(replace(weight, dims=(rows, columns + taps)))

    def _arranged(self, seen: Regrouped) -> Value:
        """An array of the shape that is seen, of the slot of which it is."""
        found, dims = Value(seen.of), joined(seen.dims)
        if dims != joined(seen.axes):
            # Whole dimensions in another order if they can be, or else all their axes.
            order = sorted(range(len(seen.axes)), key=lambda i: _first(seen.axes[i], dims))
            if joined([seen.axes[i] for i in order]) != dims:
                axes = joined(seen.axes)
                found = self.call(ops.reshape, sizes_of([(axis,) for axis in axes]), found)
                order = [axes.index(axis) for axis in dims]
            found = self.transposed(found, order)
        return self.call(ops.reshape, seen.shape, found)

    def _taken(self, x: Value, first: int, spans: Spans) -> Value:
        """Some pixels along two axes, of which `first` is one; those beyond the edges are zero."""
        shape = self.slots[x.slot].shape
        edges = [(0, n) for n in shape]
        edges[first : first + 2] = spans
        inside = [(max(a, 0), min(b, n)) for (a, b), n in zip(edges, shape, strict=True)]
        if (size := tuple([b - a for a, b in inside])) != shape:
            x = self.call(ops.getitem, size, x, tuple([slice(a, b) for a, b in inside]))
        border = tuple([(c - a, b - d) for (a, b), (c, d) in zip(edges, inside, strict=True)])
        if any(map(any, border)):
            x = self.call(pad_constant, tuple([b - a for a, b in edges]), x, border, 0)
        return x

    def _product(self, x: Value, y: Value) -> Value:
        """x @ y, anew for each end: what is returned shares no memory."""
        shape = self.slots[x.slot].shape[0], self.slots[y.slot].shape[1]
        return self.written(ops.matmul, shape, x, y)


def _lengths(spans: Spans) -> Pair:
    (a, b), (c, d) = spans
    return b - a, d - c


def _beside(spans: Spans, sizes: Pair) -> Spans:
    """Where, counted from the begin of the spans, all pixels of an image lie."""
    return tuple([(-a, n - a) for (a, _), n in zip(spans, sizes, strict=True)])


def _first(group: Group, dims: Group) -> int:
    return dims.index(group[0]) if group else -1

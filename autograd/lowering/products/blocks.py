"""In what blocks of registers sums of products run.

Neighbours in memory are vectors; so many of them, for so many rows of the other factor, are summed
in registers, and each number that is loaded serves several products (Goto & van de Geijn 2008,
"Anatomy of high-performance matrix multiplication", section 4, of products of matrices in memory).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from autograd import native
from autograd.lowering.indices import (
    Affine,
    Axes,
    Axis,
    volume,
)
from autograd.lowering.nests import (
    Load,
    Nest,
    Value,
)
from autograd.lowering.products.factors import LINE, Product, lanes_of

_FEW_TERMS = 32  # so short sums run in the slices of what reads them, row by row
_FEW_COLUMNS = 16
_UNROLLED = 12  # columns that stand side by side
_ENDED = 6  # steps that it takes to sum what is in a vector
_SLICES = 4
_LATENCY = 8  # products that a processor has on their way at a time
_LATE = 2  # and others to go on with, while one waits for what it reads
_PART = 1 << 10  # numbers of a line that stay in the nearest cache


@dataclass(eq=False)
class Blocks:
    """In what blocks a sum of products runs.

    Attributes:
        vector: the factor whose neighbours along `chain` are vectors.
        other: the other factor.
        along: whether the chain is summed, and `other` has neighbours along it too; else it is the
            result that has.
        slices: the loop that is shared among threads: an axis of the result, or one along the
            blocks of rows.
        outer: axes of the result for loops around the blocks.
        rows: an axis that only `other` has, if any.
        columns: of sums along the chain, axes that only `vector` has and that are unrolled; the
            last may be cut into blocks.
        chain: axes whose places lie side by side, innermost last.
        reduced: other axes along which they sum, innermost last.
        lanes: elements of a vector.
        down: rows of a block.
        across: vectors of a block side by side; of sums along the chain, columns.
        finite: see `Product`.
    """

    vector: Load
    other: Load
    along: bool
    slices: Axis
    outer: Axes
    rows: Axis | None
    columns: Axes
    chain: Axes
    reduced: Axes
    lanes: int
    down: int
    across: int
    finite: Load | None = None

    @property
    def by_row(self) -> bool:
        """Whether a slice is a row."""
        return self.slices is self.rows

    @property
    def part(self) -> int:
        """Of sums along the chain, how many places of it are summed before they are added up."""
        length = volume(self.chain)
        count = -(-length // _PART)
        return length if count == 1 else -(-length // (count * self.lanes)) * self.lanes

    @property
    def inside(self) -> Axes:
        """The innermost of the reduced axes, which are summed with one part of the chain; of the
        first of them `runs` places at a time."""
        terms, count = volume(self.chain), 0
        if terms > self.part:
            return ()
        for axis in reversed(self.reduced):
            if terms >= _PART:
                break
            terms, count = terms * axis.size, count + 1
        return self.reduced[len(self.reduced) - count :]

    @property
    def outside(self) -> Axes:
        """The other ones."""
        return self.reduced[: len(self.reduced) - len(self.inside)]

    @property
    def runs(self) -> int:
        """How many places of the first axis inside are summed at a time; 0 where all are."""
        if not self.inside:
            return 0
        first, *others = self.inside
        count = max(1, _PART // (volume(self.chain) * volume(others)))
        return count if count < first.size else 0


def blocks(nest: Nest, product: Product, strides: Mapping[Value, tuple[int, ...]]) -> Blocks | None:
    """The blocks of a nest, by how its factors lie in memory; None where nothing lies in lines."""
    found = [
        option
        for vector, other in ((product.left, product.right), (product.right, product.left))
        for option in (
            _kept(nest, vector, other, strides),
            _summed(nest, vector, other, strides),
        )
        if option is not None
    ]
    best = min(found, key=_judged, default=None)
    if best is None:
        return None
    made = best[1]
    made.finite = product.finite
    return made


def _chain(axes: Iterable[Axis], places: Sequence[Affine]) -> Axes:
    """Axes whose places lie side by side, in all of these, innermost last."""
    left, chain, step = list(axes), list[Axis](), 1
    while True:
        found = [a for a in left if all(place.step(a) == step for place in places)]
        if not found:
            return tuple(chain[::-1])
        chain.append(found[0])
        left.remove(found[0])
        step *= found[0].size


_Option = tuple[float, Blocks]


def _judged(option: _Option) -> float:
    """The cost, and more where threads have too little to share."""
    cost, made = option
    return cost * (1 if made.slices.size >= _SLICES else 1.5)


def _kept(
    nest: Nest, vector: Load, other: Load, strides: Mapping[Value, tuple[int, ...]]
) -> _Option | None:
    """Blocks of vectors of the result."""
    place, second = vector.place(strides[vector.value]), other.place(strides[other.value])
    kept = nest.value.axes
    chain = _chain([a for a in kept if not second.step(a)], [place])
    length = volume(chain)
    lanes = lanes_of(length, vector.dtype)
    rows = _longest([a for a in kept if second.step(a) and not place.step(a)])
    rest = tuple([a for a in kept if a not in chain and a is not rows])
    if lanes < LINE:
        return None
    by_row = rows is not None and volume(nest.reduced) <= _FEW_TERMS
    count = rows.size if rows is not None and not by_row else 1
    cost, down, across = min(
        _cost(count, down, -(-length // (lanes * across)), across)
        for across in range(1, min(6, length // lanes) + 1)
        for down in range(1, min(count, 32) + 1)
        if _fits(down, across)
    )
    slices = rows if by_row else _longest(rest)
    if slices is None:
        slices = Axis(-(-count // down))
    reduced = tuple(sorted(nest.reduced, key=lambda a: -abs(place.step(a))))
    outer = tuple([a for a in rest if a is not slices])
    times = volume(rest) * volume(nest.reduced) * (rows.size if by_row and rows else 1)
    made = Blocks(
        vector=vector,
        other=other,
        along=False,
        slices=slices,
        outer=outer,
        rows=rows,
        columns=(),
        chain=chain,
        reduced=reduced,
        lanes=lanes,
        down=down,
        across=across,
    )
    return cost * times, made


def _summed(
    nest: Nest, vector: Load, other: Load, strides: Mapping[Value, tuple[int, ...]]
) -> _Option | None:
    """Blocks of sums of vectors."""
    place, second = vector.place(strides[vector.value]), other.place(strides[other.value])
    chain = _chain(nest.reduced, [place, second])
    lanes = lanes_of(volume(chain), vector.dtype)
    if lanes < LINE:
        return None
    kept = nest.value.axes
    rows = _longest([a for a in kept if second.step(a) and not place.step(a)])
    own = [a for a in kept if place.step(a) and not second.step(a)]
    own.sort(key=lambda a: abs(place.step(a)))
    few = volume(kept) <= _FEW_COLUMNS * (rows.size if rows is not None else 1)
    by_row = rows is not None and few
    count = rows.size if rows is not None and not by_row else 1
    found = []
    for taken in range(min(len(own), 3) + 1):
        columns = own[:taken][::-1]
        width = volume(columns)
        if taken > 1 and width > _UNROLLED:
            break
        blocks_around = volume(own[taken:])
        for across in [width] if width <= _UNROLLED else range(1, _UNROLLED + 1):
            for down in range(1, min(count, 32) + 1):
                if _fits(down, across):
                    steps, *_ = _cost(count, down, -(-width // across), across)
                    found.append((steps * blocks_around, taken, down, across))
    cost, taken, down, across = min(found)
    columns = own[:taken][::-1]
    rest = [a for a in kept if a is not rows and a not in columns]
    slices = rows if by_row else _longest(rest) if rows is None else None
    if slices is None:
        slices = Axis(-(-count // down))
    reduced = [a for a in nest.reduced if a not in chain]
    reduced.sort(key=lambda a: -abs(place.step(a)))
    outer = tuple([a for a in rest if a is not slices])
    vectors = -(-volume(chain) // lanes) * volume(reduced)
    around = volume([a for a in rest if a not in own])
    times = around * vectors * (rows.size if by_row and rows else 1)
    ends = _ENDED * volume(kept)
    made = Blocks(
        vector=vector,
        other=other,
        along=True,
        slices=slices,
        outer=outer,
        rows=rows,
        columns=tuple(columns),
        chain=chain,
        reduced=tuple(reduced),
        lanes=lanes,
        down=down,
        across=across,
    )
    return cost * times + ends, made


def _longest(axes: Sequence[Axis]) -> Axis | None:
    return max(axes, key=lambda axis: axis.size, default=None)


def _fits(down: int, across: int) -> bool:
    """Whether a block is in registers, with what is loaded for it; compilers want one more."""
    return down * across + across + 2 <= native.vector_registers()[1] or down * across == 1


def _cost(rows: int, down: int, blocks_across: int, across: int) -> tuple[float, int, int]:
    """Of a block, times how many there are, in steps of a processor: two numbers are loaded, and
    two products made, at a time, those of one block wait for each other, and vectors that are not
    in the nearest cache take some time more."""
    whole, rest = divmod(rows, down)
    each = [(down, whole, _LATENCY + _LATE)] + [(rest, 1, _LATENCY)] * bool(rest)
    steps = sum(
        n * (max(d * across, d + across, least) / 2 + across / 4 + d / 10) for d, n, least in each
    )
    return steps * blocks_across, down, across

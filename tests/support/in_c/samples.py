"""Calls of every op that has a lowering: those of the specs, and what only C has to be asked.

C is asked for sizes that leave a remainder of a vector, of a block of accumulators, and of a sum
that is emptied now and then; for numbers that are none, too large, or zero with a sign; for ties;
for integers at their limits; and for arrays that lie in memory in any way.
"""

from __future__ import annotations

import functools
import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from support.in_c.arrays import FLOATS, INTEGERS, Given, short, some, special, strewn
from support.in_c.calls import part_of
from support.in_c.joining import Part
from support.in_c.placing import OWN
from support.specs.running import converted
from support.specs.specs import SPECS
from support.streams import generator

from autograd import ops
from autograd.lowering.rows.table import ROWS
from autograd.ops.elementwise.selection import chosen
from autograd.ops.elementwise.special import bell
from autograd.ops.reductions.reduction import shared, sum_of_products

Array = np.ndarray[Any, Any]
SIZES = (0, 1, 15, 17, 63, 65, 300)
_VIEWS = frozenset(op for op in ROWS if op.kind == "view")


@functools.cache
def parts_of(op: Any) -> Sequence[Part]:
    """Programs of the op, which has a row in the table."""
    found: list[Part] = []
    seen: set[str] = set()
    for label, args, options in calls_of(op):
        name = f"{op.name} {label}"
        while name in seen:
            name += " again"
        seen.add(name)
        try:
            found += _programs(name, op, args, options)
        except (TypeError, ValueError, OverflowError, IndexError):
            continue  # NumPy does not take these either
    return found


def _programs(name: str, op: Any, args: Any, options: Any) -> list[Part]:
    if op not in _VIEWS:
        return [part_of(name, op, args, options)]
    # A view computes nothing itself: it is one of what was computed, and it is read.
    before = part_of(f"{name}, of what is computed", _of_computed(op), args, options)
    return [before, part_of(f"{name}, read", _read(op), args, options)]


def _of_computed(op: Any) -> Callable[..., Any]:
    return lambda x, *args, **options: op(ops.where(ops.equal(x, x), x, x), *args, **options)


def _read(op: Any) -> Callable[..., Any]:
    def called(*args: Any, **options: Any) -> Any:
        seen = op(*args, **options)
        return ops.where(ops.equal(seen, seen), seen, seen)

    return called


def calls_of(op: Any) -> Iterator[Given]:
    """Arguments for an op: a name, those by position, and those by name."""
    for spec in SPECS:
        if spec.op is op:
            for dtype in FLOATS:
                for sample in spec.draw():
                    args = converted(sample.args, lambda a, d=dtype: np.array(a, d))
                    yield f"{short(dtype)} {sample.name}", tuple(args), sample.options
    rng = generator(f"{op.name} in C")
    if op in OWN:
        yield from OWN[op](rng)
    elif op.kind == "elementwise":
        yield from _elementwise(op, rng)
    elif op.kind in ("reduction", "contraction"):
        yield from _reduced(op, rng)


# --- elementwise --------------------------------------------------------------------------------


def _elementwise(op: Any, rng: np.random.Generator) -> Iterator[Given]:
    count = len(inspect.signature(op.forward).parameters)
    if op is bell:
        for n, dtype in itertools.product((0, 1, 3, 6), FLOATS):
            yield f"{short(dtype)} {n}", (n, special(dtype)), {}
        return
    if op is ops.round:
        count = 1
    if op is ops.astype:
        for old, new in itertools.product((*FLOATS, *INTEGERS, "?"), repeat=2):
            numbers = special(old)
            if np.dtype(new).kind in "iu" and np.dtype(old).kind == "f":
                numbers = np.array([1.75, -1.5, 0.0, 100.0], old)[: 2 if "u" in str(new) else None]
            yield f"{short(old)} to {short(new)}", (numbers, np.dtype(new)), {}
        return
    for dtype in FLOATS:
        numbers = special(dtype)
        label = short(dtype)
        for size in SIZES:
            yield f"{label} {size}", tuple(_spread(rng, op, dtype, count, (size,))), {}
        yield f"{label} 0-d", tuple(_spread(rng, op, dtype, count, ())), {}
        if count == 1:
            yield f"{label} special", (numbers,), {}
        else:
            grid = [numbers.reshape(-1, *(1,) * k) for k in range(2)]
            if count == 3:
                truth = op is ops.where or op is chosen
                third = np.array([[[True]], [[False]]]) if truth else numbers[:, None, None]
                grid = [third, *grid] if truth else [*grid, third]
            if op is chosen:
                grid[1] = 0.1
            yield f"{label} special", tuple(grid), {}
        shapes = [(3, 1, 65), (5, 1), (1, 5, 1)][:count]
        spread = [some(rng, dtype, *shape) for shape in shapes]
        yield f"{label} broadcast", tuple(_fitted(op, spread)), {}
        for lie, arrange in LAYOUTS.items():
            args = _spread(rng, op, dtype, count, (5, 17))
            laid = [arrange(a) if isinstance(a, np.ndarray) else a for a in args]
            yield f"{label} {lie}", tuple(laid), {}
    pairs: Any = itertools.product((*INTEGERS, "?"), (*INTEGERS, "?", *FLOATS))
    if count == 1:
        pairs = [(kind, kind) for kind in (*INTEGERS, "?")]
    for a, b in pairs:
        x, y = special(a)[:, None], special(b)
        args = [x, y, y][:count]
        yield f"{short(a)} {short(b)}", tuple(_fitted(op, args)), {}
        if count == 2:
            yield f"{short(b)} {short(a)}", tuple(_fitted(op, [y, x])), {}


def _spread(
    rng: np.random.Generator, op: Any, dtype: Any, count: int, shape: tuple[int, ...]
) -> list[Any]:
    return _fitted(op, [some(rng, dtype, *shape) for _ in range(count)])


def _fitted(op: Any, args: list[Any]) -> list[Any]:
    if op in (ops.where, chosen):
        args = [np.asarray(args[0]) > 0, *args[1:]]
    if op is chosen:
        args = [args[0], 0.5, args[2]]
    return args


def _stepped(array: Array) -> Array:
    wide = np.zeros([2 * n for n in array.shape], array.dtype)
    inner = wide[tuple(slice(0, None, 2) for _ in array.shape)]
    inner[...] = array
    return inner


# As arrays lie in memory that are not the caller's own.
LAYOUTS: dict[str, Callable[[Array], Array]] = {
    "in columns": np.asfortranarray,
    "backwards": lambda a: np.flip(np.flip(a).copy()),
    "stepped": _stepped,
    "one for all": lambda a: np.broadcast_to(a[:1, :1], a.shape),
}


# --- reductions ---------------------------------------------------------------------------------

# Along axes: few, many, past 64 and 256, past 8192 in two; the kept ones too.
_REDUCED = [
    *[((n,), None) for n in SIZES[1:]],
    *[((n, 5), 0) for n in (1, 17, 300)],
    *[((5, n), 1) for n in (1, 17, 63, 300)],
    *[((n, 65), 0) for n in (1, 2, 300)],
    *[((3, 17, 70), axis) for axis in (0, 1, 2, (0, 1), (0, 2), (1, 2), None)],
    *[((2, 90, 70), axis) for axis in ((0, 1), (1, 2), (0, 1, 2))],
    ((6, 30, 5, 33), (1, 3)),
    ((4, 300, 65), (0, 1)),
]


def _reduced(op: Any, rng: np.random.Generator) -> Iterator[Given]:
    if op is ops.matmul:
        yield from _products(rng)
        return
    count = 2 if op is sum_of_products else 1
    single = op in (ops.argmax, ops.argmin)
    integers = op in (ops.sum, ops.max, ops.min, ops.argmax, ops.argmin)
    for shape, axis in _REDUCED:
        if single and isinstance(axis, tuple):
            continue
        for dtype in FLOATS:
            label = f"{short(dtype)} {shape} along {axis}"
            if op is shared:
                part = np.sum(some(rng, dtype, *shape), axis)
                yield label, (np.asarray(part), shape, axis), {}
                continue
            args = [some(rng, dtype, *shape) for _ in range(count)]
            if op is ops.prod:
                args = [np.array(1 + 0.01 * args[0], dtype)]
            yield label, tuple(args), {"axis": axis}
            strewn_ = [strewn(rng, dtype, *shape) for _ in range(count)]
            yield f"{label}, strewn", tuple(strewn_), {"axis": axis}
        if integers and len(shape) < 3:
            for dtype in ("i1", "i8", "u2", "u8", "i4"):
                yield f"{dtype} {shape} along {axis}", (some(rng, dtype, *shape),), {"axis": axis}
    if op is shared:
        return
    for dtype in FLOATS:
        for fill in (np.nan, np.inf, -np.inf, -0.0, 0.0):
            for shape, axis in (((70,), 0), ((3, 70), 0), ((70, 3), 0)):
                label = f"{short(dtype)} {shape} of {fill} along {axis}"
                full = [np.full(shape, fill, dtype)] * count
                yield label, tuple(full), {"axis": axis}
        for lie, arrange in LAYOUTS.items():
            laid = [arrange(some(rng, dtype, 5, 70)) for _ in range(count)]
            for axis in (0, 1):
                yield f"{short(dtype)} {lie} along {axis}", tuple(laid), {"axis": axis}
    if integers:
        for dtype in INTEGERS:
            yield f"limits of {dtype}", (special(dtype),), {"axis": 0}
            yield f"lowest {dtype}", (np.full(70, np.iinfo(dtype).min, dtype),), {"axis": 0}


def _products(rng: np.random.Generator) -> Iterator[Given]:
    shapes = [((1, 17), (17, 15)), ((300,), (300,)), ((5, 63), (63,)), ((2, 1, 3, 5), (4, 5, 2))]
    shapes += [((1, 1), (1, 1)), ((63, 1), (1, 15)), ((1,), (1,)), ((3, 4), (2, 4, 5))]
    for (a, b), dtype in itertools.product(shapes, FLOATS):
        yield f"{short(dtype)} {a} by {b}", (some(rng, dtype, *a), some(rng, dtype, *b)), {}
        pair = strewn(rng, dtype, *a), strewn(rng, dtype, *b)
        yield f"{short(dtype)} {a} by {b}, strewn", pair, {}

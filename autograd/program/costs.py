"""What a call of an op moves and computes: bytes and floating-point operations, from the shapes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from math import isqrt, prod
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.primitives import Primitive
from autograd.engine.tensor import Array
from autograd.ops import (
    copy,
    cross,
    dot,
    einsum,
    getitem,
    inner,
    kron,
    matmul,
    outer,
    sum_of_products,
    sum_of_squares,
    tensordot,
    vecdot,
)
from autograd.ops.linear.subscripts import labels_of
from autograd.ops.shapes.padding import pad_constant
from autograd.program.program import Call, Slot, Value

Shape = tuple[int, ...]


class Extent(NamedTuple):
    """What stands for an array, as far as costs go: shape, elements, and bytes of memory."""

    shape: Shape
    size: int
    nbytes: int


class Cost(NamedTuple):
    """Bytes that a call reads and writes, and its operations; None where no count is known."""

    read: int
    written: int
    flops: int | None


def cost_of(call: Call, slots: Mapping[int, Slot]) -> Cost:
    """What a call of a program moves and computes.

    Each array is read or written once, as a whole, but for the table that `getitem` gathers from:
    of that as much is read as is written. What only gives another view of its argument costs
    nothing. Arrays in an index of several parts, and what a forward keeps for its rules, do not
    count.

    Args:
        slots: those of the program, whose arrays are taken to be contiguous.

    >>> from autograd import Tensor
    >>> from autograd.program.watching import program_of
    >>> program = program_of(lambda x, y: x @ y, Tensor([[1.0, 2.0]]), Tensor([3.0, 4.0]))
    >>> cost_of(program.calls[0], program.slots)
    Cost(read=32, written=8, flops=4)
    """
    inputs = [_extent(slots[x.slot]) if isinstance(x, Value) else x for x in call.inputs]
    results = [_extent(slots[slot]) for slot in call.outputs]
    return Cost(0, 0, 0) if _gives_views(call, results) else cost(call.op, inputs, results)


def cost(op: Any, inputs: Sequence[Any], results: Sequence[Extent | Array]) -> Cost:
    """What an op moves and computes whose results are new: of arrays, or of extents for them."""
    given = [x for x in inputs if isinstance(x, (np.ndarray, Extent))]
    written = sum(out.nbytes for out in results)
    read = [x.nbytes for x in given]
    if op is getitem and read:
        read[0] = min(read[0], written)  # not the whole of a large table
    return Cost(sum(read), written, _flops(op, inputs, given, results))


def _extent(slot: Slot) -> Extent:
    return Extent(slot.shape, prod(slot.shape), slot.nbytes)


def _gives_views(call: Call, results: Sequence[Extent]) -> bool:
    if call.op is getitem:  # by slices and numbers; one element alone is copied
        index = call.inputs[1]
        parts = index if type(index) is tuple else (index,)
        plain = all(x is None or x is ... or type(x) in (int, slice) for x in parts)
        return plain and (... in parts or results[0].shape != ())
    return getattr(call.op, "kind", None) == "view" and call.op not in (copy, pad_constant)


def _flops(
    op: Any, inputs: Sequence[Any], given: Sequence[Any], results: Sequence[Extent | Array]
) -> int | None:
    if op is einsum:
        return _flops_of_einsum(inputs[0], tuple([_whole(x).shape for x in inputs[1:]]))
    if op in _PRODUCTS:
        x, y = [*map(_whole, inputs[:2]), None][:2]
        return _PRODUCTS[op](x, y, results[0])
    kind = getattr(op, "kind", None)
    if kind == "elementwise":
        return max(out.size for out in results)
    if kind == "reduction":
        return max((x.size for x in given), default=0)
    return 0 if kind in ("view", "gather") else None


def _whole(x: Any) -> Any:
    """An argument that is an array or a number, as the extent of one."""
    return x if isinstance(x, (np.ndarray, Extent)) else Extent(np.shape(x), np.size(x), 0)


def _summed(x: Extent, y: Extent, out: Extent) -> int:
    # Each axis is one of x and the result, of y and the result, or of both and summed over.
    return 2 * out.size * isqrt(x.size * y.size // max(out.size, 1))


_PRODUCTS: dict[Primitive, Callable[[Any, Any, Any], int]] = {
    matmul: lambda x, y, out: 2 * out.size * x.shape[-1],
    tensordot: _summed,
    dot: _summed,
    inner: _summed,
    vecdot: lambda x, y, out: 2 * prod(np.broadcast_shapes(x.shape, y.shape)),
    sum_of_products: lambda x, y, out: 2 * x.size,
    sum_of_squares: lambda x, y, out: 2 * x.size,
    outer: lambda x, y, out: out.size,
    kron: lambda x, y, out: out.size,
    cross: lambda x, y, out: 3 * out.size,
}


@lru_cache(maxsize=256)
def _flops_of_einsum(subscripts: str, shapes: tuple[Shape, ...]) -> int:
    """Along NumPy's path: a multiplication for each operand but one, an addition where it sums."""
    if any(0 in shape for shape in shapes):
        return 0
    terms, output = labels_of(subscripts, tuple(map(len, shapes)))
    sizes: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for label, n in zip(term, shape, strict=True):
            sizes[label] = max(sizes.get(label, 1), n)
    repeated = [np.broadcast_to(np.zeros(()), shape) for shape in shapes]  # take no memory
    path = np.einsum_path(f"{','.join(terms)}->{output}", *repeated, optimize="greedy")[0][1:]
    left, flops = [set(term) for term in terms], 0
    for step in path:
        taken = [left.pop(i) for i in sorted(step, reverse=True)]
        labels = set[str]().union(*taken)
        kept = labels & set(output).union(*left)
        flops += prod(sizes[label] for label in labels) * (len(taken) - 1 + (kept != labels))
        left.append(kept)
    return flops

"""What a call of an op moves and computes: bytes and floating-point operations, from the shapes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from math import isqrt, prod
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.primitives import Primitive, Saved
from autograd.engine.tensor import Array
from autograd.ops import (
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

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]


class Cost(NamedTuple):
    """Bytes and operations of one call; `flops` is None where no count is known for the op."""

    nbytes: int
    flops: int | None
    arguments: Shapes
    results: Shapes


def cost(op: Any, arrays: Sequence[Any], returned: Any) -> Cost:
    """What a forward that was given `arrays` and returned `returned` has moved and computed."""
    if isinstance(returned, Saved):
        returned = returned.out
    outs = returned if isinstance(returned, tuple) else (returned,)
    results = [np.asarray(out) for out in outs]
    given = [a for a in arrays if isinstance(a, np.ndarray)]
    shapes = tuple([a.shape for a in given]), tuple([out.shape for out in results])
    if all(_is_view(out, given) for out in results):
        return Cost(0, 0, *shapes)
    written = sum(map(_occupied, results))
    read = list(map(_occupied, given))
    if op is getitem and read:
        read[0] = min(read[0], written)  # not the whole of a large table
    return Cost(sum(read) + written, _flops(op, arrays, given, results), *shapes)


def _is_view(out: Array, given: list[Array]) -> bool:
    return any(out is a or (out.base is not None and np.may_share_memory(out, a)) for a in given)


def _occupied(array: Array) -> int:
    """Bytes of memory that an array reads: what lies along a repeated axis, and what windows share,
    counts once, so that stand-ins and broadcast arrays cost next to nothing."""
    if array.flags.forc or not array.size:
        return array.nbytes
    reach = sum((n - 1) * abs(s) for n, s in zip(array.shape, array.strides, strict=True))
    return min(array.nbytes, int(reach) + array.itemsize)


def _flops(op: Any, arrays: Sequence[Any], given: list[Array], results: list[Array]) -> int | None:
    if op is einsum:
        return _flops_of_einsum(arrays[0], tuple([np.shape(a) for a in arrays[1:]]))
    if op in _PRODUCTS:
        return _PRODUCTS[op](arrays[0], arrays[1] if len(arrays) > 1 else None, results[0])
    kind = getattr(op, "kind", None)
    if kind == "elementwise":
        return max(out.size for out in results)
    if kind == "reduction":
        return max((a.size for a in given), default=0)
    return 0 if kind in ("view", "gather") else None


def _summed(x: Any, y: Any, out: Array) -> int:
    # Each axis is one of x and the result, of y and the result, or of both and summed over.
    return 2 * out.size * isqrt(np.size(x) * np.size(y) // max(out.size, 1))


_PRODUCTS: dict[Primitive, Callable[[Any, Any, Array], int]] = {
    matmul: lambda x, y, out: 2 * out.size * x.shape[-1],
    tensordot: _summed,
    dot: _summed,
    inner: _summed,
    vecdot: lambda x, y, out: 2 * prod(np.broadcast_shapes(np.shape(x), np.shape(y))),
    sum_of_products: lambda x, y, out: 2 * x.size,
    sum_of_squares: lambda x, y, out: 2 * x.size,
    outer: lambda x, y, out: out.size,
    kron: lambda x, y, out: out.size,
    cross: lambda x, y, out: 3 * out.size,
}


@lru_cache(maxsize=256)
def _flops_of_einsum(subscripts: str, shapes: Shapes) -> int:
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

"""One rule, run again with something else in the place of what it computes with.

Another recorded array of the same shape, one that is turned or moved along an axis, one whose
numbers are read in another order, the inverted mask: each stands where a factor or the gradient
should.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import Any

import numpy as np

from autograd.checking.diagnosis.context import Context, Use, as_gradient, described, summed_to
from autograd.checking.diagnosis.rules import Mistake
from autograd.engine.primitives import Primitive
from autograd.engine.tensor import Array, Tensor, wrap

Variant = tuple[str, str, Array, float]  # kind, what it is, the array, added to the rank

_CHOOSING = {"maximum", "minimum", "max", "min", "absolute", "clip"}
_MOST_WORK = 2_000_000  # elements of an array of which all variants are tried
_MOST_ARRAYS = 24


def substituted_rules(context: Context, use: Use, right: Array) -> Iterator[Mistake]:
    """Gradients of the place of a use, as its rule gives them of something else."""
    record, where = use.record, described(use.record)
    g = context.upstream(record)
    if g is None or g.size > _MOST_WORK:
        return
    for kind, what, other, extra in _rearranged(g):
        mistaken = _run(context, use, 0, other, right)
        if mistaken is not None:
            yield kind, f"the gradient that arrives at {where} {what}", mistaken, extra
    for position, array in enumerate(context.flow.values.arrays(record)):
        if not isinstance(array, np.ndarray) or array.size < 2 or array.dtype.kind not in "fb":
            continue
        if not _matters(context, use, position, right):
            continue
        variants = [*_inverted(record.op.name, array), *_others(context, use, array, g)]
        for kind, what, other, extra in variants + list(_rearranged(array)):
            for anew in (False, True):
                mistaken = _run(context, use, 2 + position, other, right, anew)
                if mistaken is not None:
                    yield (
                        kind,
                        f"in the rule of {where}, argument {position} {what}",
                        mistaken,
                        extra,
                    )


def _run(
    context: Context, use: Use, position: int, other: Array, right: Array, anew: bool = False
) -> Array | None:
    """What the rule gives with another array in its place; None where that changes nothing.

    With `anew`, the output that the rule gets is computed of the other arguments too.
    """

    def replace(given: list[Any], options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        old = given[position]
        given = list(given)
        given[position] = wrap(as_gradient(np.ascontiguousarray(other), old.dtype), None)
        if anew:
            op = use.record.op
            out = op(*given[2:], **use.record.options) if isinstance(op, Primitive) else None
            if not isinstance(out, Tensor) or out.shape != given[1].shape:
                raise ValueError
            given[1] = out
        return given, options

    mistaken = context.pulled(use, replace)
    if mistaken is None:
        return None
    try:
        mistaken = as_gradient(summed_to(mistaken, right.shape), right.dtype)
    except ValueError:
        return None
    return None if np.array_equal(mistaken, right) else mistaken


def _matters(context: Context, use: Use, position: int, right: Array) -> bool:
    """Whether the rule looks at an argument at all, or at the output made of it."""
    array = context.flow.values.arrays(use.record)[position]
    other = ~array if array.dtype.kind == "b" else -2 * array[::-1] + 1 if array.ndim else -array
    return any(
        _run(context, use, 2 + position, other, right, anew) is not None for anew in (False, True)
    )


def _inverted(op: str, array: Array) -> Iterator[Variant]:
    if array.dtype.kind == "b":
        yield "wrong factor", "is inverted: what should pass is held back", ~array, 0.0
    elif op in _CHOOSING:
        what = "has the other sign: what should pass is held back, and the rest passes"
        yield "wrong factor", what, -array, 0.0


def _others(context: Context, use: Use, array: Array, g: Array) -> Iterator[Variant]:
    """Other recorded arrays of the same shape."""
    if array.dtype.kind != "f":
        return
    if g.shape == array.shape:
        what = "is replaced by the gradient that arrives"
        yield "wrong factor", what, g, 0.1
    found = 0
    for name, other in context.recorded():
        if other.shape == array.shape and other.dtype.kind == "f" and found < _MOST_ARRAYS:
            if other is array or np.array_equal(other, array):
                continue
            found += 1
            yield "wrong factor", f"is replaced by {name}", other, 0.1 + found / 1000


def _rearranged(x: Array) -> Iterator[Variant]:
    """The same numbers elsewhere."""
    long = [axis for axis, n in enumerate(x.shape) if n > 1]
    for axis in long:
        yield "flipped", f"runs backwards along axis {axis}", np.flip(x, axis), 0.2
    for axis in long:
        for by in (1, -1) if x.shape[axis] > 2 else ():
            yield "rolled", f"is rolled by {by} along axis {axis}", np.roll(x, by, axis), 0.3
    yield from read_in_other_orders(x)


def read_in_other_orders(x: Array) -> Iterator[Variant]:
    """The axes of x permuted; or, for shapes that do not allow that, its numbers read in another
    order, as reshape does where the axes must be moved."""
    if x.ndim > 5:
        return
    for order in permutations(range(x.ndim)):
        if x.transpose(order).shape == x.shape:
            if order != tuple(range(x.ndim)):
                yield "transposed", f"has its axes in the order {order}", x.transpose(order), 0.2
            continue
        for moved in (x.transpose(order).reshape(x.shape), _unread(x, order)):
            if not np.array_equal(moved, x):
                what = f"is reshaped where its axes must be moved (in the order {order})"
                yield "reshaped", what, moved, 0.4


def _unread(x: Array, order: tuple[int, ...]) -> Array:
    """The inverse of transpose(order).reshape(x.shape)."""
    back = np.argsort(order)
    return np.asarray(x.reshape([x.shape[a] for a in order]).transpose(back))

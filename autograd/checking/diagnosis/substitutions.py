"""Something else in the place of what a rule computes with, and factors that are forgotten.

Another recorded array of the same shape, one that is turned or moved along an axis, one whose
numbers are read in another order, the inverted mask: each stands where a factor or the gradient
should."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import permutations
from typing import Any

import numpy as np

from autograd.checking.diagnosis.context import (
    Context,
    Use,
    as_gradient,
    broadcasts_to,
    described,
    gradient_like,
)
from autograd.checking.diagnosis.evidence import Candidate, Case, Hypothesis, fitted_factor, largest
from autograd.checking.diagnosis.rules import Mistake
from autograd.engine.modes import no_grad
from autograd.engine.primitives import Primitive
from autograd.engine.tape import Record
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.ops.shapes.windows import sliding_windows

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
        variants = [
            *_inverted(record.op.name, array),
            *_made_otherwise(context, use, position),
            *_others(context, use, array, g),
        ]
        for kind, what, other, extra in variants + list(_rearranged(array)):
            for anew in (False, True):
                mistaken = _run(context, use, 2 + position, other, right, anew)
                if mistaken is not None:
                    called = context.array_named(array) or f"argument {position}"
                    text = f"in the rule of {where}, {called} {what}"
                    yield kind, text, mistaken, extra


def _run(
    context: Context, use: Use, position: int, other: Array, right: Array, anew: bool = False
) -> Array | None:
    """What the rule gives with another array in its place; None where that changes nothing.

    With `anew`, the output that the rule gets is computed of the other arguments too.
    """

    def replace(given: list[Any], options: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        given[position] = wrap(
            as_gradient(np.ascontiguousarray(other), given[position].dtype), None
        )
        if anew:
            op = use.record.op
            out = op(*given[2:], **use.record.options) if isinstance(op, Primitive) else None
            if not isinstance(out, Tensor) or out.shape != given[1].shape:
                raise ValueError
            given[1] = out
        return given, options

    mistaken = gradient_like(right, context.pulled(use, rewrite=replace))
    return None if mistaken is None or np.array_equal(mistaken, right) else mistaken


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


def _made_otherwise(context: Context, use: Use, position: int) -> Iterator[Variant]:
    """The argument squared, its gradient in its place, or windows that start elsewhere."""
    record = use.record
    array, parent = context.flow.values.arrays(record)[position], record.parents[position]
    if array.dtype.kind == "f":
        what = "is multiplied in twice (squared), once too often"
        yield "wrong factor", what, array * array, 0.05
        for words, other in (
            ("1 / it: divided by in place of multiplied, or the other way round", 1 / array),
            ("its absolute value", np.abs(array)),
            ("its sign", np.sign(array)),
            ("its square root", np.sqrt(array)),
            ("its exponential", np.exp(array)),
            ("its logarithm", np.log(array)),
            ("1 - it", 1 - array),
        ):
            yield "wrong factor", f"is replaced by {words}", other, 2.6
    g = context.flow.at(parent) if parent is not None else None
    if g is not None:
        yield "wrong factor", "is replaced by its own gradient", g, 0.05
    if isinstance(parent, Record) and parent.op.name == "sliding_windows":
        x, window, stride, dilation = context.flow.values.arrays(parent)[:4]
        for what, steps, apart in (
            ("ignores the stride: they start at i, in place of i * stride", None, dilation),
            ("ignores the dilation", stride, None),
        ):
            ones = (1,) * len(window)
            if (steps or ones, apart or ones) == (stride, dilation):
                continue
            other = _windows(x, window, steps or ones, apart or ones)
            cut = tuple(slice(0, n) for n in array.shape)
            if all(n >= m for n, m in zip(other.shape, array.shape, strict=True)):
                yield "index of windows", f"has windows whose index {what}", other[cut], 0.0


def _windows(x: Array, window: Any, stride: Any, dilation: Any) -> Array:
    with no_grad():
        return sliding_windows(wrap(x, None), window, stride, dilation).data


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


def propose_update(case: Case, context: Context, use: Use, contribution: Array) -> bool:
    """An argument of the rule as it was after a step of gradient descent, of whatever size.

    The rule is linear in the argument, so that the difference is the step size times what the rule
    gives of the argument's gradient. Says whether that explains the numbers.
    """
    record, found = use.record, False
    for position, parent in enumerate(record.parents):
        g = context.flow.at(parent) if parent is not None and position != use.position else None
        if g is None or not isinstance(context.flow.values.arrays(record)[position], np.ndarray):
            continue
        if parent is not None and parent.serial in context.after(context.place):
            continue  # what is computed is not updated
        made = _run(context, use, 2 + position, g, contribution)
        along = None if made is None else context.carried(use.place, made)
        if along is None or not (rate := fitted_factor(case.difference, along)):
            continue
        array = context.flow.values.arrays(record)[position]
        name = context.array_named(array) or f"argument {position} of {described(record)}"
        text = (
            f"{name} is the one of after its update, by {-rate:.6g} times its gradient, in place "
            "of that of the forward pass: compute all gradients before anything is updated"
        )
        values = case.expected + rate * along
        rank = 2.4 if rate < 0 else 3.4
        found |= case.propose(Candidate("updated too early", text, values, rank, 1, tried=100))
    return found


_MOST = 120  # recorded arrays that are tried


def propose_local_factor(case: Case, context: Context) -> None:
    """ "local factor forgotten": given times a recorded value, or a function of it, is right."""
    wrong = int(np.count_nonzero(case.wrong))
    needed = 2 if case.relative_limit < 1e-6 else 3
    if wrong < needed or not largest(case.given) or largest(case.expected) <= case.limit:
        return  # whatever is multiplied by 0 gives nothing
    for distance, (what, value) in enumerate(context.recorded()[:_MOST]):
        fits = broadcasts_to(value, case.given.shape)
        if not fits or value.dtype.kind not in "fb" or not value.size:
            continue
        if value.min() == value.max():
            continue  # one number: a factor
        value = value.astype(np.float64, copy=False)
        _propose_one_too_many(case, what, value, distance)
        for words, extra, of in _FUNCTIONS:
            if _may_complete(case, of, value) and _completes(case, factor := of(value)):
                text = words.format(f"{what}, of shape {value.shape}")
                residual = largest(case.given * factor - case.expected) / case.largest_difference
                evidence = f"given times it is right in all {case.given.size} numbers"
                rank = 3.1 + min(distance, 99) / 100 + extra
                if words == _ONE_TOO_MANY and not distance:
                    rank = 2.55  # simpler than a form that comes to the same, as x exp(x)
                case.note(rank, Hypothesis("local factor forgotten", text, residual, evidence))


def _propose_one_too_many(case: Case, what: str, value: Array, distance: int) -> None:
    """A factor that is 0 somewhere cannot be divided out of what is given."""
    if (value == 0).any() and not (value == 0).all() and np.isfinite(value).all():
        text = f"{what}, of shape {value.shape}, is one factor too many"
        rank = 3.4 + min(distance, 99) / 100
        values = case.expected * value
        case.propose(Candidate("wrong factor", text, values, rank, tried=1000))


_ONE_TOO_MANY = "{}, is one factor too many, or a division by it is forgotten"
_OF_IT = "{} is forgotten as a factor, where v is {{}}"
# What derivatives of elementary functions are made of, what is said of it, and added to the rank.
_FUNCTIONS: tuple[tuple[str, float, Callable[[Array], Array]], ...] = (
    ("{}, is forgotten as a factor", 0.0, lambda v: v),
    (_OF_IT.format("1 - v"), 0.3, lambda v: 1 - v),
    (_OF_IT.format("1 + v"), 0.3, lambda v: 1 + v),
    (_OF_IT.format("v ** 2"), 0.3, lambda v: v * v),
    (_OF_IT.format("1 - v ** 2"), 0.3, lambda v: 1 - v * v),
    (_OF_IT.format("v (1 - v)"), 0.3, lambda v: v * (1 - v)),
    (_ONE_TOO_MANY, 0.3, lambda v: 1 / v),
    (_OF_IT.format("1 / v ** 2"), 0.3, lambda v: 1 / (v * v)),
)


def _may_complete(case: Case, of: Callable[[Array], Array], value: Array) -> bool:
    """Whether given times a function of a value may be right, from what a sample shows."""
    if not case.is_large:
        return True
    factor = of(case.looked_at(np.broadcast_to(value, case.given.shape)))
    return _is_right(case, case.looked_at(case.given) * factor, case.looked_at(case.expected))


def _completes(case: Case, factor: Array) -> bool:
    if not np.isfinite(factor).all() or factor.min() == factor.max():
        return False
    if not _is_right(case, case.given * factor, case.expected):
        return False
    if np.count_nonzero(case.wrong) >= 3:
        return True
    return bool(np.ptp(np.broadcast_to(factor, case.given.shape)[case.wrong]))


def _is_right(case: Case, product: Array, expected: Array) -> bool:
    # Compared relative to the product too: a large factor magnifies the rounding of what was given.
    rounding = case.relative_limit * np.maximum(np.abs(product), np.abs(expected))
    tolerance = np.minimum(rounding + case.limit, 0.03 * case.largest_difference)
    return bool((np.abs(product - expected) <= tolerance).all())

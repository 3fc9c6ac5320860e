"""What a person does on a board: a transpose of a transpose, times one, minus minus.

Each rule is exact in floating point but one: a sum of products with ones is a sum, which rounds by
itself. Each says when it holds, and leaves the call as it is otherwise.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from autograd import ops
from autograd.ops.reductions.reduction import shared
from autograd.program.expressions import plainly
from autograd.program.program import Call, Constant, Value, values_in
from autograd.program.rewriting import Rewriting, Rule, is_pure
from autograd.program.running import compute


def _alone(value: Any, call: Call, rewriting: Rewriting) -> Any:
    """The value for what the call gives, if it is of the same shape and dtype."""
    same = rewriting.kind(value) == rewriting.slots[call.outputs[0]]
    return [value.slot] if same and not value.constant else None


def times_one(call: Call, rewriting: Rewriting) -> Any:
    """x * 1 and 1 * x, x / 1, x ** 1, +x, x.astype(its own): x, if of the same shape and dtype."""
    if call.op in (ops.positive, ops.astype):
        return _alone(call.inputs[0], call, rewriting)
    if len(call.inputs) != 2:
        return None
    x, y = call.inputs
    if call.op in (ops.multiply, ops.divide, ops.power) and _is_number(y, 1):
        return _alone(x, call, rewriting)
    if call.op is ops.multiply and _is_number(x, 1):
        return _alone(y, call, rewriting)
    return None


def minus_minus(call: Call, rewriting: Rewriting) -> Any:
    """-(-x): x."""
    inner = rewriting.maker(call.inputs[0], ops.negative) if call.op is ops.negative else None
    return None if inner is None else _alone(inner.inputs[0], call, rewriting)


def plus_minus(call: Call, rewriting: Rewriting) -> Any:
    """x + (-y): x - y."""
    if call.op is not ops.add or call.options:
        return None
    x, y = call.inputs
    inner = rewriting.maker(y, ops.negative)
    if inner is None or (call.part is not None and call.part.adds):
        return None
    own, out = rewriting.slots[y.slot].dtype, rewriting.slots[call.outputs[0]].dtype
    if own.kind in "iu" and own != out:
        return None  # -y has begun again at the end of a narrower range
    return replace(call, op=ops.subtract, inputs=(x, rewriting.instead(call, y, inner.inputs[0])))


def transposed_twice(call: Call, rewriting: Rewriting) -> Any:
    """A transpose of a transpose: one, or none where each axis is back in its place."""
    if call.op is not ops.transpose:
        return None
    n = len(rewriting.slots[call.outputs[0]].shape)
    axes, x = _order(call, n), call.inputs[0]
    if (inner := rewriting.maker(x, ops.transpose)) is not None:
        before = _order(inner, n)
        x, axes = inner.inputs[0], tuple(before[axis] for axis in axes)
    if axes == tuple(range(n)):
        return _alone(x, call, rewriting)
    if x is call.inputs[0]:
        return None
    return replace(call, inputs=(x, axes), options={})


def _order(call: Call, n: int) -> tuple[int, ...]:
    axes = call.inputs[1] if len(call.inputs) > 1 else call.options.get("axes")
    return tuple(range(n))[::-1] if axes is None else tuple(axis % n for axis in axes)


def reshaped_twice(call: Call, rewriting: Rewriting) -> Any:
    """A reshape of a reshape: one, or none where the shape is the first."""
    if call.op is not ops.reshape:
        return None
    x = call.inputs[0]
    if (inner := rewriting.maker(x, ops.reshape)) is not None:
        x = inner.inputs[0]
    if (same := _alone(x, call, rewriting)) is not None:
        return same
    if x is call.inputs[0]:
        return None
    return replace(call, inputs=(x, rewriting.slots[call.outputs[0]].shape), options={})


def summed_and_reshaped(call: Call, rewriting: Rewriting) -> Any:
    """sum(x, axis, keepdims=True), reshaped to leave out these axes: one sum."""
    inner = rewriting.maker(call.inputs[0], ops.sum) if call.op is ops.reshape else None
    if inner is None:
        return None
    x = inner.inputs[0]
    long, short = rewriting.slots[x.slot].shape, rewriting.slots[call.outputs[0]].shape
    axis = inner.inputs[1] if len(inner.inputs) > 1 else inner.options.get("axis")
    n = len(long)
    axes = range(n) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    summed = {a % n for a in axes}
    if short != tuple(m for i, m in enumerate(long) if i not in summed):
        return None
    if isinstance(axis, tuple | list) and len(axis) == 1:
        (axis,) = axis
    return replace(call, op=ops.sum, inputs=(x,), options={"axis": axis} if short else {})


def broadcast_by_itself(call: Call, rewriting: Rewriting) -> Any:
    """An elementwise op of broadcast_to(x, shape): of x, where it broadcasts it by itself."""
    if call.op.kind != "elementwise" or not call.op.broadcasts or not is_pure(call):
        return None
    values = [v for v in call.inputs if isinstance(v, Value)]
    shape = rewriting.slots[call.outputs[0]].shape
    for i, value in enumerate(call.inputs):
        inner = rewriting.maker(value, ops.broadcast_to)
        if inner is None:
            continue
        x = inner.inputs[0]
        grown = rewriting.maker(x, ops.reshape)
        if grown is not None:  # by axes of length 1 in front, and no others
            plain, longer = rewriting.kind(grown.inputs[0]), rewriting.kind(x)
            assert plain is not None
            assert longer is not None
            extra = len(longer.shape) - len(plain.shape)
            if longer.shape == (1,) * extra + plain.shape:
                x = grown.inputs[0]
        others = [rewriting.slots[v.slot].shape for v in values if v is not value]
        own = rewriting.kind(x)
        assert own is not None
        if np.broadcast_shapes(own.shape, *others) != shape:
            continue
        x = rewriting.instead(call, value, x)
        return replace(call, inputs=(*call.inputs[:i], x, *call.inputs[i + 1 :]))
    return None


def uniform(call: Call, rewriting: Rewriting) -> Any:
    """A number for a constant that a sweep made and that has it everywhere, such as its ones: in
    ops that make it broadcast, and through those that keep it uniform."""
    if call.op in _KEEPING or (call.op.kind == "elementwise" and is_pure(call)):
        values = list(values_in((call.inputs, dict(call.options))))
        adds = call.part is not None and call.part.adds
        if not adds and all(rewriting.uniform(value) is not None for value in values):
            held = {value.slot: rewriting.constants[value.slot].array for value in values}
            with np.errstate(all="ignore"):
                (made,) = compute(call, held)
            whole = Constant(made, filled=True).number is not None
            return [rewriting.constant(made, filled=True)] if whole else None
    if call.op not in (ops.add, ops.subtract, ops.multiply, ops.divide):
        return None
    out = rewriting.slots[call.outputs[0]]
    for i, value in enumerate(call.inputs):
        number = rewriting.uniform(value)
        others = [rewriting.kind(v) for j, v in enumerate(call.inputs) if j != i]
        shapes = [kind.shape for kind in others if kind is not None]
        dtypes = {kind.dtype for kind in others if kind is not None}
        if number is None or number.dtype.kind != "f" or dtypes != {number.dtype}:
            continue
        plain = plainly(number)
        plain = plain if isinstance(plain, int) else float(plain)  # its subclasses have a dtype
        if np.broadcast_shapes(*shapes) == out.shape and number.dtype.type(plain) == number:
            return replace(call, inputs=(*call.inputs[:i], plain, *call.inputs[i + 1 :]))
    return None


# Not elementwise, these too give one number everywhere where they are given it.
_KEEPING = (ops.reshape, ops.broadcast_to, ops.transpose, ops.copy, shared)


def ones_beside(call: Call, rewriting: Rewriting) -> Any:
    """x times ones that broadcast it: broadcast_to(x). The sum of its products with ones: a sum."""
    if len(call.inputs) < 2:
        return None
    for one, x in ((0, 1), (1, 0)):
        own = rewriting.kind(call.inputs[x])
        if own is None or rewriting.uniform(call.inputs[one]) != 1:
            continue
        out = rewriting.slots[call.outputs[0]]
        if call.op is ops.multiply and own.dtype == out.dtype and own.shape != out.shape:
            return replace(call, op=ops.broadcast_to, inputs=(call.inputs[x], out.shape))
        if call.op is ops.sum_of_products and own.dtype == out.dtype:
            axis = call.inputs[2] if len(call.inputs) > 2 else call.options.get("axis")
            options = {} if axis is None else {"axis": axis}
            return replace(call, op=ops.sum, inputs=(call.inputs[x],), options=options)
    return None


def _is_number(value: Any, number: int) -> bool:
    return type(value) in (int, float) and value == number


BOARD: tuple[Rule, ...] = (
    ones_beside,
    uniform,
    times_one,
    minus_minus,
    plus_minus,
    transposed_twice,
    reshaped_twice,
    summed_and_reshaped,
    broadcast_by_itself,
)

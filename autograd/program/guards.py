"""Ops by which a program looks anew at what decided, as it was made, what is in it."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from autograd import ops
from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array
from autograd.program.program import Call, Slot, values_in


class DecidedOtherwiseError(ValueError):
    """A program is run of numbers for which the function would have gone another way."""


@primitive(differentiable=False)
def decided(truth: Array, *, value: bool) -> Array:
    """The truth of one element, by which the function went its way.

    Raises DecidedOtherwiseError where it is not `value`, as it was when the program was made.
    """
    if bool(truth) is not value:
        raise DecidedOtherwiseError(
            f"program: it was made where a tensor {truth.shape} is {value}, and it is {not value} "
            "now, for which the function goes another way; make it anew"
        )
    return np.array(truth, bool)


def is_shaped_by_numbers(call: Call, slots: Mapping[int, Slot]) -> bool:
    """Whether the shape of what a call gives may hang on the numbers that it is given: an index of
    booleans, or an op that is none of ours."""
    if not str(call.op.__module__).startswith("autograd."):
        return True
    if call.op is ops.nonzero:
        return True
    indices = values_in((call.inputs[1:], dict(call.options)))
    counts = call.op in (ops.getitem, ops.repeat)
    return counts and any(
        slots[index.slot].dtype.kind == "b" or call.op is ops.repeat for index in indices
    )


@primitive(differentiable=False)
def of_shape(x: Array, *, shape: tuple[int, ...]) -> Array:
    """The shape that a call gave, which hung on the numbers that it was given.

    Raises DecidedOtherwiseError where it is another than when the program was made.
    """
    if x.shape != shape:
        raise DecidedOtherwiseError(
            f"program: a call gives shape {x.shape} of these numbers, {shape} of those that the "
            "program was made with; make it anew"
        )
    return np.array(shape)


@primitive(differentiable=False)
def indices_below(
    given: Array, *, op: str, what: str, count: int, ignored: int | None, some_ignored: bool
) -> Array:
    """The same whole numbers, from 0 up to `count`, or `ignored`: some of them as before, or none.

    Raises ValueError for others, which says `what` they are, of which function.
    """
    counted = given if ignored is None else given[given != ignored]
    if counted.size and not 0 <= counted.min() <= counted.max() < count:
        raise ValueError(
            f"{op}: {what} from 0 to {count - 1} expected, {counted.min()} to {counted.max()} given"
        )
    if ignored is not None and (counted.size < given.size) != some_ignored:
        raise DecidedOtherwiseError(
            f"{op}: {'no' if some_ignored else 'a'} target is {ignored}, which is not counted, "
            "other than when the program was made; make it anew"
        )
    return np.array(given)

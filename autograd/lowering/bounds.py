"""How far what C computes may be from what NumPy does, for one call."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from autograd.engine.tensor import Array
from autograd.lowering.functions import FUNCTIONS, SUFFIXES
from autograd.ops.linear.subscripts import labels_of, sizes_of
from autograd.ops.reductions.reduction import reduced_axes
from autograd.program.differing import elementwise, equal, same_bits
from autograd.program.program import Call, Slot, Value
from autograd.program.running import compute, given_by

_ULPS = 4
_DECLARED = 16
SUMS = {"sum", "mean", "matmul", "vecdot", "einsum", "sum_of_products", "sum_of_squares"}
SUMS |= {"scatter", "fold_windows", "index_add"}
_CHOSEN = ("max", "min")  # which round nothing, as all that only moves what is there


# How far arrays may be off: of so many parts of the terms of a product, one, which tells less.
Off = Callable[[int], Array]
_SHARE = 8
_FEWEST = 32  # terms: of fewer all may be zeros, as gradients behind maxima are


def agrees(
    made: Array,
    want: Array,
    call: Call,
    slots: Mapping[int, Slot],
    arrays: Mapping[int, Array],
    off: Off | None = None,
) -> bool:
    """Whether two results of one call are the same: what is chosen or moved, to the bit but for
    zeros' signs; functions, to 4 ulp and what their bound in C allows; sums of n terms, to n eps
    times the sum of their magnitudes; other reductions of n terms, to n eps times the largest
    result; and a lowering that an op declares, whose steps are its own, to 16 eps of the largest of
    1, the result and the arguments. By `off` more, where that is known of the arguments."""
    if (made.dtype, made.shape) != (want.dtype, want.shape):
        return False
    if made.dtype.kind != "f":
        return bool(np.array_equal(made, want))
    if same_bits(made, want):
        return True
    same = equal(made, want)
    if same.all():
        return True
    with np.errstate(all="ignore"):
        apart = np.abs(made - want)
        # Sums are much closer than they must be: a part of their terms, whose magnitudes are no
        # more than those of all, mostly shows it in a part of the time.
        for share in (_SHARE, 1):
            bound = bound_of(made, want, call, slots, arrays, share)
            whole = bound if off is None else bound + off(share)
            # Where magnitudes are out of range, so may be sums of some, or what lies between two.
            near = (apart <= whole) | np.isinf(whole)
            if (same | near).all():
                return True
    return False


def bound_of(
    made: Array,
    want: Array,
    call: Call,
    slots: Mapping[int, Slot],
    arrays: Mapping[int, Array],
    share: int = 1,
) -> Any:
    """How far two results may be from each other, element by element; no more than that, where but
    one of `share` terms of a product of matrices is looked at."""
    kind, name, eps = call.op.kind, call.op.name, np.finfo(made.dtype).eps
    if name in SUMS and not call.op.lowering:
        # That is never less than some units in the last place of the sum, but of the very smallest.
        sizes = np.asarray(_sizes(call, slots, arrays, share))  # nobody else's
        sizes *= _terms(call, slots) * eps
        sizes += _ULPS * np.finfo(made.dtype).smallest_subnormal
        return sizes
    functional = kind == "elementwise" or name == "outer" or call.op.lowering
    if not functional and (kind not in ("reduction", "contraction") or name in _CHOSEN):
        return 0.0
    whole = np.maximum(np.abs(made), np.abs(want))
    floats = [arrays[s] for s in call.reads() if slots[s].dtype.kind == "f"]
    if call.op.lowering:
        return (
            _DECLARED
            * eps
            * functools.reduce(np.maximum, map(np.abs, floats), np.maximum(whole, 1))
        )
    if kind == "elementwise" or name == "outer":
        function = FUNCTIONS.get(f"pb_{name}_{SUFFIXES.get(made.dtype)}")
        bound = 0.0 if function is None else function.bound or 0.0
        if function is not None and "of the largest" in function.note:
            whole = functools.reduce(np.maximum, map(np.abs, floats), whole)
        return (_ULPS + bound) * np.spacing(whole)
    largest = _largest(want)
    if name == "logsumexp":  # the largest may be taken from
        largest = max(largest, *map(_largest, floats))
    return np.maximum(_ULPS * np.spacing(whole), _terms(call, slots) * eps * largest)


def _sizes(call: Call, slots: Mapping[int, Slot], arrays: Mapping[int, Array], share: int) -> Array:
    """The sums of the magnitudes of the terms; of one in `share` terms of a product of matrices."""
    floats = {s: arrays[s] for s in call.reads() if slots[s].dtype.kind == "f"}
    values = [given for given in call.inputs if isinstance(given, Value)]
    if share > 1 and call.op.name == "matmul" and len(values) == 2 and not call.options:
        a, b = [floats.get(value.slot) for value in values]
        if a is not None and b is not None and a.ndim > 1 and b.ndim > 1:
            terms = a.shape[-1]
            count = max(terms // share, min(terms // 2, _FEWEST))
            some = slice(terms // 2, terms // 2 + count)  # neighbours, which is faster
            factors = np.abs(a[..., some]), np.abs(b[..., some, :])
            return given_by(call, call.op.forward(*factors), factors)[0]
    floats = {slot: elementwise(np.abs, np.asarray(array)) for slot, array in floats.items()}
    (sizes,) = compute(call, {**arrays, **floats})
    return sizes


def _largest(array: Array) -> float:
    return float(np.abs(array[np.isfinite(array)]).max(initial=0.0))


def _terms(call: Call, slots: Mapping[int, Slot]) -> float:
    """Of how many terms each element of a reduction is, or about so many; at least 4."""
    shapes = [slots[slot].shape for slot in call.reads()]
    given = inspect.signature(call.op.forward).bind(*call.inputs, **call.options)
    given.apply_defaults()
    axis = given.arguments.get("axis")
    if call.op.name == "matmul":
        terms = shapes[0][-1]
    elif call.op.name == "einsum":
        arrays = [slots[operand.slot].shape for operand in given.arguments["operands"]]
        labels, output = labels_of(given.arguments["subscripts"], tuple(map(len, arrays)))
        sizes = sizes_of(labels, arrays)
        terms = prod([size for label, size in sizes.items() if label not in output])
    elif "axis" in given.arguments and "shape" not in given.arguments:
        terms = prod([shapes[0][a] for a in reduced_axes(axis, len(shapes[0]))])
    else:
        terms = max(map(prod, shapes)) // max(prod(slots[call.outputs[0]].shape), 1)
    return max(float(terms), 4.0)

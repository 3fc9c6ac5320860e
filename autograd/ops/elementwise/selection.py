"""Elementwise primitives that pass one of their arguments on: where, maximum, clip and the like.

Where arguments tie, the first gets the whole gradient.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.engine.conforming import CLEAR
from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Tensor
from autograd.ops.elementwise.steps import (
    equal,
    greater,
    greater_equal,
    isfinite,
    less,
    less_equal,
    logical_and,
)
from autograd.ops.kernels.masking import masked
from autograd.runtime.rooms import Room, new
from autograd.runtime.threads import elementwise


@primitive(kind="elementwise", analytic=True, broadcasts=True)
def where(condition: Array, x: Array, y: Array) -> Array:
    """x where the condition holds, y elsewhere.

    What is not taken gets a gradient of 0, which makes NaN of a slope that is infinite there. So
    choose its argument too: `where(x > 0, sqrt(where(x > 0, x, 1)), 0)`.
    """
    return selected(condition, x, y)


where.defvjp(
    None,
    lambda g, out, condition, x, y: where(condition, g, 0),
    lambda g, out, condition, x, y: where(condition, 0, g),
    keeps=["", "condition", "condition"],
)


def selected(condition: Array, x: Array, y: Array, room: Room = new) -> Array:
    """See `where`; into a room where one of the two is 0."""
    if type(y) is int and y == 0 and _is_mask(condition) and isinstance(x, np.ndarray):
        return _kept(x, condition, room)
    if type(x) is int and x == 0 and _is_mask(condition) and isinstance(y, np.ndarray):
        return _kept(y, ~condition, room)
    return np.where(condition, x, y)


def _kept(x: Array, keep: Array, room: Room) -> Array:
    if room is new or x.shape != keep.shape:
        return masked(x, keep)
    return masked(x, keep, out=room(x.shape, x.dtype, (x, keep)))


def _is_mask(condition: Any) -> bool:
    return isinstance(condition, np.ndarray) and condition.dtype == np.bool_


@primitive(kind="elementwise", broadcasts=True)
def chosen(condition: Array, value: float, x: Array) -> Array:
    """The value where the condition holds, x elsewhere; the slope in x is NaN where it holds.

    For rules that choose a slope at a corner: nothing is known of what it depends on there.
    """
    return np.where(condition, value, x)


chosen.defvjp(
    None,
    None,
    lambda g, out, condition, value, x: where(condition, np.nan, g),
    keeps=["", "", "condition"],
)


@primitive(kind="elementwise", analytic=True, broadcasts=True)
def maximum(x: Array, y: Array) -> Array:
    """The larger of x and y, NaN where either is. Where they tie, the first gets the gradient.

    So `maximum(0, x)` is a ReLU whose slope at 0 is 0.
    """
    return elementwise(np.maximum, x, y)


maximum.defvjp(
    lambda g, out, x, y: where(equal(out, x), g, 0),
    lambda g, out, x, y: where(greater(out, x), g, 0),
    keeps=["out x", "out x"],
)


@primitive(kind="elementwise", analytic=True, broadcasts=True)
def minimum(x: Array, y: Array) -> Array:
    """The smaller of x and y, NaN where either is. Where they tie, the first gets the gradient."""
    return elementwise(np.minimum, x, y)


minimum.defvjp(
    lambda g, out, x, y: where(equal(out, x), g, 0),
    lambda g, out, x, y: where(less(out, x), g, 0),
    keeps=["out x", "out x"],
)


@primitive(kind="elementwise", analytic=True, broadcasts=True)
def fmax(x: Array, y: Array) -> Array:
    """The larger of x and y, or the one that is a number where the other is NaN.

    Where they tie, the first gets the gradient; where both are NaN, the second.
    """
    return elementwise(np.fmax, x, y)


# NaN equals nothing: what is not the first is the second.
fmax.defvjp(
    lambda g, out, x, y: where(equal(out, x), g, 0),
    lambda g, out, x, y: where(equal(out, x), 0, g),
    keeps=["out x", "out x"],
)


@primitive(kind="elementwise", analytic=True, broadcasts=True)
def fmin(x: Array, y: Array) -> Array:
    """The smaller of x and y, or the one that is a number where the other is NaN.

    Where they tie, the first gets the gradient; where both are NaN, the second.
    """
    return elementwise(np.fmin, x, y)


fmin.defvjp(
    lambda g, out, x, y: where(equal(out, x), g, 0),
    lambda g, out, x, y: where(equal(out, x), 0, g),
    keeps=["out x", "out x"],
)


@primitive(kind="elementwise", analytic=True, broadcasts=True)
def clip(x: Array, a_min: Array | None = None, a_max: Array | None = None) -> Array:
    """minimum(maximum(x, a_min), a_max); a bound of None is none.

    The slope in x is 1 inside the bounds and on them, as in PyTorch, and 0 outside. Where x is
    outside, the bound that it is clipped to gets the gradient; where the bounds are crossed,
    a_max does. Bounds that want a gradient are given by position.
    """
    return np.asarray(np.clip(x, a_min, a_max))


clip.clear = CLEAR  # a bound may be None


def _pull_clipped(
    g: Tensor, out: Tensor, x: Tensor, a_min: Any = None, a_max: Any = None
) -> Tensor:
    if a_min is not None:
        g = where(greater_equal(x, a_min), g, 0)
    return g if a_max is None else where(less_equal(x, a_max), g, 0)


def _pull_lower(g: Tensor, out: Tensor, x: Any, a_min: Tensor, a_max: Any = None) -> Tensor:
    below = less(x, a_min)
    if a_max is not None:
        below = logical_and(below, less_equal(a_min, a_max))
    return where(below, g, 0)


def _pull_upper(g: Tensor, out: Tensor, x: Any, a_min: Any, a_max: Tensor) -> Tensor:
    lifted = x if a_min is None else maximum(x, a_min)
    return where(greater(lifted, a_max), g, 0)


clip.defvjp(
    _pull_clipped,
    _pull_lower,
    _pull_upper,
    keeps=["x a_min a_max", "x a_min a_max", "x a_min a_max"],
)


@primitive(kind="elementwise")
def nan_to_num(
    x: Array,
    copy: bool = True,
    nan: float = 0.0,
    posinf: float | None = None,
    neginf: float | None = None,
) -> Array:
    """x with numbers for NaN and the infinities, by default the largest finite ones.

    The slope is 1 where x is finite, else 0. `copy` is NumPy's; the result is a new array anyway.
    """
    return np.asarray(np.nan_to_num(x, True, nan, posinf, neginf))


nan_to_num.defvjp(
    lambda g, out, x, copy=True, nan=0.0, posinf=None, neginf=None: where(isfinite(x), g, 0),
    keeps=["x"],
)

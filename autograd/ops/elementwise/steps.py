"""Elementwise primitives that are piecewise constant: truth values, signs, roundings.

Their slope is zero wherever they have one, so their results are constants: no gradient passes.
"""

from __future__ import annotations

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array
from autograd.runtime.threads import elementwise


@primitive(kind="elementwise", differentiable=False, broadcasts=True)
def greater(x: Array, y: Array) -> Array:
    """x > y, a constant."""
    return elementwise(np.greater, x, y)


@primitive(kind="elementwise", differentiable=False, broadcasts=True)
def greater_equal(x: Array, y: Array) -> Array:
    """x >= y, a constant."""
    return elementwise(np.greater_equal, x, y)


@primitive(kind="elementwise", differentiable=False, broadcasts=True)
def less(x: Array, y: Array) -> Array:
    """x < y, a constant."""
    return elementwise(np.less, x, y)


@primitive(kind="elementwise", differentiable=False, broadcasts=True)
def less_equal(x: Array, y: Array) -> Array:
    """x <= y, a constant."""
    return elementwise(np.less_equal, x, y)


@primitive(kind="elementwise", differentiable=False, broadcasts=True)
def equal(x: Array, y: Array) -> Array:
    """x == y, a constant."""
    return elementwise(np.equal, x, y)


@primitive(kind="elementwise", differentiable=False, broadcasts=True)
def not_equal(x: Array, y: Array) -> Array:
    """x != y, a constant."""
    return elementwise(np.not_equal, x, y)


@primitive(kind="elementwise", differentiable=False, broadcasts=True)
def logical_and(x: Array, y: Array) -> Array:
    """Whether both x and y are true, that is not 0; a constant."""
    return elementwise(np.logical_and, x, y)


@primitive(kind="elementwise", differentiable=False, broadcasts=True)
def logical_or(x: Array, y: Array) -> Array:
    """Whether x or y, or both, are true; a constant."""
    return elementwise(np.logical_or, x, y)


@primitive(kind="elementwise", differentiable=False)
def logical_not(x: Array) -> Array:
    """Whether x is not true, that is 0; a constant."""
    return elementwise(np.logical_not, x)


@primitive(kind="elementwise", differentiable=False)
def isnan(x: Array) -> Array:
    """Whether x is NaN, a constant."""
    return elementwise(np.isnan, x)


@primitive(kind="elementwise", differentiable=False)
def isfinite(x: Array) -> Array:
    """Whether x is neither infinite nor NaN, a constant."""
    return elementwise(np.isfinite, x)


@primitive(kind="elementwise", differentiable=False)
def isinf(x: Array) -> Array:
    """Whether x is infinite, of either sign; a constant."""
    return elementwise(np.isinf, x)


@primitive(kind="elementwise", differentiable=False)
def sign(x: Array) -> Array:
    """-1, 0 or 1 as x is negative, 0 or positive; NaN of NaN. A constant."""
    return elementwise(np.sign, x)


@primitive(kind="elementwise", differentiable=False)
def floor(x: Array) -> Array:
    """The largest integer that is not above x, a constant."""
    return elementwise(np.floor, x)


@primitive(kind="elementwise", differentiable=False)
def ceil(x: Array) -> Array:
    """The smallest integer that is not below x, a constant."""
    return elementwise(np.ceil, x)


@primitive(kind="elementwise", differentiable=False)
def trunc(x: Array) -> Array:
    """The integer next to x on the side of 0, a constant."""
    return elementwise(np.trunc, x)


@primitive(kind="elementwise", differentiable=False)
def round(x: Array, decimals: int = 0) -> Array:
    """x to so many decimals, halves to the even neighbour; a constant."""
    return np.asarray(np.round(x, decimals))


@primitive(kind="elementwise", differentiable=False, broadcasts=True)
def floor_divide(x: Array, y: Array) -> Array:
    """The floor of x / y, a constant; `remainder` is the rest."""
    return elementwise(np.floor_divide, x, y)

"""Elementwise arithmetic: sums, products, powers, roots, remainders and magnitudes.

Arguments broadcast; where a rule does not sum a gradient back over broadcast axes, the engine does.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.engine.conforming import broadcast_axes
from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Tensor
from autograd.ops.elementwise.exponential import log
from autograd.ops.elementwise.selection import divisor, where
from autograd.ops.elementwise.steps import equal, floor_divide, sign
from autograd.ops.reductions.reduction import sum_of_products
from autograd.ops.shapes.shape import sum_to
from autograd.runtime.threads import elementwise


@primitive(kind="elementwise", analytic=True, ufunc=np.add, broadcasts=True)
def add(x: Array, y: Array) -> Array:
    """x + y."""
    return elementwise(np.add, x, y)


add.defvjp(lambda g, out, x, y: g, lambda g, out, x, y: g, keeps=["", ""])


@primitive(kind="elementwise", analytic=True, ufunc=np.subtract, broadcasts=True)
def subtract(x: Array, y: Array) -> Array:
    """x - y."""
    return elementwise(np.subtract, x, y)


# Summed over broadcast axes before it is negated, which is then a smaller array.
subtract.defvjp(lambda g, out, x, y: g, lambda g, out, x, y: -sum_to(g, y.shape), keeps=["", ""])


@primitive(kind="elementwise", analytic=True, ufunc=np.multiply, broadcasts=True)
def multiply(x: Array, y: Array) -> Array:
    """x * y."""
    return elementwise(np.multiply, x, y)


multiply.defvjp(
    lambda g, out, x, y: g * y if g.shape == x.shape else _product_to(x.shape, g, y),
    lambda g, out, x, y: g * x if g.shape == y.shape else _product_to(y.shape, g, x),
    keeps=["y", "x"],
)


def _product_to(shape: tuple[int, ...], g: Tensor, factor: Tensor | complex) -> Tensor:
    """g * factor for a broadcast `shape`, summed on the way, which saves the large product."""
    if not isinstance(factor, Tensor) or factor.shape != g.shape:
        return g * factor
    return sum_of_products(g, factor, broadcast_axes(g.shape, shape)).reshape(shape)


@primitive(kind="elementwise", analytic=True)
def square(x: Array) -> Array:
    """x * x."""
    return elementwise(np.square, x)


square.defvjp(lambda g, out, x: g * (2 * x), keeps=["x"])


@primitive(kind="elementwise", analytic=True, ufunc=np.divide, broadcasts=True)
def divide(x: Array, y: Array) -> Array:
    """x / y."""
    return elementwise(np.divide, x, y)


divide.defvjp(lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y, keeps=["y", "out y"])


@primitive(kind="elementwise", analytic=True)
def reciprocal(x: Array) -> Array:
    """1 / x; of integers, as in NumPy, an integer."""
    return elementwise(np.reciprocal, x)


reciprocal.defvjp(lambda g, out, x: -g * square(out), keeps=["out"])


@primitive(kind="elementwise", broadcasts=True)
def remainder(x: Array, y: Array) -> Array:
    """x - floor(x / y) * y, with the sign of y. The slope in x is 1, in y it is -floor(x / y).

    Where x is a multiple of y it jumps; the slopes there are those of the side without the jump.
    """
    return elementwise(np.remainder, x, y)


remainder.defvjp(
    lambda g, out, x, y: g, lambda g, out, x, y: -g * floor_divide(x, y), keeps=["", "x y"]
)


@primitive(kind="elementwise", analytic=True)
def negative(x: Array) -> Array:
    """-x."""
    return elementwise(np.negative, x)


negative.defvjp(lambda g, out, x: -g, keeps=[""])


@primitive(kind="elementwise", analytic=True)
def positive(x: Array) -> Array:
    """+x, a copy."""
    return elementwise(np.positive, x)


positive.defvjp(lambda g, out, x: g, keeps=[""])


@primitive(kind="elementwise")
def absolute(x: Array) -> Array:
    """|x|, its distance from 0. The slope at 0 is 0."""
    return elementwise(np.absolute, x)


absolute.defvjp(lambda g, out, x: g * sign(x), keeps=["x"])

abs = absolute  # NumPy has both names


@primitive(kind="elementwise", analytic=True, broadcasts=True)
def power(x: Array, y: Array) -> Array:
    """x ** y. At x = 0 the slope in y is 0, its limit from the right for y > 0."""
    return np.asarray(x**y)  # the operator, unlike np.power, squares for y = 2


# 0 ** -1 and log(0) are not formed where their factor is 0 anyway. A Python number stays one: as a
# tensor it would be float64, and no longer take the dtype of the other.
def _pull_base(g: Tensor, out: Tensor, x: Tensor, y: Any) -> Tensor:
    if isinstance(y, Tensor):
        return g * y * power(x, where(equal(y, 0), 1, y - 1))
    return multiply(g * power(x, y - 1 if y else 1), y)


def _pull_exponent(g: Tensor, out: Tensor, x: Any, y: Tensor) -> Tensor:
    if isinstance(x, Tensor):
        return g * out * log(where(equal(x, 0), 1, x))
    return g * out * (float(np.log(x)) if x else 0.0)


power.defvjp(_pull_base, _pull_exponent, keeps=["x y", "out x"])


@primitive(kind="elementwise", analytic=True)
def sqrt(x: Array) -> Array:
    """The non-negative square root; its slope at 0 is infinite."""
    return elementwise(np.sqrt, x)


sqrt.defvjp(lambda g, out, x: g / (2 * out), keeps=["out"])


@primitive(kind="elementwise")
def cbrt(x: Array) -> Array:
    """The real cube root, of the sign of x; its slope at 0 is infinite."""
    return elementwise(np.cbrt, x)


cbrt.defvjp(lambda g, out, x: g / (3 * square(out)), keeps=["out"])


@primitive(kind="elementwise", broadcasts=True)
def hypot(x: Array, y: Array) -> Array:
    """sqrt(x ** 2 + y ** 2) without overflow or underflow on the way. The slopes at 0 are 0."""
    return elementwise(np.hypot, x, y)


# The quotient lies between -1 and 1 however large or small x is.
hypot.defvjp(
    lambda g, out, x, y: g * (x / divisor(out)),
    lambda g, out, x, y: g * (y / divisor(out)),
    keeps=["out x", "out y"],
)

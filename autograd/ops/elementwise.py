"""Elementwise primitives. Arguments broadcast; the sweep sums gradients over broadcast axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.conforming import broadcast_axes, sum_to
from autograd.ops.masking import masked
from autograd.ops.reduction import sum_of_products
from autograd.primitives import primitive
from autograd.tensor import Tensor
from autograd.threads import elementwise

Array = NDArray[Any]


@primitive(kind="elementwise", differentiable=False)
def greater(x: Array, y: Array) -> Array:
    """x > y, a constant."""
    return elementwise(np.greater, x, y)


@primitive(kind="elementwise", differentiable=False)
def greater_equal(x: Array, y: Array) -> Array:
    """x >= y, a constant."""
    return elementwise(np.greater_equal, x, y)


@primitive(kind="elementwise", differentiable=False)
def less(x: Array, y: Array) -> Array:
    """x < y, a constant."""
    return elementwise(np.less, x, y)


@primitive(kind="elementwise", differentiable=False)
def less_equal(x: Array, y: Array) -> Array:
    """x <= y, a constant."""
    return elementwise(np.less_equal, x, y)


@primitive(kind="elementwise", differentiable=False)
def equal(x: Array, y: Array) -> Array:
    """x == y, a constant."""
    return elementwise(np.equal, x, y)


@primitive(kind="elementwise", differentiable=False)
def not_equal(x: Array, y: Array) -> Array:
    """x != y, a constant."""
    return elementwise(np.not_equal, x, y)


@primitive(kind="elementwise")
def where(condition: Array, x: Array, y: Array) -> Array:
    """x where the condition holds, y elsewhere."""
    if type(y) is int and y == 0 and _is_mask(condition) and isinstance(x, np.ndarray):
        return masked(x, condition)
    if type(x) is int and x == 0 and _is_mask(condition) and isinstance(y, np.ndarray):
        return masked(y, ~condition)
    return np.where(condition, x, y)


where.defvjp(
    None,
    lambda g, out, condition, x, y: where(condition, g, 0),
    lambda g, out, condition, x, y: where(condition, 0, g),
)


def _is_mask(condition: Any) -> bool:
    return isinstance(condition, np.ndarray) and condition.dtype == np.bool_


@primitive(kind="elementwise")
def add(x: Array, y: Array) -> Array:
    """x + y."""
    return elementwise(np.add, x, y)


add.defvjp(lambda g, out, x, y: g, lambda g, out, x, y: g)


@primitive(kind="elementwise")
def subtract(x: Array, y: Array) -> Array:
    """x - y."""
    return elementwise(np.subtract, x, y)


# Summed over broadcast axes before it is negated, which is then a smaller array.
subtract.defvjp(lambda g, out, x, y: g, lambda g, out, x, y: -sum_to(g, y.shape))


@primitive(kind="elementwise")
def multiply(x: Array, y: Array) -> Array:
    """x * y."""
    return elementwise(np.multiply, x, y)


multiply.defvjp(
    lambda g, out, x, y: _product_to(x.shape, g, y),
    lambda g, out, x, y: _product_to(y.shape, g, x),
)


def _product_to(shape: tuple[int, ...], g: Tensor, factor: Tensor) -> Tensor:
    """g * factor; summed on the way where shape was broadcast, which saves the large product."""
    if g.shape == shape or np.shape(factor) != g.shape:
        return g * factor
    return sum_of_products(g, factor, broadcast_axes(g.shape, shape)).reshape(shape)


@primitive(kind="elementwise")
def divide(x: Array, y: Array) -> Array:
    """x / y."""
    return elementwise(np.divide, x, y)


divide.defvjp(lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y)


@primitive(kind="elementwise")
def negative(x: Array) -> Array:
    """-x."""
    return elementwise(np.negative, x)


negative.defvjp(lambda g, out, x: -g)


@primitive(kind="elementwise")
def exp(x: Array) -> Array:
    """e ** x."""
    return elementwise(np.exp, x)


exp.defvjp(lambda g, out, x: g * out)


@primitive(kind="elementwise")
def log(x: Array) -> Array:
    """The natural logarithm."""
    return elementwise(np.log, x)


log.defvjp(lambda g, out, x: g / x)


@primitive(kind="elementwise")
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


power.defvjp(_pull_base, _pull_exponent)


@primitive(kind="elementwise")
def sqrt(x: Array) -> Array:
    """The non-negative square root; its slope at 0 is infinite."""
    return elementwise(np.sqrt, x)


sqrt.defvjp(lambda g, out, x: g / (2 * out))


@primitive(kind="elementwise")
def maximum(x: Array, y: Array) -> Array:
    """The larger of x and y. Where they tie, the first gets the whole gradient.

    So `maximum(0, x)` is a ReLU whose slope at 0 is 0.
    """
    return elementwise(np.maximum, x, y)


maximum.defvjp(
    lambda g, out, x, y: where(equal(out, x), g, 0),
    lambda g, out, x, y: where(greater(out, x), g, 0),
)

"""Elementwise arithmetic: sums, products, powers, roots, remainders and magnitudes.

Arguments broadcast; where a rule does not sum a gradient back over broadcast axes, the engine does.
"""

from __future__ import annotations

import math
from functools import partial
from itertools import combinations
from typing import Any

import numpy as np

from autograd.engine.conforming import broadcast_axes
from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Tensor
from autograd.ops.elementwise.selection import where
from autograd.ops.elementwise.steps import floor_divide, sign
from autograd.ops.kernels.blocks import in_blocks
from autograd.ops.kernels.halves import in_single
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


square.defvjp(lambda g, out, x: 2 * (g * x), keeps=["x"])


@primitive(kind="elementwise", analytic=True, ufunc=np.divide, broadcasts=True)
def divide(x: Array, y: Array) -> Array:
    """x / y."""
    return elementwise(np.divide, x, y)


divide.defvjp(lambda g, out, x, y: g / y, lambda g, out, x, y: -g * out / y, keeps=["y", "out y"])


@primitive(kind="elementwise", analytic=True)
def reciprocal(x: Array) -> Array:
    """1 / x; of integers, as in NumPy, an integer."""
    return elementwise(np.reciprocal, x)


# One factor after the other: 1 / x ** 2 may leave the range where the gradient does not.
reciprocal.defvjp(lambda g, out, x: -g * out * out, keeps=["out"])


@primitive(kind="elementwise", broadcasts=True)
def remainder(x: Array, y: Array) -> Array:
    """x - floor(x / y) * y, with the sign of y. The slope in x is 1, in y it is -floor(x / y).

    Where x is a multiple of y it jumps; the slopes there are those of the side without the jump.
    Where y = 0 it is NaN, and the slopes the same.
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
    """x ** y. At x = 0 the slope in y is 0 for y >= 0, its limit from the right; also at y = 0,
    where 0 ** y jumps, and the slope's own in y is NaN.

    Where x < 0 all that is differentiated by y is NaN.
    """
    return np.asarray(x**y)  # the operator, unlike np.power, squares for y = 2


# A Python number stays one: as a tensor it would be float64, and no longer take the dtype of the
# other. Where x ** (y - 1) is further out than x ** y, it may leave the range where the gradient
# does not: 1 / x is a factor of its own.
def _pull_base(g: Tensor, out: Tensor, x: Tensor, y: Any) -> Tensor:
    if isinstance(y, Tensor):
        return power_slope(g, 1, 0, x, y)
    if not y:
        return where(False, g, 0)
    if isinstance(y, complex) or y >= 1:
        return multiply(g * power(x, y - 1), y)
    if y % 1:
        x = x + 0.0  # -0 is 0
    if y > 0:
        return multiply(g, y / power(x, 1 - y))  # which has limits at 0 and infinity
    return multiply(g * power(x, y) / x, y)


def _pull_exponent(g: Tensor, out: Tensor, x: Any, y: Tensor) -> Tensor:
    if isinstance(x, Tensor) or not 0 < x < math.inf:
        return power_slope(g, 0, 1, x, y)
    return g * out * math.log(x)


power.defvjp(_pull_base, _pull_exponent, keeps=["x y", "out x y"])


@primitive(kind="elementwise", expects="an array, two ints >= 0 and two arrays", broadcasts=True)
def power_slope(g: Array, n: int, m: int, x: Array, y: Array) -> Array:
    """g times the derivative of x ** y, n times by x and m times by y.

    It is x ** (y - n) times a polynomial in log(x), whose coefficients are derivatives by y of
    y (y - 1) ... (y - n + 1) (Leibniz). Where these are 0, x may be 0 or infinite.
    """
    return in_blocks(lambda g, x, y: _power_slope(g, n, m, x, y), g, x, y)


power_slope.defvjp(
    lambda h, out, g, n, m, x, y: power_slope(h, n, m, x, y),
    None,
    None,
    lambda h, out, g, n, m, x, y: power_slope(h * g, n + 1, m, x, y),
    lambda h, out, g, n, m, x, y: power_slope(h * g, n, m + 1, x, y),
    keeps=["x y", "", "", "g x y", "g x y"],
)


def _power_slope(g: Array, n: int, m: int, x: Array, y: Array) -> Array:
    factor = (x + 0.0 if m else x) ** (y - n)  # where y is differentiated by, -0 is 0
    log_x = np.log(x) if m else 0
    polynomial = _falling(n, 0, y)
    for k in range(1, m + 1):
        # 0 * inf is 0 here: a term that is not there.
        grown = np.where(polynomial == 0, 0, polynomial * log_x)
        polynomial = grown + math.comb(m, k) * _falling(n, k, y)
    out = np.where((factor == 0) | (polynomial == 0), 0, factor * polynomial) * g
    if factor.dtype.kind == "f":
        limits = np.finfo(factor.dtype)
        size = np.abs(factor)
        left = ((size < limits.tiny) | (size > limits.max)) & np.isfinite(x) & (x != 0)
        if left.any():  # in parts, none of which leaves the range where the product does not
            part = np.abs(x) ** ((y - n) / 4)
            parts = np.copysign(polynomial * part, polynomial * factor) * part * g * part * part
            out = np.where(left & np.isfinite(polynomial) & (polynomial != 0), parts, out)
    if not m:
        return out
    out = np.where(x < 0, np.nan, out)
    # 0 ** y jumps at y = 0.
    return out if n else np.where((x == 0) & (y == 0), 0 if m == 1 else np.nan, out)


def _falling(n: int, k: int, y: Array) -> Any:
    """The k-th derivative of y (y - 1) ... (y - n + 1)."""
    if k > n:
        return 0
    terms = [math.prod([y - i for i in left]) for left in combinations(range(n), n - k)]
    return math.factorial(k) * sum(terms)


@primitive(kind="elementwise", analytic=True)
def sqrt(x: Array) -> Array:
    """The non-negative square root; its slope at 0 is infinite, of the sign of the zero."""
    return elementwise(np.sqrt, x)


sqrt.defvjp(lambda g, out, x: g / (2 * out), keeps=["out"])


@primitive(kind="elementwise")
def cbrt(x: Array) -> Array:
    """The real cube root, of the sign of x; its slope at 0 is infinite."""
    return elementwise(np.cbrt, x)


cbrt.defvjp(lambda g, out, x: g / out / (3 * out), keeps=["out"])


@primitive(kind="elementwise", broadcasts=True)
def hypot(x: Array, y: Array) -> Array:
    """sqrt(x ** 2 + y ** 2) without overflow or underflow on the way.

    The slopes at 0 are 0, and their own are NaN; two infinities have the slopes of equal numbers.
    """
    return elementwise(np.hypot, x, y)


@primitive(kind="elementwise", expects="three ints >= 0 and two arrays", broadcasts=True)
def polar_term(a: int, b: int, n: int, x: Array, y: Array) -> Array:
    """cos(angle) ** a * sin(angle) ** b / radius ** n of the point (x, y), of which derivatives of
    `hypot` consist; at the origin 0 for n = 0, else NaN."""

    def compute(x: Array, y: Array) -> Array:
        cosine, sine, radius = polar(x, y)
        out = math.prod([cosine] * a + [sine] * b)
        for _ in range(n):  # radius ** n may leave the range
            out = out / radius
        return np.where(radius == 0, np.nan, out) if n else np.asarray(out)

    return in_blocks(in_single(compute), x, y)


hypot.defvjp(
    lambda g, out, x, y: g * polar_term(1, 0, 0, x, y),
    lambda g, out, x, y: g * polar_term(1, 0, 0, y, x),
    keeps=["x y", "x y"],
)


def _pull_polar(
    g: Tensor, out: Tensor, a: int, b: int, n: int, x: Any, y: Any, by_x: bool
) -> Tensor:
    # By x: cosine' = sine ** 2 / radius, sine' = -sine cosine / radius, radius' = cosine. By y the
    # same, with x and y in each other's place.
    if not by_x:
        return _pull_polar(g, out, b, a, n, y, x, True)
    terms = []
    if b + n:
        terms.append(-(b + n) * polar_term(a + 1, b, n + 1, x, y))
    if a:
        terms.append(a * polar_term(a - 1, b + 2, n + 1, x, y))
    return g * sum(terms)


polar_term.defvjp(
    None,
    None,
    None,
    partial(_pull_polar, by_x=True),
    partial(_pull_polar, by_x=False),
    keeps=["", "", "", "x y", "x y"],
)


def polar(x: Array, y: Array) -> tuple[Array, Array, Array]:
    """Cosine and sine of the angle of the point (x, y), 0 at the origin, and its radius.

    Two infinite coordinates are taken as equal.
    """
    radius = np.asarray(np.sqrt(x * x + y * y))
    cosine, sine = np.asarray(x / radius), np.asarray(y / radius)
    odd = ~((radius > 1e-15) & (radius < 1e15))
    if odd.any():  # the squares may have been rounded to few digits, or infinite
        x, y = (np.broadcast_to(a, odd.shape)[odd] for a in (x, y))
        radius[odd] = np.hypot(x, y)
        size = np.maximum(np.abs(x), np.abs(y))
        x, y = (np.where(np.isinf(size), np.sign(a) * np.isinf(a), a / size) for a in (x, y))
        scaled = np.sqrt(x * x + y * y)
        cosine[odd], sine[odd] = (np.where(size == 0, 0, a / scaled) for a in (x, y))
    return cosine, sine, radius

"""Elementwise trigonometric and hyperbolic primitives, their inverses, sinc and angles."""

from __future__ import annotations

import math
from itertools import cycle

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array
from autograd.ops.elementwise.arithmetic import hypot, polar, reciprocal, sqrt, square
from autograd.ops.kernels.blocks import by_interval, in_blocks, in_double
from autograd.ops.kernels.halves import in_single
from autograd.runtime.threads import elementwise


@primitive(kind="elementwise", analytic=True)
def sin(x: Array) -> Array:
    """The sine of x radians."""
    return elementwise(np.sin, x)


@primitive(kind="elementwise", analytic=True)
def cos(x: Array) -> Array:
    """The cosine of x radians."""
    return elementwise(np.cos, x)


sin.defvjp(lambda g, out, x: g * cos(x), keeps=["x"])
cos.defvjp(lambda g, out, x: -g * sin(x), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def tan(x: Array) -> Array:
    """The tangent of x radians."""
    return elementwise(np.tan, x)


tan.defvjp(lambda g, out, x: g * (1 + square(out)), keeps=["out"])


@primitive(kind="elementwise", analytic=True)
def arcsin(x: Array) -> Array:
    """The angle from -pi/2 to pi/2 whose sine is x; its slope at -1 and 1 is infinite."""
    return elementwise(np.arcsin, x)


@primitive(kind="elementwise", analytic=True)
def arccos(x: Array) -> Array:
    """The angle from 0 to pi whose cosine is x; its slope at -1 and 1 is infinite."""
    return elementwise(np.arccos, x)


@primitive(kind="elementwise", analytic=True)
def one_minus_square(x: Array) -> Array:
    """(1 - x) * (1 + x), whose slope is right around 0 too: (1 - x) - (1 + x) would cancel."""
    return in_blocks(lambda x: (1 - x) * (1 + x), x)


one_minus_square.defvjp(lambda g, out, x: g * (-2 * x), keeps=["x"])
arcsin.defvjp(lambda g, out, x: g / sqrt(one_minus_square(x)), keeps=["x"])
arccos.defvjp(lambda g, out, x: -g / sqrt(one_minus_square(x)), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def arctan(x: Array) -> Array:
    """The angle from -pi/2 to pi/2 whose tangent is x."""
    return elementwise(np.arctan, x)


@primitive(kind="elementwise", broadcasts=True)
def arctan2(y: Array, x: Array) -> Array:
    """The angle from -pi to pi of the point (x, y), y first.

    The slopes at the origin are 0, and their own are NaN. Zeros and infinities are as in C.
    """
    return elementwise(np.arctan2, y, x)


@primitive(kind="elementwise", analytic=True, broadcasts=True)
def over_one_and_square(g: Array, x: Array) -> Array:
    """g / (1 + x ** 2), right to any order for large x too."""
    return in_blocks(_over_one_and_square, g, x)


def _over_one_and_square(g: Array, x: Array) -> Array:
    out, size = np.asarray(g / (1 + x * x)), np.abs(x.real)
    if size.max(initial=0) < 100:
        return out
    # The 1 is lost in rounding, and the square may be infinite.
    return np.where(size > 2 * np.finfo(x.dtype).eps ** -0.5, g / x / x, out)


@primitive(kind="elementwise", expects="an int > 0, a bool and two arrays", broadcasts=True)
def inverse_power(n: int, imaginary: bool, x: Array, y: Array) -> Array:
    """The real or the imaginary part of (x + iy) ** -n, of which derivatives of angles consist.

    With the point's angle a and radius r that is cos(n a) / r ** n, and -sin(n a) / r ** n.
    """
    return in_blocks(in_single(lambda x, y: _inverse_power(n, x, y)[imaginary]), x, y)


arctan.defvjp(lambda g, out, x: over_one_and_square(g, x), keeps=["x"])
arctan2.defvjp(
    lambda g, out, y, x: g * inverse_power(1, False, x, y),
    lambda g, out, y, x: g * inverse_power(1, True, x, y),
    keeps=["y x", "y x"],
)
over_one_and_square.defvjp(
    lambda h, out, g, x: over_one_and_square(h, x),
    lambda h, out, g, x: h * g * inverse_power(2, True, 1, x),
    keeps=["x", "g x"],
)
# By x it is -n z**-(n + 1), by y -i n z**-(n + 1).
inverse_power.defvjp(
    None,
    None,
    lambda g, out, n, imaginary, x, y: g * (-n * inverse_power(n + 1, imaginary, x, y)),
    lambda g, out, n, imaginary, x, y: (
        g * ((-n if imaginary else n) * inverse_power(n + 1, not imaginary, x, y))
    ),
    keeps=["", "", "x y", "x y"],
)


def _inverse_power(n: int, x: Array, y: Array) -> tuple[Array, Array]:
    cosine, sine, radius = polar(x, y)
    real, imaginary = cosine, -sine
    for _ in range(n - 1):
        real, imaginary = real * cosine + imaginary * sine, imaginary * cosine - real * sine
    for _ in range(n):
        real, imaginary = real / radius, imaginary / radius
    origin = 0 if n == 1 else np.nan
    return np.where(radius == 0, origin, real), np.where(radius == 0, origin, imaginary)


@primitive(kind="elementwise", analytic=True)
def sinh(x: Array) -> Array:
    """(e ** x - e ** -x) / 2."""
    return elementwise(np.sinh, x)


@primitive(kind="elementwise", analytic=True)
def cosh(x: Array) -> Array:
    """(e ** x + e ** -x) / 2."""
    return elementwise(np.cosh, x)


sinh.defvjp(lambda g, out, x: g * cosh(x), keeps=["x"])
cosh.defvjp(lambda g, out, x: g * sinh(x), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def tanh(x: Array) -> Array:
    """sinh(x) / cosh(x). Its slope is 1 - out ** 2, in the tails right to the rounding of 1."""
    return elementwise(np.tanh, x)


tanh.defvjp(lambda g, out, x: g * (1 - square(out)), keeps=["out"])


@primitive(kind="elementwise", analytic=True)
def arcsinh(x: Array) -> Array:
    """The inverse of sinh."""
    return elementwise(np.arcsinh, x)


arcsinh.defvjp(lambda g, out, x: g / hypot(x, 1), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def arccosh(x: Array) -> Array:
    """The non-negative inverse of cosh, for x >= 1; its slope at 1 is infinite."""
    return elementwise(np.arccosh, x)


arccosh.defvjp(lambda g, out, x: g * reciprocal(sqrt(x - 1)) * reciprocal(sqrt(x + 1)), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def arctanh(x: Array) -> Array:
    """The inverse of tanh, for |x| <= 1; at -1 and 1 it is infinite, and so is its slope.

    Outside it is NaN, and its slope still 1 / (1 - x ** 2).
    """
    return elementwise(np.arctanh, x)


arctanh.defvjp(lambda g, out, x: g / one_minus_square(x), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def deg2rad(x: Array) -> Array:
    """Degrees in radians."""
    return elementwise(np.multiply, x, math.pi / 180)


deg2rad.defvjp(lambda g, out, x: g * (math.pi / 180), keeps=[""])
radians = deg2rad  # NumPy has both names


@primitive(kind="elementwise", analytic=True)
def rad2deg(x: Array) -> Array:
    """Radians in degrees."""
    return elementwise(np.multiply, x, 180 / math.pi)


rad2deg.defvjp(lambda g, out, x: g * (180 / math.pi), keeps=[""])
degrees = rad2deg


@primitive(kind="elementwise", analytic=True)
def sinc(x: Array) -> Array:
    """sin(pi x) / (pi x), and 1 at 0. Its derivatives are right around 0 too, to any order."""
    return in_blocks(_sinc, x)


@primitive(kind="elementwise", expects="an int >= 0 and an array", analytic=True, broadcasts=True)
def sinc_slope(n: int, x: Array) -> Array:
    """The n-th derivative of sinc.

    In z = pi x that of s(z) = sin(z) / z follows from z s = sin(z), differentiated n times:
    z s_n + n s_(n-1) = sin(z + n pi / 2). Above |z| = n + 3/2 that is computed upward from n = 0,
    which is stable there; below it, the Taylor series of s is differentiated.
    """
    return in_double(lambda x: _sinc_slope(n, x), x)


sinc.defvjp(lambda g, out, x: g * sinc_slope(1, x), keeps=["x"])
sinc_slope.defvjp(None, lambda g, out, n, x: g * sinc_slope(n + 1, x), keeps=["", "x"])


def _half_turns(x: Array) -> tuple[Array, Array]:
    """pi x less whole half turns, 0 at integers, and the sign that sine and cosine take of them."""
    turns = np.rint(x.real)
    return np.asarray(math.pi * (x - turns)), 1 - 2 * np.abs(turns - 2 * np.rint(turns / 2))


def _sinc(x: Array) -> Array:
    turned, sign = _half_turns(x)
    out = sign * np.sin(turned) / (math.pi * x)
    return np.where(x == 0, 1, np.where(np.isinf(x), 0, out))


def _sinc_slope(n: int, x: Array) -> Array:
    def series(x: Array) -> Array:
        # The terms (-1)**k z**(2 k - n) / ((2 k - n)! (2 k + 1)) with 2 k >= n.
        z = math.pi * x
        square = z * z
        first = (n + 1) // 2
        term = (-1) ** first * z ** (2 * first - n)
        total = term / (2 * first + 1)
        for k in range(first + 1, first + 16 + n):
            term *= square / -((2 * k - n - 1) * (2 * k - n))
            total += term / (2 * k + 1)
        return np.asarray(total)

    def upward(x: Array) -> Array:
        z, (turned, sign) = math.pi * x, _half_turns(x)
        sine, cosine = sign * np.sin(turned), sign * np.cos(turned)
        s = sine / z
        for k, phase in zip(range(1, n + 1), cycle((cosine, -sine, -cosine, sine)), strict=False):
            s = (phase - k * s) / z
        return np.asarray(s)

    edge = (n + 1.5) / math.pi
    pieces = (series, upward, lambda x: np.asarray(0 / x))  # infinitely far out, and NaN
    return np.asarray(math.pi**n * by_interval(x, np.abs(x.real), (edge, np.inf), pieces))

"""Elementwise trigonometric and hyperbolic primitives, their inverses, sinc and angles."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array, Tensor
from autograd.ops.elementwise.arithmetic import hypot, sqrt, square
from autograd.ops.elementwise.selection import divisor
from autograd.ops.kernels.blocks import by_interval, in_blocks, in_double
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


arcsin.defvjp(lambda g, out, x: g / sqrt((1 - x) * (1 + x)), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def arccos(x: Array) -> Array:
    """The angle from 0 to pi whose cosine is x; its slope at -1 and 1 is infinite."""
    return elementwise(np.arccos, x)


arccos.defvjp(lambda g, out, x: -g / sqrt((1 - x) * (1 + x)), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def arctan(x: Array) -> Array:
    """The angle from -pi/2 to pi/2 whose tangent is x."""
    return elementwise(np.arctan, x)


arctan.defvjp(lambda g, out, x: g / (1 + square(x)), keeps=["x"])


@primitive(kind="elementwise", broadcasts=True)
def arctan2(y: Array, x: Array) -> Array:
    """The angle from -pi to pi of the point (x, y), y first. The slopes at the origin are 0."""
    return elementwise(np.arctan2, y, x)


# x / r**2 in two steps: the square could overflow, or vanish.
arctan2.defvjp(
    lambda g, out, y, x: g * (x / _radius(x, y)) / _radius(x, y),
    lambda g, out, y, x: -g * (y / _radius(x, y)) / _radius(x, y),
    keeps=["y x", "y x"],
)


def _radius(x: Any, y: Any) -> Tensor:
    return divisor(hypot(x, y))


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


arccosh.defvjp(lambda g, out, x: g / (sqrt(x - 1) * sqrt(x + 1)), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def arctanh(x: Array) -> Array:
    """The inverse of tanh, for |x| <= 1; at -1 and 1 it is infinite, and so is its slope."""
    return elementwise(np.arctanh, x)


arctanh.defvjp(lambda g, out, x: g / ((1 - x) * (1 + x)), keeps=["x"])


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
    return in_blocks(np.sinc, x)


@primitive(kind="elementwise", expects="an int >= 0 and an array", analytic=True, broadcasts=True)
def bessel_over_power(n: int, x: Array) -> Array:
    """j_n(x) / x**n for the spherical Bessel function j_n; sin(x) / x for n = 0.

    An entire function whose derivative is -x times that of n + 1 (DLMF 10.51.3), and so what the
    derivatives of sinc are made of. Below x = n + 3/2 it is summed as a series (DLMF 10.53.1),
    above it is computed upward from n = 0 (10.51.1), which is stable there.
    """
    return in_double(lambda x: _bessel_over_power(n, x), x)


# In (cos(pi x) - sinc(x)) / x all digits would cancel around 0.
sinc.defvjp(
    lambda g, out, x: g * (-(math.pi**2) * x * bessel_over_power(1, math.pi * x)), keeps=["x"]
)
bessel_over_power.defvjp(
    None, lambda g, out, n, x: g * (-x * bessel_over_power(n + 1, x)), keeps=["", "x"]
)


def _bessel_over_power(n: int, x: Array) -> Array:
    def series(x: Array) -> Array:
        term: Array = np.full_like(x, 1 / math.prod(range(1, 2 * n + 2, 2)))
        total: Array = term.copy()
        for k in range(1, 16 + n):
            term *= -x * x / (2 * k * (2 * n + 2 * k + 1))
            total += term
        return total

    def upward(x: Array) -> Array:
        before, here = np.cos(x), np.sin(x) / x
        for k in range(n):
            before, here = here, ((2 * k + 1) * here - before) / (x * x)
        return np.asarray(here)

    # Infinitely far out, upward would give NaN.
    pieces = (series, upward, lambda x: np.asarray(1 / x))
    return by_interval(x, np.abs(x.real), (n + 1.5, np.inf), pieces)

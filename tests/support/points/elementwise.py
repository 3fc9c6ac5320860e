"""The points of elementwise ops: where they are not smooth, and where numbers become too small or
too large, or cancel."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import mpmath
from mpmath import mpf
from support.points.judging import INF, NAN, Point, Row, Told

import autograd as ag

TINY, ONE = 5e-324, 1 - 2.0**-53  # ONE is the number before 1
REAL = [0.0, -0.0, TINY, -1e-300, 1e-17, 1.0, 1e300, -1e300, INF, -INF]
LOGARITHM = [0.0, -0.0, TINY, 1e-300, 1.0, 1e300, INF, -1.0]
SMALL = [0.0, -0.0, TINY, 1e-300, -1e-17, 1e-8]
BY_Y = ("y", "xy", "yy", "xxy", "xyy", "yyy")


def row(name: str, exact: Any, points: Sequence[float | Point], *told: Told, **more: Any) -> Row:
    """The row of a public op."""
    return Row(name, getattr(ag, name), exact, points, told, **more)


def with_number(
    name: str, numbers: Sequence[float], exact: Any, points: Sequence[float], *told: Told
) -> list[Row]:
    """The rows of x -> op(x, n) for Python numbers n."""
    op = getattr(ag, name)
    return [
        Row(f"{name}(x, {n})", lambda x, n=n: op(x, n), lambda x, n=n: exact(x, n), points, told)
        for n in numbers
    ]


def number_first(
    name: str, numbers: Sequence[float], exact: Any, points: Sequence[float], *told: Told
) -> list[Row]:
    """The rows of x -> op(n, x)."""
    op = getattr(ag, name)
    return [
        Row(f"{name}({n}, x)", lambda x, n=n: op(n, x), lambda x, n=n: exact(n, x), points, told)
        for n in numbers
    ]


def outside(where: str, at: Callable[..., bool], *slopes: Callable[[float], float]) -> list[Told]:
    """A formula that is NaN outside its domain, and its slopes still what they are inside."""
    return [Told(n, slope, where, at) for n, slope in enumerate(slopes, 1)]


def _cbrt(x: Any) -> Any:
    return mpmath.sign(x) * abs(x) ** (mpf(1) / 3)


def _sinc(x: Any) -> Any:
    return mpmath.sinpi(x) / (mpmath.pi * x) if x else mpf(1)


def _power(x: Any, y: Any) -> Any:
    return x ** (y if isinstance(y, int) else mpf(y)) if y else mpf(1)


def _xlogy(x: Any, y: Any) -> Any:
    return x * mpmath.log(y) if x else mpf(0)


def logistic(n: int, x: Any) -> Any:
    """The n-th derivative of 1 / (1 + e**-x), to third order; for n = -1 its integral."""
    e = mpmath.exp(-abs(x))
    if n < 0:
        return max(x, 0) + mpmath.log1p(e)
    if n == 0:
        return (1 if x > 0 else e) / (1 + e)
    slope, tanh = e / (1 + e) ** 2, mpmath.tanh(x / 2)
    return (slope, -slope * tanh, slope * (tanh**2 - 2 * slope))[n - 1]


def _logaddexp(index: tuple[int, int], x: Any, y: Any) -> Any:
    """y + the integral of the logistic function at x - y."""
    n = sum(index)
    if index == (0, 1):
        return logistic(0, y - x)
    value = (-1) ** index[1] * logistic(n - 1, x - y)
    return value if n else y + value


def _logaddexp2(index: tuple[int, int], x: Any, y: Any) -> Any:
    base = mpmath.log(2)
    return _logaddexp(index, base * x, base * y) * base ** (sum(index) - 1)


def _gauss(n: int, x: Any) -> Any:
    """The n-th derivative of 2 / sqrt(pi) e**-x**2; of erf for n = -1."""
    if n < 0:
        return mpmath.erf(x)
    bell = 2 / mpmath.sqrt(mpmath.pi) * mpmath.exp(-x * x)
    return (-1) ** n * mpmath.hermite(n, x) * bell


def _erfinv(index: tuple[int], x: Any) -> Any:
    if abs(x) >= 1:
        raise ValueError
    y = mpmath.erfinv(x)
    slope = mpmath.sqrt(mpmath.pi) / 2 * mpmath.exp(y * y)
    return (y, slope, 2 * y * slope**2, (2 + 8 * y * y) * slope**3)[index[0]]


def _log_gamma(index: tuple[int], x: Any) -> Any:
    (n,) = index
    return mpmath.psi(n - 1, x) if n else mpmath.re(mpmath.loggamma(x))


def _origin(x: float, y: float) -> bool:
    return x == y == 0


def _both_infinite(x: float, y: float) -> bool:
    return math.isinf(x) and math.isinf(y)


# fmt: off
ARITHMETIC = [
    row("square", lambda x: x * x, [*REAL, 1e200, 1e-200]),
    row("reciprocal", lambda x: 1 / x, REAL),
    row("absolute", abs, REAL, Told(1, 0, "The slope at 0 is 0.", lambda x: x == 0)),
    row("sqrt", mpmath.sqrt, [*REAL, -1.0],
        Told((1, 3), -INF, "infinite, of the sign of the zero", lambda x: x == 0),
        Told(2, INF, "infinite, of the sign of the zero", lambda x: x == 0)),
    row("cbrt", _cbrt, REAL),
    row("multiply", lambda x, y: x * y,
        [(0.0, 0.0), (1e300, 1e300), (1e-300, 1e-300), (INF, 2.0), (INF, 0.0), (INF, -INF)]),
    row("divide", lambda x, y: x / y,
        [(0.0, 0.0), (1.0, 0.0), (1.0, -0.0), (0.0, 1.0), (1e300, 1e300), (1e-300, 1e-300),
         (1e300, 1e-300), (1.0, TINY), (0.0, 1e-300), (INF, 2.0), (2.0, INF), (INF, INF)],
        Told("yyy", NAN, "1 / y ** 3 overflows, x is 0", lambda x, y: x == 0 and y == 1e-300),
        Told(0, NAN, "inf / inf", _both_infinite)),
    row("remainder", lambda x, y: x - mpmath.floor(x / y) * y,
        [(5.0, 3.0), (6.0, 3.0), (-6.0, 3.0), (0.0, 3.0), (1.0, 0.0), (INF, 2.0), (2.0, INF),
         (-2.0, INF), (1e15, 3.0)],
        Told("y", lambda x, y: -math.floor(x / y), "the side without the jump", lambda x, y: y > 0),
        Told((0, "y"), NAN, "Where y = 0 it is NaN", lambda x, y: y == 0),
        Told((1, 2, 3), lambda x, y: 0, "and the slopes the same", lambda x, y: y == 0),
        Told("y", -INF, "and the slopes the same", lambda x, y: y == 0)),
    row("hypot", mpmath.hypot,
        [(0.0, 0.0), (0.0, -0.0), (0.0, 1.0), (1.0, 1e-7), (1.0, 1e-170), (-1e-170, 1.0),
         (1e300, 1e300), (1.7e308, 1.7e308), (1e-300, 1e-307), (TINY, TINY), (3e-320, 4e-320),
         (1e-300, 1e-200),
         (INF, 1.0), (1.0, -INF), (INF, INF)],
        Told(1, 0, "The slopes at 0 are 0", _origin),
        Told(1, math.sqrt(0.5), "two infinities have the slopes of equal numbers", _both_infinite)),
]

POWERS = [
    row("power", lambda x, y: x**y,
        [(1e-309, 1e-100), (1e-200, 1e-200), (1e-150, 1e-200), (1e-300, 1e-12)], float32=False,
        rtol=1e-9),
    *with_number("power", (1e-100, 1e-3), _power, [1e-200, 1e-30]),
    row("power", lambda x, y: x**y, [
        *[(x, y) for x in (0.0, -0.0) for y in
          (0.0, 1.0, 2.0, 3.0, 4.0, 0.5, 1.5, 2.5, 3.5, -1.0, -2.0, -0.5, INF, -INF)],
        *[(2.0, y) for y in
          (0.0, -0.0, 1.0, 2.0, 3.0, -1.0, TINY, 1e-300, 1e-17, 1 + 2.0**-40, INF, -INF)],
        *[(-2.0, y) for y in (0.0, 1.0, 2.0, 3.0, -1.0, 0.5)],
        *[(1.0, y) for y in (0.0, 1.0, 1e10)],
        *[(INF, y) for y in (0.0, 1.0, 2.0, 0.5, -1.0, 3.0)],
        *[(-INF, y) for y in (0.0, 1.0, 2.0, -1.0)],
        *[(TINY, y) for y in (0.0, 1.0, 2.0, 0.5)],
        *[(1e300, y) for y in (0.0, 1.0, 2.0, 0.5, -1.0)],
        *[(1e-300, y) for y in (0.0, 1.0, 2.0, -1.0)],
    ],
        Told("y", 0, "also at y = 0, where 0 ** y jumps", _origin),
        Told(BY_Y, NAN, "Where x < 0 all that is differentiated by y is NaN.", lambda x, y: x < 0)),
    *with_number("power", (0, 1, 2, 3, 4, -1, -2, 0.0, 2.0, 3.0), _power, [*REAL, -2.0]),
    *with_number("power", (0.5, 1.5, 2.5, -0.5), _power, [*REAL[:-1], -2.0]),
    *number_first("power", (1, 2, 0.5), lambda n, y: mpf(n) ** y, REAL),
    *number_first("power", (0,), lambda n, y: mpf(n) ** y, [0.0, TINY, 1.0, 1e300, INF],
        Told((2, 3), NAN, "0 ** y jumps, and the slope's own in y is NaN", lambda y: y == 0)),
]

EXPONENTIAL = [
    row("exp", mpmath.exp, [*REAL, -745.0, 709.0, 710.0]),
    row("exp2", lambda x: mpf(2) ** x, [*REAL, -1070.0, 1023.0, 1027.0]),
    row("expm1", mpmath.expm1, [*REAL, -40.0, -745.0, 710.0]),
    row("log", mpmath.log, LOGARITHM,
        Told((1, 3), -INF, "So at -0 that is -inf.", lambda x: x == 0),
        *outside("Its slope is 1 / x, below 0 too, where it is NaN", lambda x: x < 0,
                 lambda x: 1 / x, lambda x: -1 / x**2, lambda x: 2 / x**3)),
    row("log2", lambda x: mpmath.log(x) / mpmath.log(2), LOGARITHM,
        Told((1, 3), -INF, "its slope is as that of log", lambda x: x == 0),
        *outside("Below 0 it is NaN, and its slope is as that of log", lambda x: x < 0,
                 lambda x: 1 / x / math.log(2), lambda x: -1 / x**2 / math.log(2),
                 lambda x: 2 / x**3 / math.log(2))),
    row("log10", mpmath.log10, LOGARITHM,
        Told((1, 3), -INF, "its slope is as that of log", lambda x: x == 0),
        *outside("Below 0 it is NaN, and its slope is as that of log", lambda x: x < 0,
                 lambda x: 1 / x / math.log(10), lambda x: -1 / x**2 / math.log(10),
                 lambda x: 2 / x**3 / math.log(10))),
    row("log1p", mpmath.log1p, [*SMALL, -1.0, -ONE, 1e300, INF, -2.0],
        *outside("Below -1 it is NaN, its slope still 1 / (1 + x)", lambda x: x < -1,
                 lambda x: 1 / (1 + x), lambda x: -1 / (1 + x)**2, lambda x: 2 / (1 + x)**3)),
    row("expit", None, [*REAL, 40.0, -40.0, 700.0, -700.0],
        slopes=lambda i, x: logistic(i[0], x)),
    row("softplus", None, [*REAL, 40.0, -40.0, 700.0, -700.0],
        slopes=lambda i, x: logistic(i[0] - 1, x)),
    row("logit", lambda x: mpmath.log(x) - mpmath.log(1 - x),
        [0.0, -0.0, TINY, 1e-300, 0.5, 0.5 + 1e-12, 1.0, ONE, 2.0],
        Told((1, 3), -INF, "at -0 that is -inf", lambda x: x == 0),
        *outside("Its slope is 1 / (x (1 - x)), outside too", lambda x: x > 1,
                 lambda x: -1 / 2, lambda x: 3 / 4, lambda x: -7 / 4)),
    row("xlogy", _xlogy,
        [(0.0, 0.0), (-0.0, 0.0), (0.0, 1.0), (0.0, -1.0), (1.0, 0.0), (TINY, TINY),
         (0.0, INF), (INF, 1.0), (1.0, INF), (2.0, 1e-300), (0.0, 1e-300)],
        Told(1, 0, "Where x = 0 and y <= 0 both slopes are 0", lambda x, y: x == 0 and y <= 0),
        Told(("xx", "xxx", "xxy"), 0, "in x still 0", lambda x, y: x == 0 and y < 0),
        Told(("yy", "yyy"), NAN, "their slopes in y are NaN", lambda x, y: x == 0 and y <= 0),
        Told(0, NAN, "inf * 0", lambda x, y: x == INF)),
    *number_first("xlogy", (0, 1, 2, 0.0), _xlogy, [0.0, -0.0, TINY, 1.0, INF],
        Told((1, 3), -INF, "the slope in y is x / y, also for y = -0", lambda y: y == 0)),
    *with_number("xlogy", (1, 2, 0.5), _xlogy, REAL,
        Told(0, NAN, "inf * 0", lambda x: math.isinf(x))),
    *[
        Row(name, op, None,
            [(0.0, 0.0), (1.0, 1.0), (1000.0, 1000.0), (2000.0, -1000.0), (-745.0, 0.0),
             (0.0, 37.0), (50.0, 0.0), (-300.0, 300.0),
             (1e300, 1e300), (1e300, -1e300), (INF, 0.0), (0.0, -INF), (INF, INF), (-INF, -INF),
             (INF, -INF)],
            [Told(1, 0.5, where, lambda x, y: x == y and math.isinf(x))], slopes=slopes)
        for name, op, slopes, where in (
            ("logaddexp", ag.logaddexp, _logaddexp,
             "two infinities of one sign have a slope of 1/2 each"),
            ("logaddexp2", ag.logaddexp2, _logaddexp2, "slopes as those of logaddexp"),
            ("logsumexp of two", lambda x, y: ag.logsumexp(ag.stack([x, y]), axis=0), _logaddexp,
             "infinities that tie for the largest share alike"),
        )
    ],
]

TRIGONOMETRIC = [
    row("sin", mpmath.sin, [*REAL, math.pi]),
    row("cos", mpmath.cos, [*REAL, math.pi / 2]),
    row("tan", mpmath.tan, [*REAL, math.pi / 2, math.pi]),
    row("arcsin", mpmath.asin, [*SMALL, 0.5, ONE, -ONE, 1.0, -1.0, 2.0]),
    row("arccos", mpmath.acos, [*SMALL, 0.5, ONE, -ONE, 1.0, -1.0, 2.0]),
    row("arctan", mpmath.atan, [*REAL, 1e-8, 1e100, 1e160]),
    row("arctan2", mpmath.atan2,
        [(0.0, 0.0), (-0.0, -0.0), (0.0, 1.0), (0.0, -1.0), (-0.0, -1.0), (1.0, 0.0), (1e-7, 1.0),
         (1.0, 1e-7), (1e-170, 1.0), (1.0, 1e-170), (1e300, 1e300), (1.7e308, 1.7e308),
         (1e-300, 1e-300), (1e-300, 1e-307), (TINY, TINY), (INF, 1.0), (1.0, INF), (1.0, -INF),
         (INF, INF)],
        Told(1, 0, "The slopes at the origin are 0", _origin),
        Told(0, math.atan2, "Zeros and infinities are as in C.", lambda y, x: True)),
    row("sinh", mpmath.sinh, [*REAL, 709.0, 711.0]),
    row("cosh", mpmath.cosh, [*REAL, 709.0, 711.0]),
    row("tanh", mpmath.tanh, [*REAL, 20.0, -20.0, 300.0, 400.0, 1e-8],
        Told((1, 2, 3), 0, "in the tails right to the rounding of 1", lambda x: abs(x) >= 20),
        digits=400),
    row("arcsinh", mpmath.asinh, [*REAL, 1e-8, 1e160]),
    row("arccosh", mpmath.acosh, [1.0, 1 + 2.0**-52, 2.0, 1e100, 1e160, 1e300, INF, 0.5, -2.0]),
    row("arctanh", mpmath.atanh, [*SMALL, 0.5, ONE, -ONE, 1.0, -1.0, 2.0],
        *outside("Outside it is NaN, and its slope still 1 / (1 - x ** 2).", lambda x: x > 1,
                 lambda x: -1 / 3, lambda x: 4 / 9, lambda x: -26 / 27)),
    row("sinc", _sinc, [*SMALL, 1e-3, 0.47, 0.48, 1.0, -2.0, 1e10, INF]),
]

POLES = [0.0, -0.0, -1.0, -2.0]
GAMMA = [*POLES, TINY, 1e-100, -1e-100, 1.0, 2.0, 1.4616321449683622, -0.5, -1.5, -2 + 2.0**-30,
         1e10, 1e300, INF, -INF]

SPECIAL = [
    row("erf", None, [*SMALL, 0.46875, 4.0, 6.0, 26.0, 30.0, 1e5, INF, -INF],
        slopes=lambda i, x: _gauss(i[0] - 1, x)),
    row("erfc", None, [*SMALL, 0.46875, 4.0, 6.0, 26.0, 30.0, -6.0, 1e5, INF, -INF],
        slopes=lambda i, x: -_gauss(i[0] - 1, x) if i[0] else mpmath.erfc(x)),
    row("erfinv", None, [*SMALL, 0.85, ONE, -ONE, 1.0, -1.0, 2.0], slopes=_erfinv),
    row("gammaln", None, GAMMA,
        Told(0, INF, "inf at the poles 0, -1, -2, ... and at -inf", lambda x: x < 0),
        slopes=_log_gamma),
    row("digamma", None, GAMMA, slopes=lambda i, x: mpmath.psi(i[0], x)),
    *[
        Row(f"polygamma({n}, x)", lambda x, n=n: ag.polygamma(n, x), None, GAMMA[:-1],
            slopes=lambda i, x, n=n: mpmath.psi(n + i[0], x))
        for n in (0, 1, 2)
    ],
]

TIES = [(0.0, 0.0), (0.0, -0.0), (1.0, 1.0), (1.0, 2.0), (2.0, 1.0), (INF, INF), (-INF, -INF),
        (INF, 1.0)]
FIRST = [
    Told("x", 1, "Where they tie, the first gets the gradient", lambda x, y: x == y),
    Told("y", 0, "Where they tie, the first gets the gradient", lambda x, y: x == y),
]

SELECTION = [
    *[row(name, max, TIES, *FIRST) for name in ("maximum", "fmax")],
    *[row(name, min, TIES, *FIRST) for name in ("minimum", "fmin")],
    row("clip", lambda x, y, z: min(max(x, y), z),
        [(0.0, 0.0, 1.0), (1.0, 0.0, 1.0), (2.0, 0.0, 1.0), (0.0, 0.0, 0.0), (0.0, 1.0, -1.0),
         (INF, 0.0, 1.0), (INF, 0.0, INF)],
        Told("x", 1, "The slope in x is 1 inside the bounds and on them"),
        Told(("y", "z"), 0, "Where x is outside, the bound that it is clipped to gets the")),
    row("nan_to_num", lambda x: x, REAL,
        Told(0, lambda x: math.copysign(1.7976931348623157e308, x), "the largest finite ones"),
        Told(0, lambda x: math.copysign(3.4028234663852886e38, x), "the largest finite ones"),
        Told(1, 0, "The slope is 1 where x is finite, else 0.", math.isinf)),
    Row("where(x > 0, sqrt(x), 0)", lambda x: ag.where(x > 0, ag.sqrt(x), 0),
        lambda x: mpmath.sqrt(x) if x > 0 else mpf(0), [0.0, -0.0, 1.0, -1.0],
        [Told((1, 2, 3), NAN, "which makes NaN of a slope that is infinite", lambda x: x <= 0)]),
    Row("where(x > 0, sqrt(where(x > 0, x, 1)), 0)",
        lambda x: ag.where(x > 0, ag.sqrt(ag.where(x > 0, x, 1)), 0),
        lambda x: mpmath.sqrt(x) if x > 0 else mpf(0), [1.0, -1.0, TINY]),
]
# fmt: on

ROWS: list[Row] = [
    *ARITHMETIC,
    *POWERS,
    *EXPONENTIAL,
    *TRIGONOMETRIC,
    *SPECIAL,
    *SELECTION,
]

PLAIN: dict[str, str] = {
    **dict.fromkeys(("add", "subtract", "negative", "positive", "deg2rad", "rad2deg"), "linear"),
    "power_slope": "the derivatives of power",
    "polar_term": "the derivatives of hypot",
    "inverse_power": "the derivatives of arctan2 and arctan",
    "over_one_and_square": "the slope of arctan",
    "one_minus_square": "a polynomial, in the slopes of arcsin, arccos and arctanh",
    "sinc_slope": "the derivatives of sinc",
    "expit_slope": "the slope of expit",
    "tanh_of_half": "in the derivatives of expit",
    "bell": "the derivatives of erf",
    "chosen": "in the slopes of xlogy",
}

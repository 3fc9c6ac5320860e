"""The error function and the gamma function with their kin, elementwise, in double precision.

The forwards take complex numbers near the real axis too, on which the pieces are chosen.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import numpy as np

from autograd.engine.primitives import primitive
from autograd.engine.tensor import Array
from autograd.ops.elementwise.arithmetic import square
from autograd.ops.elementwise.exponential import exp
from autograd.ops.kernels.blocks import by_interval, in_blocks, in_double

Coefficients = Sequence[float]


def _polynomial(x: Array, coefficients: Coefficients) -> Array:
    """The sum of c_k x**k by Horner's rule; the constant term comes first."""
    total = np.full_like(x, coefficients[-1])
    for c in coefficients[-2::-1]:
        total *= x
        total += c
    return total


def _ratio(x: Array, numerator: Coefficients, denominator: Coefficients) -> Array:
    return _polynomial(x, numerator) / _polynomial(x, denominator)


# --- the error function --------------------------------------------------------------------------

_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0

# fmt: off
# Numerators and denominators, constant terms first.
_ERF_SMALL = (
    (3.20937758913846947e3, 3.77485237685302021e2, 1.13864154151050156e2, 3.16112374387056560,
     1.85777706184603153e-1),
    (2.84423683343917062e3, 1.28261652607737228e3, 2.44024637934444173e2, 2.36012909523441209e1,
     1.0),
)
_ERFC_MIDDLE = (
    (1.23033935479799725e3, 2.05107837782607147e3, 1.71204761263407058e3, 8.81952221241769090e2,
     2.98635138197400131e2, 6.61191906371416295e1, 8.88314979438837594, 5.64188496988670089e-1,
     2.15311535474403846e-8),
    (1.23033935480374942e3, 3.43936767414372164e3, 4.36261909014324716e3, 3.29079923573345963e3,
     1.62138957456669019e3, 5.37181101862009858e2, 1.17693950891312499e2, 1.57449261107098347e1,
     1.0),
)
_ERFC_LARGE = (
    (6.58749161529837803e-4, 1.60837851487422766e-2, 1.25781726111229246e-1,
     3.60344899949804439e-1, 3.05326634961232344e-1, 1.63153871373020978e-2),
    (2.33520497626869185e-3, 6.05183413124413191e-2, 5.27905102951428412e-1,
     1.87295284992346047, 2.56852019228982242, 1.0),
)
# fmt: on


@primitive(kind="elementwise", analytic=True)
def erf(x: Array) -> Array:
    """The error function, 2 / sqrt(pi) times the integral of e ** -t**2 from 0 to x.

    By the rational approximations of W. J. Cody (1969), "Rational Chebyshev approximations for the
    error function", Mathematics of Computation 23, 631-637: for |x| <= 15/32 its own, beyond that
    1 - erfc(x).
    """
    return in_double(_erf, x)


@primitive(kind="elementwise", expects="an int >= 0 and an array", analytic=True, broadcasts=True)
def bell(n: int, x: Array) -> Array:
    """The n-th derivative of e ** -x**2, that times (-1)**n H_n(x); 0 infinitely far out.

    Hermite's polynomials by their recurrence (Abramowitz and Stegun 1964, 22.7.13).
    """
    return in_blocks(lambda x: _bell(n, x), x)


bell.defvjp(None, lambda g, out, n, x: g * bell(n + 1, x), keeps=["", "x"])


def _bell(n: int, x: Array) -> Array:
    e = np.exp(-x * x)
    before, hermite = 0 * e, np.ones_like(e)
    for k in range(n):
        before, hermite = hermite, -2 * (x * hermite + k * before)
    return np.where(e == 0, 0, e * hermite) if n else np.asarray(e)


erf.defvjp(lambda g, out, x: g * (_SLOPE * bell(0, x)), keeps=["x"])


@primitive(kind="elementwise", analytic=True)
def erfc(x: Array) -> Array:
    """1 - erf(x), accurate in the right tail, where erf(x) is 1: from there up to x = 27.

    By the approximations of W. J. Cody (see erf) for 15/32 <= x <= 4 and beyond.
    """
    return in_double(_erfc, x)


erfc.defvjp(lambda g, out, x: g * (-_SLOPE * bell(0, x)), keeps=["x"])


def _erf(x: Array) -> Array:
    pieces = (lambda x: _tail(-x) - 1, _erf_small, lambda x: 1 - _tail(x))
    return by_interval(x, x.real, (-0.46875, 0.46875), pieces)


def _erfc(x: Array) -> Array:
    pieces = (lambda x: 2 - _tail(-x), lambda x: 1 - _erf_small(x), _tail)
    return by_interval(x, x.real, (-0.46875, 0.46875), pieces)


def _erf_small(x: Array) -> Array:
    return x * _ratio(x * x, *_ERF_SMALL)


def _tail(x: Array) -> Array:
    """erfc(x) for x > 15/32."""
    scaled = by_interval(x, x.real, (4,), (_tail_middle, _tail_large))
    # x**2 = s**2 + (x - s) (x + s), where s**2 is exact: the exponential would multiply an error.
    s = np.rint(16 * np.minimum(x.real, 30)) / 16
    return np.asarray(np.exp(-s * s) * np.exp((s - x) * (s + x)) * scaled)


def _tail_middle(x: Array) -> Array:
    return _ratio(x, *_ERFC_MIDDLE)


def _tail_large(x: Array) -> Array:
    y = 1 / (x * x)
    return (1 / math.sqrt(math.pi) - y * _ratio(y, *_ERFC_LARGE)) / x


# fmt: off
_INVERSE_MIDDLE = (
    (3.3871328727963666080, 1.3314166789178437745e2, 1.9715909503065514427e3,
     1.3731693765509461125e4, 4.5921953931549871457e4, 6.7265770927008700853e4,
     3.3430575583588128105e4, 2.5090809287301226727e3),
    (1.0, 4.2313330701600911252e1, 6.8718700749205790830e2, 5.3941960214247511077e3,
     2.1213794301586595867e4, 3.9307895800092710610e4, 2.8729085735721942674e4,
     5.2264952788528545610e3),
)
_INVERSE_OUTER = (
    (1.42343711074968357734, 4.63033784615654529590, 5.76949722146069140550,
     3.64784832476320460504, 1.27045825245236838258, 2.41780725177450611770e-1,
     2.27238449892691845833e-2, 7.74545014278341407640e-4),
    (1.0, 2.05319162663775882187, 1.67638483018380384940, 6.89767334985100004550e-1,
     1.48103976427480074590e-1, 1.51986665636164571966e-2, 5.47593808499534494600e-4,
     1.05075007164441684324e-9),
)
_INVERSE_FAR = (
    (6.65790464350110377720, 5.46378491116411436990, 1.78482653991729133580,
     2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
     2.71155556874348757815e-5, 2.01033439929228813265e-7),
    (1.0, 5.99832206555887937690e-1, 1.36929880922735805310e-1, 1.48753612908506148525e-2,
     7.86869131145613259100e-4, 1.84631831751005468180e-5, 1.42151175831644588870e-7,
     2.04426310338993978564e-15),
)
# fmt: on


@primitive(kind="elementwise", analytic=True)
def erfinv(x: Array) -> Array:
    """The inverse of erf: infinite at -1 and 1, NaN outside.

    The quantile of the normal distribution at (1 + x) / 2, divided by sqrt(2), by algorithm AS 241
    (PPND16) of M. J. Wichura (1988), "The percentage points of the normal distribution", Applied
    Statistics 37, 477-484.
    """
    return in_double(_erfinv, x)


erfinv.defvjp(lambda g, out, x: g * (exp(square(out)) / _SLOPE), keeps=["out"])


def _erfinv(x: Array) -> Array:
    pieces = (lambda x: -_outer_quantile(-x), _inner_quantile, _outer_quantile)
    return by_interval(x, x.real, (-0.85, 0.85), pieces) / math.sqrt(2)


def _inner_quantile(x: Array) -> Array:
    q = x / 2
    return q * _ratio(0.180625 - q * q, *_INVERSE_MIDDLE)


def _outer_quantile(x: Array) -> Array:
    r = np.sqrt(-np.log((1 - x) / 2))
    pieces = (
        lambda r: _ratio(r - 1.6, *_INVERSE_OUTER),
        lambda r: _ratio(r - 5, *_INVERSE_FAR),
        lambda r: r,  # inf, and NaN
    )
    return by_interval(r, r.real, (5, np.inf), pieces)


# --- the gamma function --------------------------------------------------------------------------

_EULER = 0.5772156649015329

# zeta(k) - 1 for k = 2, 3, ... (Abramowitz and Stegun 1964, table 23.3).
# fmt: off
_ZETA = (
    0.64493406684822643647, 0.2020569031595942854, 0.082323233711138191516,
    0.036927755143369926331, 0.017343061984449139715, 0.0083492773819228268398,
    0.0040773561979443393787, 0.0020083928260822144179, 9.9457512781808533715e-4,
    4.941886041194645587e-4, 2.4608655330804829864e-4, 1.2271334757848914675e-4,
    6.1248135058704829259e-5, 3.0588236307020493552e-5, 1.5282259408651871733e-5,
    7.6371976378997622736e-6, 3.8172932649998398565e-6, 1.9082127165539389257e-6,
    9.5396203387279611315e-7, 4.7693298678780646312e-7, 2.3845050272773299e-7,
    1.1921992596531107307e-7, 5.9608189051259479612e-8, 2.9803503514652280186e-8,
    1.4901554828365041235e-8, 7.450711789835429492e-9, 3.7253340247884570548e-9,
    1.8626597235130490064e-9, 9.3132743241966818287e-10, 4.656629065033784073e-10,
    2.328311833676505492e-10, 1.1641550172700519776e-10, 5.8207720879027008892e-11,
)
# fmt: on

# The Taylor series of digamma and of log Gamma around 2 (Abramowitz and Stegun 6.1.33 and 6.3.14
# for an argument of 1 + z, by way of Gamma(2 + z) = (1 + z) Gamma(1 + z)).
_DIGAMMA_AT_2 = (1 - _EULER, *((-1) ** k * zeta for k, zeta in enumerate(_ZETA, start=2)))
_LOG_GAMMA_AT_2 = (0.0, *(c / k for k, c in enumerate(_DIGAMMA_AT_2, start=1)))

# Where digamma is 0, as the sum of two numbers, and its series there without the factor x - root:
# divided by z - (root - 2) as Horner divides.
_ROOT, _ROOT_REST = 1.4616321449683622, 9.5499954299656977152e-17
_DIGAMMA_AT_ROOT = tuple(
    accumulate(_DIGAMMA_AT_2[:0:-1], lambda total, c: total * (_ROOT - 2) + c)
)[::-1]

# The Bernoulli numbers B_2, B_4, ...
_BERNOULLI = (
    *(1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798),
    *(-174611 / 330, 854513 / 138, -236364091 / 2730),
)
_FAR = 10.0  # from here on asymptotic series in as many terms are exact to rounding
_LOG_GAMMA_FAR = tuple(b / (2 * k * (2 * k - 1)) for k, b in enumerate(_BERNOULLI, start=1))
_DIGAMMA_FAR = (0.0, *(-b / (2 * k) for k, b in enumerate(_BERNOULLI, start=1)))


@primitive(kind="elementwise", analytic=True)
def gammaln(x: Array) -> Array:
    """log |Gamma(x)|; inf at the poles 0, -1, -2, ... and at -inf.

    From 10 on by Stirling's series (Abramowitz and Stegun 1964, 6.1.41), between 3/2 and 5/2 by
    the Taylor series around 2 (6.1.33), in between by the recurrence (6.1.15), and for x <= 0 by
    reflection (6.1.17), whose error is relative to log Gamma(1 - x): near the zeros at negative x
    the digits that cancel are lost.
    """
    return in_double(_gammaln, x)


def _gammaln(x: Array) -> Array:
    pieces = (
        _gammaln_reflected,
        lambda x: _polynomial(x, _LOG_GAMMA_AT_2) - np.log1p(x) - np.log(x),
        lambda x: _polynomial(x - 1, _LOG_GAMMA_AT_2) - np.log1p(x - 1),
        lambda x: _polynomial(x - 2, _LOG_GAMMA_AT_2),
        _gammaln_between,
        _gammaln_far,
    )
    return by_interval(x, x.real, (0, 0.5, 1.5, 2.5, _FAR), pieces)


def _gammaln_far(x: Array) -> Array:
    y = 1 / x
    rest = (math.log(2 * math.pi) - 1) / 2 + y * _polynomial(y * y, _LOG_GAMMA_FAR)
    return np.asarray((x - 0.5) * (np.log(x) - 1) + rest)


def _gammaln_between(x: Array) -> Array:
    product = np.ones_like(x)
    for _ in range(8):  # from 10 to 2
        above = x.real >= 2.5
        x = np.where(above, x - 1, x)
        product = np.where(above, product * x, product)
    return np.asarray(np.log(product) + _polynomial(x - 2, _LOG_GAMMA_AT_2))


def _gammaln_reflected(x: Array) -> Array:
    r = _from_integer(x)
    sine = np.sin(math.pi * r)
    sine = np.where(r.real < 0, -sine, sine)
    pole = (r == 0) | np.isinf(x.real)
    return np.where(pole, np.inf, math.log(math.pi) - np.log(sine) - _gammaln(1 - x))


def _from_integer(x: Array) -> Array:
    """x less the nearest integer, for functions of period 1: pi * x would be rounded."""
    return np.asarray(x - np.rint(x.real))


@primitive(kind="elementwise", analytic=True)
def digamma(x: Array) -> Array:
    """The derivative of log Gamma. Of 0 it is -inf, the limit from the right; of -1, -2, ... NaN.

    From 10 on by its asymptotic series (Abramowitz and Stegun 1964, 6.3.18), around its root
    1.4616... by a Taylor series with the root as a factor (6.3.14), in between by the recurrence
    (6.3.6), and for x < 0 by reflection (6.3.7), whose error is relative to its two terms: near
    the zeros at negative x the digits that cancel are lost.
    """
    return in_double(_digamma, x)


gammaln.defvjp(lambda g, out, x: g * digamma(x), keeps=["x"])


def _digamma(x: Array) -> Array:
    pieces = (
        _digamma_reflected,
        _digamma_between,
        _digamma_at_root,
        _digamma_between,
        _digamma_far,
    )
    return by_interval(x, x.real, (0, _ROOT - 0.1, _ROOT + 0.1, _FAR), pieces)


def _digamma_at_root(x: Array) -> Array:
    return (x - _ROOT - _ROOT_REST) * _polynomial(x - 2, _DIGAMMA_AT_ROOT)


def _digamma_far(x: Array) -> Array:
    y = 1 / x
    return np.asarray(np.log(x) - y / 2 + _polynomial(y * y, _DIGAMMA_FAR))


def _digamma_between(x: Array) -> Array:
    total = np.zeros_like(x)
    for _ in range(int(_FAR)):
        near = x.real < _FAR
        total = np.where(near, total + 1 / x, total)
        x = np.where(near, x + 1, x)
    return _digamma_far(x) - total


def _digamma_reflected(x: Array) -> Array:
    r = _from_integer(x)
    value = _digamma(1 - x) - math.pi * np.cos(math.pi * r) / np.sin(math.pi * r)
    return np.where(r == 0, np.nan, value)


@primitive(kind="elementwise", expects="an int n >= 0 and an array", analytic=True, broadcasts=True)
def polygamma(n: int, x: Array) -> Array:
    """The n-th derivative of digamma, for an int n from 0 to 150, and itself differentiable.

    From 10 + n on by its asymptotic series (Abramowitz and Stegun 1964, 6.4.11), below that by the
    recurrence (6.4.6), and for x < 0 by reflection (6.4.7), as in digamma. At the poles 0, -1, ...
    it is inf for odd n; for even n it is -inf at 0, the limit from the right, and NaN at the rest.
    """
    if not isinstance(n, int) or not 0 <= n <= 150:
        raise ValueError(f"the order n is {n!r}")
    return in_double(lambda x: _polygamma(n, x), x)


digamma.defvjp(lambda g, out, x: g * polygamma(1, x), keeps=["x"])
polygamma.defvjp(None, lambda g, out, n, x: g * polygamma(n + 1, x), keeps=["", "x"])


def _polygamma(n: int, x: Array) -> Array:
    if not n:
        return _digamma(x)
    pieces = (lambda x: _polygamma_reflected(n, x), lambda x: _polygamma_right(n, x))
    return by_interval(x, x.real, (0,), pieces)


def _polygamma_right(n: int, x: Array) -> Array:
    total = np.zeros_like(x)
    far = _FAR + n
    for _ in range(int(far)):
        near = x.real < far
        total = np.where(near, total + (1 / x) ** (n + 1), total)
        x = np.where(near, x + 1, x)
    y = 1 / x
    series = (1.0, *(b * math.comb(2 * k + n - 1, 2 * k) for k, b in enumerate(_BERNOULLI, 1)))
    beyond = y**n * (n / 2 * y + _polynomial(y * y, series))
    sign = 1 if n % 2 else -1
    return np.asarray(sign * math.factorial(n - 1) * (n * total + beyond))


def _polygamma_reflected(n: int, x: Array) -> Array:
    r = _from_integer(x)
    cotangent = np.cos(math.pi * r) / np.sin(math.pi * r)
    mirrored = _polygamma_right(n, 1 - x) * (-1) ** n
    value = mirrored - math.pi ** (n + 1) * _polynomial(cotangent, _derivative_of_cotangent(n))
    return np.where((r == 0) & (n % 2 == 0), np.nan, value)


@lru_cache
def _derivative_of_cotangent(n: int) -> tuple[float, ...]:
    """The n-th derivative of cot as a polynomial in c = cot, whose own is c' = -(1 + c**2)."""
    polynomial = [0, 1]
    for _ in range(n):
        slope = [k * c for k, c in enumerate(polynomial)][1:]
        polynomial = [-a - b for a, b in zip([*slope, 0, 0], [0, 0, *slope], strict=True)]
    return tuple(map(float, polynomial))

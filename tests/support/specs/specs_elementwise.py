"""The rows of the elementwise primitives, and of logsumexp."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import mpmath
import numpy as np
from support.specs.sampling import (
    SAME,
    Array,
    Real,
    Sample,
    Samples,
    binary,
    calls,
    reductions,
    unary,
)
from support.specs.specs import MASK, Spec

from autograd import ops
from autograd.ops.elementwise import arithmetic, exponential, selection, special, trigonometric

# --- samples -------------------------------------------------------------------------------------


def both(*families: Samples) -> Samples:
    """The samples of several families."""

    def samples(rng: np.random.Generator) -> Iterable[Sample]:
        for family in families:
            yield from family(rng)

    return samples


def _quotients(rng: np.random.Generator) -> Iterable[Sample]:
    """Pairs whose quotients, of either sign, are far from integers: there, remainders jump."""

    def quotients(*shape: int) -> Array:
        return rng.integers(-3, 3, shape) + rng.uniform(0.2, 0.8, shape)

    column = np.array([[5], [-2], [3]])
    for y in (*calls((Real(3, 4),), (Real(4),), (Real(),))(rng), *map(_alone, (2, -1.5, column))):
        (divisor,) = y.args
        if isinstance(divisor, np.ndarray) and divisor.dtype.kind == "f":
            divisor = np.asarray(divisor + np.sign(divisor))  # away from 0
        yield Sample(f"3x4, {y.name}", (quotients(3, 4) * divisor, divisor))
    for x in (*calls((Real(4),), (Real(),))(rng), *map(_alone, (7, -2.5, column))):
        (dividend,) = x.args
        if isinstance(dividend, np.ndarray) and dividend.dtype.kind == "f":
            dividend = np.asarray(dividend + 3 * np.sign(dividend))
        yield Sample(f"{x.name}, 3x4", (dividend, dividend / quotients(3, 4)))
    yield Sample("0-d, 0-d", (np.array(2.25), np.array(-1.5)))
    yield Sample("0x3, 3", (np.ones((0, 3)), np.ones(3)))


def _alone(constant: Any) -> Sample:
    return Sample("int64" if isinstance(constant, np.ndarray) else str(constant), (constant,))


def _orders(*orders: int, **where: Any) -> Samples:
    """Calls of f(n, x) for each order n."""
    return calls(*((n, Real(2, 3)) for n in orders), (1, Real()), (1, Real(0, 2)), **where)


SPECIAL = np.array([1.5, np.nan, np.inf, -np.inf, -0.0, 0.0, -2.0])
TRUTH = np.array([0.0, 1.0, -0.5, np.nan])

# Both sides of all places where the forwards pass from one way of computing to another.
GAMMA = {"domain": (0.3, 12.3)}
LEFT_OF_GAMMA = {"domain": (-2.75, -0.25), "avoid": (-2, -1)}

# --- references ----------------------------------------------------------------------------------


def each(function: Callable[[float], float]) -> Callable[[Array], Array]:
    """The function of single numbers, applied to each; the result has the dtype of the array."""
    return lambda x: np.array([function(v) for v in x.ravel().tolist()], x.dtype).reshape(x.shape)


def _erfinv(y: float) -> float:
    """By Newton's steps from 0, which approach the root of a concave function from one side."""
    x = 0.0
    for _ in range(60):
        x -= (math.erf(x) - y) * math.exp(x * x) * math.sqrt(math.pi) / 2
    return x


def _polygamma(n: int, x: float) -> float:
    """A thousand terms of the series in 1 / (x + k), and Euler and Maclaurin's for the rest."""
    far = x + 1000
    terms = [1 / math.pow(x + k, n + 1) for k in range(1000)]
    if n == 0:
        terms += [-math.log(far), 1 / (2 * far), 1 / (12 * far**2), -1 / (120 * far**4)]
        return -math.fsum(terms)
    scale = 1 / math.pow(far, n)
    terms += [scale / n, scale / (2 * far), scale * (n + 1) / (12 * far**2)]
    terms += [-scale * (n + 1) * (n + 2) * (n + 3) / (720 * far**4)]
    return math.fsum(terms) * math.factorial(n) * (1 if n % 2 else -1)


def _sinc_slope(n: int, x: float) -> float:
    with mpmath.workdps(25):
        return float(mpmath.diff(mpmath.sincpi, x, n))


def _bell(n: int, x: Array) -> Array:
    hermite = np.polynomial.hermite.hermval(x, [0] * n + [1])
    return np.asarray((-1) ** n * np.exp(-x * x) * hermite, np.result_type(x, 1.0))


def _power_slope(g: Any, n: int, m: int, x: Any, y: Any) -> Array:
    """g times (d/dy)**m of y (y - 1) ... (y - n + 1) x**(y - n), by NumPy's polynomials."""
    falling = np.polynomial.Polynomial.fromroots(range(n)) if n else np.polynomial.Polynomial([1.0])
    terms = (
        math.comb(m, k) * (falling.deriv(m - k) if m > k else falling)(y) * np.log(x) ** k
        for k in range(m + 1)
    )
    return np.asarray(g * sum(terms) * np.asarray(x) ** (y - n), np.result_type(g, x, y, 1.0))


# --- the rows ------------------------------------------------------------------------------------

STEPS = [
    *(Spec(op, binary()) for op in (ops.greater, ops.greater_equal, ops.less, ops.less_equal)),
    *(Spec(op, binary()) for op in (ops.equal, ops.not_equal)),
    *(
        Spec(op, both(binary(), calls((TRUTH, TRUTH[:, None]))))
        for op in (ops.logical_and, ops.logical_or)
    ),
    *(
        Spec(op, both(unary(), calls((SPECIAL,))))
        for op in (ops.logical_not, ops.isnan, ops.isfinite, ops.isinf)
    ),
    Spec(ops.sign, both(unary(), calls((np.array([-np.inf, -0.0, 0.0, 1e-300]),)))),
    *(Spec(op, unary()) for op in (ops.floor, ops.ceil, ops.trunc)),
    Spec(ops.round, both(unary(), calls((Real(3), 1), (np.array([0.5, 1.5, -2.5]),)))),
    Spec(ops.floor_divide, _quotients),
]

SELECTION = [
    Spec(
        ops.where,
        calls(
            *((MASK, Real(3, 4), Real(3, 4)), (MASK, Real(), Real(3, 1)), (MASK, Real(4), 0)),
            *((MASK, 0, Real(3, 4)), (MASK, Real(3, 4), 1.5), (MASK, Real(3, 4), SAME)),
            *((np.True_, Real(2), Real(2)), (np.array([1, 0]), Real(2), np.array([3, 4]))),
            (np.ones((0, 3), bool), Real(0, 3), Real(3)),
        ),
    ),
    *(Spec(op, binary()) for op in (ops.maximum, ops.minimum, ops.fmax, ops.fmin)),
    Spec(
        ops.clip,
        both(
            calls(
                *((Real(3, 4), -1, 1), (Real(3, 4), -1, None), (Real(3, 4), None, 1)),
                *((Real(3, 4), 1, -1), (Real(), -1.0, 1), (Real(0, 3), -1, 1)),
                *((Real(3, 4), {"a_min": -1, "a_max": 1}), (Real(3, 4), -1, {"a_max": None})),
                avoid=(-1, 1),
            ),
            calls(
                *((Real(3, 4), Real(4), Real(3, 1)), (Real(3), Real(), None)),
                *((Real(3), None, Real(1)), (Real(3), SAME, None), (Real(2, 1), 0, Real(3))),
                *((Real(2, 3), Real(3), 0), (0.25, Real(3, 4), Real(4))),
                avoid=(0, 0.25),
            ),
        ),
    ),
    Spec(
        selection.chosen,
        calls(*((np.zeros(3, bool), 0.5, Real(*shape)) for shape in ((2, 3), (3,), (0, 3)))),
        reference=np.where,
    ),
    Spec(
        ops.nan_to_num,
        both(
            unary(),
            calls((SPECIAL, {"nan": 0.5, "posinf": 2.0, "neginf": -3.0}), (Real(2), True, 1.0)),
        ),
    ),
]

ARITHMETIC = [
    Spec(ops.add, binary()),
    Spec(ops.subtract, binary()),
    Spec(ops.multiply, binary()),
    Spec(ops.divide, binary(avoid=(0,))),
    Spec(ops.negative, unary()),
    Spec(ops.positive, unary()),
    Spec(ops.absolute, unary(avoid=(0,))),
    Spec(ops.power, binary(domain=(0.3, 2.5), second=(-2, 3))),
    Spec(ops.square, unary()),
    Spec(ops.sqrt, unary(domain=(0.2, 3))),
    Spec(ops.cbrt, unary(avoid=(0,))),
    Spec(ops.reciprocal, unary(avoid=(0,))),
    Spec(ops.remainder, _quotients),
    Spec(ops.hypot, binary(avoid=(0,))),
    Spec(
        arithmetic.polar_term,
        calls(
            *((a, b, n, Real(2, 3), Real(3)) for a, b, n in ((1, 0, 0), (0, 2, 1), (2, 1, 2))),
            *((1, 0, 0, Real(), 2.0), (1, 1, 1, 2, Real(3))),
            avoid=(0,),
        ),
        reference=lambda a, b, n, x, y: np.asarray(
            x**a * y**b / np.hypot(x, y) ** (a + b + n), np.result_type(x, y, 1.0)
        ),
    ),
    Spec(
        arithmetic.power_slope,
        calls(
            *(
                (Real(2, 3), n, m, Real(2, 3), Real(3))
                for n, m in ((1, 0), (0, 1), (1, 1), (2, 0), (0, 2))
            ),
            *((Real(2), 1, 1, Real(), Real(2)), (Real(2), 2, 1, Real(2), 1.5)),
            *((Real(3), 1, 1, 2, Real(3)), (Real(), 3, 2, Real(), 3)),
            domain=(0.3, 2.5),
        ),
        reference=_power_slope,
    ),
]


def _shares(x: Any, axis: Any = None) -> Any:
    return np.exp(x) / np.sum(np.exp(x), axis, keepdims=True)


def _less_average(y: Any, x: Any, axis: Any = None) -> Any:
    return y - np.sum(_shares(x, axis) * y, axis, keepdims=True)


_LINES = calls(*[(Real(2, 3), {"axis": axis}) for axis in (None, 0, (0, 1))], (Real(0, 3), 1))
_PAIRS_OF_LINES = calls(
    *[(Real(2, 3), Real(2, 3), {"axis": axis}) for axis in (None, 1, (0, 1))],
    (Real(0, 3), Real(0, 3), 1),
)


EXPONENTIAL = [
    Spec(ops.exp, unary()),
    Spec(ops.exp2, unary()),
    Spec(ops.expm1, unary()),
    Spec(ops.log, unary(domain=(0.2, 3))),
    Spec(ops.log2, unary(domain=(0.2, 3))),
    Spec(ops.log10, unary(domain=(0.2, 3))),
    Spec(ops.log1p, unary(domain=(-0.8, 3))),
    Spec(ops.logaddexp, binary()),
    Spec(ops.logaddexp2, binary()),
    Spec(ops.expit, unary(domain=(-5, 5)), reference=lambda x: 1 / (1 + np.exp(-x))),
    Spec(
        exponential.expit_slope,
        unary(domain=(-5, 5)),
        reference=lambda x: 1 / (2 + 2 * np.cosh(x)),
    ),
    Spec(exponential.tanh_of_half, unary(), reference=lambda x: np.tanh(x / 2)),
    Spec(
        ops.logit,
        unary(domain=(0.05, 0.95)),
        reference=lambda x: np.log(x / (1 - x)),
    ),
    Spec(
        ops.softplus,
        unary(domain=(-5, 5)),
        reference=lambda x: np.log(1 + np.exp(x)),
    ),
    Spec(
        ops.xlogy,
        binary(second=(0.2, 3), twice=False),
        reference=lambda x, y: x * (np.log(y) if isinstance(y, np.ndarray) else math.log(y)),
    ),
    Spec(ops.shares, _LINES, reference=_shares),
    Spec(ops.less_average, _PAIRS_OF_LINES, reference=_less_average),
    Spec(
        ops.shares_slope,
        _PAIRS_OF_LINES,
        reference=lambda y, x, axis=None: _shares(x, axis) * _less_average(y, x, axis),
    ),
    Spec(
        ops.logsumexp,
        reductions(),
        reference=lambda x, axis=None, keepdims=False: np.log(
            np.exp(x).sum(axis, None, None, keepdims)
        ),
    ),
]

TRIGONOMETRIC = [
    *(
        Spec(op, unary())
        for op in (ops.sin, ops.cos, ops.arctan, ops.sinh, ops.cosh, ops.tanh, ops.arcsinh)
    ),
    *(Spec(op, unary(domain=(-0.9, 0.9))) for op in (ops.arcsin, ops.arccos, ops.arctanh)),
    Spec(ops.tan, unary(domain=(-1.2, 1.2))),
    Spec(ops.arccosh, unary(domain=(1.2, 4))),
    Spec(ops.arctan2, binary(avoid=(0,))),
    Spec(
        trigonometric.inverse_power,
        calls(
            *((1, part, Real(2, 3), Real(3)) for part in (False, True)),
            *((2, True, 1, Real(3)), (3, False, Real(2), Real()), (2, False, Real(2), -1.5)),
            avoid=(0,),
        ),
        reference=lambda n, part, x, y: (
            ((x + 1j * y) ** -n).imag if part else ((x + 1j * y) ** -n).real
        ),
    ),
    Spec(trigonometric.one_minus_square, unary(), reference=lambda x: 1 - x * x),
    Spec(trigonometric.over_one_and_square, binary(), reference=lambda g, x: g / (1 + x * x)),
    Spec(ops.deg2rad, unary(domain=(-200, 200))),
    Spec(ops.rad2deg, unary()),
    Spec(ops.sinc, unary()),
    Spec(
        trigonometric.sinc_slope,
        _orders(0, 1, 2, 5, domain=(-3, 3)),
        reference=lambda n, x: each(partial(_sinc_slope, n))(x),
    ),
]

SPECIAL_FUNCTIONS = [
    Spec(ops.erf, unary(domain=(-3, 5)), reference=each(math.erf)),
    Spec(special.bell, _orders(0, 1, 2, 5), reference=_bell),
    Spec(ops.erfc, unary(domain=(-3, 5)), reference=each(math.erfc)),
    Spec(ops.erfinv, unary(domain=(-0.95, 0.95)), reference=each(_erfinv)),
    Spec(
        ops.gammaln,
        both(unary(**GAMMA), unary(**LEFT_OF_GAMMA)),
        reference=each(math.lgamma),
    ),
    Spec(
        ops.digamma,
        both(unary(**GAMMA), unary(**LEFT_OF_GAMMA)),
        reference=each(partial(_polygamma, 0)),
    ),
    Spec(
        ops.polygamma,
        both(_orders(0, 1, 2, 3, 6, **GAMMA), _orders(0, 1, 2, 3, **LEFT_OF_GAMMA)),
        reference=lambda n, x: each(partial(_polygamma, n))(x),
    ),
]

SPECS = [*STEPS, *SELECTION, *ARITHMETIC, *EXPONENTIAL, *TRIGONOMETRIC, *SPECIAL_FUNCTIONS]

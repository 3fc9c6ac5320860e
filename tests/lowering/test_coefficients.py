"""The polynomials in C are as near to what they stand for as their comments say."""

from __future__ import annotations

import re
from collections.abc import Callable

import mpmath
import pytest
from mpmath import mpf

from autograd.lowering.functions import FUNCTIONS

Real = Callable[[mpf], mpf]

_FIRST = mpf(round(0.56417656 * 2**24)) / 2**24  # as float32
QUARTER = mpmath.pi / 4
ROOT = mpmath.sqrt(2)


def coefficients(name: str, variable: str) -> list[mpf]:
    """Of the polynomial that the text computes by Horner's rule, the constant term first."""
    fused = rf"pb_(?:fma|once)_f\d\d\({variable}, \w+, "
    step = rf"\b(?:{variable} =|return) (?:{fused})?(-?\d[-\d.e+]*)f?\)?;"
    found = re.findall(step, FUNCTIONS[name].text)
    single = "float " + variable in FUNCTIONS[name].text
    with mpmath.workprec(24 if single else 53):
        return [+mpf(c) for c in reversed(found)]


def erfc_form(t: mpf) -> mpf:
    a = mpf(5) / 2 * (1 + t) / (1 - t)
    return (1 + 2 * a) * mpmath.exp(a * a) * mpmath.erfc(a)


def erfc_by(r: mpf) -> mpf:
    a = 1 / r - 2
    return mpmath.exp(a * a) * mpmath.erfc(a) / r


def odd(f: Real) -> Real:
    """q of f(x) = x + x**3 q(x**2)."""
    return lambda x: (f(x) / x - 1) / x**2


def cosine(r: mpf) -> mpf:
    return (mpmath.cos(r) - 1 + r * r / 2) / r**4


def log2(f: mpf) -> mpf:
    return mpmath.log1p(f) / mpmath.log(2)


def artanh2(s: mpf) -> mpf:
    return (2 * mpmath.atanh(s) - 2 * s) / s**3


def even(x: mpf) -> mpf:
    return x * x


def plain(x: mpf) -> mpf:
    return x


# Function, variable, argument of the polynomial, what it stands for, the interval, and the factor
# that makes a relative error of its own.
ROWS: dict[str, tuple[str, Real, Real, tuple[mpf, mpf], Real]] = {
    "pb_sin_part_f32": (
        *("q", even, odd(mpmath.sin), (0, QUARTER)),
        lambda r: r**3 / mpmath.sin(r),
    ),
    "pb_cos_part_f32": ("q", even, cosine, (0, QUARTER), lambda r: r**4 / mpmath.cos(r)),
    "pb_sin_part_f64": (
        *("q", even, odd(mpmath.sin), (0, QUARTER)),
        lambda r: r**3 / mpmath.sin(r),
    ),
    "pb_cos_part_f64": ("q", even, cosine, (0, QUARTER), lambda r: r**4 / mpmath.cos(r)),
    **{
        f"pb_arcsin_rest_{suffix}": (
            *("q", even, odd(mpmath.asin), (0, 0.5)),
            lambda x: x**3 / mpmath.asin(x),
        )
        for suffix in ("f32", "f64")
    },
    **{
        f"pb_arctan_part_{suffix}": (
            *("q", even, odd(mpmath.atan), (0, 1)),
            lambda x: x**3 / mpmath.atan(x),
        )
        for suffix in ("f32", "f64")
    },
    **{
        f"pb_exp_rest_{suffix}": (
            *("q", plain, lambda r: (mpmath.expm1(r) - r) / r**2),
            (-mpmath.log(2) / 2, mpmath.log(2) / 2),
            lambda r: r**2 / mpmath.exp(r),
        )
        for suffix in ("f32", "f64")
    },
    **{
        name: (
            *(variable, plain, lambda r: (mpmath.power(2, r) - 1) / r, (-0.5, 0.5)),
            lambda r: r / mpmath.power(2, r),
        )
        for name, variable in (
            ("pb_exp2_f32", "q"),
            ("pb_exp2_f64", "q"),
            ("pb_exp2_coarse_f64", "p"),
        )
    },
    **{
        f"pb_sinh_{suffix}": (
            *("q", even, odd(mpmath.sinh), (0, 1)),
            lambda x: x**3 / mpmath.sinh(x),
        )
        for suffix in ("f32", "f64")
    },
    **{
        f"pb_tanh_{suffix}": (
            *("q", even, odd(mpmath.tanh), (0, 0.6)),
            lambda x: x**3 / mpmath.tanh(x),
        )
        for suffix in ("f32", "f64")
    },
    **{
        name: (
            *("q", even, lambda x: mpmath.erf(x) / x - 1, (0, 1)),
            lambda x: x / mpmath.erf(x),
        )
        for name in ("pb_erf_f32", "pb_erf_small_f64")
    },
    "pb_erf_f64": (
        *("p", plain, lambda x: mpmath.log(mpmath.erfc(x)), (1, 6)),
        lambda x: mpmath.erfc(x) / mpmath.erf(x),
    ),
    "pb_erfc_f64": (
        *("q", plain, erfc_form, (mpf(-2) / 3, mpf(51) / 61)),
        lambda t: 1 / erfc_form(t),
    ),
    "pb_erfc_rest_f32": (
        *("q", plain, lambda r: (erfc_by(r) - _FIRST) / r, (1 / mpf("12.1"), 0.5)),
        lambda r: r / erfc_by(r),
    ),
    "pb_log_sum_f32": (
        *("q", plain, lambda f: (mpmath.log1p(f) - f + f * f / 2) / f**3, (1 / ROOT - 1, ROOT - 1)),
        lambda f: f**3 / mpmath.log1p(f),
    ),
    "pb_log_rest_f64": (
        *("q", even, artanh2, (0, (ROOT - 1) / (ROOT + 1))),
        lambda s: s**3 / mpmath.atanh(s) / 2,
    ),
    "pb_log1p_to_1_f64": (
        *("q", even, artanh2, (0, mpf(1) / 3)),
        lambda s: s**3 / mpmath.atanh(s) / 2,
    ),
    "pb_log1p_to_1_f32": (
        *("q", plain, lambda x: (mpmath.log1p(x) - x) / x**2, (0, 1)),
        lambda x: x * x / mpmath.log1p(x),
    ),
    "pb_log2_f32": (
        *("q", plain, lambda f: log2(f) / f - 1, (1 / ROOT - 1, ROOT - 1)),
        lambda f: f / log2(f),
    ),
    "pb_log10_f32": (
        *("q", plain, lambda f: mpmath.log1p(f) / mpmath.log(10) / f - mpf(0.4342944920063019)),
        (1 / ROOT - 1, ROOT - 1),
        lambda f: f * mpmath.log(10) / mpmath.log1p(f),
    ),
}


@pytest.mark.parametrize("name", ROWS)
def test_stated_errors_are_those_of_the_polynomials(name: str) -> None:
    variable, argument, target, (first, last), weight = ROWS[name]
    stated = re.findall(r"2\*\*(-\d+(?:\.\d+)?)", FUNCTIONS[name].note)
    with mpmath.workdps(40):
        terms = coefficients(name, variable)
        assert str(len(terms) - 1) in re.findall(r"degree (\d+)", FUNCTIONS[name].note)
        middle, half = (mpf(first) + last) / 2, (mpf(last) - first) / 2
        worst = mpf(0)
        for k in range(150):
            x = middle + half * mpmath.cos(mpmath.pi * (2 * k + 1) / 300)
            at = argument(x)
            value = mpmath.fsum(term * at**n for n, term in enumerate(terms))
            worst = max(worst, abs(weight(x) * (value - target(x))))
        found = float(mpmath.log(worst, 2))
    assert any(abs(found - float(bits)) < 0.3 for bits in stated), found

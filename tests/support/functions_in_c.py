"""Functions of C in loops that tests can call, beside references that others wrote."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Mapping, Sequence

import mpmath
import numpy as np
import pytest
from numpy.typing import NDArray

from autograd.lowering.functions import FUNCTIONS, needed
from autograd.native import Library, library

Array = NDArray[np.floating]

# In double precision, by the C library, of double x and y.
REFERENCES: Mapping[str, str] = {
    **{name: f"{name}(x)" for name in ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p")},
    **{name: f"{name}(x)" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "erf", "erfc")},
    **{name: f"{name}(x)" for name in ("sqrt", "cbrt", "floor", "ceil", "trunc", "rint")},
    **{f"{name}_near": f"{name}(x)" for name in ("exp", "sin", "cos", "tan")},
    **{f"arc{name}": f"a{name}(x)" for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "absolute": "fabs(x)",
    "sign": "x != x ? x : (x > 0) - (x < 0)",
    "square": "x * x",
    "reciprocal": "1 / x",
    "expit": "x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x))",
    "expit_slope": "exp(-fabs(x)) / pow(1 + exp(-fabs(x)), 2)",
    "softplus": "(x < 0 ? 0 : x) + log1p(exp(-fabs(x)))",
    "logit": "fabs(x - 0.5) < 0.25 ? 2 * atanh(2 * x - 1) : log(x) - log1p(-x)",
    # Less whole turns of sin(pi x), which is exact.
    "sinc": "x == 0 ? 1 : isinf(x) ? 0 : sin(M_PI * remainder(x, 2)) / (M_PI * x) * (x != rint(x))",
    "power": "pow(x, y)",
    "hypot": "hypot(x, y)",
    "arctan2": "atan2(x, y)",
    "xlogy": "x == 0 && y == y ? 0 : x * log(y)",
    "logaddexp": "x == y ? x + M_LN2 : fmax(x, y) + log1p(exp(-fabs(x - y)))"
    " + (x != x || y != y ? NAN : 0)",
    "logaddexp2": "x == y ? x + 1 : fmax(x, y) + log1p(exp2(-fabs(x - y))) / M_LN2"
    " + (x != x || y != y ? NAN : 0)",
    "copysign": "copysign(x, y)",
    "maximum": "x != x || y != y ? NAN : fmax(x, y)",
    "minimum": "x != x || y != y ? NAN : fmin(x, y)",
    "fmax": "fmax(x, y)",
    "fmin": "fmin(x, y)",
}

# To any precision.
EXACT: Mapping[str, Callable[..., mpmath.mpf]] = {
    **{n: getattr(mpmath, n) for n in ("exp", "expm1", "log", "log10", "log1p", "sqrt")},
    **{n: getattr(mpmath, n) for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh", "erf")},
    **{f"{n}_near": getattr(mpmath, n) for n in ("exp", "sin", "cos", "tan")},
    **{f"arc{n}": getattr(mpmath, f"a{n}") for n in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "erfc": lambda x: mpmath.erfc(x) if abs(x) < 40 else mpmath.mpf(2 * (x < 0)),
    "exp2": lambda x: mpmath.power(2, x),
    "log2": lambda x: mpmath.log(x, 2),
    "cbrt": lambda x: mpmath.sign(x) * mpmath.cbrt(abs(x)),
    "expit": lambda x: 1 / (1 + mpmath.exp(-x)),
    "expit_slope": lambda x: mpmath.exp(-abs(x)) / (1 + mpmath.exp(-abs(x))) ** 2,
    "softplus": lambda x: mpmath.log1p(mpmath.exp(x)),
    "logit": lambda x: mpmath.log(x) - mpmath.log1p(-x),
    "sinc": mpmath.sincpi,
    "power": lambda x, y: mpmath.power(x, y),
    "hypot": mpmath.hypot,
    "arctan2": mpmath.atan2,
    "xlogy": lambda x, y: x * mpmath.log(y),
    "logaddexp": lambda x, y: mpmath.log(mpmath.exp(x) + mpmath.exp(y)),
    "logaddexp2": lambda x, y: mpmath.log(mpmath.power(2, x) + mpmath.power(2, y), 2),
}

# What a processor without fused products computes.
APART = "#undef __FMA__\n#undef __ARM_FEATURE_FMA\n"

# In units in the last place of a float32, below its range in the smallest of those, and beyond it
# as if it went on; infinite where one is NaN and the other is not, or has the other sign.
_ERRORS = """
#define _GNU_SOURCE
#include <math.h>
static double error(float value, double expected, double largest) {
    if (value != value || expected != expected)
        return value != value && expected != expected ? 0 : INFINITY;
    if (expected == 0 && value == 0) return 0;
    if (fabs(expected) > 0x1p128) expected = copysign(0x1p128, expected);
    double found = isinf(value) ? copysign(0x1p128, value) : value;
    int exponent;
    frexp(fmax(fabs(expected), largest), &exponent);
    return fabs(found - expected) * ldexp(1, 24 - (exponent < -125 ? -125 : exponent));
}
"""


def short(name: str) -> str:
    """exp of pb_exp_f32."""
    return name[3:-4]


def public(suffix: str) -> list[str]:
    """Names of the functions that are for use."""
    return [n for n, f in FUNCTIONS.items() if f.bound is not None and n.endswith(suffix)]


def summed(name: str) -> bool:
    """Whether the bound is in units of the largest of what is added, and of the result."""
    return "of the largest" in FUNCTIONS[name].note


def loops(names: Sequence[str], errors: bool = True) -> tuple[str, dict[str, list[type]]]:
    """Text and types of loop_{name}(n, out, x, ...), and of errors_{name} for float32."""
    parts = [_ERRORS, needed(names)]
    types: dict[str, list[type]] = {}

    def loop(name: str, real: str, result: str, count: int, value: str) -> None:
        args = ", ".join(f"const {real} *restrict {a}" for a in ("xs", "ys")[:count])
        load = " ".join(f"{real} {a} = {a}s[i];" for a in ("x", "y")[:count])
        head = f"void {name}(int64_t n, {result} *restrict out, {args})"
        parts.append(f"{head} {{ for (int64_t i = 0; i < n; i++) {{ {load} {value} }} }}")
        types[name] = [ctypes.c_int64, *[ctypes.c_void_p] * (count + 1)]

    for name in names:
        real = "float" if name.endswith("32") else "double"
        count = FUNCTIONS[name].arguments
        given = ", ".join(("x", "y")[:count])
        loop(f"loop_{name}", real, real, count, f"out[i] = {name}({given});")
        if errors and real == "float" and short(name) in REFERENCES:
            known = REFERENCES[short(name)]
            wide = " ".join(f"double w{a} = {a};" for a in ("x", "y")[:count])
            largest = "fmax(fabs(wx), fabs(wy))" if summed(name) else "0"
            parts.append(
                f"static double true_{name}({', '.join(f'double {a}' for a in ('x', 'y')[:count])})"
                f" {{ return {known}; }}"
            )
            wides = ", ".join(f"w{a}" for a in ("x", "y")[:count])
            loop(
                f"errors_{name}",
                "float",
                "float",
                count,
                f"{wide} out[i] = error(out[i], true_{name}({wides}), {largest});",
            )
    return "\n".join(parts), types


def made(names: Sequence[str], fused: bool) -> Library:
    """These functions in loops, or a skip; with fused products, or none."""
    text, types = loops(names)
    trials = {name: [16, *[64 * 8] * (len(arguments) - 1)] for name, arguments in types.items()}
    flags = [] if fused else ["-ffp-contract=off"]
    compiled = library(text if fused else APART + text, types, trials=trials, flags=flags)
    if isinstance(compiled, str):
        pytest.skip(compiled)
    return compiled


def called(compiled: Library, name: str, *arrays: Array) -> Array:
    """The function's values."""
    arrays = tuple(np.ascontiguousarray(a) for a in arrays)
    out = np.empty_like(arrays[0])
    compiled[f"loop_{name}"](out.size, out.ctypes.data, *[a.ctypes.data for a in arrays])
    return out


def worst(compiled: Library, name: str, *arrays: Array) -> tuple[float, str]:
    """The largest error of a float32 function in units in the last place, and where it is."""
    out = called(compiled, name, *arrays)
    values = out.copy()
    compiled[f"errors_{name}"](out.size, out.ctypes.data, *[a.ctypes.data for a in arrays])
    domain = FUNCTIONS[name].domain
    if domain is not None:
        out = np.where((arrays[0] >= domain[0]) & (arrays[0] <= domain[1]), out, 0)
    at = int(out.argmax())
    return float(out[at]), f"{name}({', '.join(str(a[at]) for a in arrays)}) gives {values[at]}"


def exact_error(name: str, value: float, *arguments: float) -> float:
    """Of a float64 function, in units in the last place, as above."""
    with mpmath.workdps(60):
        given = [mpmath.mpf(a) for a in arguments]
        expected = EXACT[short(name)](*given)
        limit = mpmath.mpf(2) ** 1024
        expected = max(-limit, min(limit, expected))
        found = mpmath.sign(value) * limit if np.isinf(value) else mpmath.mpf(value)
        largest = max(map(abs, [expected, *given])) if summed(name) else abs(expected)
        exponent = mpmath.frexp(largest)[1] if largest else -1100
        return float(abs(found - expected) * mpmath.mpf(2) ** (53 - max(exponent, -1021)))

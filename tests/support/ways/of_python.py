"""What Python's own functions and types make of tensors: they iterate, compare, add, and now and
then ask for a float."""

from __future__ import annotations

import array
import bisect
import cmath
import ctypes
import functools
import heapq
import itertools
import json
import math
import operator
import random
import statistics
import struct
from decimal import Decimal
from fractions import Fraction
from typing import Any

from support.ways.judging import Flat, Refused, Right, Said, each, ways

import autograd as ag


def added(total: Any, x: Any) -> Any:
    """total += x."""
    total += x
    return total


def unpacked(x: Any) -> Any:
    """The first element by the others."""
    first, *rest = x
    return [first * other for other in rest]


def in_order(x: Any) -> Any:
    """A list of the elements, after list.sort."""
    parts = list(x)
    parts.sort()
    return parts


WAYS = [
    *ways(
        Right(),
        {
            "sum, sum with a start": lambda x: (sum(x), sum(x * x, 1.0)),
            "math.prod": lambda x: math.prod(x),
            "min, max, max by key": lambda x: (min(x), max(x), max(x, key=lambda v: -v)),
            "sorted, list.sort": lambda x: (sorted(x), in_order(x)),
            "reversed, zip, enumerate": lambda x: [
                i * v * w for i, (v, w) in enumerate(zip(x, reversed(x), strict=True), 1)
            ],
            "heapq.nsmallest": lambda x: heapq.nsmallest(2, list(x)),
            "functools.reduce": lambda x: functools.reduce(operator.mul, x),
            "itertools.accumulate": lambda x: list(itertools.accumulate(x, operator.mul)),
            "functools.lru_cache": (
                lambda x: functools.lru_cache(lambda v: v * v)(x),
                lambda x: x * x,
            ),
            "a tensor as the key of a dict": (lambda x: {x: 2.0}[x] * x, lambda x: 2 * x),
            "statistics.median": lambda x: statistics.median(x),
            "abs, pow, -, +": lambda x: (abs(x), pow(x, 2), -x, +x),
            "x ** x, 2 ** x": lambda x: (x**x, 2**x),
            "t % 0.3, 5 % t": lambda x: (x % 0.3, 5 % x),
            "float += t": lambda x: added(1.0, x),
            "t += 1": lambda x: added(x, 1.0) ** 2,
            "list += t, summed": (
                lambda x, a: ag.sum(added([a], list(x))),
                lambda x, a: a + x.sum(),
            ),
            "sum of lists": lambda a, b: ag.sum(sum([[a], [b]], [])),  # noqa: RUF017
            "[a, b] * 2, summed": (lambda a, b: ag.sum([a, b] * 2), lambda a, b: 2 * (a + b)),
            "first, *rest = t": unpacked,
            "t if t else 0, t and t": lambda a, b: (a * 2 if a else 0, a and b),
            "random.gauss(t, t)": lambda a, b: random.Random(0).gauss(a, b),
            "operator, map": lambda x: list(map(operator.methodcaller("__mul__", 3), x)),
            "Fraction() + t, % t": (
                lambda x: (Fraction(1, 4) + x, Fraction(5, 1) % x),
                lambda x: (0.25 + x, 5 % x),
            ),
            "Decimal() * t, ** t": (
                lambda a: (Decimal("0.5") * a, Decimal("0.5") ** a),
                lambda a: (0.5 * a, 0.5**a),
            ),
        },
    ),
    *ways(
        Refused(TypeError),
        {
            "divmod(t, 2)": lambda x: divmod(x, 2),
            "pow(t, 2, 3)": lambda x: pow(x, 2, 3),
            "round(t)": lambda a: round(a),
            "math.trunc": lambda a: math.trunc(a),
            "range(t)": lambda a: range(a),
            "operator.index(t)": lambda a: operator.index(a),
            "[1, 2][t]": lambda a: [1.0, 2.0][a],
            "'text' * t": lambda a: "text" * a,
            "statistics.mean": lambda x: statistics.mean(x),
            "statistics.variance": lambda x: statistics.variance(x),
            "Fraction(t)": lambda a: Fraction(a),
            "Fraction(t, 2)": lambda a: Fraction(a, 2),
            "Decimal(t)": lambda a: Decimal(a),
            "json.dumps": lambda a: json.dumps([a]),
            **each(bytes, bytearray, memoryview),
            "1j * t": lambda x: ag.sum(1j * x),
        },
    ),
    *ways(
        Refused(ValueError, ("ambiguous",)),
        {
            "if t, of several": lambda x: x if x else 0,
            "t in list, of several": lambda x: x in [1.0, 2.0],
            "assert t == t": lambda x: (x == x) and x,
        },
    ),
    *ways(
        Flat(),
        {
            "int(t), bool(t), not t": lambda a: (int(a), bool(a), not a),
            "math.floor, math.ceil": lambda a: (math.floor(a), math.ceil(a)),
            "math.isnan, math.isclose": lambda a: (math.isnan(a), math.isclose(a, 1.0)),
            "bisect": lambda a: bisect.bisect([0.0, 1.0], a),
            "t in list": lambda a: a in [1.0, 2.0],
            "0.5 in t": lambda x: 0.5 in x,
            "Fraction(1, 2) < t": (lambda x: Fraction(1, 2) < x, lambda x: x > 0.5),
            "Decimal(1) == t": (lambda x: Decimal(1) == x, lambda x: x == 1),
            "Fraction() // t": (lambda x: Fraction(1, 2) // x, lambda x: 0.5 // x),
            "len, ndim, shape": lambda x: (len(x), x.ndim, x.shape, x.size),
        },
    ),
    *ways(
        Said("float"),
        {
            "float(t)": lambda a: float(a) * 2,
            "f'{t:.9f}'": lambda a: float(f"{a:.9f}"),
            "complex(t)": lambda a: complex(a).real,
            "math.exp, math.hypot": lambda a, b: (math.exp(a), math.hypot(a, b)),
            "math.fsum, math.dist": lambda x: (math.fsum(x), math.dist(x, [1.0, 2.0, 3.0])),
            "cmath.exp": lambda a: cmath.exp(a).real,
            "statistics.fmean": lambda x: statistics.fmean(x),
            "statistics.NormalDist": lambda a, b: statistics.NormalDist(a, b).pdf(0.3),
            "array.array": lambda x: list(array.array("d", x)),
            "struct.pack": lambda a: struct.unpack("d", struct.pack("d", a)),
            "ctypes.c_double": lambda a: ctypes.c_double(a).value,
            "'%.9f' % t": lambda a: float("%.17g" % a),  # noqa: UP031
            "json.dumps(default=float)": (
                lambda a: json.loads(json.dumps(a, default=float)),
                lambda a: a,
            ),
            "[float(v) for v in t]": lambda x: [float(v) for v in x],
        },
    ),
]

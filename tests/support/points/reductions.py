"""The points of reductions: directional derivatives at whole arrays, and ties of single numbers."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import reduce
from itertools import accumulate
from operator import mul
from typing import Any

import mpmath
import numpy as np
from mpmath import mpf
from support.points.judging import INF, NAN, Row, Told, along

import autograd as ag
from autograd import Tensor
from autograd.ops import linear_recurrence


def _norm(x: Any, p: float = 2) -> Any:
    sizes = [abs(number) for number in x.ravel()]
    if p < 0 and not all(sizes):
        return mpf(0)
    return sum(size**p for size in sizes) ** (1 / mpf(p))


def _variance(x: Any, ddof: int = 0) -> Any:
    pairs = sum((a - b) ** 2 for a in x for b in x)  # exact, where all are equal
    return pairs / (2 * len(x) * (len(x) - ddof))


def _norms(p: float) -> list[Row]:
    name = f"norm (p = {p})"

    def row(at: Any, label: str, *told: Told, **options: Any) -> Row:
        return along(
            name, lambda x: ag.norm(x, p), lambda x: _norm(x, p), at, label, told=told, **options
        )

    def pair(x: Any, y: Any) -> Any:
        return _norm(np.array([x, y]), p)

    beside: tuple[Told, ...] = ()
    if p < 1:
        beside = (Told(1, 0, SLOPE), Told((2, 3), NAN, CURVE)) if p < 0 else ()
        beside = (Told("x", 0, SLOPE), Told((2, 3), NAN, CURVE))
    elif p < 3:
        beside = (Told((2, 3), NAN, "infinite in one direction, times 0 in another"),)
    elif p == 3:
        beside = (
            Told(
                "xxx",
                0,
                "the p-th derivative in a direction in which x is zero jumps, and is taken as 0",
            ),
        )
    return [
        row(np.zeros(3), "zeros", Told(1, 0, SLOPE), Told((2, 3), NAN, CURVE)),
        row([3.0, -4.0, 12.0], "a vector", float32=p != 4),  # there, terms cancel
        row([1.0, 1e-7, -1e-7], "one element that outweighs the others"),
        row([1e200, -2e200, 3e200], "huge numbers", size=1e200, float32=False),
        row([1e-200, -2e-200, 3e-200], "tiny numbers", size=1e-200, float32=False),
        row([1e30, -2e30, 3e30], "numbers whose squares leave float32", size=1e30),
        row([5e-320, -3e-320, 4e-320], "denormal numbers", size=1e-320, float32=False, rtol=1e-3),
        _pair(name, lambda x: ag.norm(x, p, axis=0), pair, [(0.0, 0.8), (-0.0, -0.8)], *beside),
        _pair(
            name,
            lambda x: ag.norm(x, p, axis=0),
            pair,
            [(1.0, 1e-7), (1e-7, 1.0), (1.0, -1e-3)],
            rtol=1e-8,
        ),
        *_far_apart(name, p, pair),
        _pair(
            name,
            lambda x: ag.norm(x, p, axis=0),
            pair,
            INFINITE,
            Told(
                (1, 2, 3),
                NAN,
                "infinite elements",
                at=lambda x, y: p != 2 or math.isinf(x) == math.isinf(y),
            ),
        ),
    ]


def _far_apart(name: str, p: float, exact: Any) -> list[Row]:
    """Of negative orders, in whose derivatives large numbers cancel beside an element near zero."""
    if p > 0:
        return []
    ours, points = (lambda x: ag.norm(x, p, axis=0)), [(1e-14, 1.0), (2.0, -1e-14)]
    further = [(1e-40, 1.0), (2.0, -1e-60)]
    options = {"rtol": 1e-8, "digits": 200}
    return [
        _pair(name, ours, exact, points, **options),
        _pair(name, ours, exact, further, float32=False, **options),
    ]


def _pair(
    op: str, ours: Callable[[Tensor], Any], exact: Any, points: Any, *told: Told, **options: Any
) -> Row:
    """A reduction of two numbers."""
    return Row(op, lambda x, y: ours(ag.stack([x, y])), exact, points, told, **options)


def _among(x: Tensor, *others: float) -> Tensor:
    """Each number of x, and the others."""
    return ag.stack([x, *(ag.broadcast_to(np.asarray(a, x.dtype), x.shape) for a in others)])


INFINITE = [(INF, 1.0), (1.0, -INF), (INF, -INF), (INF, 0.0)]
SLOPE = "Where a norm has no slope, it is taken as 0"
CURVE = "Higher derivatives are NaN there"
CORNER = Told(1, 0, SLOPE), Told((2, 3), NAN, CURVE)
TIES = [(1.0, 1.0), (0.0, -0.0), (INF, INF), (-INF, -INF), (1.0, 2.0), (-INF, 1.0), (INF, 1.0)]


def _tie(of: str, value: float, where: str) -> Told:
    return Told(of, value, where, at=lambda x, y: x == y)


ONE_IN_ORDER = (
    _tie("x", 1, "The first in row-major order gets the whole gradient"),
    _tie("y", 0, "The first in row-major order gets the whole gradient"),
)
STABLE = (
    _tie("x", -1, "Elements that tie stay in their order (the sort is stable)"),
    _tie("y", 2, "Elements that tie stay in their order (the sort is stable)"),
)


SCALES = [
    (1e200, 1e200),
    (1e-200, 1e-200),
    (1e200, 1e-200),
    (1e100, 1e100),
    (1e300, 0.0),
    (5e-324, 1e300),
    (-0.0, 0.0),
]


def _product(x: Any) -> Any:
    return reduce(mul, x.ravel(), mpf(1))


def _recurrence(x: Any) -> list[Any]:
    y = [x[1, 0]]
    for factor, term in zip(x[0, 1:], x[1, 1:], strict=True):
        y.append(factor * y[-1] + term)
    return y


CONSTANT = "Where it is 0, its slope is taken as 0, and higher derivatives are NaN"

ROWS: list[Row] = [
    *[row for p in (2, 3, 4, 2.5, 1.5, 0.5, -0.5, -1, -2) for row in _norms(p)],
    # Their corners do not show in what they are made into.
    *[
        along(
            f"norm(x)**{n}",
            lambda x, n=n: ag.norm(x) ** n,
            lambda x, n=n: _norm(x) ** n,
            at,
            "zeros",
            told=[Told((2, 3), NAN, "Through the corner of norm")],
        )
        for n in (2, 4)
        for at in (np.zeros(3), np.zeros(1))
    ],
    _pair(
        "norm (p = 1)",
        lambda x: ag.norm(x, 1, axis=0),
        lambda x, y: abs(x) + abs(y),
        [(0.0, 1.0), (0.0, 0.0), (-1e300, 2.0)],
        Told("x", 0, SLOPE, at=lambda x, y: x == 0),
        Told("y", 0, SLOPE, at=lambda x, y: y == 0),
    ),
    *[
        _pair(
            f"norm (p = {sign * INF})",
            lambda x, sign=sign: ag.norm(x, sign * np.inf, axis=0),
            lambda x, y, pick=pick: pick(abs(x), abs(y)),
            [(1.0, -1.0), (-1.0, 2.0), (-3e300, 2.0), (0.0, 1e-300), (INF, 1.0)],
            Told("x", 1, "the first in row-major order gets the gradient", at=lambda x, y: x == -y),
            Told("y", 0, "the first in row-major order gets the gradient", at=lambda x, y: x == -y),
            Told("x", 0, SLOPE, at=lambda x, y: x == 0),
        )
        for sign, pick in ((1, max), (-1, min))
    ],
    # moments
    along("var", ag.var, _variance, [0.1, 0.1, 0.1], "equal numbers"),
    along(
        "var", lambda x: ag.var(x, ddof=1), lambda x: _variance(x, 1), [1.0, 2.0, 4.0], "numbers"
    ),
    along(
        "var", ag.var, _variance, [1e150, -1e150, 3e150], "huge numbers", size=1e150, float32=False
    ),
    along("var", ag.var, _variance, [1e8, 1e8 + 1, 1e8 + 3], "nearly equal numbers", float32=False),
    *[
        along(
            "std",
            ag.std,
            lambda x: mpmath.sqrt(_variance(x)),
            [v, v, v],
            "equal numbers",
            told=[Told(1, 0, CONSTANT), Told((2, 3), NAN, CONSTANT)],
            float32=v < 1,
        )
        for v in (0.0, 0.1, 1e300)
    ],
    along(
        "std(x)**2",
        lambda x: ag.std(x) ** 2,
        _variance,
        [0.1, 0.1, 0.1],
        "equal numbers",
        told=[Told((2, 3), NAN, "Through the corner of std")],
    ),
    along("std", ag.std, lambda x: mpf(0), [0.3], "one number"),
    *[
        Row(
            f"std of x and {', '.join(map(str, others))}",
            lambda x, others=others: ag.std(_among(x, *others), axis=0),
            lambda x, others=others: mpmath.sqrt(_variance([x, *others])),
            points,
            digits=300,
            float32=False,
        )
        for others, points in (
            ((1.0, 2.0), (3e3, -1e7, 1e8, 1e9, 1e10, 1e16, -1e60)),
            ((0.5, -3.0, 7.0, 1e5), (1e4, 1e6, -1e9, 1e12)),
            ((-1e10, 1.0, 2.0), (1e10, 1e20)),
        )
    ],
    Row(
        "std of x, 1 and 2, in float32",
        lambda x: ag.std(_among(x, 1.0, 2.0), axis=0),
        lambda x: mpmath.sqrt(_variance([x, 1.0, 2.0])),
        (30.0, 3e3, -1e5),
    ),
    along(
        "std",
        lambda x: ag.std(x, ddof=1),
        lambda x: mpmath.sqrt(_variance(x, 1)),
        [1.0, 2.0, 4.0],
        "numbers",
    ),
    *[
        along(
            "std",
            ag.std,
            lambda x: mpmath.sqrt(_variance(x)),
            [v, -v, 3 * v],
            label,
            size=v,
            float32=False,
        )
        for v, label in ((1e200, "huge numbers"), (1e-200, "tiny numbers"))
    ],
    along(
        "std",
        ag.std,
        lambda x: mpmath.sqrt(_variance(x)),
        [1.0, 1 + 2.0**-30, 1 - 2.0**-29],
        "nearly equal numbers",
        size=2.0**-30,
        float32=False,
    ),
    # products
    *[
        along("prod", ag.prod, _product, at, label)
        for at, label in (
            ([2.0, -1.5, 3.0, 0.5], "numbers"),
            ([0.0, 2.0, -3.0, 0.5], "one zero"),
            ([0.0, 2.0, -0.0, 0.5], "two zeros"),
            ([0.0, 0.0, 0.0, 0.5], "three zeros"),
            ([0.0, 0.0, 0.0, 0.0], "zeros"),
        )
    ],
    *[
        _pair(
            f"prod(x, y, {', '.join(f'{z:g}' for z in others)})",
            lambda x, others=others: ag.prod(
                ag.concatenate(
                    [x, np.broadcast_to(np.reshape(others, (-1, 1)), (len(others), x.shape[1]))]
                ),
                0,
            ),
            lambda x, y, others=others: x * y * _product(np.array([*map(mpf, others)], object)),
            SCALES,
            float32=False,
        )
        for others in ((), (2.0,), (1e-200, 1e-200), (1e200, 1e-150), (0.0, 1e-300))
    ],
    *[
        along("cumprod", lambda x: ag.cumprod(x, 0), lambda x: list(accumulate(x, mul)), at, label)
        for at, label in (
            ([2.0, -1.5, 3.0, 0.5], "numbers"),
            ([2.0, 0.0, 3.0, 0.5], "one zero"),
            ([0.0, 2.0, 0.0, 3.0], "two zeros"),
            ([0.0, 0.0, 0.0], "zeros"),
        )
    ],
    *[
        _pair(
            f"cumprod(x, y, {z:g})",
            lambda x, z=z: ag.cumprod(ag.concatenate([x, np.full((1, x.shape[1]), z)]), 0)[-1],
            lambda x, y, z=z: x * y * mpf(z),
            [point],
            float32=False,
        )
        for point, z in (((1e200, 1e200), 1e-200), ((1e-200, 1e-200), 1e200))
    ],
    *[
        along(
            "cumprod",
            lambda x, axis=axis: ag.cumprod(x, axis),
            lambda x: x.ravel(),
            3.0,
            "one number",
        )
        for axis in (None, 0, -1)
    ],
    *[
        along("linear_recurrence", lambda x: linear_recurrence(x[0], x[1]), _recurrence, at, label)
        for at, label in (
            ([[2.0, -1.5, 3.0], [1.0, 2.0, 0.5]], "numbers"),
            ([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]], "zeros"),
        )
    ],
    # order
    _pair("max", lambda x: ag.max(x, 0), max, TIES, *ONE_IN_ORDER),
    _pair("min", lambda x: ag.min(x, 0), min, TIES, *ONE_IN_ORDER),
    _pair(
        "sort",
        lambda x: 2 * ag.sort(x, 0)[1] - ag.sort(x, 0)[0],
        lambda x, y: 2 * max(x, y) - min(x, y),
        TIES,
        *STABLE,
    ),
    _pair("median", lambda x: ag.median(x, 0), lambda x, y: (x + y) / 2, TIES),
]
_LINEAR = "linear"
_OF_OTHERS = "the slopes of others, judged with them"
PLAIN: dict[str, str] = {
    "allreduce": _LINEAR,
    "cumsum": _LINEAR,
    "deviations": _LINEAR,
    **dict.fromkeys(("mean", "shared"), _LINEAR),
    "sum": _LINEAR,
    "scatter_first_max": _LINEAR,
    "gather_first_max": _LINEAR,
    "sum_of_products": "bilinear",
    "sum_of_squares": "quadratic",
    **dict.fromkeys(("shares", "shares_slope", "less_average"), _OF_OTHERS),
    **dict.fromkeys(("unit", "unit_deviations", "residuals"), _OF_OTHERS),
    "mixed_product": _OF_OTHERS,
    "products_of_others": _OF_OTHERS,
    "running_mixed_product": _OF_OTHERS,
    "running_products_of_others": _OF_OTHERS,
    "kinked": "the identity, but for a choice that norms state",
    "less_share": "bilinear, where it is used",
}

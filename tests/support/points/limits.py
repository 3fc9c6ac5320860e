"""What the derivatives of a function are at a point, or tend to near it, by mpmath.

Derivatives are differences of values so near to one another that nothing is left of the error,
with so many digits that nothing is lost. Where differences to one side of a point and to the other
do not agree, the function is not smooth there: then they are taken beside the point, to all sides
and ever nearer to it, and their limits are compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise, product
from typing import Any, NamedTuple

import mpmath

Index = tuple[int, ...]  # how often by each argument

ORDERS = 4  # 0 to 3
_NEAR = 28, 34  # digits that steps at a point are smaller than the point
_APART = (12, 24, 48)  # digits that a point beside it is away
_FINER = 14  # digits that steps there are smaller than that
_SAME, _FASTER = 1e-10, 1.3
_OUTSIDE = ArithmeticError, ValueError, TypeError  # what mpmath raises outside of a domain


class Limit(NamedTuple):
    """`value` is what the derivative is, or tends to from all sides; NaN where these differ, or
    where there is nothing on any side. `sides` are the limits from each: (direction, limit)."""

    value: float
    sides: tuple[tuple[tuple[float, ...], float], ...] = ()


def indices(arguments: int, orders: int = ORDERS) -> list[Index]:
    """The derivatives of orders below, by how often each argument is differentiated by."""
    return [i for i in product(range(orders), repeat=arguments) if sum(i) < orders]


@dataclass(frozen=True)
class Function:
    """A function by mpmath, and how its derivatives are found.

    Args:
        exact: of mpmath's numbers. An error, or a complex result: it is not defined there.
        smooth: whether it is smooth at the points asked for; by default that is found out.
        slopes: its derivatives (index, *numbers) in place of exact and its differences.
        digits: how many more differences take, where a derivative is far below the value.
    """

    exact: Callable[..., Any] | None
    smooth: bool | None = None
    slopes: Callable[..., Any] | None = None
    digits: int = 0


def limits(function: Function, point: Sequence[float]) -> dict[Index, Limit]:
    """Of all derivatives of the function at the point."""
    unit = min(abs(x) if 0 < abs(x) < 1 else 1.0 for x in point)
    found = _at(function, point, unit)
    if found is not None:
        return {i: Limit(_number(v)) for i, v in found.items()}
    result = _around(function, point, unit)
    exact = function.exact
    for k in range(len(point) if exact and len(point) > 1 else 0):
        # Along its axis it may be smooth all the same, as x**2 is for x < 0 beside x**2.1.
        def alone(x: Any, k: int = k) -> Any:
            return exact(*point[:k], x, *point[k + 1 :])  # type: ignore[misc]

        line, (x,) = replace(function, exact=alone), point[k : k + 1]
        there = _at(line, (x,), unit)
        beside = _around(line, (x,), unit)
        for (order,), limit in beside.items():
            i = tuple(order if j == k else 0 for j in range(len(point)))
            ways = [(tuple(d * (j == k) for j in range(len(point))), e) for (d,), e in limit.sides]
            value = result[i].value if result[i].sides else limit.value
            value = value if there is None else _number(there[order,])
            result[i] = Limit(value, result[i].sides + tuple(ways))
    return result


def _at(function: Function, point: Sequence[float], unit: float) -> dict[Index, Any] | None:
    """The derivatives at the point itself; None where the function is not smooth there.

    Steps to one side and, far shorter, to the other give the same of a smooth function, up to their
    error: a step times the next derivative. Below that, a derivative is 0.
    """
    if function.smooth is False or not all(map(math.isfinite, point)):
        return None
    if function.slopes is not None:
        return _known(function.slopes, point)
    long, short = _NEAR
    a = _differences(function, point, unit, long, ORDERS + 1)
    b = _differences(function, point, -unit, short, ORDERS + 1)
    if a is None or b is None:
        return None
    found = {}
    for i in indices(len(point)):
        following = ((*i[:k], i[k] + 1, *i[k + 1 :]) for k in range(len(i)))
        error = 10 * unit * max(min(abs(a[j]), abs(b[j])) for j in following)
        apart = abs(a[i] - b[i])
        if not function.smooth and apart > _SAME * abs(b[i]) + error / mpmath.mpf(10) ** long:
            return None
        nothing = any(i) and abs(b[i]) <= error / mpmath.mpf(10) ** short
        found[i] = mpmath.mpf(0) if nothing else b[i]
    return found


def _around(function: Function, point: Sequence[float], unit: float) -> dict[Index, Limit]:
    """The limits of the derivatives from all sides."""
    known = {}
    for way in _directions(len(point)):
        places = [_beside(point, way, unit, n) for n in _APART]
        row = [
            _known(function.slopes, at)
            if function.slopes
            else _differences(function, at, unit, n + _FINER)
            for at, n in zip(places, _APART, strict=True)
        ]
        if all(row):
            known[way] = row
    result = {}
    for i in indices(len(point)):
        ends = tuple((way, _tends([at[i] for at in row])) for way, row in known.items())
        result[i] = Limit(_common([end for _, end in ends]), ends)
    nothing = (0,) * len(point)
    value = _value(function, point)
    if math.isfinite(value):
        result[nothing] = Limit(value, result[nothing].sides)
    return result


def _directions(arguments: int) -> Iterable[tuple[float, ...]]:
    """To all sides, and along no axis: an edge is often there."""
    sizes = tuple(0.3**k for k in range(arguments))
    for size in {sizes, sizes[::-1]}:
        for signs in product((1, -1), repeat=arguments):
            yield tuple(s * a for s, a in zip(signs, size, strict=True))


def _beside(
    point: Sequence[float], direction: Sequence[float], unit: float, digits: int
) -> list[Any]:
    with mpmath.workdps(800):
        size = mpmath.mpf(10) ** digits
        return [
            mpmath.sign(x) * abs(d) * size if math.isinf(x) else x + d * unit / size
            for x, d in zip(point, direction, strict=True)
        ]


def _known(slopes: Callable[..., Any], at: Sequence[Any]) -> dict[Index, Any] | None:
    with mpmath.workdps(50):
        try:
            found = {i: _real(slopes(i, *map(mpmath.mpf, at))) for i in indices(len(at))}
        except _OUTSIDE:
            return None
    return found if all(map(mpmath.isfinite, found.values())) else None


def _differences(
    function: Function, at: Sequence[Any], unit: float, digits: int, orders: int = ORDERS
) -> dict[Index, Any] | None:
    """All derivatives at `at`, by differences of steps of 10**-digits units; None where the
    function is not defined."""
    assert function.exact is not None
    step = unit / mpmath.mpf(10) ** digits
    lost = int(mpmath.log10((max(map(abs, at)) + 1) / abs(step)))
    with mpmath.workdps(40 + function.digits + orders * lost):
        moved = [[mpmath.mpf(x) + n * step for n in range(orders)] for x in at]
        try:
            values = {
                i: _real(function.exact(*[row[n] for row, n in zip(moved, i, strict=True)]))
                for i in indices(len(at), orders)
            }
        except _OUTSIDE:
            return None
        if not all(map(mpmath.isfinite, values.values())):
            return None
        noise = max(map(abs, values.values())) * mpmath.mpf(10) ** (10 - mpmath.mp.dps)
        return {i: _difference(i, values, step, noise) for i in values}


def _difference(index: Index, values: dict[Index, Any], step: Any, noise: Any) -> Any:
    total = mpmath.mpf(0)
    for lower in product(*(range(n + 1) for n in index)):
        ways = math.prod(map(math.comb, index, lower))
        total += values[lower] * (ways * (-1) ** (sum(index) - sum(lower)))
    return mpmath.mpf(0) if any(index) and abs(total) < noise else total / step ** sum(index)


def _real(value: Any) -> Any:
    value = mpmath.mpmathify(value)
    if isinstance(value, mpmath.mpc):
        if abs(value.imag) > mpmath.mpf(10) ** (10 - mpmath.mp.dps) * abs(value.real):
            raise ValueError("outside the domain")
        return value.real
    return value


def _close(a: Any, b: Any) -> bool:
    return bool(abs(a - b) <= _SAME * abs(a))


def _tends(values: Sequence[Any]) -> float:
    """What values ever nearer to a point tend to: a number, 0, an infinity, or nothing (NaN)."""
    if _close(values[-1], values[-2]):
        return _number(values[-1])
    sizes = [abs(v) for v in values]
    if all(b >= _FASTER * a for a, b in pairwise(sizes)) and values[-1] * values[-2] > 0:
        return math.copysign(math.inf, values[-1])
    return 0.0 if all(a >= _FASTER * b for a, b in pairwise(sizes)) else math.nan


def _common(ends: Sequence[float]) -> float:
    first = ends[0] if ends else math.nan
    if all(end == first for end in ends) or math.isinf(first):
        return first if set(ends) == {first} else math.nan
    return first if all(abs(end - first) <= _SAME * abs(first) for end in ends) else math.nan


def _value(function: Function, point: Sequence[float]) -> float:
    try:
        if function.slopes is not None:
            return _number(_real(function.slopes((0,) * len(point), *map(mpmath.mpf, point))))
        assert function.exact is not None
        return _number(_real(function.exact(*map(mpmath.mpf, point))))
    except _OUTSIDE:
        return math.nan


def _number(value: Any) -> float:
    return float(value)  # infinite above 1.8e308

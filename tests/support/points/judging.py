"""Points where rules divide, choose or take powers: what our derivatives are there, and should be.

A `Row` is a function of one or more numbers, the same by mpmath, and points. All its derivatives to
third order, in every order of differentiation, are judged at each:

- right: the derivative, or the limit that it has from all sides;
- side: an infinity that is the limit from one side, from that of the sign of a zero;
- nan: NaN, where there is no finite limit, or the row says why (`told` with the value NaN);
- choice: what the docstring of the op states, and the row with it;
- lost: NaN where there is a finite limit, and no reason;
- wrong: a number or an infinity that is none of these.

None may be lost or wrong, and jvp has to be what reverse mode is.

A function of arrays becomes one of numbers by `along`: how far to go along fixed directions.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray
from support.points.limits import ORDERS, Function, Index, Limit, limits

import autograd as ag
from autograd import Tensor

Array = NDArray[Any]
Point = tuple[float, ...]
Path = tuple[int, ...]  # by which arguments, one after the other

NAN, INF = math.nan, math.inf
_TINY = {"float64": 1e-307, "float32": 1e-37}


@dataclass(frozen=True)
class Told:
    """What is stated of some derivatives at some points.

    Args:
        of: orders, and names of derivatives with their letters sorted: 1, or (0, "x", "xy").
        value: what they are, or a function of the numbers of the point; NaN: unknown there.
        where: the sentence of the docstring, or the reason why they are not known.
        at: of the numbers of a point, whether it is meant; by default each is.
    """

    of: int | str | tuple[int | str, ...]
    value: float | Callable[..., float]
    where: str
    at: Callable[..., bool] = lambda *point: True

    def of_path(self, name: str, order: int) -> bool:
        of = self.of if isinstance(self.of, tuple) else (self.of,)
        return order in of or name in of

    def at_point(self, point: Point) -> float:
        if not callable(self.value):
            return self.value
        try:
            return float(self.value(*point))
        except (ArithmeticError, ValueError):
            return math.nan


@dataclass(frozen=True, eq=False)
class Row:
    """A function, and the points at which it is judged.

    Args:
        op: its name, as users write it; before a bracket or blank, that of the primitive.
        ours: of tensors, elementwise.
        exact: of mpmath's numbers. An error, or a complex result: it is not defined there.
        points: numbers, or tuples of them where there are several arguments.
        told: what is stated of corners and the like.
        smooth: whether exact is smooth at the points; by default, that is found out at each.
        slopes: the exact derivatives (index, *numbers), where differences would take long.
        digits: how many more than usual they take, where a slope is far below the value.
        float32: whether values and slopes are judged in float32 too.
        rtol, rtol32: how near is right, in float64 and in float32.
        label: says what the point 0 is, of a function `along` directions.
    """

    op: str
    ours: Callable[..., Any]
    exact: Callable[..., Any] | None
    points: Sequence[float | Point]
    told: Sequence[Told] = ()
    smooth: bool | None = None
    slopes: Callable[..., Any] | None = None
    digits: int = 0
    float32: bool = True
    rtol: float = 1e-10
    rtol32: float = 3e-6
    label: str = ""

    @property
    def name(self) -> str:
        """That of the primitive or the function: op up to a bracket or blank."""
        return re.split(r"[ (]", self.op)[0]

    def at(self) -> list[Point]:
        """The points as tuples."""
        return [p if isinstance(p, tuple) else (float(p),) for p in self.points]

    def place(self, point: Point) -> str:
        return self.label or ", ".join(f"{n}={x!r}" for n, x in zip("xyzw", point, strict=False))


@dataclass(frozen=True)
class Cell:
    """One derivative at one point."""

    row: Row
    point: Point
    path: Path
    dtype: str
    ours: float
    limit: Limit
    verdict: str
    note: str = ""

    @property
    def name(self) -> str:
        """f, or f_x, f_xy ... of the arguments x, y, z, w, in the order of differentiation."""
        return "_".join(filter(None, ("f", "".join("xyzw"[i] for i in self.path))))

    def __str__(self) -> str:
        at, limit = self.row.place(self.point), self.limit.value
        text = f"{self.row.op} at {at}, {self.name} in {self.dtype}: {self.ours!r}, limit {limit!r}"
        if math.isnan(limit) and self.limit.sides:
            text += (
                f" (from the sides {', '.join(sorted({f'{e:.6g}' for _, e in self.limit.sides}))})"
            )
        return f"{text}: {self.verdict}" + (f", {self.note}" if self.note else "")


def judged(row: Row) -> list[Cell]:
    """All cells of a row: to third order in float64, and to first in float32."""
    cells = []
    for dtype, orders in (("float64", ORDERS), ("float32", 2))[: 1 + row.float32]:
        points = row.at() if dtype == "float64" else _narrowed(row.at())
        found = derivatives(row.ours, np.array(points, dtype).T, orders)
        for k, point in enumerate(points):
            right = _limits(row, point)
            for path, values in found.items():
                index = tuple(path.count(i) for i in range(len(point)))
                ours = float(values[k])
                verdict, note = _verdict(row, point, path, dtype, ours, right[index])
                if verdict == "lost" and path and np.isnan(found[()][k]):
                    verdict = "nan"  # as its value
                cells.append(Cell(row, point, path, dtype, ours, right[index], verdict, note))
    return cells


def faults(row: Row, cells: list[Cell]) -> list[str]:
    """What is wrong or lost, and where jvp is not what reverse mode is."""
    bad = [str(cell) for cell in cells if cell.verdict in ("wrong", "lost")]
    return bad + _disagreeing_jvps(row)


def _verdict(
    row: Row, point: Point, path: Path, dtype: str, ours: float, limit: Limit
) -> tuple[str, str]:
    with np.errstate(over="ignore"):
        right = float(np.dtype(dtype).type(limit.value))
    rtol = row.rtol if dtype == "float64" else row.rtol32
    if _near(ours, right, rtol, _TINY[dtype]):
        return "right", ""
    name = "".join(sorted("xyzw"[i] for i in path))
    for told in row.told:
        if told.of_path(name, len(path)) and told.at(*point):
            value = told.at_point(point)
            if _near(ours, value, rtol) or (math.isnan(value) and math.isnan(ours)):
                return "nan" if math.isnan(ours) else "choice", told.where
    if math.isnan(ours):
        return ("lost" if math.isfinite(right) else "nan"), ""
    if math.isinf(ours) and ours in _sides(point, limit):
        return "side", ""
    return "wrong", ""


def _near(a: float, b: float, rtol: float, atol: float = 0.0) -> bool:
    return a == b or (math.isfinite(b) and abs(a - b) <= rtol * abs(b) + atol)


def _sides(point: Point, limit: Limit) -> set[float]:
    """The limits from the sides that the signs of zeros name."""
    return {
        end
        for direction, end in limit.sides
        if all(x or d * math.copysign(1, x) >= 0 for x, d in zip(point, direction, strict=True))
    }


_KNOWN: dict[tuple[Row, str], dict[Index, Limit]] = {}


def _limits(row: Row, point: Point) -> dict[Index, Limit]:
    key = row, repr(tuple(x + 0.0 for x in point))  # the same for both signs of 0
    if key not in _KNOWN:
        _KNOWN[key] = limits(Function(row.exact, row.smooth, row.slopes, row.digits), point)
    return _KNOWN[key]


def _narrowed(points: Sequence[Point]) -> list[Point]:
    """The points in float32; what would be 0 or infinite there is tiny or huge for it."""

    def narrow(x: float) -> float:
        with np.errstate(over="ignore", under="ignore"):
            y = float(np.float32(x))
        if math.isinf(y) and math.isfinite(x):
            return math.copysign(float(np.float32(1e38)), x)
        return y if y or not x else math.copysign(float(np.float32(1e-45)), x)

    narrowed = [tuple(map(narrow, point)) for point in points]
    return [p for i, p in enumerate(narrowed) if repr(p) not in map(repr, narrowed[:i])]


def derivatives(f: Callable[..., Any], columns: Array, orders: int) -> dict[Path, Array]:
    """Of an elementwise f, by every path of less than `orders` steps, at all points at once."""
    leaves = [Tensor(column, requires_grad=True) for column in columns]
    zeros = Tensor(np.zeros_like(columns[0]))
    with np.errstate(all="ignore"):
        latest = {(): f(*leaves)}
        found = dict(latest)
        for _ in range(1, orders):
            following = {}
            for path, y in latest.items():
                if y.requires_grad:
                    y.backward(np.ones_like(y.data), create_graph=True)
                for i, leaf in enumerate(leaves):
                    following[(*path, i)] = zeros if leaf.grad is None else leaf.grad
                    leaf.grad = None
            latest = following
            found |= latest
    return {path: np.asarray(y.data, columns.dtype) for path, y in found.items()}


def _disagreeing_jvps(row: Row) -> list[str]:
    """Where jvp of order 1 to 3 is not what reverse mode of that order is, which is a number."""
    points = np.array(row.at(), np.float64).T
    missed = []
    for path, right in derivatives(row.ours, points, ORDERS).items():
        if not path:
            continue

        def moved(x: Any, path: Path = path) -> Any:
            given: list[Any] = [*points]
            given[path[-1]] = x
            return _nested(row.ours, path[:-1])(*given)

        with np.errstate(all="ignore"):
            ours = ag.jvp(moved, (points[path[-1]],), (np.ones(points.shape[1]),))[1]
        for k, (a, b) in enumerate(zip(np.asarray(ours.data), right, strict=True)):
            if not (np.isnan(b) or _near(a, b, row.rtol, _TINY["float64"])):
                at = row.place(row.at()[k])
                name = "".join("xyzw"[i] for i in path)
                missed.append(f"{row.op} at {at}, f_{name}: jvp {a:.6g}, reverse mode {b:.6g}")
    return missed


def _nested(f: Callable[..., Any], path: Path) -> Callable[..., Any]:
    """The derivative of an elementwise f by that path, each step a `grad`."""
    for i in path:

        def f(*args: Any, f: Any = f, i: int = i) -> Any:
            return ag.grad(lambda *a: f(*a).sum(), i)(*args)

    return f


# --- functions of arrays -------------------------------------------------------------------------


def along(
    op: str,
    ours: Callable[[Tensor], Any],
    exact: Callable[[Any], Any],
    at: Any,
    label: str,
    *,
    directions: int = 2,
    size: float = 1.0,
    seed: int = 0,
    **options: Any,
) -> Row:
    """The row of an op of an array x, at `at + s u + t v` around s = t = 0.

    The directions u and v, and what results are multiplied by before they are summed, are whole
    numbers over 8, so that they are the same in all precisions.

    Args:
        op, options: as of a Row.
        ours: of a tensor of the shape of `at`, to a tensor or a tuple of them.
        exact: of an object array of mpmath's numbers, to the same in any nesting of sequences.
        at: the array.
        label: what it is.
        directions: one or two.
        size: what directions are multiplied by, for an array of tiny or huge numbers.
    """
    x = np.asarray(at, dtype=np.float64)
    rng = np.random.default_rng(seed)
    ways = [size * rng.integers(-16, 17, x.shape) / 8 for _ in range(directions)]
    weights = rng.integers(1, 17, 10_000) / 8 * rng.choice([-1, 1], 10_000)

    def of_tensors(*steps: Tensor) -> Any:
        moved = Tensor(x.astype(steps[0].dtype))
        for step, way in zip(steps, ways, strict=True):
            moved = moved + step.reshape(()) * way.astype(step.dtype)
        outs = ours(moved)
        total: Any = 0
        first = 0
        for out in outs if isinstance(outs, tuple) else (outs,):
            own = weights[first : first + out.size].reshape(out.shape).astype(out.dtype)
            total = total + (out * own).sum()
            first += out.size
        return total.reshape(steps[0].shape)

    def of_numbers(*steps: Any) -> Any:
        moved = np.empty(x.shape, object)
        for place in np.ndindex(x.shape):
            number = mpmath.mpf(float(x[place]))
            for step, way in zip(steps, ways, strict=True):
                number += step * mpmath.mpf(float(way[place]))
            moved[place] = number
        return sum(mpmath.mpf(w) * v for w, v in zip(weights, _leaves(exact(moved)), strict=False))

    return Row(op, of_tensors, of_numbers, [(0.0,) * directions], label=label, **options)


def _leaves(value: Any) -> list[Any]:
    if isinstance(value, mpmath.matrix):
        return list(value)
    if isinstance(value, list | tuple | np.ndarray):
        return [leaf for part in value for leaf in _leaves(part)]
    return [value]

"""Of a function: corners, at which slopes differ from side to side, and several elements meet.

At a tie of maxima each element's slope may be anything from 0 to 1, but together they are to sum to
one. What may be chosen is Clarke's generalized gradient: the convex hull of the gradients close by
(Clarke 1990, "Optimization and Nonsmooth Analysis", theorem 2.5.1). These are taken by differences,
so they say nothing of the rule in question.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from autograd.checking.choices.alike import FEWEST, Alike
from autograd.checking.choices.hulls import Hull
from autograd.engine.tensor import Array

if TYPE_CHECKING:
    from autograd.checking.point import Point

_LARGEST = 64  # elements that meet, up to which they are judged
_FEW = 5  # elements of which all orders come up by chance
_SHARED = 0.05  # of a slope: what two elements do together beyond what each does alone
_SMOOTH = 1e-2  # of a slope: its change within a step beside a corner
_NUMERIC = 1e-6  # of the largest slope: by so much differences may differ
_MUCH_FINER = 50
_CLOSE, _CLOSE_COARSE = 1e-4, 1e-2  # of the largest slope; the latter where the caller gave a step


class Corner(NamedTuple):
    """What was found of one combination of outputs.

    `elements` are numbered through all arguments; `given` is the gradient by them on the tape, and
    `closest` the one nearest to it that may be chosen; both for steps of a unit. `right` is None
    where that cannot be told.
    """

    elements: tuple[int, ...]
    given: Array
    closest: Array
    right: bool | None


class Corners:
    """The corners at one point; each is looked at once."""

    def __init__(self, point: Point) -> None:
        self.point, self._steps = point, point.judge.steps
        variables = point.subject.variables
        self._ends = np.cumsum([v.size for v in variables])
        self._at = np.concatenate([v.at.ravel() for v in variables])
        self._unit = np.concatenate([v.moves(np.ones(v.shape)).ravel() for v in variables])
        self._inward = np.concatenate([v.inward.ravel() != 0 for v in variables])
        self._known: dict[bytes, list[Corner]] = {}

    def at(self, i: int, element: int, rows: Array) -> list[Corner | None]:
        """For each of `rows`, combinations of outputs, the corner of which an element of argument i
        is a part; None where no other element meets it."""
        if self.point.subject.jumps:
            return [None] * len(rows)  # beside a jump, differences say nothing
        element += int(self._ends[i]) - self.point.subject.variables[i].size
        new = [row for row in rows if self._of(row, element) is None]
        if new:
            self._look(element, np.array(new))
        return [self._of(row, element) for row in rows]

    def names(self, corner: Corner) -> str:
        """Where the elements of a corner are."""
        places: dict[str, list[str]] = {}
        for element in corner.elements:
            i = int(np.searchsorted(self._ends, element, side="right"))
            variable = self.point.subject.variables[i]
            own = element - int(self._ends[i]) + variable.size
            index = [int(n) for n in np.unravel_index(own, variable.shape)]
            places.setdefault(variable.name, []).append(str(index or "the number"))
        return " and ".join(f"{_listed(found)} of {name}" for name, found in places.items())

    def within(self, i: int, corner: Corner | None) -> set[int]:
        """The elements of a corner that are those of argument i, numbered through that alone."""
        start = int(self._ends[i]) - self.point.subject.variables[i].size
        elements = () if corner is None else corner.elements
        return {e - start for e in elements if start <= e < self._ends[i]}

    def values(self, corner: Corner, gradient: Array) -> str:
        """A gradient at a corner, by its elements."""
        return _listed([f"{g:.4g}" for g in gradient / self._unit[list(corner.elements)]])

    def _of(self, row: Array, element: int) -> Corner | None:
        known = self._known.get(row.tobytes(), [])
        return next((corner for corner in known if element in corner.elements), None)

    def _look(self, element: int, rows: Array) -> None:
        parts = [self.point.gradient_along(row) for row in rows]
        given = self._unit * np.array([np.concatenate([g.ravel() for g in p]) for p in parts])
        sizes = np.abs(given[:, element])
        meeting = self._meeting(element, rows, sizes, FEWEST)
        if len(meeting) == FEWEST:
            left = self._look_at_equal(element, rows, given)
            rows, given = rows[left], given[left]
            if not left:
                return
            meeting = self._meeting(element, rows, sizes[left], _LARGEST)
        if len(meeting) > 1:
            corners = _Look(self, meeting, rows, given[:, meeting]).corners()
            for row, corner in zip(rows, corners, strict=True):
                self._known.setdefault(row.tobytes(), []).append(corner)

    def _look_at_equal(self, element: int, rows: Array, given: Array) -> list[int]:
        """Those rows, by number, to which no elements are alike; of the others, corners are known
        then."""
        alike = Alike(self, element, rows, np.abs(given[:, element]))
        left = []
        for k, (row, g) in enumerate(zip(rows, given, strict=True)):
            found = alike.judged(k, g) if alike.possible else None
            if found is None:
                left.append(k)
                continue
            members, slopes, right = found
            closest = np.full(len(members), slopes.mean())
            corner = Corner(tuple(map(int, members)), g[members], closest, right)
            self._known.setdefault(row.tobytes(), []).append(corner)
        return left

    def outputs(self, lengths: Array) -> Array:
        """All outputs with the elements moved by so many units."""
        subject = self.point.subject
        parts = np.split(lengths, self._ends[:-1])
        moved = [
            v.at + v.moves(part.reshape(v.shape))
            for v, part in zip(subject.variables, parts, strict=True)
        ]
        return np.concatenate([np.ravel(out) for out in subject.values(moved)])

    # --- which elements meet -----------------------------------------------------------------

    def _meeting(self, element: int, rows: Array, size: Array, most: int) -> list[int]:
        """An element and those that do more with it than each does alone, sorted; of many, some."""
        others = np.flatnonzero(np.arange(len(self._at)) != element)
        found: list[int] = []
        groups = [others]
        while groups and len(found) < most:
            group = groups.pop()
            if len(group) and self.shares(element, group, rows, size):
                if len(group) == 1:
                    found.append(int(group[0]))
                else:
                    groups += [group[: len(group) // 2], group[len(group) // 2 :]]
        equal = others[self._at[others] == self._at[element]]
        # Where two of many change nothing, as in the middle of a sorted array, all may.
        if not found and len(equal) > 1 and self.shares(element, equal, rows, size):
            found = [int(e) for e in equal]
        return sorted([element, *found[: most - 1]])  # of more, some: their parts are no larger

    def shares(self, element: int, others: Array, rows: Array, size: Array) -> bool:
        """Whether moving an element with others does more than moving it and moving them; `size`
        is that of the slope by the element."""
        signs = self.point.signs((len(others),))
        for sides in ((1, 1), (-1, -1), (1, -1), (-1, 1)):
            together, alone = self._together(element, others, sides[1] * signs, sides[0], rows, 1.0)
            enough = _SHARED * np.maximum(alone, size) + 50 * self._noises(rows) / self._steps.bend
            if (together > enough).any():
                # Of smooth terms that is a product of two steps, and less at half of both.
                half, _ = self._together(element, others, sides[1] * signs, sides[0], rows, 0.5)
                if ((together > enough) & (half > 0.75 * together)).any():
                    return True
        return False

    def _together(
        self, element: int, others: Array, signs: Array, side: int, rows: Array, scale: float
    ) -> tuple[Array, Array]:
        h = scale * self._steps.bend
        one, rest = np.zeros(len(self._at)), np.zeros(len(self._at))
        one[element], rest[others] = h * side, h * signs
        here, by_one, by_rest = (rows @ self.outputs(m) for m in (0 * one, one, rest))
        both = rows @ self.outputs(one + rest)
        with np.errstate(invalid="ignore"):
            return np.abs(both - by_one - by_rest + here) / h, np.abs(by_one - here) / h

    def _noises(self, rows: Array) -> Array:
        return np.asarray(np.sqrt(np.square(rows) @ np.square(self.point.noise)))

    # --- the gradients beside them -----------------------------------------------------------

    def slopes_beside(self, elements: list[int], u: Array, rows: Array) -> tuple[Array, Array]:
        """The slopes of the rows by the elements at a point a small way along u, and whether they
        are smooth there."""
        h = self._steps.within_corner
        beside = np.zeros(len(self._at))
        # What is to move inward only must be away from the bound, or differences would lead out.
        u = np.where(self._inward[elements], np.maximum(np.abs(u), 0.5), u)
        beside[elements] = self._steps.corner * u
        here = rows @ self.outputs(beside)
        slopes, bends = [], []
        for element in elements:
            step = np.zeros(len(self._at))
            step[element] = h
            ahead, behind = (rows @ self.outputs(beside + s * step) for s in (1, -1))
            slopes.append((ahead - behind) / (2 * h))
            bends.append(np.abs(ahead + behind - 2 * here) / h)
        size = np.abs(slopes).max(axis=0)
        smooth = np.max(bends, axis=0) <= _SMOOTH * size + 50 * self._noises(rows) / h
        return np.array(slopes).T, smooth & np.isfinite(size)

    def close(self, size: float, row: Array, step: float | None = None) -> float:
        """How far a gradient may be from a hull of gradients of that size, found by steps of that
        length."""
        relative = _CLOSE if self._steps.given is None else _CLOSE_COARSE
        return relative * size + 20 * self.noise(row) / (step or self._steps.within_corner)

    def noise(self, row: Array) -> float:
        return float(self._noises(row[None])[0])

    # --- elements that are equal -------------------------------------------------------------

    @property
    def fine_step(self) -> float:
        """One so short that many elements are apart beside a corner."""
        return self._steps.within_corner / _MUCH_FINER

    def equal_to(self, element: int) -> Array:
        """The elements that are where one of them is, and move as it does."""
        alike = [x == x[element] for x in (self._at, self._unit, self._inward)]
        return np.flatnonzero(np.logical_and.reduce(alike))

    def bounded(self, element: int) -> bool:
        return bool(self._inward[element])

    def moved(self, elements: Array, lengths: Array, rows: Array) -> Array:
        """The values of rows with some elements moved."""
        places = np.zeros(len(self._at))
        places[elements] = lengths
        return np.asarray(rows @ self.outputs(places))

    def sides(self, elements: list[int], direction: Array, row: Array) -> tuple[float, float]:
        """The slopes of a row at the corner itself, along a direction and from behind it."""
        step = np.zeros(len(self._at))
        step[elements] = self._steps.bend * direction
        here, ahead, behind = (float(row @ self.outputs(s * step)) for s in (0, 1, -1))
        h = self._steps.bend
        return (ahead - here) / h, (here - behind) / h


class _Look:
    """The search for the hull of the gradients around one corner, for each row. The sum of a
    gradient's elements counts as one of them, or much that is small by itself would pass."""

    def __init__(self, corners: Corners, elements: list[int], rows: Array, given: Array) -> None:
        self.of, self.elements, self.rows, self.given = corners, elements, rows, given
        self.hulls = [Hull(g, _NUMERIC) for g in _with_sums(given)]

    def corners(self) -> list[Corner]:
        n, rng = len(self.elements), self.of.point.rng
        idle, draw = 0, 0
        while idle < 12 + 2 * n and not all(map(self._inside, range(len(self.rows)))):
            open_rows = [k for k in range(len(self.rows)) if not self._inside(k)]
            # All in order and in reverse; at random; and where the given gradient seems to lie.
            u = np.linspace(-1, 1, n) * (1 if draw == 0 else -1)
            if draw > 1:
                u = rng.uniform(-1, 1, n)
                if draw % 2:
                    u = 0.3 * u + self.hulls[open_rows[draw // 2 % len(open_rows)]].towards()[:-1]
            if n == _LARGEST:  # of others that meet here too, ahead of these or behind
                u = u + rng.choice([-2.0, 0.0, 2.0])
            slopes, smooth = self.of.slopes_beside(self.elements, u, self.rows)
            met = _with_sums(slopes), _with_sums(u[None])
            closer = [self.hulls[k].add(met[0][k : k + 1], met[1]) for k in open_rows if smooth[k]]
            idle = 0 if any(closer) else idle + 1
            draw += 1
        return [self._corner(k) for k in range(len(self.rows))]

    def _inside(self, k: int) -> bool:
        hull = self.hulls[k]
        size = max(np.abs(x[..., :-1]).max(initial=0.0) for x in (hull.target, hull.points))
        return hull.distance <= self.of.close(float(size), self.rows[k])

    def _corner(self, k: int) -> Corner:
        right: bool | None = self._inside(k)
        if not right and not self._certainly_outside(k):
            right = None
        return Corner(tuple(self.elements), self.given[k], self.hulls[k].closest[:-1], right)

    def _certainly_outside(self, k: int) -> bool:
        """Whether no gradient that chance has not met can make up for it."""
        hull = self.hulls[k]
        if not len(hull.points):
            return False
        if len(self.elements) <= _FEW:
            return True
        # Of a function that is convex there, or concave, the slopes along a direction bound all.
        direction = (self.given[k] - hull.closest[:-1]) / max(hull.distance, 1e-300)
        slopes = self.of.sides(self.elements, direction, self.rows[k])
        margin = 0.1 * hull.distance
        met = hull.points[:, :-1] @ direction
        return bool(met.max() <= max(slopes) + margin and met.min() >= min(slopes) - margin)


def _with_sums(rows: Array) -> Array:
    return np.column_stack([rows, rows.sum(axis=1)])


def _listed(words: list[str]) -> str:
    return ", ".join(words[:6]) + (f" and {len(words) - 6} more" if len(words) > 6 else "")

"""Derivatives of a random program along directions, without a rule for any op.

Each is a difference of values on a circle in the complex plane (Lyness and Moler 1967, "Numerical
differentiation of analytic functions"; Fornberg 1981). Of t -> f(x + t v), continued to complex t,
the Taylor coefficients are the Fourier coefficients of its values at N equidistant points of a
circle, but for those of N orders higher; so N points extrapolate as N real ones would, and unlike
those they do not cancel: a third derivative comes out to twelve digits instead of five.
"""

from __future__ import annotations

from functools import lru_cache
from math import factorial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from support.random_programs.builder import Program
from support.random_programs.names import Frozen, numpy_names

Array = NDArray[Any]
Direction = tuple[Array, ...]
Head = list[tuple[int, Array | float]]  # nodes and weights: the sum of sum(weight * node)

# The nearest singularity is some tenths away, along a direction of length one: 12 points leave out
# (0.04 / R)**12, which is 3e-11 at R = 0.3; rounding leaves 6e-16 / 0.04**3, 1e-11, of a third
# derivative.
COARSE = (0.04, 12)  # a radius, and how many points
# Where that is too near to a singularity: the radius is as small as rounding allows.
FINE = (0.012, 24)
ORDERS = 4


class Estimate(NamedTuple):
    """A derivative, and what its error is believed to be below."""

    value: float
    error: float


@lru_cache
def _transform(radius: float, points: int) -> tuple[Array, Array]:
    """Upper half of the circle, and the matrix from values there to derivatives.

    The values at conjugate points are conjugate: the function is real on the real line.
    """
    numbers = np.arange(points // 2 + 1)
    circle = radius * np.exp(2j * np.pi * numbers / points)
    count = np.where((numbers == 0) | (numbers == points // 2), 1, 2)
    orders = np.arange(ORDERS)[:, None]
    weights = count / points * circle**-orders
    return circle, weights * [[factorial(k)] for k in range(ORDERS)]


class Differences:
    """Derivatives of a program's nodes at its inputs, of the first to the third order.

    A plane of two directions may be given, in which most of them will be asked for: what second
    derivatives need gives the first ones too.
    """

    def __init__(
        self,
        program: Program,
        plane: tuple[Direction, Direction] | None = None,
        circle: tuple[float, int] = COARSE,
    ) -> None:
        self.program = program
        self._radius, self._points = circle
        # Half of the points are another estimate. Twice the points leave out about the square of
        # what these leave out; of a difference that is small, far less than a thousandth.
        self._trust = 1e-3 if circle == COARSE else 1.0
        self._within: dict[bytes, list[tuple[float, Direction]]] = {}
        if plane is not None:
            u, w = plane
            over, under = _plus(u, w), _plus(u, w, -1)
            self._within = {
                _key(u): [(0.5, over), (0.5, under)],
                _key(w): [(0.5, over), (-0.5, under)],
            }
        self._frozen = Frozen()
        self._run = program.on(numpy_names(self._frozen), np.asarray)
        self._position = {node: k for k, node in enumerate(program.visible)}
        self.base = self._run(*program.inputs)
        self._found: dict[bytes, list[tuple[Any, ...]]] = {}

    def slope(self, node: int, v: Direction) -> Array:
        """The first derivative of a node along v."""
        terms = self._within.get(_key(v), [(1.0, v)])
        slope: Array = sum(c * self._derivatives(node, d)[0][1] for c, d in terms)
        return slope

    def first(self, head: Head, u: Direction) -> Estimate:
        terms = self._within.get(_key(u), [(1.0, u)])
        return _sum([(c, self._along(head, v, 1)) for c, v in terms])

    def second(self, head: Head, u: Direction, w: Direction) -> Estimate:
        """The derivative along u and w: a quarter of what those along u + w and u - w differ by."""
        terms = [(0.25, _plus(u, w)), (-0.25, _plus(u, w, -1))]
        return _sum([(c, self._along(head, v, 2)) for c, v in terms])

    def third(self, head: Head, u: Direction, w: Direction) -> Estimate:
        """The derivative along u, u and w, by polarization too."""
        terms = [(1 / 6, _plus(u, w)), (-1 / 6, _plus(u, w, -1)), (-1 / 3, w)]
        return _sum([(c, self._along(head, v, 3)) for c, v in terms])

    def _along(self, head: Head, v: Direction, order: int) -> Estimate:
        parts = [(self._derivatives(node, v), weight) for node, weight in head]
        fine = sum(float(np.sum(f[order] * weight)) for (f, _), weight in parts)
        coarse = sum(float(np.sum(c[order] * weight)) for (_, c), weight in parts)
        return Estimate(fine, self._trust * abs(fine - coarse))

    def _derivatives(self, node: int, v: Direction) -> tuple[Array, Array]:
        """All derivatives of a node along v, from all points and from every other.

        Far from the point a program may overflow; what comes of that is not certain.
        """
        with np.errstate(all="ignore"):
            values = np.array([run[self._position[node]] for run in self._values(v)])
            flat = values.reshape(len(values), -1)
            fine, coarse = (
                (_transform(self._radius, count)[1] @ part).real
                for count, part in ((self._points, flat), (self._points // 2, flat[::2]))
            )
        shape = (ORDERS, *values.shape[1:])
        return fine.reshape(shape), coarse.reshape(shape)

    def _values(self, v: Direction) -> list[tuple[Any, ...]]:
        key = _key(v)
        if key not in self._found:
            runs = []
            for t in _transform(self._radius, self._points)[0]:
                self._frozen.replay()
                runs.append(
                    self._run(*[x + t * d for x, d in zip(self.program.inputs, v, strict=True)])
                )
            self._found[key] = runs
        return self._found[key]


def finer(program: Program, plane: tuple[Direction, Direction] | None = None) -> Differences:
    """Differences for where the usual ones do not settle a question; three times as slow."""
    return Differences(program, plane, FINE)


def _key(v: Direction) -> bytes:
    return b"".join([part.tobytes() for part in v])


def _plus(u: Direction, w: Direction, sign: int = 1) -> Direction:
    return tuple(a + sign * b for a, b in zip(u, w, strict=True))


def _sum(terms: list[tuple[float, Estimate]]) -> Estimate:
    return Estimate(
        sum(c * estimate.value for c, estimate in terms),
        sum(abs(c) * estimate.error for c, estimate in terms),
    )

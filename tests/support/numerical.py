"""Derivatives that no autograd engine computed: the oracles of the generated tests.

Both take a function of a list of arrays, and move its arguments along a direction: one array for
each argument, or None for an argument that stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Function = Callable[[list[Any]], Sequence[Array]]
Direction = Sequence["Array | None"]

_FIRST_STEP = 1e-2
_HALVINGS = 5
_COMPLEX_STEP = 1e-30


def inner(v: Sequence[Array], out: Sequence[Array]) -> Any:
    """The sum of the products of corresponding elements, over all outputs; nothing is conjugated.

    Raises:
        ValueError: a shape of v is not that of its output, which NumPy would broadcast away.
    """
    shapes = [a.shape for a in v], [a.shape for a in out]
    if shapes[0] != shapes[1]:
        raise ValueError(f"inner product of arrays of shapes {shapes[0]} and {shapes[1]}")
    return sum(np.sum(a * b) for a, b in zip(v, out, strict=True))


def central(f: Function, args: Sequence[Any], direction: Direction, v: Sequence[Array]) -> float:
    """d/dh <v, f(args + h direction)> at h = 0: central differences, extrapolated to h = 0.

    The error of a central difference is a series in h**2, of which each column of the table
    cancels one more term (Ridders 1982, "Accurate computation of F'(x) and F'(x) F''(x)"). The
    entry nearest to its two neighbours is the answer: later ones have more rounding error.
    """
    best, least = np.nan, np.inf
    above: list[float] = []
    for halving in range(_HALVINGS):
        h = _FIRST_STEP / 2**halving
        ahead, behind = (inner(v, f(_moved(args, direction, s))) for s in (h, -h))
        row = [float(ahead - behind) / (2 * h)]
        for column, previous in enumerate(above, start=1):
            row.append(row[-1] + (row[-1] - previous) / (4**column - 1))
            error = max(abs(row[-1] - row[-2]), abs(row[-1] - previous))
            if error < least:
                best, least = row[-1], error
        above = row
    return best


def complex_step(
    f: Function, args: Sequence[Any], direction: Direction, v: Sequence[Array]
) -> float:
    """The same for an f that is analytic: Im f(args + ih direction) / h, exact to rounding.

    There is no difference in it, hence no cancellation, and h may be as small as one likes
    (Squire and Trapp 1998, "Using complex variables to estimate derivatives of real functions").
    """
    out = f(_moved(args, direction, 1j * _COMPLEX_STEP))
    return float(np.imag(inner(v, out))) / _COMPLEX_STEP


def unit_directions(args: Sequence[Any], position: int) -> Iterator[Direction]:
    """One direction for each element of one argument."""
    for index in np.ndindex(args[position].shape):
        unit = np.zeros(args[position].shape)
        unit[index] = 1
        yield only(args, position, unit)


def only(args: Sequence[Any], position: int, unit: Array) -> Direction:
    """The direction that moves the argument at `position`, and with it each that is the same."""
    return [unit if a is args[position] else None for a in args]


def _moved(args: Sequence[Any], direction: Direction, step: complex) -> list[Any]:
    moved: dict[int, Any] = {}  # by identity, so that an array given twice stays one array
    for a, u in zip(args, direction, strict=True):
        if id(a) not in moved:
            moved[id(a)] = a if u is None else a + step * u
    return [moved[id(a)] for a in args]

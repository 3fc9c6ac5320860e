"""The array ops that are compositions of primitives: their samples, and the same on arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from support.specs.sampling import Array, Real, Samples, calls, reductions

import autograd as ag


@dataclass(frozen=True)
class Composition:
    """A function made of primitives, and the same on arrays; by default NumPy's of that name."""

    function: Callable[..., Any]
    samples: Samples
    reference: Callable[..., Any] | None = None
    name: str = ""

    @property
    def title(self) -> str:
        return self.name or self.function.__name__

    def expected(self, *args: Any, **options: Any) -> Any:
        return (self.reference or getattr(np, self.function.__name__))(*args, **options)


def of_sequence(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a sequence as one of its elements."""
    return lambda *arrays, **options: function(list(arrays), **options)


def sequences(name: str, samples: Samples) -> Composition:
    return Composition(
        of_sequence(getattr(ag, name)), samples, of_sequence(getattr(np, name)), name
    )


def put(x: Array, indices: Array, values: Any, axis: int | None) -> Array:
    out = np.array(x, order="C")
    np.put_along_axis(out, indices, values, axis)
    return out


def vector_norm(x: Array, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Array:
    ord = 2 if ord in (None, "fro") else ord
    return np.linalg.vector_norm(x, axis=axis, keepdims=keepdims, ord=ord)


ROWS = np.array([2, 0, 2, 2])
PLACES = np.array([[0, 2, 2], [1, 0, 3]])
ALONG_0 = np.array([[2, 0, 1, 1], [0, 0, 2, -1]])
ALONG_1 = np.array([[3, 0, 0], [1, -1, 2], [0, 1, 2]])
ORDERS = (1, 2, None, "fro", 3, 2.5, np.inf, -np.inf, -1, 0.5)
MODES = ("edge", "reflect", "symmetric", "wrap")

COMPOSITIONS = [
    Composition(ag.ravel, calls("2x3", "0-d", "0x3")),
    Composition(
        ag.swapaxes, calls((Real(2, 3, 4), 0, 2), (Real(2, 3, 4), -1, 1), (Real(2, 3), 0, 0))
    ),
    Composition(
        ag.moveaxis,
        calls(
            *((Real(2, 3, 4), 0, 2), (Real(2, 3, 4), -1, 0), (Real(2, 3, 4), (0, 1), (-1, 0))),
            *((Real(2, 3, 4), [2, 0], [0, 1]), (Real(2, 0), 0, 1)),
        ),
    ),
    Composition(
        ag.expand_dims,
        calls(*((Real(2, 3), a) for a in (0, 1, -1, (0, 3), (-1, 0))), (Real(), 0)),
    ),
    Composition(
        ag.squeeze,
        calls("1x3x1", *((Real(1, 3, 1), a) for a in (0, -1, (0, 2), ())), "2x3", "1x1"),
    ),
    Composition(ag.atleast_1d, calls("0-d", "3", "2x3")),
    Composition(ag.atleast_2d, calls("0-d", "3", "2x3", "0")),
    Composition(ag.atleast_3d, calls("0-d", "3", "2x3", "2x1x3")),
    Composition(
        ag.rot90,
        calls(
            *((Real(2, 3), k) for k in range(-2, 6)),
            *((Real(2, 3, 4), k, axes) for k in (1, 2, 3) for axes in ((1, 0), (0, 2), (-1, 1))),
        ),
    ),
    Composition(
        ag.repeat,
        calls(
            *((Real(2, 3), 2), (Real(2, 3), 3, 0), (Real(2, 3), 2, -1), (Real(2, 3), 0, 1)),
            *((Real(2, 3), [1, 0, 2], 1), (Real(2, 3), np.array([2, 1]), 0), (Real(), 3)),
            *((Real(2, 3), [2], 1), (Real(2, 3), [1, 0, 2, 1, 1, 3]), (Real(0, 3), 2, 0)),
        ),
    ),
    Composition(
        ag.tile,
        calls(
            *((Real(2, 3), reps) for reps in (2, (2, 3), (1, 1), (2, 1, 3), (0, 1), [3])),
            *((Real(), 3), (Real(3), (2, 2)), (Real(2, 1, 3), (2, 3)), (Real(0, 3), 2)),
        ),
    ),
    *(
        Composition(
            ag.pad,
            calls(
                *((Real(3, 4), width, mode) for width in (1, (2, 1), ((1, 0), (2, 3)), 0)),
                *((Real(3), 7, mode), (Real(1), (2, 3), mode), (Real(2), (3, 0), mode)),
                *((Real(4), (4, 9), mode), (Real(2, 0), ((1, 2), (0, 0)), mode)),
            ),
            name=f"pad {mode}",
        )
        for mode in MODES
    ),
    Composition(ag.pad, calls((Real(2, 3), 1, "constant"), (Real(2), (1, 0))), name="pad constant"),
    sequences(
        "concatenate",
        calls(
            *("2x3, 1x3", "3", (Real(2, 3), Real(2, 2), {"axis": -1})),
            (Real(2, 3), Real(4), Real(), {"axis": None}),
        ),
    ),
    sequences("stack", calls("2x3, 2x3", "0-d, 0-d", (Real(2), Real(2), {"axis": -1}))),
    sequences("hstack", calls("2, 3", "0-d, 2", "2x1, 2x3", "2x1x2, 2x3x2")),
    sequences("vstack", calls("3, 3", "2x3, 3", "0-d, 0-d", "1x2x2, 3x2x2")),
    sequences("hstack", calls((Real(2), 1.5), (2, Real(3)))),
    sequences("column_stack", calls("3, 3", "2x3, 2", "2x1, 2x3", "0-d, 0-d", "1x2x2, 1x3x2")),
    Composition(
        ag.append,
        calls(
            *("3, 2", "2x3, 4", "0-d, 0-d", (Real(2, 3), 1.5), (Real(2, 3), Real(1, 3), 0)),
            (Real(2, 3), Real(2, 0), -1),
        ),
    ),
    *(
        Composition(
            getattr(ag, name),
            calls(*((Real(*s), cuts) for s in shapes for cuts in (2, [1, 3], [0, 1, 1]))),
            lambda x, cuts, name=name: tuple(getattr(np, name)(x, cuts)),  # type: ignore[misc]
            name,
        )
        for name, shapes in (
            ("hsplit", ((4,), (2, 4), (3, 2, 2))),
            ("vsplit", ((4, 2), (2, 1, 3))),
            ("dsplit", ((2, 1, 4), (1, 2, 2, 3))),
        )
    ),
    *(Composition(f, calls("2x3", "0-d", "0x3")) for f in (ag.real, ag.conj, ag.conjugate)),
    Composition(ag.flipud, calls("3", "2x3", "0x2", "2x3x2")),
    Composition(ag.fliplr, calls("2x3", "2x0", "2x3x2")),
    Composition(
        ag.diff,
        calls(
            *("5", "2x4", "1", "3x0", (Real(5, 3), 2, 0), (Real(2, 4), 0), (Real(2, 3), 5)),
            *((Real(4), 3), (Real(3), 1, -1, 0.5), (Real(3), 2, 0, Real(2), Real(1))),
            (Real(3), 0, 0, 0.5),
            *((Real(2, 3), 1, 0, Real(), 1.5), (Real(2, 3), 1, 1, Real(2, 2), Real(2, 1))),
        ),
    ),
    Composition(
        ag.array_split,
        calls(
            *((Real(7), n) for n in (1, 2, 3, 7, 9)),
            *((Real(2, 5), 2, 1), (Real(5, 2), [1, 3], 0), (Real(2, 5), 3, -1), (Real(0, 2), 2)),
            (Real(5), np.array([1, 3])),
        ),
        lambda *args: tuple(np.array_split(*args)),
        "array_split",
    ),
    *(
        Composition(
            function,
            calls(*((Real(*s), k) for s in ((3, 4), (2, 3, 3), (4, 2)) for k in (-2, 0, 1)), "0x3"),
        )
        for function in (ag.tril, ag.triu)
    ),
    Composition(ag.diag, calls(*((Real(*s), k) for s in ((3,), (3, 4), (0,)) for k in (-1, 0, 2)))),
    *(
        Composition(
            function,
            calls(
                *((Real(3, 4), k) for k in (-3, -1, 0, 2, 4)),
                *((Real(2, 3, 4), 0, 1, 2), (Real(2, 3, 4), 1, 2, 0), (Real(2, 3, 4), -1, -1, 0)),
                (Real(0, 3),),
            ),
        )
        for function in (ag.diagonal, ag.trace)
    ),
    Composition(
        ag.take,
        calls(
            *((Real(3, 4), 1), (Real(3, 4), PLACES), (Real(3, 4), [0, 0, -1], 1)),
            *((Real(3, 4), ROWS, 0), (Real(3, 4), PLACES, -1), (Real(3, 4), 2, 1)),
            (Real(3, 4), np.zeros(0, int), 0),
        ),
    ),
    Composition(
        ag.take_along_axis,
        calls(
            *((Real(3, 4), ALONG_0, 0), (Real(3, 4), ALONG_1, 1), (Real(3, 4), ALONG_1, -1)),
            *((Real(3, 4), np.array([[1, 1, 3]]), 1), (Real(1, 4), ALONG_1, 1)),
            *((Real(3, 4), np.array([5, 0, 5]), None), (Real(0, 3), np.zeros((0, 2), int), 1)),
        ),
    ),
    Composition(
        ag.put_along_axis,
        calls(
            *((Real(3, 4), ALONG_0, Real(2, 4), 0), (Real(3, 4), ALONG_1, Real(3, 3), 1)),
            *((Real(3, 4), ALONG_1, Real(3, 1), -1), (Real(3, 4), np.array([5, 0, 5]), 0.5, None)),
        ),
        put,
    ),
    Composition(
        ag.sort,
        calls(
            *((Real(3, 4), axis) for axis in (0, 1, -1, None)),
            *((Real(5),), (Real(1),), (Real(0, 3), 0), (Real(2, 3, 2), -2)),
        ),
    ),
    Composition(ag.median, reductions()),
    *(
        Composition(
            ag.norm,
            calls(
                *((Real(2, 3), ord, axis) for axis in (None, 0, (0, 1))),
                *((Real(2, 3), ord, 1, True), (Real(3), ord), (Real(2, 3, 2), ord, (0, -1), True)),
                avoid=(0,),
            ),
            vector_norm,
            f"norm {ord}",
        )
        for ord in ORDERS
    ),
]

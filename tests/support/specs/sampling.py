"""What the rows of specs.py are made of: placeholders for arrays, and families of samples.

All arguments of a sample are drawn together, so that no two of their numbers, and none of them and
a point to avoid, come within the reach of a finite difference: no sample lies on a kink.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from math import ceil, floor, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Shape = tuple[int, ...]
Interval = tuple[float, float]


@dataclass(frozen=True)
class Sample:
    """The arguments of one call. An array that stands there twice is one tensor, given twice."""

    name: str
    args: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)


Samples = Callable[[np.random.Generator], Iterable[Sample]]


# --- placeholders, and the numbers that take their place -----------------------------------------


class Real(tuple[int, ...]):
    """Stands for an array of float64 of this shape."""

    def __new__(cls, *shape: int) -> Real:
        return super().__new__(cls, shape)


@dataclass(frozen=True)
class Made:
    """Stands for what `make` returns: a matrix of a special kind, a mask, a permutation."""

    name: str
    make: Callable[[np.random.Generator], Any]


SAME = object()  # stands for the array before it

# Two elements may each move by the first step of a central difference: see numerical.py.
_LEAST_GAP = 0.025


def reals(
    rng: np.random.Generator,
    *shapes: Shape,
    domain: Interval = (-2, 2),
    avoid: Sequence[float] = (),
) -> list[Array]:
    """One array of each shape, numbers of the domain well apart from each other and from `avoid`.

    The domain is cut into as many cells as there are numbers, and two more for each point to avoid,
    of which the two nearest to it stay empty. A number lies in the inner half of its cell.
    """
    sizes = [prod(shape) for shape in shapes]
    cells = sum(sizes) + 2 * len(avoid)
    width = (domain[1] - domain[0]) / max(cells, 1)
    if width / 2 < _LEAST_GAP:
        raise ValueError(f"{cells} numbers of {domain} come too close; take smaller shapes")
    centres = domain[0] + width * (np.arange(cells) + 0.5)
    for point in avoid:
        centres = centres[np.argsort(np.abs(centres - point))[2:]]
    values = rng.permutation(centres) + width * rng.uniform(-0.25, 0.25, len(centres))
    parts = np.split(values, np.cumsum(sizes))[:-1]
    return [part.reshape(shape) for part, shape in zip(parts, shapes, strict=True)]


def integers(domain: Interval, avoid: Sequence[float] = ()) -> list[int]:
    """The integers of the domain that need not be avoided."""
    return [i for i in range(ceil(domain[0]), floor(domain[1]) + 1) if i not in avoid]


# --- families of samples -------------------------------------------------------------------------


def calls(
    *templates: str | tuple[Any, ...], domain: Interval = (-2, 2), avoid: Sequence[float] = ()
) -> Samples:
    """One sample for each tuple of arguments; a dict at its end holds keyword arguments.

    Where all are arrays of numbers, a text may stand for the tuple: "2x3, 3, 0-d, same".
    """

    def samples(rng: np.random.Generator) -> Iterable[Sample]:
        for template in map(_parsed, templates):
            *given, options = template if isinstance(template[-1], dict) else (*template, {})
            shapes = [a for a in given if isinstance(a, Real)]
            arrays = iter(reals(rng, *shapes, domain=domain, avoid=avoid))
            args: list[Any] = []
            for a in given:
                if isinstance(a, Real):
                    args.append(next(arrays))
                elif isinstance(a, Made):
                    args.append(a.make(rng))
                else:
                    args.append(args[-1] if a is SAME else a)
            words = [*map(_word, given), *(f"{k}={v}" for k, v in options.items())]
            yield Sample(", ".join(words), tuple(args), options)

    return samples


def _parsed(template: str | tuple[Any, ...]) -> tuple[Any, ...]:
    if not isinstance(template, str):
        return template
    special = {"same": SAME, "0-d": Real()}
    words = template.split(", ")
    return tuple(special[w] if w in special else Real(*map(int, w.split("x"))) for w in words)


def _word(a: Any) -> str:
    if isinstance(a, Real):
        return "x".join(map(str, a)) or "0-d"
    if isinstance(a, Made):
        return a.name
    if isinstance(a, type):
        return a.__name__
    return "same" if a is SAME else str(a).replace("\n", "")


def unary(domain: Interval = (-2, 2), avoid: Sequence[float] = ()) -> Samples:
    """An elementwise function of one argument."""
    return calls("3x4", "0-d", "1", "2x1x3", "0", "2x0x3", domain=domain, avoid=avoid)


_PAIRS = (
    *("3x4, 3x4", "3x4, 4", "1x4, 3x1", "2x1x3, 4x1", "3, 0-d", "0-d, 2x2", "0-d, 0-d"),
    *("1, 1x1", "0x3, 3", "2x1, 2x0", "3, same"),
)


def binary(
    domain: Interval = (-2, 2),
    second: Interval | None = None,
    avoid: Sequence[float] = (),
    twice: bool = True,
) -> Samples:
    """An elementwise function of two arguments that broadcast.

    Args:
        domain: of both arguments, or of the first alone where `second` is that of the second.
        avoid: numbers that neither argument comes near.
        twice: whether f(x, x) is differentiable.
    """
    pairs = [pair for pair in _PAIRS if twice or pair != "3, same"]

    def samples(rng: np.random.Generator) -> Iterable[Sample]:
        for sample in calls(*pairs, domain=domain, avoid=avoid)(rng):
            x, y = sample.args
            if second is not None and y is not x:
                (y,) = reals(rng, y.shape, domain=second, avoid=avoid)
            yield Sample(sample.name, (x, y))
        # Constants beside a float, on either side; with a kink where the two tie, it is far.
        for position, (ours, theirs) in enumerate([(domain, second), (second, domain)]):
            ours, theirs = ours or domain, theirs or domain
            whole = integers(theirs, avoid)
            (x,) = reals(rng, (3, 2), domain=ours, avoid=(*avoid, *whole))
            constants = {"int64": rng.choice(whole, (3, 1)), "Python int": int(rng.choice(whole))}
            (inexact,) = reals(rng, (1,), domain=theirs, avoid=(*avoid, *x.ravel()))
            constants["Python float"] = float(inexact[0])
            for name, constant in constants.items():
                args = (constant, x) if position else (x, constant)
                yield Sample(f"{name}, 3x2" if position else f"3x2, {name}", args)

    return samples


def reductions(
    domain: Interval = (-2, 2),
    avoid: Sequence[float] = (),
    tuples: bool = True,
    keepdims: bool = True,
    empty: bool = False,
    **options: Any,
) -> Samples:
    """A function along axes: each axis, each tuple of axes, with and without keepdims.

    Args:
        tuples, keepdims: whether the function takes these.
        empty: whether it takes an axis of no elements.
        options: more keyword arguments, for each call.
    """
    axes: list[Any] = [None, 0, 1, 2, -1]
    if tuples:
        axes += [(), *combinations(range(3), 2), (0, 1, 2), (-1, 0)]
    cases = [(Real(2, 3, 2), axis, keep) for axis in axes for keep in (False, True)]
    others: dict[Real, list[Any]] = {
        Real(): [None, ()],
        Real(1): [0],
        Real(3, 1): [0, -1, (0, 1)],
        Real(0, 3): [1, 0, None] if empty else [1],
    }
    for shape, some in others.items():
        cases += [(shape, axis, False) for axis in some if tuples or not isinstance(axis, tuple)]
    return calls(
        (Real(2, 3), 1, options),
        *(
            (shape, {"axis": axis, **({"keepdims": True} if keep else {}), **options})
            for shape, axis, keep in cases
            if keepdims or not keep
        ),
        domain=domain,
        avoid=avoid,
    )

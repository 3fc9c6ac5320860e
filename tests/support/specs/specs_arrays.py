"""Rows of the primitives that reduce, rearrange, join, index and sort; see specs.py."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from itertools import permutations
from typing import Any

import numpy as np
from support.specs.sampling import Array, Made, Real, Sample, Samples, calls, reductions, unary
from support.specs.specs import Spec

from autograd import ops
from autograd.ops.reductions import cumulative


def together(*families: Samples) -> Samples:
    """The samples of all of them."""

    def samples(rng: np.random.Generator) -> Iterable[Sample]:
        for family in families:
            yield from family(rng)

    return samples


def with_zeros(*shape: int, zeros: int) -> Made:
    """An array of which so many elements, anywhere, are zero."""

    def make(rng: np.random.Generator) -> Array:
        x = rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape)
        x.flat[rng.permutation(x.size)[:zeros]] = 0
        return x

    return Made(f"{'x'.join(map(str, shape))} with {zeros} zeros", make)


RUNNING = together(
    reductions(tuples=False, keepdims=False, empty=True),
    calls((Real(5),), (Real(2, 3),), (Real(2, 3), -2), (Real(2, 0), {"axis": 1})),
)
SOME_ZERO = calls(
    *[(with_zeros(4, zeros=n),) for n in (1, 2, 3)],
    *[(with_zeros(3, 4, zeros=n), axis) for n in (1, 4, 8) for axis in (None, 0, 1)],
)
# Over two axes and more, which cumprod does not take.
SOME_ZERO_IN_A_PLANE = calls(
    *[(with_zeros(2, 3, 2, zeros=n), (0, -1), {"keepdims": True}) for n in (1, 3, 6)]
)
SOME_FALSE = calls(
    *[(with_zeros(2, 3, 2, zeros=n), axis) for n in (1, 6, 12) for axis in (None, 0, (0, 2))]
)


def _recurrence(a: Array, b: Array, axis: int = -1) -> Array:
    y = np.zeros_like(b)
    factors, terms, lines = (np.moveaxis(array, axis, -1) for array in (a, b, y))
    for index in np.ndindex(lines.shape):
        *line, k = index
        before = lines[(*line, k - 1)] if k else 0
        lines[index] = factors[index] * before + terms[index]
    return y


def _p_norm(x: Array, p: float, axis: Any = None, keepdims: bool = False) -> Array:
    return np.asarray(np.sum(np.abs(x) ** p, axis, keepdims=keepdims) ** (1 / p))


def _euclidean_norm(x: Array, axis: Any = None, keepdims: bool = False) -> Array:
    return np.asarray(np.sqrt(np.sum(x * x, axis, keepdims=keepdims)))


def _lengths(x: Array, axis: Any) -> int:
    """How many elements lie along the axes, at least 1."""
    axes = range(x.ndim) if axis is None else np.atleast_1d(np.array(axis, int))
    return max(math.prod(x.shape[a] for a in axes), 1)


ALIKE = 2 + np.arange(12).reshape(3, 4) % 5 / 5
_SQUARES = [(a, np.sum(ALIKE * ALIKE, a, keepdims=True)) for a in (None, (0, 1), 0, 1)]


def _running_products_of_others(g: Array, x: Array, *along: Array, axis: int = -1) -> Array:
    """Of the product of each element and all before it on its own."""
    lines = [np.moveaxis(a, axis, -1) for a in (g, x, *along)]
    out = np.zeros_like(lines[1])
    for k in range(out.shape[-1]):
        first = [a[..., : k + 1] for a in lines[1:]]
        out[..., : k + 1] += _products_of_others(lines[0][..., k : k + 1], *first, axis=-1)
    return np.moveaxis(out, -1, axis)


def _running_mixed_product(x: Array, *along: Array, axis: int = -1) -> Array:
    """By the products of the first k elements, for each k."""
    x, *along = (np.moveaxis(a, axis, -1) for a in (x, *along))
    out = np.zeros_like(x)
    for k in range(x.shape[-1]):
        first = [a[..., : k + 1] for a in (x, *along[:-1])]
        others = _products_of_others(np.ones((), x.dtype), *first, axis=-1)
        out[..., k] = np.sum(along[-1][..., : k + 1] * others, axis=-1)
    return np.moveaxis(out, -1, axis)


def _products_of_others(g: Array, x: Array, *along: Array, axis: Any = None) -> Array:
    """By all ways to choose a place for each of `along`, and one that is left out."""
    axes = tuple(range(x.ndim)) if axis is None else np.atleast_1d(np.array(axis, int)).tolist()
    kept = x.ndim - len(axes)
    lines = [np.moveaxis(a, axes, range(kept, x.ndim)) for a in (x, *along)]
    shape = lines[0].shape
    lines = [a.reshape(*shape[:kept], math.prod(shape[kept:])) for a in lines]
    out = np.zeros_like(lines[0])
    n = out.shape[-1]
    for places in permutations(range(n), len(along) + 1):
        left = [i for i in range(n) if i not in places]
        terms = [a[..., k] for a, k in zip(lines[1:], places[1:], strict=True)]
        out[..., places[0]] += np.prod([lines[0][..., left].prod(-1), *terms], axis=0)
    return np.asarray(g * np.moveaxis(out.reshape(shape), range(kept, x.ndim), axes))


def _sequence(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function of a sequence as one of its elements."""
    return lambda *arrays, **options: function(arrays, **options)


def _as_tuple(x: Array, cuts: Any, axis: int = 0) -> tuple[Array, ...]:
    return tuple(np.split(x, cuts, axis))


ROWS = np.array([2, 0, 2, 2])
MASK = np.arange(12).reshape(3, 4) % 5 < 2
GRID = (np.array([[0, 2], [0, 1]]), np.array([3, 1]))
# x, an index, and what is written or added there.
WRITES = calls(
    *((Real(3, 4), 1, Real(4)), (Real(3, 4), (slice(None), 1), Real(3)), (Real(), (), Real())),
    *((Real(3, 4), ..., Real(4)), (Real(3, 4), (None, 1), Real(1, 1)), (Real(3), -1, Real())),
    *((Real(3, 4), (slice(None, None, 2), slice(3, 0, -2)), Real(2, 2)), (Real(3), 1, 1.5)),
    *((Real(3, 4), MASK, Real(int(MASK.sum()))), (Real(3, 4), MASK, Real()), (Real(4), [1], 2)),
    *((Real(3, 4), (MASK[:, 0], 1), Real(int(MASK[:, 0].sum()))), (Real(0, 3), (..., 1), Real(0))),
    # Repeated: rows 2 and 0 of ROWS, the place (0, 3) of the grid.
    *((Real(3, 4), ROWS, Real(4, 4)), (Real(3, 4), ROWS, Real(4, 1)), (Real(3, 4), ROWS, Real())),
    *((Real(3, 4), (slice(None), ROWS), Real(3, 4)), (Real(3, 4), GRID, Real(2, 2))),
    *(
        (Real(3, 4), GRID, Real(2)),
        (Real(3), [1, 1], np.array([3, 4])),
        (Real(9), np.array([1, 1]), Real(2)),
    ),
    (Real(2, 3, 4), (0, ..., None, [0, 0]), Real(2, 3, 1)),
    (np.array([1, 2, 3]), [0, 2], Real(2)),
)


def _added(x: Array, index: Any, y: Any) -> Array:
    out = np.array(x, np.result_type(x, y))
    np.add.at(out, index, y)
    return out


def _updated(x: Array, index: Any, y: Any) -> Array:
    """One element after the other, as a loop would write them."""
    out = np.array(x, np.result_type(x, y))
    places = np.arange(out.size).reshape(out.shape)[index]
    values = np.broadcast_to(y, np.shape(places))
    for where in np.ndindex(np.shape(places)):
        out.flat[np.asarray(places)[where]] = values[where]
    return out


def _less_mean(x: Any, axis: Any) -> Any:
    return x - np.sum(x, axis, keepdims=True) / _lengths(x, axis)


def _unit_deviations(x: Any, axis: Any) -> Any:
    return _less_mean(x, axis) / np.sqrt(np.sum(_less_mean(x, axis) ** 2, axis, keepdims=True))


SPECS = [
    # reductions
    Spec(ops.all, together(reductions(empty=True), SOME_FALSE)),
    Spec(ops.any, together(reductions(empty=True), SOME_FALSE)),
    Spec(ops.count_nonzero, together(reductions(empty=True), SOME_FALSE)),
    Spec(ops.min, reductions()),
    Spec(ops.argmin, reductions(tuples=False)),
    Spec(
        ops.prod,
        together(reductions(empty=True), SOME_ZERO, SOME_ZERO_IN_A_PLANE),
    ),
    Spec(
        ops.var,
        together(
            reductions(),
            calls(*[(Real(3, 4), {"axis": axis, "ddof": 1}) for axis in (None, 0, (0, 1))]),
            calls((Real(3, 4), 1, 0.5, True)),
        ),
        reference=lambda x, axis=None, ddof=0, keepdims=False: np.var(
            x, axis, ddof=ddof, keepdims=keepdims
        ),
    ),
    Spec(
        ops.std,
        together(
            reductions(),
            calls(*[(Real(3, 4), {"axis": axis, "ddof": 1}) for axis in (None, 0, (0, 1))]),
            calls((Real(3, 4), 1, 0.5, True)),
        ),
        reference=lambda x, axis=None, ddof=0, keepdims=False: np.std(
            x, axis, ddof=ddof, keepdims=keepdims
        ),
    ),
    Spec(
        ops.deviations,
        reductions(keepdims=False, empty=True),
        reference=lambda x, axis=None: x - np.sum(x, axis, keepdims=True) / _lengths(x, axis),
    ),
    Spec(
        ops.unit_deviations,
        calls(*[(Real(3, 4), {"axis": axis}) for axis in (None, 0, (0, 1))], (Real(0, 3), 1)),
        reference=lambda x, axis=None: _unit_deviations(x, axis),
    ),
    Spec(
        ops.residuals,
        calls(
            *[(Real(3, 4), Real(3, 4), {"axis": axis}) for axis in (None, 1, (0, 1))],
            (Real(0, 3), Real(0, 3), 1),
        ),
        reference=lambda y, x, axis=None: (
            _less_mean(y, axis)
            - _unit_deviations(x, axis) * np.sum(_unit_deviations(x, axis) * y, axis, keepdims=True)
        ),
    ),
    Spec(ops.euclidean_norm, reductions(avoid=(0,)), reference=_euclidean_norm),
    Spec(
        ops.unit,
        calls(
            *[(Real(2, 3), p, axis) for p in (2, 4, 3, 2.5, 1.5, 0.5, -1) for axis in (None, 1)],
            *((Real(2, 3), 2, (0, 1)), (Real(), 3), (Real(2), 3, ()), (Real(0, 3), 3, 1)),
            avoid=(0,),
        ),
        reference=lambda x, p, axis=None: x / _p_norm(x, p, axis, True),
    ),
    Spec(ops.kinked, unary(avoid=(0,)), reference=lambda x: x),
    Spec(
        ops.less_share,  # where no place outweighs the others
        calls(
            *[(Real(3, 4), ALIKE / size, ALIKE, axis) for axis, size in _SQUARES],
            (Real(0, 3), Real(0, 3), Real(0, 3), 1),
        ),
        reference=lambda y, a, b, axis=None: y - a * np.sum(b * y, axis, keepdims=True),
    ),
    Spec(
        ops.p_norm,
        calls(
            *[(Real(2, 3), p, axis) for p in (4, 3, 2.5, 1.5, 0.5, -1, -2) for axis in (None, 1)],
            *[(Real(2, 3), 3, axis, True) for axis in (0, (0, 1), ())],
            *((Real(), 3), (Real(0, 3), 3, 1)),
            avoid=(0,),
        ),
        reference=_p_norm,
    ),
    Spec(
        ops.products_of_others,
        calls(
            *[
                (Real(*kept), Real(2, 3), {"axis": axis})
                for kept, axis in (((1, 1), None), ((1, 3), 0), ((2, 1), 1), ((1, 1), (0, 1)))
            ],
            *((Real(2, 3), Real(2, 3), {"axis": ()}), (Real(), Real(), Real()), (Real(1), Real(0))),
            *[(Real(1), with_zeros(4, zeros=n), Real(4)) for n in (1, 2, 3)],
            (Real(2, 1), Real(2, 3), Real(2, 3), Real(2, 3), {"axis": 1}),
            (Real(1, 4), with_zeros(3, 4, zeros=5), Real(3, 4), Real(3, 4), {"axis": 0}),
        ),
        reference=_products_of_others,
    ),
    Spec(
        ops.mixed_product,
        calls(
            *[(Real(2, 3), Real(2, 3), {"axis": axis}) for axis in (None, 0, 1, (0, 1), ())],
            *[(with_zeros(4, zeros=n), Real(4), Real(4)) for n in (1, 2, 3)],
            *((Real(2, 3), Real(2, 3), Real(2, 3), {"axis": 1}), (Real(), Real())),
            (Real(0), Real(0)),
        ),
        reference=lambda x, *along, axis=None: np.sum(
            along[-1] * _products_of_others(np.ones((), x.dtype), x, *along[:-1], axis=axis), axis
        ),
    ),
    Spec(
        cumulative.running_mixed_product,
        calls(
            *[(Real(2, 3), Real(2, 3), {"axis": axis}) for axis in (0, 1, -1)],
            *[(with_zeros(4, zeros=n), Real(4), Real(4)) for n in (1, 2, 3)],
            (Real(0), Real(0)),
        ),
        reference=_running_mixed_product,
    ),
    Spec(
        cumulative.running_products_of_others,
        calls(
            *[(Real(2, 3), Real(2, 3), {"axis": axis}) for axis in (0, 1, -1)],
            *[(Real(4), with_zeros(4, zeros=n), Real(4)) for n in (1, 2, 3)],
            *((Real(3, 2), Real(3, 2), Real(3, 2), Real(3, 2), {"axis": 0}), (Real(0), Real(0))),
        ),
        reference=_running_products_of_others,
    ),
    # running sums and products
    Spec(ops.cumsum, RUNNING),
    Spec(ops.cumprod, together(RUNNING, SOME_ZERO)),
    Spec(
        ops.linear_recurrence,
        together(
            calls("5, 5", "3x4, 3x4", "1, 1", "0, 0", "2x0, 2x0", "1x4, 1x4", "4, same"),
            calls(*[(Real(2, 3, 2), Real(2, 3, 2), {"axis": axis}) for axis in (0, 1, -1)]),
            calls((with_zeros(2, 4, zeros=3), Real(2, 4)), (with_zeros(4, zeros=2), Real(4))),
        ),
        reference=_recurrence,
    ),
    # shape
    Spec(
        ops.flip,
        together(unary(), calls(*[(Real(2, 3, 2), axis) for axis in (0, -1, (0, 2), (), None)])),
    ),
    Spec(
        ops.roll,
        calls(
            *((Real(3, 4), 1), (Real(3, 4), -5), (Real(3, 4), 2, 1), (Real(3, 4), -1, {"axis": 0})),
            *((Real(3, 4), (1, 2), (0, 1)), (Real(3, 4), (1, 2), (1, 1)), (Real(3, 4), 1, (0, 1))),
            *((Real(0, 3), 1, 0), (Real(3), 0)),
        ),
    ),
    # joining
    Spec(
        ops.concatenate_all,
        calls(
            *("2x3, 1x3, 4x3", "2, 3, same", "2x3", "0x3, 2x3"),
            *((Real(2, 3), Real(2, 1), {"axis": axis}) for axis in (1, -1)),
            (Real(2, 3), np.array([[1, 2, 3]])),
            (Real(2, 1, 3), Real(2, 2, 3), Real(2, 0, 3), {"axis": -2}),
            (Real(1, 3), Real(2, 3), {"starts": (0, 1, 3)}),
        ),
        reference=lambda *arrays, axis=0, starts=None: np.concatenate(arrays, axis),
    ),
    Spec(
        ops.stack_all,
        calls(
            *("2x3, 2x3, 2x3", "3, same", "2x3", "0-d, 0-d", "0x3, 0x3"),
            *((Real(2, 3), Real(2, 3), {"axis": axis}) for axis in (1, 2, -1, -2)),
            (Real(2, 3), np.array([[1, 2, 3], [4, 5, 6]])),
        ),
        reference=_sequence(np.stack),
    ),
    Spec(
        ops.split,
        calls(
            *((Real(6), 3), (Real(6), 1), (Real(4, 3), 2), (Real(2, 6), 3, 1), (Real(0, 3), 2)),
            *((Real(6), [1, 4]), (Real(6), []), (Real(6), [2, 2, 9]), (Real(6), (-4, -1))),
            *((Real(2, 5), [0, 2], {"axis": -1}), (Real(2, 5), np.array([1, 3]), 1)),
        ),
        reference=_as_tuple,
    ),
    # indexing
    Spec(ops.index_add, WRITES, reference=_added),
    Spec(ops.index_update, WRITES, reference=_updated),
    Spec(
        ops.nonzero,
        calls(*((with_zeros(3, 4, zeros=n),) for n in (0, 5, 12)), "5", "0x3"),
    ),
    Spec(
        ops.argsort,
        together(
            reductions(tuples=False, keepdims=False, empty=True), calls((Real(3, 4),), (Real(5),))
        ),
    ),
]

"""One row per primitive: on what to try it. Its tests are generated in test_specs.py.

To add a primitive, add a row. Most need one line (the families are in sampling.py):

    Spec(ops.tanh, unary())
    Spec(ops.log1p, unary(domain=(-0.5, 2)))
    Spec(ops.hypot, binary(avoid=(0,)))
    Spec(ops.var, reductions())
    Spec(ops.clip, calls((Real(3, 4), -1, 1), avoid=(-1, 1)))
    Spec(ops.solve, calls("3x3, 3", "2x3x3, 3x2"), reference=np.linalg.solve)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from support.specs.sampling import (
    Array,
    Made,
    Real,
    Sample,
    Samples,
    Shape,
    calls,
    reals,
    reductions,
    unary,
)
from support.streams import generator

from autograd import ops
from autograd.engine.primitives import Primitive
from autograd.ops.declaring import linear_in_first, on_arrays, transposed
from autograd.ops.reductions import reduction


@dataclass(frozen=True)
class Spec:
    """How to test one primitive.

    Args:
        op: the primitive. Differentiated are its floating arrays that have a rule.
        samples: what to call it on, in float64; other dtypes and layouts are made from these.
        reference: the same function, written by others or without care for speed; by default
            NumPy's of that name.
    """

    op: Primitive
    samples: Samples
    reference: Callable[..., Any] | None = None

    def draw(self) -> list[Sample]:
        """The samples, the same at each call. Their arrays are read-only: no op writes to them."""
        samples = list(self.samples(generator(self.op.name)))
        for sample in samples:
            for array in sample.args:
                if isinstance(array, np.ndarray):
                    array.flags.writeable = False
        return samples

    def expected(self, *args: Any, **options: Any) -> Any:
        """What the op should give."""
        return (self.reference or getattr(np, self.op.name))(*args, **options)


# --- samples and references of single rows -------------------------------------------------------


class Alike:
    """Three processes that all hold the same; how others add up is asked in test_distributed."""

    def sum(self, array: Array) -> Array:
        return 3 * array

    def __repr__(self) -> str:
        return "three alike"


ALIKE = calls(*[(Real(*shape), {"group": Alike()}) for shape in ((), (3,), (2, 0), (2, 3, 4))])
MASK = Made("mask", lambda rng: rng.permutation(np.arange(12) % 2 == 0).reshape(3, 4))
ROWS = np.array([2, 0, 2, 2])  # row 2 is read three times


def _windows(x: Array, window: Shape, stride: Shape, dilation: Shape) -> Array:
    spans = tuple(d * (w - 1) + 1 for w, d in zip(window, dilation, strict=True))
    k = len(window)
    steps: Any = (..., *(slice(None, None, s) for s in (*stride, *dilation)))
    axes = tuple(range(x.ndim - k, x.ndim))
    return np.asarray(sliding_window_view(x, spans, axis=axes)[steps])


def _folded(g: Array, shape: Shape, window: Shape, stride: Shape, dilation: Shape) -> Array:
    places = _windows(np.arange(prod(shape)).reshape(shape), window, stride, dilation)
    return np.bincount(places.ravel(), g.ravel(), prod(shape)).reshape(shape).astype(g.dtype)


def _scattered(g: Array, index: Any, shape: Shape) -> Array:
    out = np.zeros(shape, g.dtype)
    np.add.at(out, index, g)
    return out


def _maxima_first(full: str) -> Samples:
    """Arguments (array, peak, x); the array has the shape of peak or of x. Maxima tie."""

    def samples(rng: np.random.Generator) -> Iterable[Sample]:
        cases: list[tuple[Shape, Any]] = [
            *[((2, 3, 4), axis) for axis in (0, 1, 2, (0, 1), (0, 2), (1, 2), (0, 1, 2))],
            *[((3, 20), axis) for axis in (0, 1, (0, 1))],  # 20 are past the ways for few
            *[((3, 1), 1), ((0, 3), 1), ((), ())],
        ]
        for shape, axis in cases:
            x = rng.integers(3, size=shape).astype(float)  # few values, so that they tie
            peak = np.asarray(x.max(axis=axis, keepdims=True))
            (array,) = reals(rng, x.shape if full == "x" else peak.shape)
            yield Sample(f"{'x'.join(map(str, shape)) or '0-d'}, {axis=}", (array, peak, x))

    return samples


def _first(peak: Array, x: Array) -> Array:
    """A mask of the first place, in row-major order, of each maximum."""
    out = np.zeros(x.shape, bool)
    seen = set()
    for index in np.ndindex(x.shape):
        line = tuple(i if n == m else 0 for i, n, m in zip(index, peak.shape, x.shape, strict=True))
        if line not in seen and x[index] == peak[line]:
            seen.add(line)
            out[index] = True
    return out


def _gathered_first(h: Array, peak: Array, x: Array) -> Array:
    axes = tuple(i for i, (n, m) in enumerate(zip(peak.shape, x.shape, strict=True)) if n != m)
    return np.asarray(np.where(_first(peak, x), h, np.zeros((), h.dtype)).sum(axes, keepdims=True))


WINDOWS = calls(
    (Real(7), (3,), (1,), (1,)),
    (Real(2, 4, 5), (2, 3), (1, 1), (1, 1)),
    (Real(2, 4, 6), (2, 3), (2, 3), (1, 1)),  # windows tile
    (Real(2, 5, 5), (2, 2), (2, 2), (1, 1)),  # and leave a rest
    (Real(1, 5, 6), (2, 2), (1, 3), (2, 3)),  # gaps between and within windows
    (Real(1, 3, 2), (1, 2), (2, 1), (1, 1)),
    (Real(0, 3, 3), (2, 2), (1, 1), (1, 1)),
)
FOLDS = calls(
    (Real(5, 3), (7,), (3,), (1,), (1,)),
    (Real(2, 2, 2, 2, 3), (2, 3, 4), (2, 3), (1, 1), (1, 1)),
    (Real(2, 2, 2, 2, 3), (2, 4, 6), (2, 3), (2, 3), (1, 1)),
    (Real(1, 2, 2, 2, 2), (1, 5, 5), (2, 2), (2, 2), (1, 1)),
    (Real(1, 3, 1, 2, 2), (1, 5, 6), (2, 2), (1, 3), (2, 3)),
    (Real(0, 2, 2, 2, 2), (0, 3, 3), (2, 2), (1, 1), (1, 1)),
)
INDEXED = (
    *((Real(3, 4), 1), (Real(3, 4), -1), (Real(3, 4), slice(None, None, -2)), (Real(3, 4), ...)),
    *((Real(3, 4), (slice(1, 3), None, 2)), (Real(3, 4), (..., slice(3, 0, -1))), (Real(), ())),
    *((Real(3, 4), ROWS), (Real(3, 4), (ROWS, slice(1, 3))), (Real(3, 4), MASK), (Real(4), [1, 1])),
    *((Real(3, 4), (np.array([[0, 2], [0, 1]]), np.array([3, 1]))), (Real(0, 3), (..., 1))),
    *((Real(3), slice(0, 0)), (Real(3, 4), np.int64(2)), (Real(2, 3, 4), (0, ..., None, [0, 0]))),
)


def _scatters(rng: np.random.Generator) -> Iterable[Sample]:
    for sample in calls(*INDEXED)(rng):
        x, index = sample.args
        (g,) = reals(rng, x[index].shape)
        yield Sample(sample.name, (g, index, x.shape))


class Rule:
    """One of two gradients, linear in them."""

    def __call__(self, g: Array, h: Array) -> Array:
        return np.asarray(2 * g - np.cumsum(h))

    def __repr__(self) -> str:
        return "a rule"


LINEAR = {"of": Rule(), "rule": on_arrays(Rule())}

SPECS: list[Spec] = [
    # rules on arrays
    Spec(
        linear_in_first,
        calls((Real(3), Real(3), {**LINEAR, "count": 2})),
        reference=lambda g, h, of, **_: of(g, h),
    ),
    Spec(
        transposed,
        calls((Real(3), {**LINEAR, "zeros": [np.zeros(3)] * 2, "position": 1})),
        reference=lambda t, **_: -np.cumsum(t[::-1], dtype=float)[::-1],  # as its zeros
    ),
    # indexing
    Spec(ops.getitem, calls(*INDEXED), reference=lambda x, index: x[index]),
    Spec(ops.scatter, _scatters, reference=_scattered),
    # linear algebra
    Spec(
        ops.matmul,
        calls(
            *("2x3, 3x4", "3, 3", "2x3, 3", "3, 3x2", "2x2x3, 3x2", "2x3, 2x3x2", "3, 2x3x2"),
            *("2x1x2x3, 3x3x1", "2x2x3, 3", "1x1, 1x3", "1x9, 9x2", "0x3, 3x2", "2x0, 0x3"),
            *("3, same", "3x3, same", "3x2x2, 3x2x1"),
            (Real(2, 3), np.eye(3, 2, 1, int)),
            (np.array([[1, 2], [3, 4]]), Real(2)),
        ),
    ),
    # reductions
    Spec(ops.sum, reductions(empty=True)),
    Spec(ops.mean, reductions()),
    Spec(
        reduction.shared,
        calls((Real(3), (2, 3), 0), (Real(1, 3), (2, 3), 0), (Real(), (2, 3))),
        reference=lambda g, shape, axis=None: np.broadcast_to(g, shape) * g.size / prod(shape),
    ),
    Spec(ops.max, reductions()),
    Spec(
        ops.sum_of_products,
        calls(
            *("2x3, 2x3", "0-d, 0-d", "2x3, same"),
            *((Real(2, 3), Real(2, 3), axis) for axis in (0, (-1,), (0, 1), ())),
            *((Real(0, 3), Real(0, 3), 0), (Real(3, 1), Real(3, 1), {"axis": 1})),
        ),
        reference=lambda x, y, axis=None: np.sum(x * y, axis),
    ),
    Spec(
        ops.sum_of_squares,
        reductions(keepdims=False, empty=True),
        reference=lambda x, axis=None: np.sum(x * x, axis),
    ),
    Spec(ops.argmax, reductions(tuples=False)),
    Spec(
        ops.scatter_first_max,
        _maxima_first("peak"),
        reference=lambda g, peak, x: np.where(_first(peak, x), g, np.zeros((), g.dtype)),
    ),
    Spec(ops.gather_first_max, _maxima_first("x"), reference=_gathered_first),
    # shape
    Spec(
        ops.reshape,
        calls(
            *((Real(2, 6), (3, 4)), (Real(2, 6), (4, -1)), (Real(2, 3), -1), (Real(2, 3), 6)),
            *((Real(), (1, 1)), (Real(1), ()), (Real(0, 3), (3, 0, 2)), (Real(2, 3), (2, 1, 3))),
        ),
    ),
    Spec(
        ops.transpose,
        calls(
            *((Real(2, 3, 4),), (Real(2, 3, 4), (1, 2, 0)), (Real(2, 3, 4), (-1, 0, -2))),
            *((Real(2, 3, 4), [1, 0, 2]), (Real(2, 3), None), (Real(),), (Real(0, 3),)),
        ),
    ),
    Spec(
        ops.broadcast_to,
        calls(
            *((Real(3), (2, 3)), (Real(2, 1, 3), (2, 4, 3)), (Real(), (2, 2)), (Real(1), (1, 1))),
            *((Real(1, 3), (0, 3)), (Real(2, 1), (3, 2, 1)), (Real(2, 3), (2, 3)), (Real(1), 4)),
        ),
    ),
    Spec(
        ops.pad_constant,
        calls(
            *((Real(2, 3), ((1, 0), (2, 3))), (Real(2, 3), 1), (Real(2, 3), (1, 2))),
            *((Real(3), 0), (Real(0, 2), 1), (Real(2, 3), 1, {"constant_values": -1.5})),
        ),
        reference=lambda x, widths, **value: np.pad(x, widths, **value),
    ),
    Spec(ops.ascontiguousarray, unary(), reference=np.array),
    Spec(ops.copy, unary()),
    Spec(
        ops.astype,
        calls((Real(2, 3), np.float64), (Real(), "float64"), (Real(0, 3), np.float64)),
        reference=lambda x, dtype: x.astype(dtype),
    ),
    # windows
    Spec(ops.allreduce, ALIKE, reference=lambda x, group: 3 * x),
    Spec(ops.sliding_windows, WINDOWS, reference=_windows),
    Spec(ops.fold_windows, FOLDS, reference=_folded),
]

# Families with a file of their own, which takes Spec from here.
from support.specs.specs_arrays import SPECS as ARRAYS  # noqa: E402
from support.specs.specs_elementwise import SPECS as ELEMENTWISE  # noqa: E402
from support.specs.specs_linalg import SPECS as LINALG  # noqa: E402
from support.specs.specs_winograd import SPECS as WINOGRAD  # noqa: E402

SPECS += [*ARRAYS, *ELEMENTWISE, *LINALG, *WINOGRAD]

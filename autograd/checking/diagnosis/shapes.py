"""A gradient of the wrong shape: what was forgotten, and whether it is right apart from that."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations
from typing import NamedTuple

import numpy as np

from autograd.checking.diagnosis.context import Context, described
from autograd.checking.diagnosis.evidence import Hypothesis, largest
from autograd.checking.diagnosis.quantities import axes_named
from autograd.engine.tensor import Array


class Repair(NamedTuple):
    """A way to the right shape, what it gives, and by how much that is off."""

    kind: str
    text: str
    values: Array
    error: float


def repaired(
    given: Array, expected: Array, limit: float, context: Context | None = None
) -> Repair | None:
    """The simplest way to bring `given` to the shape of `expected` that makes it right.

    Where none does, the simplest way at all; None where there is no way.
    """
    best: Repair | None = None
    for kind, text, values in _ways(given, expected, context):
        with np.errstate(all="ignore"):
            error = largest(values - expected)
        if error <= max(limit, 1e-12 * largest(expected)):
            return Repair(kind, text, values, error)
        if best is None:
            best = Repair(kind, text, values, error)
    return best


def shape_hypotheses(
    given: Array, expected: Array, limit: float, context: Context | None
) -> list[Hypothesis]:
    """What is known of a gradient of the wrong shape."""
    way = repaired(given, expected, limit, context)
    shapes = f"shape {given.shape} given, {expected.shape} expected"
    if way is None:
        return []
    if way.error <= limit:
        text = f"{way.text}; apart from that it is right"
        return [Hypothesis(way.kind, text, 0.0, f"{shapes}; {expected.size} numbers agree")]
    text = f"{way.text}; and it is wrong apart from that too"
    relative = way.error / largest(expected) if largest(expected) else float("inf")
    return [Hypothesis(way.kind, text, relative, shapes)]


def _ways(
    given: Array, expected: Array, context: Context | None
) -> Iterator[tuple[str, str, Array]]:
    shape = expected.shape
    if given.ndim == len(shape):
        for order in permutations(range(given.ndim)):
            if given.transpose(order).shape == shape:
                words = "it is transposed" if given.ndim == 2 else f"its axes need transpose{order}"
                yield "transposed", words, given.transpose(order)
    yield from _borders_left(given, shape)
    yield from _kept_axes(given, shape)
    yield from _forgotten_sums(given, shape)
    yield from _other_sums(given, expected, context)
    if given.size == expected.size:
        yield "shape", f"it needs reshape({shape})", given.reshape(shape)
        yield "shape", f"it needs .T.reshape({shape})", given.T.reshape(shape)
    yield from _summed_too_far(given, expected)


def _borders_left(given: Array, shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """The border that the forward padded, still on: as much on both sides of an axis."""
    if given.ndim != len(shape):
        return
    spare = [n - m for n, m in zip(given.shape, shape, strict=True)]
    if not any(spare) or min(spare) < 0 or any(n % 2 for n in spare):
        return
    axes = tuple(a for a, n in enumerate(spare) if n)
    if any(shape[a] == 1 for a in axes):
        return  # a sum that was forgotten
    inner = tuple(slice(n // 2, n // 2 + m) for n, m in zip(spare, shape, strict=True))
    widths = " and ".join(str(n) for n in sorted({n // 2 for n in spare if n}))
    words = f"the padding is left on {axes_named(axes)}: cut {widths} off at both ends"
    yield "padding", words, given[inner]


def _kept_axes(given: Array, shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    """Axes of length 1 too many or too few, the others in order."""
    long = tuple(n for n in given.shape if n != 1)
    if given.size == np.prod(shape, dtype=int) and long == tuple(n for n in shape if n != 1):
        if given.ndim > len(shape):
            words = "axes of length 1 are left over (keepdims): reshape or squeeze it"
        elif given.ndim < len(shape):
            words = "axes of length 1 are missing: reshape it, or sum with keepdims=True"
        else:
            words = "its axes of length 1 are elsewhere: reshape it"
        yield "shape", words, given.reshape(shape)


def _forgotten_sums(given: Array, shape: tuple[int, ...]) -> Iterator[tuple[str, str, Array]]:
    for count in range(1, given.ndim + 1):
        for axes in combinations(range(given.ndim), count):
            if all(given.shape[a] == 1 for a in axes):
                continue
            left = tuple(n for a, n in enumerate(given.shape) if a not in axes)
            kept = tuple(1 if a in axes else n for a, n in enumerate(given.shape))
            squeezed = tuple(n for n in left if n != 1) == tuple(n for n in shape if n != 1)
            if shape in (left, kept) or squeezed:
                words = f"it is not summed over {axes_named(axes)} of its shape {given.shape}"
                yield "not summed", words, given.sum(axis=axes).reshape(shape)


def _other_sums(
    given: Array, expected: Array, context: Context | None
) -> Iterator[tuple[str, str, Array]]:
    """The sum of a broadcast gradient over the wrong axes, which has another shape."""
    for use in context.uses if context is not None else ():
        assert context is not None
        raw = context.pulled(use)
        if raw is None or len(context.uses) > 1:
            continue
        for count in range(raw.ndim + 1):
            for axes in combinations(range(raw.ndim), count):
                total = raw.sum(axis=axes)
                # Sums that cancel, such as those of softmax over the classes, are only rounding.
                rounding = 1e-9 * largest(np.abs(raw).sum(axis=axes))
                if total.shape == given.shape and np.allclose(total, given, 1e-4, rounding):
                    over = axes_named(axes) if axes else "nothing"
                    words = f"it is summed over {over} of {described(use.record)}: the wrong axes"
                    yield "wrong axis", words, expected


def _summed_too_far(given: Array, expected: Array) -> Iterator[tuple[str, str, Array]]:
    shape = expected.shape
    for count in range(1, len(shape) + 1):
        for axes in combinations(range(len(shape)), count):
            kept = tuple(1 if a in axes else n for a, n in enumerate(shape))
            left = tuple(n for a, n in enumerate(shape) if a not in axes)
            if given.shape not in (kept, left):
                continue
            over = axes_named(axes)
            copies = np.broadcast_to(given.reshape(kept), shape)
            yield "shape", f"it is not spread over {over} of the tensor", copies
            total = expected.sum(axis=axes, keepdims=True)
            if np.allclose(total, given.reshape(kept), 1e-4, 1e-6 * largest(total)):
                words = f"it is summed over {over}, which must not be summed over"
                yield "wrong axis", words, expected

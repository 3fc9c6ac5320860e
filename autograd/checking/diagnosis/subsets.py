"""Right but on a subset: the simplest description of which elements are wrong."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from math import log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from autograd.checking.diagnosis.context import Context, described, summed_to
from autograd.checking.diagnosis.evidence import (
    ENOUGH_CHOICES,
    ONLY_WHERE,
    Candidate,
    Case,
    Hypothesis,
    fitted_factor,
    largest,
)
from autograd.engine.keeping import Dropped
from autograd.engine.tensor import Array

Mask = NDArray[np.bool_]

_NOT_KNOWN = "what is wrong there is not known"
_MOST_ARRAYS = 60
_MOST_WRONG = 0.75  # of all elements: what is wrong nearly everywhere is not a subset
_ENOUGH_FOR_PLACES = 1.3


def propose_subset(case: Case) -> None:
    """ "subset": the wrong elements are just those that a simple predicate names."""
    wrong = case.wrong
    count = int(np.count_nonzero(wrong))
    if not 0 < count <= _MOST_WRONG * np.count_nonzero(case.shown):
        return
    tried = 0
    for text, mask in _predicates(case, wrong):
        tried += 1
        if (wrong & ~mask).any() or (mask & ~wrong & case.shown).any() or mask.all():
            continue
        # Places and ties are facts; a predicate on values may hold by chance.
        positional = text.startswith(("at ", "in ")) or "has a tie" in text
        if case.log_choices < (_ENOUGH_FOR_PLACES if positional else ENOUGH_CHOICES + log(tried)):
            continue
        what = _what(case, wrong)
        words = f"right everywhere but {text} ({count} of {wrong.size}): {what or _NOT_KNOWN}"
        evidence = f"the description holds for exactly the {count} wrong elements"
        rank = 5.0 if what else ONLY_WHERE
        case.note(rank + tried / 1000, Hypothesis("subset", words, 0.0, evidence))
        return


def _predicates(case: Case, wrong: Mask) -> Iterator[tuple[str, Mask]]:
    """What may tell the wrong elements from the others, simplest first."""
    context = case.context
    if context is not None:
        for mask in context.label_masks:
            if mask.shape == wrong.shape:
                yield "where the recorded index is (at the labels)", mask
        yield from _ties(context, case.expected)
    yield from _positions(wrong)
    if context is not None:
        yield from _signs("its own value", context.value, wrong)
    for name, values in (("right", case.expected), ("given", case.given)):
        yield f"where the {name} gradient is negative", values < 0
        yield f"where the {name} gradient is positive", values > 0
    if wrong.ndim >= 2 and min(wrong.shape[-2:]) > 1:
        n, m = wrong.shape[-2:]
        below, above = np.tri(n, m, dtype=np.bool_), ~np.tri(n, m, -1, dtype=np.bool_)
        for where, triangle in (
            ("at the diagonal", below & above),
            ("in what is off the diagonal", ~(below & above)),
            ("in what is below the diagonal", ~above),
            ("in what is above the diagonal", ~below),
        ):
            yield where, np.broadcast_to(triangle, wrong.shape)
    if context is not None:
        for what, value in context.recorded()[1:_MOST_ARRAYS]:
            yield from _signs(what, value, wrong)


def _signs(what: str, value: Array, wrong: Mask) -> Iterator[tuple[str, Mask]]:
    try:
        full = np.broadcast_to(value, wrong.shape)
    except ValueError:
        return
    for sign, mask in (
        ("0", full == 0),
        ("negative", full < 0),
        ("positive", full > 0),
        ("0 or negative", full <= 0),
        ("0 or positive", full >= 0),
    ):
        if mask.any() and not mask.all():
            yield f"where {what} is {sign}", mask


def _positions(wrong: Mask) -> Iterator[tuple[str, Mask]]:
    """Slices and borders, found from where the wrong elements are."""
    for axis, n in enumerate(wrong.shape):
        rest = tuple(a for a in range(wrong.ndim) if a != axis)
        lines = np.flatnonzero(wrong.any(axis=rest))
        first, last = int(lines[0]), int(lines[-1])
        if n < 2 or last - first + 1 == n:
            continue
        mask = np.zeros(wrong.shape, np.bool_)
        index: list[Any] = [slice(None)] * wrong.ndim
        index[axis] = slice(first, last + 1)
        mask[tuple(index)] = True
        if first == last:
            yield f"at index {first} of axis {axis}{' (the last)' * (last == n - 1)}", mask
        elif first == 0 or last == n - 1:
            end = "first" if first == 0 else "last"
            yield f"in the {end} {last - first + 1} of axis {axis}", mask
        else:
            yield f"in {first} to {last} of axis {axis}", mask
    yield from _borders(wrong)
    if np.count_nonzero(wrong) == 1:
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        yield f"at {place}", wrong


def _borders(wrong: Mask) -> Iterator[tuple[str, Mask]]:
    long = [a for a, n in enumerate(wrong.shape) if n > 2]
    chosen = [(long[-2], long[-1])] if len(long) > 1 else []
    chosen += [(a,) for a in long]  # type: ignore[misc]
    for axes in chosen:
        for width in range(1, min(wrong.shape[a] for a in axes) // 2 + 1):
            inner: list[Any] = [slice(None)] * wrong.ndim
            for a in axes:
                inner[a] = slice(width, wrong.shape[a] - width)
            mask = np.ones(wrong.shape, np.bool_)
            mask[tuple(inner)] = False
            if mask.all():
                break
            along = f"axes {axes[0]} and {axes[1]}" if len(axes) > 1 else f"axis {axes[0]}"
            yield f"at the border of width {width} along {along}", mask


def _ties(context: Context, expected: Array) -> Iterator[tuple[str, Mask]]:
    """Where extrema tie: what is equal to the result of a maximum or minimum beside another."""
    values = context.flow.values
    for use in context.path:
        record, name = use.record, use.record.op.name
        arrays = values.arrays(record)
        if name in {"maximum", "minimum", "fmax", "fmin"}:
            tied = np.equal(arrays[0], arrays[1])
        elif name in {"max", "min"}:
            tied = _tied_extrema(arrays[0], values.out(record))
        else:
            continue
        if not tied.any():
            continue
        seed = np.broadcast_to(tied, np.broadcast_shapes(tied.shape, _shape_within(use)))
        seed = summed_to(seed.astype(np.float64), arrays[use.position].shape)
        reached = context.carried(use.place, seed)
        if reached is not None and reached.shape == expected.shape:
            yield f"where {described(record)} has a tie", reached != 0
            rest = (reached != 0) & (expected == 0)
            yield f"where {described(record)} has a tie, beside the first", rest


def _shape_within(use: Any) -> tuple[int, ...]:
    """The shape that the argument of a use has been broadcast to, at least its own."""
    arrays = [a for a in use.record.arrays if isinstance(a, np.ndarray | Dropped)]
    return np.broadcast_shapes(*(a.shape for a in arrays))


def _tied_extrema(x: Array, out: Array) -> Mask:
    """Elements equal to the extremum over its axes where more than one is."""
    for axes in (c for k in range(1, x.ndim + 1) for c in combinations(range(x.ndim), k)):
        kept = tuple(1 if a in axes else n for a, n in enumerate(x.shape))
        if int(np.prod(kept)) != out.size:
            continue
        peak = out.reshape(kept)
        hit = x == peak
        if hit.any(axis=axes).all():
            return np.asarray(hit & (hit.sum(axis=axes, keepdims=True) > 1))
    return np.zeros(x.shape, np.bool_)


def _what(case: Case, wrong: Mask) -> str:
    """What is wrong on the subset; empty where it cannot be told."""
    given, expected = case.given[wrong], case.expected[wrong]
    if largest(given) <= case.limit:
        return "it is zero there"
    if largest(expected) <= case.limit:
        return "it should be zero there"
    factor = fitted_factor(given, expected)
    allowed = max(10 * case.limit, 1e-6 * largest(given))
    known = abs(factor) in {0.5, 1.0, 2.0} or wrong.sum() >= 3
    if known and largest(given - factor * expected) <= allowed:
        if abs(factor + 1) < 1e-6:
            return "its sign is wrong there"
        return f"it is {factor:.6g} times the right one there"
    constant = float((given - expected).mean())
    if wrong.sum() >= 3 and largest(given - expected - constant) <= allowed:
        return f"{constant:.6g} is added there"
    return ""


def propose_label(case: Case, context: Context) -> None:
    """ "label missing": one constant too much at the labels, and nothing wrong elsewhere."""
    for mask in context.label_masks:
        if mask.shape != case.given.shape or mask.sum() < 2 or mask.all():
            continue
        if largest(case.expected[~mask]) <= case.limit:
            continue  # no softmax: only labels have a gradient, and "right elsewhere" says nothing
        constant = float(case.difference[mask].mean())
        values = case.expected + constant * mask
        number = constant and 1 / constant
        whole = 1 <= number < 1e6 and abs(number - round(number)) < 1e-3
        times = f"1/{round(number)}" if whole else f"{constant:.6g}"
        text = f"{times} too much at every label, right elsewhere: the -1 at the label is missing"
        if constant > 0 and np.any(case.expected[mask] < 0):
            case.propose(Candidate("label missing", text, values, 0.8, free=1))

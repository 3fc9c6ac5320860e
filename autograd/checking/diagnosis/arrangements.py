"""The right numbers in another shape, in other places, or only some of them: axes permuted, loops
that end early or write elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, permutations
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.diagnosis.context import Context, described
from autograd.checking.diagnosis.evidence import Candidate, Case, Hypothesis, fitted_factor, largest
from autograd.checking.diagnosis.quantities import axes_named, times
from autograd.checking.diagnosis.rules import unsummed
from autograd.checking.diagnosis.substitutions import read_in_other_orders
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
    if way is not None and way.error <= limit:
        text = f"{way.text}; apart from that it is right"
        return [Hypothesis(way.kind, text, 0.0, f"{shapes}; {expected.size} numbers agree")]
    for other, theirs in context.gradients if context is not None else ():
        assert context is not None
        if theirs.shape == given.shape and largest(theirs - given) <= 1e-9 * largest(given):
            text = (
                f"this is the gradient of {context.place_named(other)}, not that of "
                f"{context.place_named(context.place)}: the two are exchanged, or its formula "
                "stands here too"
            )
            return [
                Hypothesis("another gradient", text, 0.0, f"{shapes}; {given.size} numbers agree")
            ]
    if way is None:
        return []
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


_NEAREST = 4  # uses of the tensor, and of what is made of it


def _other_sums(
    given: Array, expected: Array, context: Context | None
) -> Iterator[tuple[str, str, Array]]:
    """The sum of a broadcast gradient over the wrong axes, which has another shape."""
    for use in context.path[:_NEAREST] if context is not None else ():
        assert context is not None
        raw, part = unsummed(context, use), context.contribution(use)
        if raw is None or part is None or part.size != expected.size:
            continue
        # On its way from there to the tensor it may be multiplied by a number, and no more.
        part = part.reshape(expected.shape).astype(np.float64)
        factor = fitted_factor(expected, part)
        if not largest(expected - factor * part) <= 1e-6 * largest(expected):
            continue
        raw = factor * raw.astype(np.float64)
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


_MOST_SHIFTS = 64


def propose_arrangement(case: Case) -> None:
    """ "transposed", "flipped" and "rolled", also off by a factor at the same time."""
    # An arrangement keeps the numbers, and so their sums: nearly all pairs are told apart by them.
    factor = largest(case.given) / case.scale if case.scale else 0.0
    if not factor:
        return
    allowed = max(10 * case.relative_limit, 1e-5) * case.given.size
    for power in (1, 2):
        sums = [
            float(((np.abs(x) / largest(x)) ** power).sum()) for x in (case.given, case.expected)
        ]
        if abs(sums[0] - sums[1]) > power * allowed:
            return
    for kind, text, values, rank in arrangements(case.expected):
        if np.array_equal(values, case.expected):
            continue
        if case.propose(Candidate(kind, text, values, rank)):
            continue
        scaled = fitted_factor(case.given, values)
        if abs(scaled) > 0:
            words = f"{text}, and its numbers are {times(scaled)} times the right ones"
            case.propose(Candidate(kind, words, scaled * values, rank + 4, free=1, scaled=True))


def arrangements(x: Array) -> Iterator[tuple[str, str, Array, float]]:
    """Kind, text, array and rank of every rearrangement that keeps the shape."""
    for order in permutations(range(x.ndim)):
        if order != tuple(range(x.ndim)) and x.transpose(order).shape == x.shape:
            yield "transposed", _permuted(order), x.transpose(order), 2.0
    long = [a for a in range(x.ndim) if x.shape[a] > 1]
    for axis in long:
        yield "flipped", f"axis {axis} runs backwards", np.flip(x, axis), 2.1
    for i, first in enumerate(long):
        for second in long[i + 1 :]:
            words = f"axes {first} and {second} run backwards"
            yield "flipped", words, np.flip(x, (first, second)), 2.2
    for axis in long:
        n = x.shape[axis]
        for shift in sorted(range(1, n), key=lambda s: min(s, n - s))[:_MOST_SHIFTS]:
            by = shift if shift <= n // 2 else shift - n
            yield "rolled", f"axis {axis} is rolled by {by}", np.roll(x, by, axis), 2.3
    for kind, what, values, _ in read_in_other_orders(x):
        if kind == "reshaped":
            yield kind, f"the gradient {what}", values, 2.4


def propose_sum(case: Case) -> None:
    """ "wrong axis": summed over more axes than it should be, and the sum repeated."""
    shape = case.expected.shape
    long = [a for a, n in enumerate(shape) if n > 1]
    for count in range(1, len(long) + 1):
        for axes in combinations(long, count):
            values = np.broadcast_to(case.expected.sum(axis=axes, keepdims=True), shape)
            text = f"it is summed over {axes_named(axes)} of the tensor too, and the sum repeated"
            case.propose(Candidate("wrong axis", text, values, 2.5, tried=30))


def _permuted(order: tuple[int, ...]) -> str:
    moved = [a for a, b in enumerate(order) if a != b]
    if len(order) == 2:
        return "the gradient is transposed"
    if len(moved) == 2:
        return f"axes {moved[0]} and {moved[1]} of the gradient are exchanged"
    return f"the axes of the gradient are in the order {order}"


_MOST_BLOCKS = 16
_MOST_USES = 500


def propose_accumulation(case: Case) -> None:
    """ "not filled", "one index", "exchanged blocks" and "only some uses"."""
    _propose_filled(case)
    _propose_blocks(case)
    _propose_some_uses(case)


def _propose_filled(case: Case) -> None:
    """Zero everywhere but in one block, which is right, or what belongs at another index."""
    given, expected = case.given, case.expected
    filled = given != 0
    count = int(np.count_nonzero(filled))
    if count < 2 or 2 * count >= np.count_nonzero(np.abs(expected) > case.limit):
        return  # what is left out is described more shortly
    box: list[slice] = []
    words: list[str] = []
    for axis, n in enumerate(given.shape):
        rest = tuple(a for a in range(given.ndim) if a != axis)
        lines = np.flatnonzero(filled.any(axis=rest))
        first, last = int(lines[0]), int(lines[-1])
        box.append(slice(first, last + 1))
        if last - first + 1 < n:
            words.append(
                f"index {first} of axis {axis}"
                if first == last
                else f"{first} to {last} of axis {axis}"
            )
    inside = tuple(box)
    if not words:
        return
    place = " and ".join(words)
    evidence = f"{count} numbers of {given.size} are not zero"
    if largest(given[inside] - expected[inside]) <= case.limit:
        text = (
            f"only {place} is filled, and right there; all else is zero: the loop ends after its "
            "first round (a return in it?), or what it writes later goes elsewhere"
        )
        case.note(5.5, Hypothesis("not filled", text, 0.0, evidence))
        return
    for axis, n in enumerate(given.shape):
        if box[axis].stop - box[axis].start != 1 or n == 1:
            continue
        for k in range(n):
            other = (*inside[:axis], slice(k, k + 1), *inside[axis + 1 :])
            if largest(given[inside] - expected[other]) <= case.limit:
                text = (
                    f"everything is written to index {box[axis].start} of axis {axis}, one over "
                    f"the other, and all else stays zero: what belongs to index {k} is left there; "
                    "the index of the loop is not used"
                )
                case.note(5.5, Hypothesis("one index", text, 0.0, evidence))
                return


def _propose_blocks(case: Case) -> None:
    """The blocks of an axis in another order, as of gates that were put together."""
    for axis, n in enumerate(case.given.shape):
        for blocks in range(2, min(n, _MOST_BLOCKS) + 1):
            if n % blocks:
                continue
            ours = np.split(case.given, blocks, axis)
            theirs = np.split(case.expected, blocks, axis)
            order = _order(ours, theirs, case.limit)
            if order is None or order == list(range(blocks)):
                continue
            moved = [i for i, j in enumerate(order) if i != j]
            size = n // blocks
            values = np.concatenate([theirs[j] for j in order], axis)
            if len(moved) == 2:
                i, j = moved
                text = (
                    f"along axis {axis} two parts of {size} are exchanged: "
                    f"{i * size} to {(i + 1) * size - 1} and {j * size} to {(j + 1) * size - 1}"
                )
            else:
                text = f"along axis {axis} the parts of {size} are in another order: {order}"
            case.propose(Candidate("exchanged parts", text, values, 2.35, tried=50))
            return


def _order(given: list[Array], expected: list[Array], limit: float) -> list[int] | None:
    """Which block each one given is; None where one is none of them, or two are the same."""
    order = []
    for block in given:
        found = [j for j, other in enumerate(expected) if largest(block - other) <= limit]
        if len(found) != 1:
            return None
        order += found
    return order if len(set(order)) == len(order) else None


def _propose_some_uses(case: Case) -> None:
    """Of a tensor that is used many times, as parameters of a recurrent net are, a few count."""
    context = case.context
    if context is None or not 3 <= len(context.uses) <= _MOST_USES:
        return
    parts: list[Array] = []
    for use in context.uses:
        part: Any = context.contribution(use)
        parts.append(np.zeros_like(case.expected) if part is None else part.astype(np.float64))
    n = len(parts)
    tried = 4 * n
    for k, part in enumerate(parts):
        which = {0: "the first", n - 1: "the last"}.get(k, f"number {k + 1}")
        text = (
            f"the tensor is used {n} times, and only {which} of them counts: the others are not "
            "added (= in place of +=)"
        )
        case.propose(Candidate("only some uses", text, part, 2.0, tried=tried))
    first, last = np.zeros_like(case.expected), np.zeros_like(case.expected)
    for k in range(n - 2):
        first, last = first + parts[k], last + parts[n - 1 - k]
        for which, values in (("first", first), ("last", last)):
            if k:
                text = f"the tensor is used {n} times, and only the {which} {k + 1} are added"
                case.propose(Candidate("only some uses", text, values, 2.1, tried=tried))

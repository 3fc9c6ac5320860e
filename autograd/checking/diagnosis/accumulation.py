"""Loops that fill a gradient: what ends too early, overwrites, or writes in another order."""

from __future__ import annotations

from typing import Any

import numpy as np

from autograd.checking.diagnosis.evidence import Candidate, Case, Hypothesis, largest
from autograd.engine.tensor import Array

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

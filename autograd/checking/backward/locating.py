"""The line of a mistake, where it is before the line of the first gradient that is wrong."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from autograd.checking.backward.gradients import Pair, Pairing, Version, Versions, root
from autograd.checking.backward.leading import Leading
from autograd.checking.backward.statements import Statement

_MOST_STEPS = 2_000_000  # of looking back through what ran


def located(
    versions: Versions,
    pairing: Pairing,
    pairs: Iterable[Pair],
    first: Pair,
    others: list[Pair],
    start: int,
) -> tuple[Statement | None, list[Statement]]:
    """Where the mistake is, None where that is not known apart from the line of the first wrong
    gradient; and the lines that it lies in: what led to that gradient from right ones, without what
    led to right ones as well.

    Args:
        pairs: all that are known.
        others: wrong ones that do not follow from the first.
        start: the place in `versions.ran` from which on it is a backward.
    """
    at = first.version.at - 1
    if at < 0:
        return None, []
    right = [pair for pair in pairs if pair.right and pair.version.at > 0]
    known = {key for pair in right if (key := _key(pair.version)) is not None}
    places = set(Leading(versions, known, start).to(at))
    unnamed = [v for v in versions.all if v.at - 1 in places and v is not first.version]
    known |= {k for v in unnamed if (k := _key(v)) is not None and pairing.anywhere(v.value)}
    leading = Leading(versions, known, start)
    places = set(leading.to(at))
    most = _MOST_STEPS // (len(versions.ran) + 1)
    for pair in right[-most:] if most else ():
        places -= set(leading.to(pair.version.at - 1)) - {at}
    chosen = _odd(versions, pairing, first)
    common = set(places)
    for other in others[:most]:
        common &= set(leading.to(other.version.at - 1)) if other.version.at else common
    computing = sorted(p for p in places if leading.computes(p))
    shared = {leading.statement(p) for p in computing if p in common}
    if chosen is None and others and len(shared) == 1:
        chosen = shared.pop()
    passes = versions.ran[at][1] is None or leading.statement(at).calls
    if chosen is None and computing and passes:
        chosen = leading.statement(computing[-1])
    lines = [leading.statement(p) for p in [*computing, at]]
    return chosen, list(dict.fromkeys(lines))


def _key(version: Version) -> tuple[int, str] | None:
    """Place and name of a version that is the whole of a variable."""
    return None if "[" in version.label else (version.at - 1, root(version.label))


def _odd(versions: Versions, pairing: Pairing, first: Pair) -> Statement | None:
    """Of the statements that added up a gradient the one that added what is no part of it, where
    all others added some."""
    slot = first.version.slot
    if slot is None or len(pairing.contributions(first.variable)) < 2:
        return None
    whole = [v for v in versions.all if v.slot == slot and v.at <= first.version.at]
    odd: list[Statement] = []
    explained = 0
    for before, version in zip([None, *whole][::-1][1:], whole[::-1], strict=True):
        adds = before is not None and _accumulates(before, version)
        change = version.value - before.value if adds and before is not None else version.value
        if pairing.adds_up(change, first.variable):
            explained += 1
        elif change.any():
            odd.append(version.statement)
        if not adds:
            break
    return odd[0] if explained and len(odd) == 1 else None


def _accumulates(before: Version, version: Version) -> bool:
    same = before.value.shape == version.value.shape
    return same and (before.chain == version.chain or root(version.label) in version.statement.reads)

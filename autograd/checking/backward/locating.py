"""The line of a mistake, where it is before the line of the first gradient that is wrong."""

from __future__ import annotations

from collections.abc import Iterable

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
    label = first.version.place
    places = set(Leading(versions, known, start).to(at, label))
    unnamed = [v for v in versions.all if v.at - 1 in places and v is not first.version]
    known |= {k for v in unnamed if (k := _key(v)) is not None and pairing.anywhere(v.value)}
    leading = Leading(versions, known, start)
    places = set(leading.to(at, label))
    most = _MOST_STEPS // (len(versions.ran) + 1)
    for version in [pair.version for pair in right][-most:] if most else ():
        if len(version.statement.unpacks) < 2:  # else it is not known which part is whose
            places -= set(leading.to(version.at - 1, version.place)) - {at}
    chosen = _odd(versions, pairing, first)
    computing = sorted(p for p in places if leading.computes(p))
    common = {leading.statement(p) for p in computing}
    for version in [pair.version for pair in others if pair.version.at][:most]:
        common &= {leading.statement(p) for p in leading.to(version.at - 1, version.place)}
    if chosen is None and others and len(common) == 1:
        chosen = common.pop()
    passes = versions.ran[at][1] is None or leading.statement(at).calls
    if chosen is None and computing and passes:
        chosen = leading.statement(computing[-1])
    odd = [] if chosen is None else [chosen]
    lines = [leading.statement(p) for p in [*computing, at]]
    return chosen, list(dict.fromkeys([*odd, *lines] if odd and odd[0] not in lines else lines))


def _key(version: Version) -> tuple[int, str] | None:
    """Place and name of a version that is the whole of a variable."""
    return None if "[" in version.place else (version.at - 1, root(version.place))


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
    return same and (
        before.chain == version.chain or root(version.place) in version.statement.reads
    )

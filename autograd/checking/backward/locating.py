"""The line of a mistake, where it is before the line of the first gradient that is wrong.

What led to an array is found back through what each statement that ran has read.
"""

from __future__ import annotations

from collections.abc import Iterable

from autograd.checking.backward.pairing import Pair, Pairing
from autograd.checking.backward.statements import Statement
from autograd.checking.backward.tracing import Call
from autograd.checking.backward.versions import Version, Versions, root

Names = set[tuple[Call | None, str]]
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


class Leading:
    """What led to what, in one run of a backward.

    Args:
        right: places in `versions.ran`, and names there, from which a right gradient goes on:
            nothing before them can be the mistake.
        start: the place from which on it is a backward.
    """

    def __init__(self, versions: Versions, right: set[tuple[int, str]], start: int) -> None:
        self._ran, self._right, self._start = versions.ran, right, start
        self._calling = {(call.caller, call.called_at) for call, s in versions.ran if s is None}

    def statement(self, at: int) -> Statement:
        call, statement = self._ran[at]
        return statement or call.called_at or call.statement

    def computes(self, at: int) -> bool:
        """Whether a mistake can be in it: it does not just pass on what others computed."""
        call, statement = self._ran[at]
        if statement is None or not statement.computes:
            return False
        return not (statement.calls and (call, statement) in self._calling)

    def to(self, at: int, label: str = "") -> list[int]:
        """The places of statements that led to what one has left in a place, itself first."""
        call, statement = self._ran[at]
        needed: Names = set()
        wanted: dict[Call | None, tuple[Statement, set[str]]] = {}  # whose calls matter
        found: list[int] = []
        if statement is None:  # an argument
            needed |= _keys(call.caller, call.called_at.reads if call.called_at else ())
        else:
            kept = statement.changes
            if "[" in label and not statement.adds:  # a new one in a container
                kept -= {root(label)}
            needed |= _keys(call, statement.reads | kept)
            wanted[call] = statement, set(statement.binds | statement.changes)
            found.append(at)
        for place in range(at - 1, self._start - 1, -1):
            call, statement = self._ran[place]
            if statement is None:
                mine = {key for key in needed if key[0] is call}
                if mine and call.called_at is not None:
                    needed = (needed - mine) | _keys(call.caller, call.called_at.reads)
                continue
            wanted.pop(call, None)
            written = statement.binds | statement.changes
            hit = {
                n for n in written if _known_as(call, n) in needed and (place, n) not in self._right
            }
            needed -= {_known_as(call, n) for n in written if (place, n) in self._right}
            asked = wanted.get(call.caller) if statement.returns else None
            if asked is not None and asked[0] is not call.called_at:
                asked = None
            if not hit and asked is None:
                continue
            found.append(place)
            reads: Iterable[str] = statement.reads
            if asked is not None and len(asked[0].unpacks) == len(statement.parts) > 1:
                pairs = zip(asked[0].unpacks, statement.parts, strict=True)
                reads = [n for to, part in pairs if to in asked[1] for n in part]
            needed -= _keys(call, statement.binds & hit)
            needed |= _keys(call, reads)
            wanted[call] = statement, hit
        return found


def _known_as(call: Call | None, name: str) -> tuple[Call | None, str]:
    return (None if name.startswith(".") else call), name


def _keys(call: Call | None, names: Iterable[str]) -> Names:
    return {_known_as(call, name) for name in names}

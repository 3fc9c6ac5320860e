"""The lines that a mistake lies in, which may be before that of the first wrong gradient.

What led to an array is found back through what each statement that ran has read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from autograd.checking.backward.pairing import Pair, Pairing
from autograd.checking.backward.statements import Statement
from autograd.checking.backward.tracing import Call
from autograd.checking.backward.versions import Version, Versions, root

Names = set[tuple[Call | None, str]]
_MOST_STEPS = 3_000_000  # of looking back through what ran


class Locator:
    """Finds what led to wrong gradients, and to no right one.

    Args:
        pairs: all that are known.
        start: the place in `versions.ran` from which on it is a backward.
    """

    def __init__(
        self, versions: Versions, pairing: Pairing, pairs: Iterable[Pair], start: int
    ) -> None:
        self._versions, self._pairing = versions, pairing
        right = [p.version for p in pairs if p.right and p.version.at > 0]
        self._known = _keys_of(right)
        self.leading = Leading(versions, start)
        self._left = _MOST_STEPS
        self._proven: set[int] = set()  # places that led to what is right
        for version in right[::-1]:
            made = version.statement
            several = len(made.unpacks) > 1 or ("[" in version.place and made.adds)
            if not several:  # else it is not known which part is whose
                self._proven.update(self._to(version, self._known))
        self.proven = {self.leading.statement(at) for at in self._proven}  # in some of their runs

    def lines(self, version: Version, beside: Iterable[Version] = ()) -> list[Statement]:
        """The statements that led to an array from right ones, without what led to right ones as
        well; and from those beside it. Its own is the last."""
        if version.at <= 0:
            return []
        known = self._known | _keys_of(beside)
        places = set(self._to(version, known))
        all_ = self._versions.all
        near = [v for v in all_ if v.at - 1 in places and v is not version and v.value.size > 1]
        if unnamed := _keys_of(v for v in near if self._pairing.anywhere(v.value)):
            places = set(self._to(version, known | unnamed))
        at = version.at - 1
        computing = sorted(p for p in places - self._proven if self.leading.computes(p))
        found = [self.leading.statement(p) for p in [*computing, at]]
        return list(dict.fromkeys(found[::-1]))[::-1]

    def chosen(self, first: Pair, lines: list[Statement]) -> Statement | None:
        """That of the lines which the mistake is in, where it can be told from others than its
        own."""
        version = first.version
        odd = self._odd(first)
        if odd is not None or version.at <= 0 or len(lines) < 2:
            return odd
        return lines[-2] if self.leading.passes(version.at - 1) else None

    def arrives(self, version: Version, names: Iterable[str]) -> bool:
        """Whether an array was computed from one of these arguments, as far as is known."""
        if version.at <= 0 or self._left <= 0 or version.statement.names is None:
            return True
        self._to(version, set())
        return bool({name for _, name in self.leading.needed} & set(names))

    def _to(self, version: Version, known: set[tuple[int, str]]) -> list[int]:
        self._left -= version.at
        if self._left < 0:
            return []
        return self.leading.to(version.at - 1, known, version.place)

    def _odd(self, first: Pair) -> Statement | None:
        """Of the statements that added up a gradient the one that added what is no part of it,
        where all others added some."""
        slot, pairing = first.version.slot, self._pairing
        if slot is None or len(pairing.contributions(first.variable)) < 2:
            return None
        whole = [v for v in self._versions.all if v.slot == slot and v.at <= first.version.at]
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


def _keys_of(versions: Iterable[Version]) -> set[tuple[int, str]]:
    """Places and names of versions that are the whole of a variable."""
    return {(v.at - 1, root(v.place)) for v in versions if v.at > 0 and "[" not in v.place}


def _accumulates(before: Version, version: Version) -> bool:
    same = before.value.shape == version.value.shape
    return same and (
        before.chain == version.chain or root(version.place) in version.statement.reads
    )


class Leading:
    """What led to what, in one run of a backward, from the place `start` on.

    Attributes:
        needed: what else led to what was last looked at: the calls, and the names there.
    """

    def __init__(self, versions: Versions, start: int) -> None:
        self._ran, self._start = versions.ran, start
        self._calling = {(call.caller, call.called_at) for call, s in versions.ran if s is None}
        self.needed: Names = set()

    def statement(self, at: int) -> Statement:
        call, statement = self._ran[at]
        return statement or call.called_at or call.statement

    def computes(self, at: int) -> bool:
        """Whether a mistake can be in it: it does not just pass on what others computed."""
        statement = self._ran[at][1]
        return statement is not None and statement.computes and not self.passes(at)

    def passes(self, at: int) -> bool:
        """Whether it but calls a function that was watched, whose arguments have read the rest."""
        call, statement = self._ran[at]
        return statement is None or (statement.calls and (call, statement) in self._calling)

    def to(self, at: int, right: set[tuple[int, str]], label: str = "") -> list[int]:
        """The places of statements that led to what one has left in a place, itself first.

        Args:
            right: places, and names there, before which nothing is looked at.
        """
        reads: Iterable[str]
        call, statement = self._ran[at]
        known = {place for place, _ in right}
        key = re.search(r"\['(\w+)'\]$", label)
        needed: Names = set()
        wanted: dict[Call | None, tuple[Statement, set[str]]] = {}  # whose calls matter
        found: list[int] = []
        if statement is None:  # an argument
            reads = _given(call, call.called_at, {label}) if call.called_at else ()
            needed |= _keys(call.caller, reads)
        else:
            kept = statement.changes
            if "[" in label and not statement.adds:  # a new one in a container
                kept -= {root(label)}
            part = re.fullmatch(r"result (\d+)", label)
            reads = () if self.passes(at) else statement.reads
            if part and int(part[1]) <= len(statement.parts):
                reads = statement.parts[int(part[1]) - 1]
            needed |= _keys(call, kept.union(reads))
            own = {root(label)} & set(statement.unpacks)
            wanted[call] = statement, own or set(statement.binds | statement.changes)
            found.append(at)
        for place in range(at - 1, self._start - 1, -1):
            call, statement = self._ran[place]
            if statement is None:
                needed -= {(call, n) for at, n in right if at == place} if place in known else set()
                given = call.code.co_varnames
                mine = {key for key in needed if key[0] is call and key[1] in given}
                if mine and call.called_at is not None:
                    reads = _given(call, call.called_at, {name for _, name in mine})
                    needed = (needed - mine) | _keys(call.caller, reads)
                continue
            wanted.pop(call, None)
            written = {n: _met(needed, call, n) for n in statement.binds | statement.changes}
            hit = {n for n, met in written.items() if met and (place, n) not in right}
            if statement.key is not None and key and statement.key != key[1]:  # it is another's
                hit.discard(root(label))
            for n in written:
                needed -= written[n] if (place, n) in right else set()
            asked = wanted.get(call.caller) if statement.returns else None
            if asked is not None and asked[0] is not call.called_at:
                asked = None
            if not hit and asked is None:
                continue
            found.append(place)
            reads = () if self.passes(place) else statement.reads
            if asked is not None and len(asked[0].unpacks) == len(statement.parts) > 1:
                pairs = zip(asked[0].unpacks, statement.parts, strict=True)
                reads = [n for to, part in pairs if to in asked[1] for n in part]
            for n in statement.binds & hit:
                needed -= written[n]
            needed |= _keys(call, reads)
            wanted[call] = statement, hit
        self.needed = needed
        return found


def _given(call: Call, at: Statement, names: set[str]) -> Iterable[str]:
    """What a statement has read for these arguments of a call."""
    name, arguments = at.asks
    own = call.code.co_varnames[: call.code.co_argcount][-len(arguments) or None :]
    if name != call.code.co_name or len(own) != len(arguments) or not names <= set(own):
        return at.reads
    return [n for to, reads in zip(own, arguments, strict=True) if to in names for n in reads]


def _met(needed: Names, call: Call | None, name: str) -> Names:
    """What is needed that a statement of a call gives under a name: an attribute has others."""
    if not name.startswith("."):
        return {(call, name)} & needed
    return {
        (none, other)
        for none, other in needed
        if other.startswith(".") and (other.endswith(name) or name.endswith(other))
    }


def _keys(call: Call | None, names: Iterable[str]) -> Names:
    return {(None if name.startswith(".") else call, name) for name in names}

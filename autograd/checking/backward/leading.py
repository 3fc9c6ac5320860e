"""Which lines led to an array of a backward: back through what each statement read."""

from __future__ import annotations

from collections.abc import Iterable

from autograd.checking.backward.gradients import Versions, root
from autograd.checking.backward.statements import Statement
from autograd.checking.backward.tracing import Call

Names = set[tuple[Call | None, str]]


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
            hit = {n for n in written if _key(call, n) in needed and (place, n) not in self._right}
            needed -= {_key(call, n) for n in written if (place, n) in self._right}
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


def _key(call: Call | None, name: str) -> tuple[Call | None, str]:
    return (None if name.startswith(".") else call), name


def _keys(call: Call | None, names: Iterable[str]) -> Names:
    return {_key(call, name) for name in names}

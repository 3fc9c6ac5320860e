"""Lines that repeat, as loops: what a network does at each of 200 steps is written once.

A run of lines that comes again and again, with other values in its places, becomes a loop where
each place is told by the number of the step: it is the same at every step, or was made in the same
step or one before, or is one of a family that an earlier loop made.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

from autograd import ops
from autograd.program.expressions import Applied, At, Key, Line, Name
from autograd.program.program import Program

LEAST = 3  # steps that are worth a loop
_LONGEST = 120  # lines of one step
_PERIODS = 12  # that are tried at each line
_INDEXED = (ops.getitem, ops.scatter)

Column = list[Any]  # what one place holds, step by step


class Member(NamedTuple):
    """A slot as one of a family, which has the name of its first: what a loop makes at a step."""

    family: int
    number: int


@dataclass(frozen=True)
class Loop:
    """Lines that run for t = start, start + step, ... , `count` times; At stands for keys.

    `before` is what they read as made by steps before the first, `constants` what they read of
    families that begin with this loop.
    """

    start: int
    step: int
    count: int
    lines: tuple[Line, ...]
    before: dict[Member, Key]
    constants: dict[int, dict[int, int]]


@dataclass
class Folded:
    """Lines and loops.

    Attributes:
        members: the slots that have a name by the step.
        constants: by family and step, slots of constants; one may be of several steps.
    """

    items: list[Line | Loop]
    members: dict[int, Member] = field(default_factory=dict)
    constants: dict[int, dict[int, int]] = field(default_factory=dict)


def folded(program: Program, lines: Sequence[Line]) -> Folded:
    """The lines of a program with loops where they repeat, if any do."""
    places = [_places(line) for line in lines]
    keys = [found for _, found in places]
    numbers: dict[Any, int] = {}
    marks = [numbers.setdefault(mark, len(numbers)) for mark, _ in places]
    where: dict[int, list[int]] = defaultdict(list)
    for i, mark in enumerate(marks):
        where[mark].append(i)
    result = Folded([])
    i = 0
    while i < len(lines):
        period, count = _repeats(marks, where[marks[i]], i)
        loop = None
        if count >= LEAST:
            loop = _Folding(program, lines, keys, range(i, i + period), count, result).loop()
        result.items.append(loop or lines[i])
        i += period * loop.count if loop else 1
    return result


def _repeats(marks: list[int], same: list[int], i: int) -> tuple[int, int]:
    """The period with which marks repeat from the i-th on, and how often, covering most; `same` are
    the places of marks like the i-th."""
    best = (0, 0)
    following = bisect_right(same, i)
    for j in same[following : following + _PERIODS]:
        period, end = j - i, i
        if period > _LONGEST:
            break
        while end + period < len(marks) and marks[end] == marks[end + period]:
            end += 1
        count = (end - i) // period + 1
        if count >= LEAST and (count - 1) * period > (best[1] - 1) * best[0]:
            best = (period, count)
    return best


class _Folding:
    """Tries to make a loop of `count` steps, of which `first` are the lines of the first."""

    def __init__(
        self,
        program: Program,
        lines: Sequence[Line],
        keys: list[list[Any]],
        first: range,
        count: int,
        result: Folded,
    ) -> None:
        self._program, self._result, self._count = program, result, count
        self._lines = [lines[i] for i in first]
        steps = [range(i, i + count * len(first), len(first)) for i in first]
        self._read = [[list(c) for c in zip(*(keys[n] for n in own), strict=True)] for own in steps]
        self._bound = [
            [list(c) for c in zip(*(lines[n].keys for n in own), strict=True)] for own in steps
        ]
        self._start, self._sign = self._counting()
        self._families = {  # of what the steps make
            key.slot: Member(column[0].slot, self._at_step(m))
            for columns in self._bound
            for column in columns
            if column[0].letter != "d" and column[0] != column[1]
            for m, key in enumerate(column)
        }
        self._made = set(self._families.values())

    def loop(self) -> Loop | None:
        """A loop of as many steps as are alike in all places; None where these are too few."""
        best, least, most = self._told(self._count), LEAST, self._count - 1
        while best is None and least <= most:  # fewer steps are alike wherever more are
            found = self._told(most if least == most else (least + most + 1) // 2)
            if found is not None and (found.count == most or self._told(found.count + 1) is None):
                best = found
            elif found is not None:
                least = found.count + 1
            else:
                most = (least + most + 1) // 2 - 1 if least < most else least - 1
        if best is not None:
            ends = self._start, self._at_step(best.count - 1)
            own = {s: m for s, m in self._families.items() if min(ends) <= m.number <= max(ends)}
            self._result.members.update(own)
            for family, slots in best.constants.items():
                self._result.constants[family] = slots
                for number, slot in slots.items():
                    self._result.members.setdefault(slot, Member(family, number))
        return best

    def _at_step(self, m: int) -> int:
        return self._start + self._sign * m

    def _counting(self) -> tuple[int, int]:
        """From where the steps are counted, and in which direction: as those of the loop whose
        gradients they make, or whose values they read; otherwise from 0 upwards."""
        members = self._result.members
        for columns in (*self._bound, *self._read):
            for one, two, *_ in columns:
                if isinstance(one, Key) and one.slot in members and two.slot in members:
                    first, second = members[one.slot], members[two.slot]
                    step = second.number - first.number
                    if first.family == second.family and abs(step) == 1:
                        return first.number, step
        return 0, 1

    def _told(self, count: int) -> Loop | None:
        """So many steps as a loop, with At for what differs; None where a place cannot be told."""
        lines: list[Line] = []
        loop = Loop(self._start, self._sign, count, (), {}, {})
        for line, bound, read in zip(self._lines, self._bound, self._read, strict=True):
            places = [self._place(c[:count], loop) for c in (*bound, *read)]
            if None in places:
                return None
            keys, rest = tuple(places[: len(bound)]), iter(places[len(bound) :])
            note = line.note
            if callable(note) and isinstance(keys[0], At):  # it names what the gradient is of
                note = partial(_told_of, note, keys[0]._replace(letter="v"))
            expression = _rebuilt(line.expression, rest)
            lines.append(replace(line, keys=keys, expression=expression, note=note))
        return replace(loop, lines=tuple(lines))

    def _place(self, column: Column, loop: Loop) -> Any:
        """What a place holds, told by the number of the step."""
        first = column[0]
        if all(held == first for held in column):
            return first
        if isinstance(first, int):
            (rise, *others) = {b - a for a, b in pairwise(column)}
            slope = rise * self._sign
            return None if others else At("", 0, slope, first - slope * self._start)
        if any(key.letter != first.letter for key in column):
            return None
        if first.letter != "d" and all(key.slot in self._program.constants for key in column):
            return self._constant(first.letter, [key.slot for key in column], loop)
        return self._member(column, [self._known(key.slot) for key in column], loop.before)

    def _known(self, slot: int) -> Member | None:
        return self._families.get(slot) or self._result.members.get(slot)

    def _member(self, column: Column, members: list[Any], before: dict[Member, Key]) -> At | None:
        """The place in a family at each step; what the first steps read may be from before."""
        last, earlier = members[-1], members[-2]
        if last is None or earlier is None:
            return None
        slope = (last.number - earlier.number) * self._sign
        offset = last.number - slope * self._at_step(len(column) - 1)
        steps = [self._at_step(m) for m in range(len(column))]
        wanted = [Member(last.family, slope * t + offset) for t in steps]
        others = [m for m, (a, b) in enumerate(zip(members, wanted, strict=True)) if a != b]
        if slope == 0 or others != list(range(len(others))) or len(others) > len(column) - 2:
            return None
        at = At(column[0].letter, last.family, slope, offset)
        for m in others:
            known = before.get(wanted[m], column[m])
            taken = wanted[m] in self._made
            if at.letter != "v" or known != column[m] or taken:
                return None
            before[wanted[m]] = column[m]
        return at

    def _constant(self, letter: str, slots: list[int], loop: Loop) -> At | None:
        """The place of constants, one for each step, in a family that is known or their own."""
        steps = [self._at_step(m) for m in range(len(slots))]
        for family, known in (self._result.constants | loop.constants).items():
            for number in [n for n, slot in known.items() if slot == slots[0]]:
                for slope in (1, -1):
                    offset = number - slope * steps[0]
                    if all(
                        known.get(slope * t + offset) == s
                        for t, s in zip(steps, slots, strict=True)
                    ):
                        return At(letter, family, slope, offset)
        if slots[0] in self._result.constants | loop.constants:
            return None  # the name is taken
        loop.constants[slots[0]] = dict(zip(steps, slots, strict=True))
        return At(letter, slots[0], 1, 0)


def _told_of(note: Callable[..., str], at: At, name: Callable[[Any], str]) -> str:
    return note(lambda key: name(at))


def _places(line: Line) -> tuple[Any, list[Any]]:
    """What a line has in common with those that are like it, and what may differ: keys, and whole
    numbers in indices."""
    keys: list[Any] = []
    letters = tuple(key.letter for key in line.keys)
    note = line.note if isinstance(line.note, str) else "reason"
    mark = (_mark(line.expression, keys, False), letters, line.scope, note, line.several)
    return mark, keys


def _mark(e: Any, keys: list[Any], indexed: bool) -> Any:
    if isinstance(e, Name):
        if not isinstance(e.name, Key):
            return e.name
        keys.append(e.name)
        return Name, e.shape
    if isinstance(e, Applied):
        inside = tuple(
            _mark(arg, keys, e.op in _INDEXED and n == 1) for n, arg in enumerate(e.args)
        )
        options = tuple((name, _mark(value, keys, False)) for name, value in e.options.items())
        return id(e.op), inside, options, e.shape
    if isinstance(e, tuple | list):
        return type(e), tuple(_mark(part, keys, indexed) for part in e)
    if isinstance(e, slice):
        return slice, tuple(_mark(part, keys, indexed) for part in (e.start, e.stop, e.step))
    if indexed and type(e) is int:
        keys.append(e)
        return int
    if isinstance(e, dict):
        return tuple((name, _mark(value, keys, False)) for name, value in e.items())
    try:
        hash(e)
    except TypeError:
        return id(e)
    return type(e), repr(e) if isinstance(e, float) else e


def _rebuilt(e: Any, rest: Iterator[Any], indexed: bool = False) -> Any:
    """An expression with what comes next for each of its places, in their order."""
    if isinstance(e, Name):
        return replace(e, name=next(rest)) if isinstance(e.name, Key) else e
    if isinstance(e, Applied):
        args = tuple(
            _rebuilt(arg, rest, e.op in _INDEXED and n == 1) for n, arg in enumerate(e.args)
        )
        options = {name: _rebuilt(value, rest) for name, value in e.options.items()}
        return replace(e, args=args, options=options)
    if isinstance(e, tuple | list):
        return type(e)(_rebuilt(part, rest, indexed) for part in e)
    if isinstance(e, slice):
        return slice(*[_rebuilt(part, rest, indexed) for part in (e.start, e.stop, e.step)])
    if indexed and type(e) is int:
        found = next(rest)
        return Name(found) if isinstance(found, At) else found
    if isinstance(e, dict):
        return {name: _rebuilt(value, rest) for name, value in e.items()}
    return e

"""Expressions as C: each part of them in the outermost loop in which it can be computed, once."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import numpy as np

from autograd.lowering.indices import Affine, Axes, Axis, Part, at, combined, substituted
from autograd.lowering.lines import Lines, loop
from autograd.lowering.merging import Joint
from autograd.lowering.nests import (
    BOOL,
    CHOICE,
    INDEX,
    DType,
    Expression,
    Guard,
    Inside,
    Load,
    Number,
    Place,
    Value,
    moved_guards,
    strides_of,
)
from autograd.lowering.pieces import Ranges, bounds_within
from autograd.lowering.plans import Plan
from autograd.lowering.types import C_TYPES, literal

_UNROLLED = 16  # turns of a loop, which GCC writes out


class Pointer(NamedTuple):
    """The type of a pointer, its name, and where it is found."""

    kind: str
    name: str
    where: str


class Places:
    """Where values lie in memory, as C names them.

    Args:
        plan: has the strides.
        positions: by value in memory, its number among the pointers that a function gets.
        local: by value that only one group has, where it begins in the memory of the group, and
            the strides that it has there.
        watched: whether what is computed on the way is written down too, for who looks on.
    """

    def __init__(
        self,
        plan: Plan,
        positions: Mapping[Value, int],
        local: Mapping[Value, tuple[int, tuple[int, ...]]],
        watched: bool = False,
    ) -> None:
        self._plan, self._positions, self._local, self.watched = plan, positions, local, watched
        self._used: dict[Value, bool] = {}
        self._outside: set[Value] = set()
        self._starts: Mapping[Value, int] = {}

    def begun(self, starts: Mapping[Value, int] | None = None) -> Places:
        """For another function, which is given pointers to these places in the values, counted in
        elements, in which no place is before that."""
        new = Places(self._plan, self._positions, self._local, self.watched)
        new._starts = self._starts if starts is None else starts
        return new

    def within(self, value: Value, place: Affine) -> Affine:
        """A place as it is counted from the pointer that a function is given."""
        return place._replace(start=place.start - self._starts.get(value, 0))

    def also(self, other: Places) -> None:
        """What another function names is named here too, to be given to it."""
        for value, written in other._used.items():
            self.name(value, written)

    def outside(self, value: Value) -> str:
        """The pointer to the place at last of a value that a group has at hand meanwhile."""
        self._outside.add(value)
        return f"v{self._positions[value]}"

    def name(self, value: Value, written: bool = True) -> str:
        """The pointer to a value."""
        self._used[value] = self._used.get(value, False) or written
        if value in self._local:
            return f"t{self._positions[value]}"
        return f"v{self._positions[value]}"

    def of(self, value: Value, indices: Sequence[str]) -> str:
        """The element at these indices, to be written."""
        strides = self.strides(value)
        parts = [f"({i}) * {s}" for i, s in zip(indices, strides, strict=True) if s]
        return f"{self.name(value)}[{' + '.join(parts) or 0}]"

    def has(self, value: Value) -> bool:
        """Whether a value lies in memory."""
        return value in self._positions

    def stored(
        self, value: Value, places: Mapping[Axis, Affine], joints: Sequence[Joint] = ()
    ) -> str:
        """The element at the place of its own axes, to be written, where those are at places."""
        steps = zip(value.axes, self.strides(value), strict=True)
        index = combined([(places.get(axis, at(axis)), step) for axis, step in steps])
        return f"{self.name(value)}[{affine(in_line(self.within(value, index), joints))}]"

    def read(self, value: Value, place: str) -> str:
        """The element at a place that is text."""
        name = self.name(value, written=False)
        return f"((const uint8_t *){name})[{place}]" if value.dtype == BOOL else f"{name}[{place}]"

    def strides(self, value: Value) -> tuple[int, ...]:
        """Of its axes, in elements."""
        local = self._local.get(value)
        return self._plan.strides[value] if local is None else local[1]

    def pointers(self) -> list[Pointer]:
        """Of each value that was named."""
        found = []
        for value in sorted(self._used, key=lambda v: self._positions[v]):
            kind = f"{'' if self._used[value] else 'const '}{C_TYPES[value.dtype]} *"
            local = self._local.get(value)
            where = f"p[{self._positions[value]}]" if local is None else f"(scratch + {local[0]})"
            if start := self._starts.get(value):
                where += f" + {start}"
            found.append(Pointer(kind, self.name(value, written=False), where))
        for value in sorted(self._outside, key=lambda v: self._positions[v]):
            position = self._positions[value]
            found.append(Pointer(f"{C_TYPES[value.dtype]} *", f"v{position}", f"p[{position}]"))
        return found


def as_met(pointers: Sequence[Pointer], text: str) -> list[Pointer]:
    """The pointers in the order in which a text names them first."""
    places: dict[str, int] = {}
    for match in re.finditer(r"\b[vt]\d+\b", text):
        places.setdefault(match[0], match.start())
    return sorted(pointers, key=lambda pointer: places.get(pointer.name, len(text)))


def affine(place: Affine) -> str:
    """An affine place as text."""
    parts = []
    for axis, step in place.steps:
        if step:
            name = _part(axis) if isinstance(axis, Part) else f"i{axis.number}"
            parts.append(name if step == 1 else f"{name} * {step}")
    if place.start or not parts:
        parts.append(str(place.start))
    return " + ".join(parts)


def in_line(place: Affine, joints: Sequence[Joint]) -> Affine:
    """A place by the loops that run, where it goes along a line as several loops do."""
    for axis, parts in joints:
        step = place.step(parts[-1])
        if all(
            place.step(part) == step * by for part, by in zip(parts, _strides(parts), strict=True)
        ):
            others = [(at(a), s) for a, s in place.steps if a not in parts]
            place = combined([*others, (at(axis), step)], place.start)
    return place


def _strides(parts: Axes) -> tuple[int, ...]:
    return strides_of(tuple([part.size for part in parts]))


def _part(axis: Part) -> str:
    """A digit as text; a place outside is nobody's, but must not be negative."""
    text = f"(uint64_t)({affine(axis.place)})"
    if axis.divisor != 1:
        text += f" / {axis.divisor}"
    return f"(long)({text} % {axis.size})"


class Body:
    """What is computed within loops.

    Args:
        plan: says what is computed where it is read.
        places: where values lie.
        loops: the axes of the loops, outermost first; others are fixed around them.
        joints: loops among them that stand for several.
        ranges: of loops that run along a part of their axis.

    Attributes:
        lines: what is to stand at the beginning of each loop; first what stands before all.
        guards: those that have been asked for.
    """

    def __init__(
        self,
        plan: Plan,
        places: Places,
        loops: Axes,
        joints: Sequence[Joint] = (),
        ranges: Ranges = MappingProxyType({}),
    ) -> None:
        self._ranges = ranges
        self.guards: set[Guard] = set()
        self._inlined, self._places, self._loops = plan.inlined, places, loops
        self._depth = {axis: depth for depth, axis in enumerate(loops, 1)}
        self._joints = joints
        for axis, parts in joints:
            self._depth |= dict.fromkeys(parts, self._depth[axis])
        self.lines: list[list[str]] = [[] for _ in range(len(loops) + 1)]
        self._known: dict[object, tuple[str, int]] = {}
        self._applied: dict[object, tuple[tuple[str, int], object, object]] = {}
        self._computed: dict[object, tuple[str, int]] = {}  # by value, where and within what
        self._here: dict[object, tuple[str, int]] = {}  # what these loops write
        self._count = 0

    def nested(self, lines: Lines, some: Axes | None = None, around: bool = False) -> Lines:
        """The lines within loops, with what is to stand at the beginning of each.

        Args:
            some: neighbours among the loops; without it all.
            around: whether what stands before all loops is wanted too.
        """
        loops = self._loops if some is None else some
        for axis in reversed(loops):
            lines = loop(axis, self.begun(axis, lines), self._ranges)
        return [*self.lines[0], *lines] if some is None or around else lines

    def begun(self, axis: Axis, within: Lines) -> Lines:
        """The lines within a loop, after what is to stand at its beginning."""
        lines = [*self.lines[self._depth[axis]], *within]
        found: Lines = []
        for joint, parts in self._joints:
            if joint is not axis:
                continue
            text = " ".join(lines)
            for part, by in zip(parts, _strides(parts), strict=True):
                if re.search(rf"\bi{part.number}\b", text):  # as who looks on may want
                    place = f"i{axis.number} / {by} % {part.size}"
                    found.append(f"const long i{part.number} = {place};")
        return [*found, *lines]

    def expression(self, part: Expression, places: Mapping[Axis, Affine]) -> str:
        """The name of what an expression gives, or its text, where axes are at places."""
        return self._made(part, places, ())[0]

    def map(self, value: Value, part: Expression, places: Mapping[Axis, Affine]) -> str:
        """The name of what a map gives, which others in these loops know from now on."""
        made = self._made(part, places, ())
        where = tuple([places.get(axis, at(axis)) for axis in value.axes])
        self._here[value, where] = made
        return made[0]

    def index(self, place: Affine | Expression) -> str:
        """A place as text."""
        return affine(place) if isinstance(place, Affine) else self.expression(place, {})

    # Each method gives a text, and the number of the loop within which it can stand.

    def _made(
        self, part: Expression, at: Mapping[Axis, Affine], inside: tuple[Guard, ...]
    ) -> tuple[str, int]:
        if isinstance(part, Number):
            return literal(part.number, part.dtype), 0
        if isinstance(part, Place):
            place = substituted(part.place, at)
            kind = "" if part.dtype == INDEX else f"({C_TYPES[part.dtype]})"
            return f"{kind}({affine(place)})", self._deepest(place)
        if isinstance(part, Inside):
            return self._guarded(moved_guards(part.guards, at))
        if isinstance(part, Load):
            return self._load(part, at, inside)
        if part.text == CHOICE and isinstance(part.operands[0], Inside):
            condition, _ = self._made(part.operands[0], at, inside)
            if condition in ("true", "false"):
                return self._made(part.operands[1 if condition == "true" else 2], at, inside)
        key = id(part), id(at), inside
        if key not in self._applied:  # with what the key is of, so that nothing else gets its id
            given = [self._made(operand, at, inside) for operand in part.operands]
            text = part.text.format(*[text for text, _ in given])
            depth = max([depth for _, depth in given], default=0)
            self._applied[key] = self._named(text, part.dtype, depth), part, at
        return self._applied[key][0]

    def _load(
        self, load: Load, at: Mapping[Axis, Affine], inside: tuple[Guard, ...]
    ) -> tuple[str, int]:
        guards = moved_guards(load.guards, at)
        inner = tuple(dict.fromkeys((*inside, *guards)))
        condition, level = self._guarded(guards)
        if condition == "false":
            return literal(load.fill, load.dtype), 0
        if load.value in self._inlined:
            assert load.value.nest is not None
            own = [substituted(i, at) for i in load.indices if isinstance(i, Affine)]
            key = load.value, tuple(own), inner
            if key not in self._computed:
                places = dict(zip(load.value.axes, own, strict=True))
                made = self._computed[key] = self._made(load.value.nest.expression, places, inner)
                if self._places.watched:
                    self._write_down(load.value, own, inner, *made)
            text, depth = self._computed[key]
        elif (here := self._own(load, at)) is not None:
            text, depth = here
        else:
            text, depth = self._from_memory(load, at, inner)
        if condition == "true":
            return text, depth
        fill = literal(load.fill, load.dtype)
        return self._named(f"{condition} ? {text} : {fill}", load.dtype, max(depth, level))

    def _own(self, load: Load, at: Mapping[Axis, Affine]) -> tuple[str, int] | None:
        """What these loops have computed at this place, if they have."""
        if not self._here:
            return None
        own = [substituted(i, at) for i in load.indices if isinstance(i, Affine)]
        return self._here.get((load.value, tuple(own)))

    def _write_down(
        self,
        value: Value,
        indices: Sequence[Affine],
        inside: Sequence[Guard],
        text: str,
        depth: int,
    ) -> None:
        """Store what is computed on the way to something else."""
        strides = self._places.strides(value)
        place = self._places.within(value, combined(list(zip(indices, strides, strict=True))))
        place = in_line(place, self._joints)
        condition, level = self._guarded(inside)
        line = f"if ({condition}) {self._places.name(value)}[{affine(place)}] = {text};"
        lines = self.lines[max(depth, level, self._deepest(place))]
        if line not in lines:
            lines.append(line)

    def _from_memory(
        self, load: Load, at: Mapping[Axis, Affine], inside: tuple[Guard, ...]
    ) -> tuple[str, int]:
        strides = (1,) if load.flat else self._places.strides(load.value)
        parts, depths, start = [], [0], Affine(0)
        for index, stride in zip(load.indices, strides, strict=True):
            if isinstance(index, Affine):
                moved = substituted(index, at)
                start = combined([(start, 1), (moved, stride)])
            else:
                text, depth = self._made(index, at, inside)
                parts.append(f"{text} * {stride}")
                depths.append(depth)
        depths.append(self._deepest(start))
        start = in_line(self._places.within(load.value, start), self._joints)
        place = " + ".join([*parts, affine(start)])
        # As numbers truths become vectors with GCC, which takes five times as long of others.
        kind = np.dtype(np.int32) if load.dtype == BOOL else load.dtype
        condition, level = self._guarded(inside)
        if condition == "true":
            return self._named(self._places.read(load.value, place), kind, max(depths))
        depths.append(level)
        if max(depths) < len(self._loops) or _is_unrolled(self._loops):
            # Always read, if at place 0: GCC 12 gets a read wrong that hangs on a condition, where
            # it has unrolled a loop within.
            text = self._places.read(load.value, f"({place}) * {condition}")
        else:
            text = f"{condition} ? {self._places.read(load.value, place)} : 0"
        return self._named(text, kind, max(depths))

    def _guarded(self, guards: Sequence[Guard]) -> tuple[str, int]:
        """A condition, of parts that each stand in the outermost loop that they can."""
        parts, depths = [], [0]
        for guard in guards:
            self.guards.add(guard)
            place, depth = affine(guard.place), self._deepest(guard.place)
            low, high = bounds_within(guard.place, self._ranges)
            if high < 0 or low >= guard.size:
                return "false", 0
            tests = [f"({place}) >= 0"] * (low < 0) + [f"({place}) < {guard.size}"] * (
                high >= guard.size
            )
            if guard.step != 1:
                tests.append(f"({place}) % {guard.step} == 0")
            if tests:
                text, depth = self._named(" && ".join(tests), BOOL, depth)
                parts.append(text)
                depths.append(depth)
        if not parts:
            return "true", 0
        if len(parts) == 1:
            return parts[0], depths[-1]
        return self._named(" & ".join(parts), BOOL, max(depths))

    def _deepest(self, place: Affine) -> int:
        depths = [
            self._deepest(axis.place) if isinstance(axis, Part) else self._depth.get(axis, 0)
            for axis in place.axes
        ]
        return max(depths, default=0)

    def _named(self, text: str, dtype: DType, depth: int) -> tuple[str, int]:
        """A name for what a text gives, which is computed once."""
        known = self._known.get((text, dtype))
        if known is None:
            self._count += 1
            name = f"x{self._count}"
            kind = "long" if dtype == INDEX else C_TYPES[dtype]
            self.lines[depth].append(f"const {kind} {name} = {text};")
            known = self._known[text, dtype] = name, depth
        return known


def _is_unrolled(loops: Axes) -> bool:
    """Whether compilers may write the innermost loop out: all of it, or what is left of it after
    blocks of 32 or 64."""
    size = loops[-1].size if loops else 1
    return any(0 < rest <= _UNROLLED for rest in (size, size % 32, size % 64))

"""The C of a plan: a function for each group, of loops that are named by the calls they stand for.

Sums and maxima are in several accumulators, which the text shows, so that compilers may work in
vectors without changing what is computed: each result is to the bit that of this text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from math import prod
from types import MappingProxyType
from typing import NamedTuple

from autograd.lowering.accumulators import Accumulators, each
from autograd.lowering.expressions import Body, Places, affine, as_met
from autograd.lowering.indices import Affine, Axes, Axis, at, combined, joined, substituted, volume
from autograd.lowering.lines import Lines, indented, loop, wrapped
from autograd.lowering.merging import ELEMENTWISE, Loops
from autograd.lowering.nests import Nest, Value
from autograd.lowering.partial import slices_of_part
from autograd.lowering.pieces import Ranges, pieces_of
from autograd.lowering.planning import accesses
from autograd.lowering.plans import Access, Group, Plan
from autograd.lowering.products.text import BlocksText

_LANES = 32  # accumulators along an axis that is reduced
_KEPT = 64  # and along one that is not
_TERMS = 256  # of more, an accumulator is emptied now and then
_PART = 64  # or so: after so many

_AHEAD = 1 << 13  # bytes of the next slice that are asked for in advance
_LARGE = 1 << 18  # bytes of an array that is not in the cache anyway


class LoopsText:
    """The loops of nests that share them.

    Args:
        loops: what is written.
        plan: how.
        places: where values lie.
    """

    def __init__(self, loops: Loops, plan: Plan, places: Places) -> None:
        self._loops, self._plan, self._places = loops, plan, places
        self._first = loops.nests[0]

    def lines(self) -> Lines:
        """The text."""
        if self._first.kind == "scatter":
            return self._scatter()
        running = [nest for nest in self._loops.nests if nest.kind == "running"]
        begun = [line for nest in running for line in self._begun(nest)]
        if not self._loops.reduced:
            return [*begun, *self._maps()]
        return [*begun, *(self._in_blocks() if self._loops.inner_is_kept else self._along())]

    def _body(self, loops: Axes, ranges: Ranges = MappingProxyType({})) -> Body:
        joints = [joint for joint in self._loops.joints if joint.axis in loops]
        return Body(self._plan, self._places, loops, joints, ranges)

    @property
    def _kept(self) -> Axes:
        return self._loops.as_run(self._loops.kept)

    @property
    def _reduced(self) -> Axes:
        return self._loops.as_run(self._loops.reduced)

    def _maps(self) -> Lines:
        """Maps; a reduction of one element each is that element, or its place. Where arrays lie
        one after the other, each is a loop of its own."""
        loops = (*self._kept, *self._reduced)
        body = self._body(loops)
        whole = body.nested(
            [line for nest in self._loops.nests for line in self._mapped(body, nest)]
        )
        if not loops or len(pieces := pieces_of(loops[-1], body.guards)) == 1:
            return whole
        lines: Lines = []
        for piece in pieces:
            body = self._body(loops, {loops[-1]: piece})
            made = [line for nest in self._loops.nests for line in self._mapped(body, nest)]
            lines += ["{", *indented(body.nested(made)), "}"]
        return lines

    def _begun(self, nest: Nest) -> Lines:
        """Zeros for a partial sum, at the first of its slices."""
        slices, size = slices_of_part(nest), volume(nest.value.axes[1:])
        begin = f"{self._places.name(nest.value)} + s / {slices} * {size}"
        zero = "-0.0" if nest.value.dtype.kind == "f" else "0"
        zeros = f"for (long i = 0; i < {size}; i++) ({begin})[i] = {zero};"
        return [f"if (s % {slices} == 0)", *indented([zeros])] if slices > 1 else [zeros]

    def _added(self, body: Body, nest: Nest) -> Lines:
        """A term of a partial sum."""
        places = self._loops.places[nest]
        made = body.expression(nest.expression, places)
        where = [substituted(place, places) for place in nest.places if isinstance(place, Affine)]
        at_ = dict(zip(nest.value.axes, where, strict=True))
        return [f"{self._places.stored(nest.value, at_, self._loops.joints)} += {made};"]

    def _mapped(self, body: Body, nest: Nest) -> Lines:
        """What a map gives, written to memory if it lies there."""
        places = self._loops.places[nest]
        if nest.kind == "running":
            return self._added(body, nest)
        made = "0"
        if not nest.kind.startswith("arg"):
            made = body.map(nest.value, nest.expression, places)
        if not self._places.has(nest.value):
            return []
        return [f"{self._places.stored(nest.value, places, self._loops.joints)} = {made};"]

    def _scatter(self) -> Lines:
        nest, value = self._first, self._first.value
        body = self._body(self._loops.axes)
        made = body.expression(nest.expression, {})
        where = self._places.of(value, [body.index(place) for place in nest.places])
        name = self._places.name(value)
        zeros = f"for (long i = 0; i < {prod(value.shape)}; i++) {name}[i] = 0;"
        return [zeros, *body.nested([f"{where} += {made};"])]

    # --- reductions ----------------------------------------------------------------------------

    def _computed(self, body: Body) -> tuple[Lines, dict[Nest, Accumulators]]:
        """The maps, and the accumulators of the reductions: those of the same numbers, as a
        maximum and its place, have the same ones."""
        written: Lines = []
        found: dict[Nest, Accumulators] = {}
        known: dict[object, Accumulators] = {}
        for nest in self._loops.nests:
            if nest.kind in ELEMENTWISE:
                written += self._mapped(body, nest)
                continue
            places = self._loops.places[nest]
            made = body.expression(nest.expression, places)
            key = made, nest.expression.dtype, nest.kind.removeprefix("arg")
            if key not in known:
                place = affine(substituted(joined(nest.reduced), places))
                name = str(len(known) + 1) if known else ""
                known[key] = Accumulators(nest, made, place, name)
            known[key].also(nest)
            found[nest] = known[key]
        return written, found

    def _in_blocks(self) -> Lines:
        """Accumulators for neighbours of the result, along the whole of what is reduced."""
        (*outer, inner), reduced = self._kept, self._reduced
        body = self._body((*outer, *reduced, inner))
        _, found = self._computed(body)

        def block(start: str, lanes: int) -> Lines:
            updates = [line for one in _unique(found) for line in one.updated()]
            update = self._lanes(lanes, start, inner, body.begun(inner, updates))
            stored = self._stored(found, "l")
            last = reduced[-1]
            block = _Loop(f"i{last.number}", last.size, body.begun(last, update))
            return [
                *self._summed(body, lanes, _unique(found), reduced[:-1], block),
                *self._lanes(lanes, start, inner, stored),
            ]

        width = min(inner.size, _KEPT)
        whole = inner.size - inner.size % width
        head = f"for (long b = 0; b < {whole}; b += {width}) {{"
        text = [head, *indented(block("b", width)), "}"]
        if inner.size % width:
            text += ["{", *indented(block(str(whole), inner.size % width)), "}"]
        return body.nested(text, tuple(outer), around=True)

    def _along(self) -> Lines:
        """Accumulators for every so manieth element of what is reduced."""
        kept, reduced = self._kept, self._reduced
        inner = reduced[-1]
        body = self._body((*kept, *reduced))
        written, found = self._computed(body)
        updates = [line for one in _unique(found) for line in one.updated()]
        update = body.begun(inner, [*written, *updates])
        lanes = min(inner.size, _LANES)
        whole = inner.size - inner.size % lanes
        rest: Lines = []
        if inner.size % lanes:
            rest = self._lanes(inner.size % lanes, str(whole), inner, update)
        block = _Loop("b", whole, self._lanes(lanes, "b", inner, update), lanes)
        text = self._summed(body, lanes, _unique(found), reduced[:-1], block, rest)
        for one in _unique(found):
            text += one.halved(lanes)
        text += self._stored(found, "0")
        return ["{", *indented(body.nested(text, kept, around=True)), "}"]

    def _stored(self, found: Mapping[Nest, Accumulators], lane: str) -> Lines:
        """The results, which are in accumulators."""
        return [
            f"{self._places.stored(nest.value, self._loops.places[nest], self._loops.joints)} = "
            f"{one.taken(nest, lane)};"
            for nest, one in found.items()
        ]

    def _lanes(self, lanes: int, start: str, axis: Axis, lines: Lines) -> Lines:
        """A loop over so many accumulators, from a place of an axis on."""
        place = f"const long i{axis.number} = {start} + l;"
        return [f"{each(lanes)} {{", *indented([place, *lines]), "}"]

    def _summed(
        self,
        body: Body,
        lanes: int,
        all_: Sequence[Accumulators],
        around: Axes,
        inner: _Loop,
        rest: Lines | None = None,
    ) -> Lines:
        """The accumulators, begun and filled by loops. Long sums are sums of shorter ones, as those
        round less: of so many turns of the innermost loop, or of one around it.

        Args:
            around: the loops around the innermost one.
            inner: that.
            rest: what stands behind it.
        """
        whole = volume(around) * inner.turns
        long = whole > _TERMS and any(one.kind == "sum" for one in all_)
        begun = [line for one in all_ for line in one.declared(lanes, long)]
        if not long:
            return [*begun, *body.nested([*inner.lines(), *(rest or [])], around)]
        empty = [line for one in all_ for line in one.emptied(lanes)]
        carry = ["count++;", *[line for one in all_ for line in one.totalled(lanes)]]
        turns, loops = inner.turns, list(around)
        if turns > _PART:
            text = inner.in_parts(_PART, empty, carry)
            text += [*empty, *rest, *carry] if rest else []
        else:
            text = [*inner.lines(), *(rest or [])]
            while turns * loops[-1].size <= _PART:
                axis = loops.pop()
                turns, text = turns * axis.size, loop(axis, body.begun(axis, text))
            axis = loops.pop()
            part = _Loop(f"i{axis.number}", axis.size, body.begun(axis, text))
            text = part.in_parts(max(_PART // turns, 1), empty, carry)
        ended = [line for one in all_ for line in one.ended(lanes)]
        return ["long count = 0;", *begun, *body.nested(text, tuple(loops)), *ended]


class _Loop(NamedTuple):
    """A loop of a variable from 0 to below `size`, by steps."""

    name: str
    size: int
    within: Lines
    step: int = 1

    @property
    def turns(self) -> int:
        """How often it runs."""
        return -(-self.size // self.step)

    def lines(self, start: str = "0", end: str = "") -> Lines:
        """Its text."""
        head = f"for (long {self.name} = {start}; {self.name} < {end or self.size}; "
        turn = f"{self.name} += {self.step}" if self.step > 1 else f"{self.name}++"
        return [f"{head}{turn}) {{", *indented(self.within), "}"]

    def in_parts(self, turns: int, before: Lines, after: Lines) -> Lines:
        """Its text, with lines before and after each so many turns."""
        step = turns * self.step
        end = f"const long end_ = part + {step} < {self.size} ? part + {step} : {self.size};"
        part = [end, *before, *self.lines("part", "end_"), *after]
        return [f"for (long part = 0; part < {self.size}; part += {step}) {{", *indented(part), "}"]


def _unique(found: Mapping[Nest, Accumulators]) -> list[Accumulators]:
    return list(dict.fromkeys(found.values()))


class GroupText(NamedTuple):
    """A group as C.

    Attributes:
        function: the text of a function of what it reads and writes, and of the slices to be done,
            in which NAME stands for its name. Groups that do the same have the same, but for
            comments.
        given: the pointers for a call of it.
        size: how many slices there are.
    """

    function: str
    given: str
    size: int


def group_text(
    group: Group,
    many: Sequence[Loops],
    plan: Plan,
    places: Places,
    notes: Sequence[str],
    streamed: Sequence[Value] = (),
) -> GroupText:
    """The function for a group.

    Args:
        many: its loops.
        notes: for each of those what is said of it.
        streamed: values of which each slice is written past the cache, when it is there.
    """
    used, lines = places.begun(_starts(group, plan, places)), []
    before: list[str] = []
    for loops, note in zip(many, notes, strict=True):
        nest = loops.nests[0]
        axis = group.slices[nest]
        if nest in plan.blocks:
            one = BlocksText(f"NAME_{len(before)}", nest, plan.blocks[nest], used.begun())
            before.append(one.function())
            used.also(one.places)
            text = [one.call()]
        else:
            text = LoopsText(loops, plan, used).lines()
        if axis is not None:
            text = [f"const long i{axis.number} = s;", *text]
        lines += [*_comment(note), "{", *indented(text), "}"]
    for value in streamed:
        size = prod(value.shape) // group.size
        where = f"{used.outside(value)} + s * {size}, {used.name(value, written=False)}"
        lines.append(f"past({where}, {size * value.dtype.itemsize});")
    if group.slices[group.nests[0]] is not None:
        lines = [*_ahead(group, plan, used), *lines]
        lines = ["for (long s = begin; s < end; s++) {", *indented(lines), "}"]
    lines += ["past_is_seen();"] * bool(streamed)
    pointers = as_met(used.pointers(), "\n".join(lines))
    parameters = [*[f"{kind}restrict {name}" for kind, name, _ in pointers], "long begin, long end"]
    head = f"static APART void NAME(int64_t *bad, {', '.join(parameters)}) {{"
    whole = "\n\n".join([*before, "\n".join([*wrapped(head, "    "), *indented(lines), "}"])])
    given = ", ".join([f"({kind}){where}" for kind, _, where in pointers])
    names: dict[str, str] = {}  # of axes and arrays, as they come: what is equal has one text
    for kind in (r"\b(i)\d+\b", r"\b([vt])\d+\b"):
        count = len(names)
        whole = re.sub(
            kind, lambda m, n=count: names.setdefault(m[0], f"{m[1]}{len(names) - n}"), whole
        )
    return GroupText(whole, given, group.size)


def _starts(group: Group, plan: Plan, places: Places) -> dict[Value, int]:
    """For values of which a group reads and writes nothing before some place, that place: so groups
    that do the same elsewhere have one text."""
    first: dict[Value, int] = {}
    for nest in group.nests:
        own = tuple([at(axis) for axis in nest.value.axes])
        reads: Iterable[Access] = plan.accesses[nest]
        if places.watched:  # all that is computed is written
            reads = accesses(nest, plan.inlined, on_the_way=True)
        for value, indices in (*reads, Access(nest.value, own)):
            low, strides = 0, places.strides(value)
            if indices is not None and not nest.adds:
                low = max(combined(list(zip(indices, strides, strict=True))).bounds()[0], 0)
            if low > sum((size - 1) * s for size, s in zip(value.shape, strides, strict=True)):
                low = 0  # nothing but a border is seen, and the first place is read in its stead
            first[value] = min(first.get(value, low), low)
        if nest in plan.blocks and (load := plan.blocks[nest].finite) is not None:
            first[load.value] = 0  # all of it is looked at
    return {value: start for value, start in first.items() if start}


def _ahead(group: Group, plan: Plan, places: Places) -> Lines:
    """Lines that ask for what the next slice reads, where a slice is short and an array is large:
    processors look ahead by themselves, but too little of a loop that computes much."""
    own = {nest.value for nest in group.nests}
    found: dict[Value, str] = {}
    total = 0
    for nest in group.nests:
        axis = group.slices[nest]
        for value, indices in plan.accesses[nest]:
            size = value.dtype.itemsize
            large = prod(value.shape) * size >= _LARGE
            if axis is None or indices is None or value in own or value in found or not large:
                continue
            place = combined(list(zip(indices, places.strides(value), strict=True)))
            place = places.within(value, place)
            low, high = substituted(place, {axis: joined(())}).bounds()
            step, nbytes = place.step(axis), (high + 1 - low) * size
            if low < 0 or high + 1 - low > step or total + nbytes > _AHEAD:
                continue
            total += nbytes
            start = f"{places.name(value, written=False)} + (s + 1) * {step}"
            found[value] = f"ahead({start}{f' + {low}' if low else ''}, {nbytes});"
    return ["if (s + 1 < end) {", *indented(list(found.values())), "}"] if found else []


def _comment(note: str) -> Lines:
    return wrapped(f"/* {note} */", "   ")

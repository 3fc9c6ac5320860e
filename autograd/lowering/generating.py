"""A program as C: its text, and what memory that needs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

from autograd import native
from autograd.lowering import addresses, teams
from autograd.lowering.convolutions.direct import with_direct_convolutions
from autograd.lowering.expressions import Places
from autograd.lowering.functions import INCLUDES, needed
from autograd.lowering.head import HEAD, PAST
from autograd.lowering.indices import Axis, volume
from autograd.lowering.lines import wrapped
from autograd.lowering.lowerer import Called, Lowerer, RowOf
from autograd.lowering.merging import Loops, merged, registers
from autograd.lowering.nests import Nest, Value, strides_along
from autograd.lowering.planning import planned
from autograd.lowering.plans import Group, Plan
from autograd.lowering.printing import group_text
from autograd.lowering.products.batches import with_whole_batches
from autograd.lowering.products.borders import with_borders
from autograd.lowering.products.stacks import with_stacks
from autograd.lowering.products.text import declared
from autograd.lowering.teams import Run, Stretch, run_of, shared_text
from autograd.program import arena
from autograd.program.arena import ALIGNED
from autograd.program.places import APART, WITH_ROOM
from autograd.program.program import Call, Program
from autograd.program.rewriting import is_pure

# Bytes of a result that is not in the cache when somebody reads it, as four such arrays, what a
# function and its gradient read and write, do not fit into it.
_STREAMED = max(1 << 22, native.last_cache() // 4)
_PIECE = 1 << 15  # bytes of it that wait in the cache


@dataclass(eq=False)
class Generated:
    """A program as C.

    Attributes:
        program: what runs: see `outlined`.
        lowerer: what each call became.
        plan: what runs, in which order.
        source: the text.
        positions: by value that lies in memory, its number among the pointers.
        offsets: by value, where it lies in the block, in bytes; others have memory of their own.
        block: the size of that, in bytes.
        scratch: that of the memory for slices, in bytes.
        runs: by number of the step in the plan, the function for it.
        loops: by group.
        registers: values that lie nowhere in memory.
        watched: whether every value lies in memory of its own, for who looks on: the same is
            computed in the same way.
        streamed: by group, results whose slices are written past the cache.
    """

    program: Program
    lowerer: Lowerer
    plan: Plan
    loops: dict[Group, list[Loops]]
    watched: bool
    source: str = ""
    positions: dict[Value, int] = field(default_factory=dict)
    offsets: dict[Value, int] = field(default_factory=dict)
    block: int = 0
    scratch: int = 0
    runs: dict[int, Run] = field(default_factory=dict)
    registers: set[Value] = field(default_factory=set)
    streamed: dict[Group, list[Value]] = field(default_factory=dict)

    def nbytes(self, value: Value) -> int:
        """The bytes of a value in memory."""
        return prod(value.shape) * value.dtype.itemsize


class Outline(NamedTuple):
    """What a program becomes, before it is written: see `Generated`."""

    program: Program
    lowerer: Lowerer
    plan: Plan
    loops: dict[Group, list[Loops]]


def outlined(program: Program, row_of: RowOf) -> Outline:
    """What a program becomes by a table of lowerings; some of its calls become others first, see
    `with_direct_convolutions`, `with_whole_batches` and `with_stacks`."""
    program = with_stacks(with_whole_batches(with_direct_convolutions(program)))
    lowerer = Lowerer(program, row_of)
    items, products = with_borders(lowerer.items)
    plan = planned(items, program.calls, products)
    groups = [group for step in plan.steps if not isinstance(step, Called) for group in step]
    return Outline(program, lowerer, plan, {group: merged(plan, group) for group in groups})


def generated(program: Program, row_of: RowOf, watched: bool = False) -> Generated:
    """The C of a program, by a table of lowerings; see `Generated`."""
    return written(outlined(program, row_of), watched)


def written(outline: Outline, watched: bool = False) -> Generated:
    """The C of what a program becomes; see `Generated`."""
    made = Generated(*outline, watched=watched)
    plan = made.plan
    if not watched:
        made.registers = registers(plan, made.loops)
    values = _in_memory(made)
    if watched:
        values += plan.inlined
    made.positions = {value: number for number, value in enumerate(values)}
    local = {} if watched else _local(made)
    _place(made, local)
    steps = [(n, step) for n, step in enumerate(plan.steps) if not isinstance(step, Called)]
    made.runs = {n: run_of(count, step, plan) for count, (n, step) in enumerate(steps)}
    made.source = _written(made, local)
    return made


def _in_memory(made: Generated) -> list[Value]:
    """The values that lie in memory, as they are first met."""
    found: dict[Value, None] = {}
    for step in made.plan.steps:
        if isinstance(step, Called):
            found |= dict.fromkeys(view.value for view in step.arrays.values())
            continue
        for group in step:
            for nest in group.nests:
                found |= dict.fromkeys(value for value, _ in made.plan.accesses[nest])
                found[nest.value] = None
    return [value for value in found if value not in made.registers]


def _local(made: Generated) -> dict[Value, tuple[int, tuple[int, ...]]]:
    """Values that only the slices of one group have: where each begins, and its strides, which
    are 0 along the slices."""
    readers: dict[Value, set[Group]] = {}
    home: dict[Value, Group] = {}
    for step in made.plan.steps:
        if isinstance(step, Called):
            continue
        for group in step:
            for nest in group.nests:
                home[nest.value] = group
                for value, _ in made.plan.accesses[nest]:
                    readers.setdefault(value, set()).add(group)
    local: dict[Value, tuple[int, tuple[int, ...]]] = {}
    called = {
        view.value
        for step in made.plan.steps
        if isinstance(step, Called)
        for view in step.arrays.values()
    }
    for group in dict.fromkeys(home.values()):
        offset = 0
        for nest in group.nests:
            value, axis = nest.value, group.slices[nest]
            outside = value.kept or value.slot is not None or value.in_order
            if value in made.registers or axis is None or readers.get(value, set()) - {group}:
                continue
            if outside and _is_streamed(made, nest, axis, called):
                made.streamed.setdefault(group, []).append(value)
            elif outside:
                continue
            order = [a for a in made.plan.layouts[nest] if a in value.axes and a is not axis]
            local[value] = offset, strides_along(value.axes, order)
            offset += -(-volume(order) * value.dtype.itemsize // ALIGNED) * ALIGNED
        made.scratch = max(made.scratch, offset)
    return local


def _is_streamed(made: Generated, nest: Nest, axis: Axis, called: set[Value]) -> bool:
    """Whether a result, which nothing else here reads, is so large that it leaves the cache before
    anybody does: to write it there would read it from memory first. Each slice is one piece, which
    waits in the cache until it is whole."""
    value, size = nest.value, made.nbytes(nest.value)
    piece = size // axis.size
    strides = dict(zip(value.axes, made.plan.strides[value], strict=True))
    return (
        nest.kind == "map"
        and value not in called
        and size >= _STREAMED
        and piece % ALIGNED == 0
        and piece <= _PIECE
        and strides[axis] == volume(value.axes) // axis.size
    )


def _place(made: Generated, local: Mapping[Value, Any]) -> None:
    """Places in the block: values that are there at different times share them."""
    begin: dict[Value, int] = {}
    end: dict[Value, int] = {}
    own: set[Value] = set()
    calls, time = made.program.calls, 0
    rooms = {v.slot: v for v in made.positions if v.nest is None}
    wanted = set(made.program.wanted())
    for step in made.plan.steps:
        if isinstance(step, Called):
            time += 1
            call = calls[step.number]
            for view in step.arrays.values():
                end[view.value] = time
                if not is_pure(call):
                    own.add(view.value)  # it may keep it
            value = rooms.get(call.outputs[0])
            if value is not None and _has_room(call) and value.slot not in wanted:
                begin[value] = time
            continue
        for group in step:
            time += 1
            for nest in group.nests:
                begin[nest.value] = time
                for value, _ in made.plan.accesses[nest]:
                    end[value] = time
    shared = [
        value
        for value in begin
        if value not in local
        and value not in made.registers
        and (value not in own or made.watched)
        and (value.slot is None or value.nest is None)
    ]
    if made.watched:
        begin |= dict.fromkeys(made.plan.inlined, 0)
        shared += made.plan.inlined
        end |= dict.fromkeys(shared, time)
    lives = [arena.Life(begin[v], max(end.get(v, 0), begin[v]) + 1) for v in shared]
    offsets, made.block = arena.planned([made.nbytes(v) for v in shared], lives)
    made.offsets = dict(zip(shared, offsets, strict=True))


def _has_room(call: Call) -> bool:
    return call.op in WITH_ROOM and call.op in APART and call.saved is None


# --- the text ----------------------------------------------------------------------------------


def _written(made: Generated, local: Mapping[Value, tuple[int, tuple[int, ...]]]) -> str:
    places = Places(made.plan, made.positions, local, made.watched)
    parts: list[str] = []
    known: dict[str, str] = {}  # functions by their text, so that compilers see each once
    for run in made.runs.values():
        lines: list[str] = []
        for loop, stretch in enumerate(run.stretches):
            calls = _calls(made, stretch, places, parts, known)
            lines += shared_text(loop, stretch, calls) if run.shared else calls
        body = "".join(f"    {line}\n" for line in lines)
        parts.append(f"IN_TURN void {run.name}{_SIGNATURE} {{\n{body}}}")
    found = {name for part in parts for name in re.findall(r"\bpb_\w+", part)}
    used = needed(sorted(found - {"pb_place"}))
    whole = "\n\n".join(parts)
    head = [INCLUDES, HEAD, addresses.TEXT, *([PAST] if made.streamed else []), used]
    head += [teams.TEXT] * any(run.shared for run in made.runs.values())
    return "\n".join([*head, declared(whole), whole, "", _trial(made)])


def _calls(
    made: Generated, stretch: Stretch, places: Places, parts: list[str], known: dict[str, str]
) -> list[str]:
    """Lines that call the functions of groups, which are added to the others."""
    lines: list[str] = []
    for group in stretch.groups:
        loops = made.loops[group]
        notes = [_note(made, one.nests) for one in loops]
        streamed = made.streamed.get(group, [])
        text = group_text(group, loops, made.plan, places, notes, streamed)
        same = _COMMENT.sub("", text.function)
        if same in known:
            lines += wrapped(f"/* {'; '.join(notes)} */", "   ")
        else:
            known[same] = name = f"group{len(known)}"
            parts.append(text.function.replace("NAME", name))
        bounds = f"0, {text.size}" if stretch.slices == 1 else "begin, end"
        lines += wrapped(f"{known[same]}(bad, {text.given}, {bounds});")
    return lines


_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_SIGNATURE = "(char *const *p, char *scratch, int64_t *bad, int *team, int64_t me)"


def calls_of(made: Generated, nests: Sequence[Nest]) -> list[int]:
    """The numbers of the calls that nests stand for, those that they compute on the way too."""
    numbers: set[int] = set()
    waiting, seen = list(nests), set[Nest]()
    while waiting:
        one = waiting.pop()
        if one in seen:
            continue
        seen.add(one)
        numbers.update(one.calls)
        for load in one.loads():
            inner = load.value.nest
            if load.value in made.plan.inlined and inner is not None:
                waiting.append(inner)
    return sorted(numbers)


def _note(made: Generated, nests: Sequence[Nest]) -> str:
    notes = [_call_note(made.program, number) for number in calls_of(made, nests)]
    return "; ".join(notes) or "a border, or another order in memory, for sums of products"


def _call_note(program: Program, number: int) -> str:
    call = program.calls[number]
    return f"{number} {call.op.name} {program.slots[call.outputs[0]].shape}"


def _trial(made: Generated) -> str:
    """A function that runs everything once on zeros, where a crash does no harm."""
    sizes = [max(made.nbytes(value), 8) for value in made.positions]
    lines = [
        f"    static const long sizes[] = {{{', '.join(map(str, sizes)) or 0}}};",
        f"    char *p[{len(sizes) or 1}], *scratch = calloc({made.scratch + ALIGNED}, 1);",
        "    int64_t bad = 0;",
        f"    for (long i = 0; i < {len(sizes)}; i++) p[i] = calloc(sizes[i], 1);",
        *[f"    {run.name}(p, scratch, &bad, 0, 0);" for run in made.runs.values()],
        f"    for (long i = 0; i < {len(sizes)}; i++) free(p[i]);",
        "    free(scratch);",
    ]
    return "\n".join(["IN_TURN void trial(void) {", *lines, "}\n"])

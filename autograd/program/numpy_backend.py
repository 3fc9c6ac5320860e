"""A program run by NumPy alone: forwards called in a row, without tensors and records.

The calls become one Python function, the fastest way there is to make them: values are its local
variables, let go of after their last use. Elementwise calls of which only the last is read by
others become one, which works in blocks that stay in the cache; what has the shape and dtype of an
operand that is read no more is written in its place; and other large values lie in one block of
memory, which is there for the next call when one has ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from autograd import ops
from autograd.engine.keeping import LARGE
from autograd.engine.tensor import Array
from autograd.program.arena import Arenas
from autograd.program.call_text import CallText, is_mixed
from autograd.program.places import APART, WITH_ROOM, Places
from autograd.program.program import Call, Program, Value, replaced
from autograd.program.running import bound
from autograd.program.watching import watching
from autograd.runtime.rooms import new
from autograd.runtime.threads import elementwise, in_slabs

# The ops whose forwards are one pass of the ufunc of that name over all their arguments.
_NAMES = (
    *("add", "subtract", "multiply", "divide", "negative", "square", "sqrt", "reciprocal", "exp"),
    *("exp2", "expm1", "log2", "log10", "log1p", "sin", "cos", "tan", "sinh", "cosh", "tanh"),
    *("arcsin", "arccos", "arctan", "absolute", "greater", "greater_equal", "less", "less_equal"),
    *("equal", "not_equal", "maximum", "minimum", "fmax", "fmin"),
)
UFUNCS: dict[Any, np.ufunc] = {getattr(ops, name): getattr(np, name) for name in _NAMES}

_BLOCK = 1 << 13  # elements of a block, of which several are in the cache at a time

Seen = Callable[[int, Array], Array]


class Compiled:
    """A program as one function of arrays.

    Args:
        program: what it runs. Effects do not happen; whoever calls it makes them happen.
        seen: called with the slot and the array of each value as it is made, for one to go on with.

    Attributes:
        source: its text.
        function: of the arrays of all inputs; gives those of the result and the effects, by slot.
        fused: in words, which calls run as one, and why others do not.
        arenas: the memory of its large values.
    """

    def __init__(self, program: Program, seen: Seen | None = None) -> None:
        self.program = program
        writer = _Writer(program, seen)
        self.source, space = writer.written()
        self.fused, self.arenas = writer.fused(), writer.arenas()
        space |= {"take": self.arenas.take, "give_back": self.arenas.give_back}
        exec(compile(self.source, "<program>", "exec"), space)
        # Taken out of what it sees, so that it goes, and its memory with it, as soon as this does.
        self.function: Callable[..., dict[int, Array]] = space.pop("run")
        self._inputs = [i.slot for i in program.inputs]

    def run(self, *given: Any) -> dict[int, Array]:
        """The arrays of the result and the effects, by slot, of one for each input, in order."""
        with watching(None, recording=False):
            found: dict[int, Array] = self.function(*given)
        return found

    def __call__(self, arguments: Iterable[Array]) -> Any:
        """The result, of the arrays of the arguments; what else is read is read anew.

        It is in memory of its own, unless the program returns an argument or a view of one.
        """
        held = bound(self.program, arguments)
        found = self.run(*[held[slot] for slot in self._inputs])
        return replaced(self.program.result, lambda value: found[value.slot])


def compiled(program: Program) -> Compiled:
    """A program as a function that NumPy runs; see `Compiled`."""
    return Compiled(program)


class _Writer:
    """Writes the function, line by line."""

    def __init__(self, program: Program, seen: Seen | None = None) -> None:
        self._seen = seen
        self._program, self._calls, self._slots = program, program.calls, program.slots
        self._constants = {f"r{slot}": c.array for slot, c in program.constants.items()}
        self._space: dict[str, Any] = {
            "as_array": np.asarray,
            "elementwise": elementwise,
            "in_slabs": in_slabs,
            "new": new,
            "seen": seen,
            **self._constants,
        }
        self._calling = CallText(self._space)
        self._lines: list[str] = []
        self._readers = program.readers()
        self._last = {s: n for n, call in enumerate(self._calls) for s in call.reads()}
        self._last |= dict.fromkeys(program.wanted(), len(self._calls))
        self._fresh: set[int] = set()  # slots of arrays that share their memory with no other
        self._within: set[int] = set()  # slots that live within a group alone
        self._places = Places(program)
        self._has_rooms = False
        self._groups = self._grouped()

    def written(self) -> tuple[str, dict[str, Any]]:
        """The source, and what it must find."""
        within = {n for group in self._groups.values() for n in group[:-1]}
        for number, call in enumerate(self._calls):
            if number not in within:
                group = self._groups.get(number)
                self._single(number, call) if group is None else self._chain(group)
                if self._seen is not None:
                    self._lines += [f"r{s} = seen({s}, r{s})" for s in call.gives()]
                self._release(group or [number])
        wanted = sorted(set(self._program.wanted()))
        result = ", ".join(f"{slot}: r{slot}" for slot in wanted)
        head = f"def run({', '.join(f'r{i.slot}' for i in self._program.inputs)}):"
        lines = [*self._lines, f"return {{{result}}}"]
        if self._has_rooms:
            lines = ["rooms = take()", *self._lines, "give_back(rooms)", lines[-1]]
        return "\n    ".join([head, *lines]), self._space

    def arenas(self) -> Arenas:
        """Memory for the large values, once the function is written."""
        return Arenas(self._places.lives(self._last))

    def fused(self) -> list[str]:
        """In words, which calls run as one."""
        lines = []
        for group in self._groups.values():
            names = ", ".join(self._calls[n].op.name for n in group)
            shape = self._slots[self._calls[group[-1]].outputs[0]].shape
            lines.append(f"in one, in blocks of {_BLOCK}, {shape}: {names}")
        within = {n for group in self._groups.values() for n in group}
        alone = [call for n, call in enumerate(self._calls) if n not in within]
        small = sum(self._ufunc(call) is not None for call in alone)
        if small:
            lines.append(
                f"alone: {small} elementwise calls, whose arrays are small, or read by several"
            )
        if len(alone) > small:
            lines.append(f"alone: {len(alone) - small} calls that are not elementwise")
        return lines

    # --- single calls --------------------------------------------------------------------------

    def _single(self, number: int, call: Call) -> None:
        given, slot = self._calling.arguments(call), call.outputs[0]
        ufunc, out = self._ufunc(call), self._slots[slot]
        if ufunc is not None:
            self._fresh.add(slot)
            name, place = self._calling.hold("u", ufunc), self._place([number])
            room = self._room(slot, number) if place is None else ""
            if out.nbytes < LARGE:
                made = f"{name}({given})"
                self._lines.append(f"r{slot} = {made if out.shape else f'as_array({made})'}")
            elif place is None and not room:
                self._lines.append(f"r{slot} = elementwise({name}, {given})")
            else:
                models = [
                    s for s in call.reads() if self._slots[s].shape and not self._slots[s].weak
                ]
                into = self._made(room, slot, models) if place is None else f"r{place}"
                self._lines.append(f"r{slot} = in_slabs({name}, {into}, {given})")
            return
        if call.op in APART and call.saved is None:
            self._fresh.add(slot)
        else:
            self._fresh.difference_update(call.reads())  # what it gives may be a view of them
            self._places.shows(call)
        forward = WITH_ROOM.get(call.op)
        room = self._room(slot, number) if forward is not None else ""
        if room:
            given = f"{given}, room={room}"
        self._lines += self._calling.called(
            call, forward if room else call.op.forward, given, is_mixed(call, self._slots)
        )

    def _release(self, group: Sequence[int]) -> None:
        """Let go of what is large, and no later call reads."""
        calls = [self._calls[n] for n in group]
        touched = {slot for call in calls for slot in (*call.reads(), *call.gives())}
        gone = [
            f"r{slot}"
            for slot in sorted(touched - self._within - self._program.constants.keys())
            if self._last.get(slot, -1) <= group[-1] and self._slots[slot].nbytes >= LARGE
        ]
        if gone:
            self._lines.append(f"del {', '.join(gone)}")

    def _ufunc(self, call: Call) -> np.ufunc | None:
        """The ufunc that a call is, if it is one."""
        ufunc = UFUNCS.get(call.op)
        return None if call.options or is_mixed(call, self._slots) else ufunc

    def _place(self, group: Sequence[int]) -> int | None:
        """An operand of the last call of a group that can be written over with what this gives:
        nobody reads it later, nor an earlier call of the group, for which it would be too soon."""
        last = self._calls[group[-1]]
        for slot in last.reads():
            once = last.reads().count(slot) == 1 and self._last[slot] == group[-1]
            first = all(n == group[-1] for n in self._readers[slot] if n in group)
            mine = slot in self._fresh and slot not in self._within
            if mine and once and first and self._slots[slot] == self._slots[last.outputs[0]]:
                self._places.share(slot, last.outputs)
                return slot
        return None

    def _room(self, slot: int, number: int) -> str:
        """The room that a large value gets, which the call of this number makes; "" for none."""
        room = self._places.room(slot, number) if self._seen is None else None
        self._has_rooms |= room is not None
        return "" if room is None else f"rooms[{room}]"

    def _made(self, room: str, slot: int, models: Iterable[int]) -> str:
        """An array for the result of an elementwise call on these values and others."""
        kind = self._slots[slot]
        shape, dtype = self._calling.hold("o", kind.shape), self._calling.hold("o", kind.dtype)
        return f"{room}({shape}, {dtype}, ({''.join(f'r{s}, ' for s in models)}))"

    # --- elementwise calls in one --------------------------------------------------------------

    def _grouped(self) -> dict[int, list[int]]:
        """By the number of its last call, the calls that become one, where these are several."""
        makers = self._program.makers()
        groups: dict[int, list[int]] = {}
        taken: set[int] = set()
        for number in reversed(range(len(self._calls))):
            if number in taken or not self._is_large(number):
                continue
            group, waiting = {number}, [number]
            shape = self._slots[self._calls[number].outputs[0]].shape
            while waiting:
                for slot in self._calls[waiting.pop()].reads():
                    n = makers.get(slot)
                    if n is None or n in group | taken or not self._is_large(n):
                        continue
                    own = self._last[slot] < len(self._calls) and group.issuperset(
                        self._readers[slot]
                    )
                    if own and self._slots[slot].shape == shape and self._saves(n, number):
                        group.add(n)
                        waiting.append(n)
            if len(group) > 1:
                taken |= group
                groups[number] = sorted(group)
                self._within |= {self._calls[n].outputs[0] for n in group if n != number}
        for number, members in groups.items():  # what they read, they read when the last runs
            for slot in {slot for n in members for slot in self._calls[n].reads()} - self._within:
                self._last[slot] = max(self._last[slot], number)
        return groups

    def _saves(self, n: int, later: int) -> bool:
        """Whether no more memory is held where a call is made later: its result is not, but what it
        reads may be for longer."""
        given = {*self._program.constants, *(i.slot for i in self._program.inputs)}
        longer = {s for s in self._calls[n].reads() if self._last[s] < later and s not in given}
        return sum(self._slots[slot].nbytes for slot in longer) <= sum(
            self._slots[slot].nbytes for slot in self._calls[n].outputs
        )

    def _is_large(self, number: int) -> bool:
        call = self._calls[number]
        return self._ufunc(call) is not None and self._slots[call.outputs[0]].nbytes >= LARGE

    def _chain(self, group: list[int]) -> None:
        """One function of a block of each operand that makes all calls of a group on it."""
        calls, out = [self._calls[n] for n in group], self._calls[group[-1]].outputs[0]
        reads = dict.fromkeys(s for call in calls for s in call.reads() if s not in self._within)
        names = [f"r{slot}" for slot in reads]
        space: dict[str, Any] = {}
        lines = [f"def chain({', '.join(names)}, out):"]
        for n, call in zip(group, calls, strict=True):
            space[f"u{n}"] = UFUNCS[call.op]
            given = []
            for i, value in enumerate(call.inputs):
                space[f"n{n}_{i}"] = value
                given.append(f"r{value.slot}" if isinstance(value, Value) else f"n{n}_{i}")
            part = self._part(n, call)
            into = ", out=out" if n == group[-1] else f", out={part}" if part else ""
            lines.append(f"r{call.outputs[0]} = u{n}({', '.join(given)}{into})")
        exec(compile("\n    ".join(lines), "<chain>", "exec"), space)
        kind, place = self._slots[out], self._place(group)
        whole = [slot for slot in reads if self._slots[slot].shape == kind.shape]
        into = f"r{place}"
        if place is None:
            into = self._made(self._room(out, group[-1]) or "new", out, whole)
        chain = self._calling.hold("g", space.pop("chain"))
        self._lines.append(
            f"r{out} = in_slabs({chain}, {into}, {', '.join(names)}, block={_BLOCK})"
        )
        self._fresh.add(out)

    def _part(self, number: int, call: Call) -> str:
        """A part made in this block that is read no more, to write over; "" where there is none."""
        for slot in call.reads():
            mine = slot in self._within and self._last[slot] == number
            if mine and self._slots[slot] == self._slots[call.outputs[0]]:
                return f"r{slot}"
        return ""

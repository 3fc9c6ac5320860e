"""A program run by C, and by NumPy where an op has no lowering.

See `autograd.program.numpy_backend`, whose place it takes.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from autograd import native
from autograd.engine.tensor import Array
from autograd.lowering.addresses import ARGUMENTS, POINT, Pointers, address, located
from autograd.lowering.generating import Generated, Outline, calls_of, outlined, written
from autograd.lowering.lowerer import Called, RowOf
from autograd.lowering.memory import Block, run_together, seen, strides_in_bytes
from autograd.lowering.nests import Value, View
from autograd.lowering.rows.indexing import counts
from autograd.lowering.rows.table import row_of
from autograd.lowering.types import NO_MEMORY, NOT_FINITE, OUT_OF_BOUNDS
from autograd.program.arena import ALIGNED
from autograd.program.call_text import CallText, is_mixed
from autograd.program.numbers import ChangedError
from autograd.program.places import APART, WITH_ROOM
from autograd.program.program import Program
from autograd.program.watching import watching
from autograd.runtime.rooms import DType
from autograd.runtime.threads import get_num_threads

# GCC changes the order of sums where it changes that of loops.
FLAGS = ("-ffp-contract=off", "-fwrapv", "-fno-loop-interchange")
# Of neighbours that it makes a vector, GCC 12 takes (double)(float)x for x: they are not rounded.
_ROUNDING = ("-fno-tree-slp-vectorize",)
_ARGUMENTS = (*(ctypes.c_void_p,) * 4, ctypes.c_int64)  # of a function that runs groups


class NoCError(RuntimeError):
    """There is no C for a program; the message says why."""


class NotFiniteError(ArithmeticError):
    """A number that is not finite would be multiplied by zeros of a border, and make NaN."""


class CompiledC:
    """A program as one function of arrays, most of which is C.

    Args:
        program: what it computes. Effects do not happen; whoever calls it makes them happen.
        watched: whether all values are left in its memory, for who looks on.
        outline: what the program becomes, where that is known already; or its text, too.
        row_of: the table of lowerings.
        only_kept: whether nothing is to be compiled.

    Attributes:
        program: what it runs, in which convolutions may be other calls than in what was given.
        source: the text of C.
        function: of the arrays of all inputs; gives those of the result and the effects, by slot.
        fused: in words, what runs as one, and what is called as NumPy.
        compiler: what made it.
        key: that of its library in the cache, where it is kept.
        called: where all is watched, by the number of each call that NumPy ran the arrays that it
            got and gave, by slot.

    Raises NoCError where no compiler can be had, or nothing is to be compiled that must be.
    """

    def __init__(
        self,
        program: Program,
        watched: bool = False,
        outline: Outline | Generated | None = None,
        row_of: RowOf = row_of,
        only_kept: bool = False,
    ) -> None:
        if not isinstance(outline, Generated):
            outline = written(outline or outlined(program, row_of), watched)
        self.generated = outline
        self.program = self.generated.program
        self.source = self.generated.source
        words = set(re.findall(r"\b(?:float|double)\b", self.source))
        flags = (*FLAGS, *(_ROUNDING if len(words) > 1 else ()), *(("-O1",) if watched else ()))
        found = native.library(
            self.source,
            self._functions(),
            trials={"trial": ()},
            flags=flags,
            only_kept=only_kept,
        )
        if isinstance(found, str):
            raise NoCError(found)
        self.compiler, self.key, self._library = found.compiler, found.key, found
        self.fused = _told(self.generated, found.compiler)
        self._blocks: list[Block] = []
        self.called: dict[int, tuple[dict[int, Any], dict[int, Any]]] = {}
        self.function = self.driven({})

    def _functions(self) -> dict[str, tuple[Any, ...]]:
        runs = {run.name: _ARGUMENTS for run in self.generated.runs.values()}
        return {POINT: ARGUMENTS, "trial": (), **runs}

    def run(self, *given: Any) -> dict[int, Array]:
        """The arrays of the result and the effects, by slot, of one for each input, in order."""
        with watching(None, recording=False):
            found: dict[int, Array] = self.function(*given)
        return found

    def driven(self, instead: Mapping[int, Array]) -> Callable[..., dict[int, Array]]:
        """The function, with arrays in the place of what some calls give, which do not run."""
        writer = _Driver(self.generated, self._library[POINT], instead)
        source = writer.written()
        space = writer.space | {
            run.name: self._library[run.name] for run in self.generated.runs.values()
        }
        space |= {"take": self.take, "give_back": self._blocks.append, "called": self.called}
        exec(compile(source, "<program in C>", "exec"), space)
        function: Callable[..., dict[int, Array]] = space.pop("run")
        return function

    def take(self) -> Block:
        """Memory for one call, which gives it back when it has ended."""
        while True:
            try:
                block = self._blocks.pop()
            except IndexError:
                return Block(self.generated)
            if block.team.most >= get_num_threads():  # else it has no room for all of them
                return block


class _Driver:
    """Writes the Python function that calls C and NumPy in turn."""

    def __init__(
        self, made: Generated, point: Callable[..., None], instead: Mapping[int, Array]
    ) -> None:
        self._made, self._program, self._instead = made, made.program, instead
        self._point = point
        self.space: dict[str, Any] = {
            f"r{slot}": constant.array for slot, constant in made.program.constants.items()
        }
        self.space |= {"located": located, "empty": np.empty, "apart": _apart, "seen": seen}
        self.space |= {"shared": run_together, "counts": counts, "Changed": ChangedError}
        self.space |= {"aligned": _aligned, "undone": _undone, "number": _number}
        self._calling = CallText(self.space)
        self._lines: list[str] = []
        self._streamed = {value for values in made.streamed.values() for value in values}
        self._pointed: set[Value] = set()  # whose pointer is set
        self._waiting: dict[int, str] = {}  # by position, names of arrays that it is to be set to
        self._outside: dict[int | None, Value] = {
            v.slot: v for v in made.positions if v.nest is None
        }

    def written(self) -> str:
        """The source."""
        made, program = self._made, self._program
        lines = self._lines
        for value in made.positions:
            if value.nest is not None and self._needs_memory(value):
                self._allocated(value)
        for number, step in enumerate(made.plan.steps):
            if isinstance(step, Called):
                self._called(step)
            else:
                self._run(number, step)
        lines.append("if b.bad.value: undone(b)")
        lines.append("give_back(b)")
        results = made.lowerer.results
        wanted = ", ".join(
            f"{slot}: {self._result(slot, results[slot])}" for slot in sorted(results)
        )
        checks = [
            f"if not counts(r{slot}, {size}): raise Changed"
            for slot, size in made.lowerer.counting.items()
        ]
        head = f"def run({', '.join(f'r{i.slot}' for i in program.inputs)}):"
        return "\n    ".join([head, *checks, "b = take()", *lines, f"return {{{wanted}}}"])

    def _needs_memory(self, value: Value) -> bool:
        """Whether a value has neither a place in the block nor in that of slices."""
        wanted = value.kept or value.slot is not None
        return wanted and value not in self._made.offsets

    def _result(self, slot: int, view: View) -> str:
        """The name of what is wanted. What a nest computes has one of its own: a call of NumPy's
        may have read, as that of the slot, a view of what it is a copy of."""
        value = view.value
        return f"r{slot}" if value.nest is None else f"n{self._made.positions[value]}"

    def _allocated(self, value: Value) -> None:
        made = self._made
        name = f"n{made.positions[value]}"
        kind = self._calling.hold("o", value.dtype)
        memory = name
        if value.slot is not None:  # a result lies in row-major order
            empty = "aligned" if value in self._streamed else "empty"
            text = f"{empty}({made.program.slots[value.slot].shape!r}, {kind})"
        else:
            memory = f"m{made.positions[value]}"
            self._lines.append(f"{memory} = empty({prod(value.shape)}, {kind})")
            text = f"seen({memory}, {value.shape!r}, 0, {strides_in_bytes(made, value)!r})"
        self._lines.append(f"{name} = {text}")
        self._waiting[made.positions[value]] = memory

    def _run(self, number: int, groups: Any) -> None:
        for group in groups:
            for nest in group.nests:
                for value, _ in self._made.plan.accesses[nest]:
                    self._meet(value)
        self._set_pointers()
        run = self._made.runs[number]
        if run.shared:
            self._lines.append(f"shared({run.name}, b)")
        else:
            self._lines.append(f"{run.name}(b.p, b.scratch, b.b, None, 0)")

    def _set_pointers(self) -> None:
        """Set pointers to all arrays at once for which that is to be done."""
        if self._waiting:
            pointers = self._calling.hold("p", Pointers([*self._waiting], self._point))
            names = "".join(f"{name}, " for name in self._waiting.values())
            self._lines.append(f"w{min(self._waiting)} = {pointers}(b, ({names}))")
            self._waiting.clear()

    def _meet(self, value: Value) -> None:
        """Have the pointer to an array from outside set before C runs."""
        if value.nest is not None or value in self._pointed:
            return
        self._pointed.add(value)
        position, name = self._made.positions[value], f"r{value.slot}"
        slot = self._program.slots[value.slot]  # type: ignore[index]
        if slot.weak:
            kind = self._calling.hold("o", slot.dtype)
            self._lines.append(f"v{position} = number({name}, {kind})")
            name = f"v{position}"
        self._waiting[position] = name

    def _called(self, step: Called) -> None:
        program, made = self._program, self._made
        call = program.calls[step.number]
        if self._instead.keys() & set(call.gives()):
            for slot in call.gives():
                self._lines.append(f"r{slot} = {self._calling.hold('o', self._instead[slot])}")
            return
        for slot, view in step.arrays.items():
            if text := self._found(slot, view):
                self._lines.append(f"r{slot} = {text}")
        given, forward = self._calling.arguments(call), call.op.forward
        value = self._outside.get(call.outputs[0])
        if value is not None and value in made.offsets:
            forward = WITH_ROOM[call.op]
            given += f", room=b.rooms[{made.positions[value]}]"
        self._lines += self._calling.called(call, forward, given, is_mixed(call, program.slots))
        if call.op not in APART:
            for slot in call.gives():
                self._lines.append(f"r{slot} = apart(r{slot}, b)")
        if made.watched:
            got, gave = (
                "{" + ", ".join(f"{slot}: r{slot}" for slot in slots) + "}"
                for slots in (dict.fromkeys(call.reads()), call.gives())
            )
            self._lines.append(f"called[{step.number}] = {got}, {gave}")

    def _found(self, slot: int, view: View) -> str:
        """The array that NumPy gets; nothing where it is there already."""
        made, value = self._made, view.value
        if value.nest is None and view.is_whole and value.slot == slot:
            return ""
        position = made.positions[value]
        if value.nest is None:
            base = flat = f"located(r{value.slot})"
        elif value in made.offsets:
            base, flat = f"b.arrays[{position}]", f"b.flat[{position}]"
        elif value.slot is not None:
            base = flat = f"n{position}"
        else:
            base, flat = f"n{position}", f"m{position}"
        shape = value.shape if value.slot is None else made.program.slots[value.slot].shape
        if view.is_whole and shape == view.shape and value.nest is not None:
            return base
        place, size = view.place(made.plan.strides[value]), value.dtype.itemsize
        inner = tuple([place.step(axes[-1]) * size if axes else 0 for axes in view.dims])
        return f"seen({flat}, {view.shape!r}, {place.start * size}, {inner!r})"


def _undone(block: Block) -> None:
    """Raise what a function in C says."""
    code, block.bad.value = block.bad.value, 0
    raise {
        OUT_OF_BOUNDS: IndexError("an index is out of bounds"),
        NOT_FINITE: NotFiniteError("a factor that meets a border is not finite"),
        NO_MEMORY: MemoryError("no memory for sums"),
    }[code]


def _aligned(shape: tuple[int, ...], dtype: DType) -> Array:
    """A new array that begins with a line of the cache."""
    size = prod(shape) * dtype.itemsize
    memory = np.empty(size + ALIGNED, np.uint8)
    array: Array = np.ndarray(shape, dtype, memory, -address(memory) % ALIGNED)
    return array


def _number(value: Any, dtype: DType) -> Array:
    return np.array(value, dtype)


def _apart(array: Array, block: Block) -> Array:
    """The array in memory that is not the block's, which others will write over."""
    within = any(np.may_share_memory(array, memory) for memory in block.memories)
    return array.copy() if within else array


def _told(made: Generated, compiler: str) -> list[str]:
    """In words, what runs as one, in its order, and what NumPy runs and why."""
    lines: list[str] = []
    numpy = Counter[str]()
    for step in made.plan.steps:
        if isinstance(step, Called):
            name = made.program.calls[step.number].op.name
            numpy[f"NumPy: {name}: {made.lowerer.why[step.number]}"] += 1
            continue
        for group in step:
            calls = [made.program.calls[n].op.name for n in calls_of(made, group.nests)]
            names = ", ".join(f"{n} {k}" if k > 1 else n for n, k in Counter(calls).items())
            how = f"a loop over {group.size} slices" if group.size > 1 else "loops"
            lines.append(f"C, {how}: {names or 'borders of what is summed'}")
    lines += [f"{line} ({count} times)" if count > 1 else line for line, count in numpy.items()]
    return [f"C by {compiler}", *lines]

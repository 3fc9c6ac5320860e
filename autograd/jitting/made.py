"""A program that runs in the place of a function, where what it was made for holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter, is_
from typing import Any

import numpy as np

from autograd import ops
from autograd.engine.modes import array_of
from autograd.engine.tape import Leaf, Place, Refusal
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.jitting.backends import Backend, Runnable, checked, runnable
from autograd.jitting.captured import Captured, Returned, as_array, kind_of_place
from autograd.jitting.linearizing import ProgramOperation
from autograd.jitting.signatures import Leaves
from autograd.jitting.verifying import drawn, verify
from autograd.lowering.c_backend import CompiledC
from autograd.program.beside import Gradient
from autograd.program.guards import decided, indices_below, of_shape
from autograd.program.numbers import Decided, Evaluated, Performed
from autograd.program.passes import simplified, without_dead_calls
from autograd.program.program import Effect, Input, Program, Value, values_in
from autograd.runtime.draws import DRAWS
from autograd.runtime.memory import within_pages


class Made:
    """The program of a captured run.

    Args:
        captured: the run. What each call gives is compared with what the function had there, where
            that has been kept.
        backend: what it runs by.

    Attributes:
        program: as it runs.
        source: the text of it that runs, C or Python.
        rounds_otherwise: whether its results may differ in the last bits from the function's.
        arrays: its inputs that are arguments, or tensors that are read.
        decides: whether numbers may decide otherwise than in the run.
        run: a function of the leaves of the arguments that are tensors and arrays: it gives what
            the function returns, and leaves behind what the function does. It raises ChangedError
            and DecidedOtherwiseError where the program is not that of the function; nothing has
            happened then.

    Raises VerificationError where they differ; all is as it was before the run then.
    """

    def __init__(self, captured: Captured, backend: Backend = "numpy") -> None:
        self.name, self._way = captured.name, captured.way
        way = captured.way
        more = (
            []
            if way is None
            else [*dict.fromkeys((*way.kept, *way.redone, *way.wanted, *way.outs))]
        )
        whole = replace(
            captured.program, result=[captured.program.result, [Value(slot) for slot in more]]
        )
        program = simplified(without_dead_calls(whole))
        try:
            if captured.keeps:
                with within_pages():
                    self._compiled = self._checked(captured, program, backend)
            else:
                self._compiled = runnable(program, backend)
        except Exception:
            captured.put_back()
            raise
        self._whole = program
        result = captured.rebuild(program.result[0])
        self.program = replace(self._compiled.program, result=result)
        self.source = self._compiled.source
        self.rounds_otherwise = isinstance(self._compiled, CompiledC)
        self._op = None if way is None else ProgramOperation(self.name, way, backend)
        self._more = [(slot, v.slot) for slot, v in zip(more, program.result[1], strict=True)]
        self._arguments = captured.arguments
        self.arrays = [i for i in program.inputs if i.number is None and i.cell is None]
        self._steps = program.numbers
        ways = (decided, of_shape, indices_below)
        self.decides = any(isinstance(step, Decided) for step in self._steps) or any(
            call.op in ways for call in program.calls
        )
        self._returned, self._rebuild = captured.returned, captured.rebuild
        tensors = {i.slot: i.tensor for i in captured.program.inputs}
        self._effects = [(e, tensors.get(e.input)) for e in program.effects]
        self._surroundings = captured.surroundings
        self._places = {slot: tensors.get(slot) for slot in (() if way is None else way.wanted)}
        self._given = captured.leaves.numeric if captured.trace.graded else []
        self._gradients = captured.gradients
        self._grads = {  # by the identity that it had: its name, and its slot
            self._gradients[e.input]: (f"g{i}", e.slot)
            for i, e in enumerate(program.effects)
            if e.kind == "grad" and e.slot is not None
        }
        self._to_copy = _in_others_memory(captured.program, program)
        self._tensor_names: dict[Any, str] = {}
        self._is_tensor = [isinstance(leaf, Tensor) for leaf in captured.leaves.numeric]
        self._guard(captured)
        self.run = self._driven()

    def _checked(self, captured: Captured, program: Program, backend: Backend) -> Runnable:
        """What runs a program, which is compared with what the function computed."""
        given, arrays = [captured.given[i.slot] for i in program.inputs], captured.trace.arrays
        verify(self.name, program, given, arrays, _ends(captured.program, program))
        draws = {slot: arrays[slot] for slot in drawn(program)}
        arrays.clear()
        return checked(self.name, program, backend, given, draws)

    # --- what it holds for ---------------------------------------------------------------------

    def _guard(self, captured: Captured) -> None:
        """Note what must be as it was of the tensors that are read."""
        trace, inputs = captured.trace, captured.program.inputs
        outside = [(i.tensor, i.slot) for i in inputs if i.tensor is not None]
        self._outside = {id(tensor) for tensor, _ in outside}
        tensors = [(t, *trace.slots[slot][:2], kind_of_place(t)) for t, slot in outside]
        tensors += captured.found  # whose shape it may know, if not its numbers
        self._read = [t for t, *_ in tensors]
        self._shapes = [shape for _, shape, *_ in tensors]
        self._dtypes = [dtype for *_, dtype, _ in tensors]
        self._kinds = [kind for *_, kind in tensors]
        self._known_places: list[Any] = [object() for _ in tensors]  # to be looked at once
        # A sweep comes to leaves in the order in which they were made.
        self._leaves = [i for i, (t, _) in enumerate(outside) if isinstance(t._place, Leaf)]
        self._order = _order([outside[i][0]._place for i in self._leaves])
        self._cells = [
            (i.cell, *trace.slots[i.slot][:2])
            for i in inputs
            if i.cell is not None and self._of_argument(i.cell) is None
        ]
        given = captured.leaves.numeric
        at = {id(leaf): i for i, leaf in enumerate(given)}
        pairs = [(r(), had) for r, had in trace.graded.values() if had is not None]
        graded = [(t, had) for t, had in pairs if t is not None]
        self._graded = [(t, had) for t, had in graded if id(t) not in at]
        self._given_graded = [(at[id(t)], had) for t, had in graded if id(t) in at]
        found = captured.surroundings.tensors
        self._same = [(i, leaf) for i, leaf in enumerate(given) if id(leaf) in found]

    def _of_argument(self, cell: Any) -> int | None:
        """Which argument's `.grad` a cell is; None for another."""
        tensor = cell.tensor if isinstance(cell, Gradient) else None
        return next((i for i, leaf in enumerate(self._given) if leaf is tensor), None)

    def fits(self, given: Leaves) -> bool:
        """Whether it is what the function computes as everything is now."""
        leaves = given.numeric
        if not self._surroundings.hold():
            return False
        arrays = list(map(array_of, self._read))
        if list(map(_shape, arrays)) != self._shapes or list(map(_dtype, arrays)) != self._dtypes:
            return False
        places = list(map(_place_of, self._read))
        if not all(map(is_, places, self._known_places)):
            if [None if p is None else type(p) for p in places] != self._kinds:
                return False
            if _order([places[i] for i in self._leaves]) != self._order:
                return False
            self._known_places = places
        if any(place is not None and place.hooks for place in places):
            return False
        for tensor, had in self._graded:
            if (tensor.grad is not None) is not had:
                return False
        for i, had in self._given_graded:
            if (leaves[i].grad is not None) is not had:
                return False
        for cell, shape, dtype in self._cells:
            array = cell.read()
            if array is None or array.shape != shape or array.dtype != dtype:
                return False
        for i, leaf in self._same:
            if leaves[i] is not leaf:
                return False
        return self._outside.isdisjoint(given.identities)

    def fused(self) -> list[str]:
        """In words, what runs as one."""
        return self._compiled.fused

    def arrays_now(self, leaves: list[Any]) -> list[Array]:
        """What the arguments and the tensors that are read are now."""
        return [
            _array(leaves[self._arguments[i.slot]] if i.tensor is None else i.tensor)
            for i in self.arrays
        ]

    # --- running it ----------------------------------------------------------------------------

    def _driven(self) -> Callable[[list[Any]], Any]:
        """A function of the leaves of the arguments that reads, runs, and leaves what is left; as
        text that Python compiles, as a step of a small network takes little longer than that."""
        space: dict[str, Any] = {"run": self._compiled.function, "wrap": wrap, "array": np.asarray}
        space |= {
            "as_array": as_array,
            "rebuild": self._rebuild,
            "Evaluated": Evaluated,
            "steps": self._steps,
        }

        def held(letter: str, value: Any) -> str:
            name = f"{letter}{len(space)}"
            space[name] = value
            return name

        def read(place: Input) -> str:
            if place.number is not None:
                return f"numbers[{place.number}]"
            if place.cell is not None and (i := self._of_argument(place.cell)) is not None:
                return f"leaves[{i}]._grad._array"
            if place.cell is not None:
                return f"{held('c', place.cell)}.read()"
            if place.tensor is not None:
                return f"{held('t', place.tensor)}._array"
            leaf = self._arguments[place.slot]
            if self._is_tensor[leaf]:
                return f"leaves[{leaf}]._array"
            # Of another byte order than the program's, which C does not ask for.
            return f"array(leaves[{leaf}], {held('d', self.program.slots[place.slot].dtype)})"

        lines = ["evaluated = Evaluated(steps)", "numbers = evaluated.values"]
        given = ", ".join(map(read, self.program.inputs))
        run = [f"found = run({given})"]
        sources = self._sources()
        if sources or any(isinstance(step, Performed) for step in self._steps):
            space |= {"sources": sources, "put_back": _put_back}
            states = "states = [source.state for source in sources]"
            undo = ["    put_back(sources, states)", "    evaluated.undo()", "    raise"]
            run = [states, "try:", f"    {run[0]}", "except BaseException:", *undo]
        if self._op is not None:
            more = ", ".join(f"{slot}: {self._own(new)}" for slot, new in self._more)
            places = ", ".join(
                f"{slot}: "
                + (
                    f"place(leaves[{self._arguments[slot]}])"
                    if tensor is None
                    else f"{held('t', tensor)}._place"
                )
                for slot, tensor in self._places.items()
            )
            space |= {"record": self._op.record, "place": _place}
            run.append(f"outs = record({{{more}}}, {{{places}}})")
        results = [self._result_text(leaf, value, held) for leaf, value in self._results()]
        run += self._grads_text()
        run.append(f"results = [{', '.join(results)}]")
        run += [self._effect_text(effect, tensor, held) for effect, tensor in self._effects]
        lines += [*run, "evaluated.leave()", "return rebuild(results)"]
        exec(compile("\n    ".join(["def call(leaves):", *lines]), "<jit>", "exec"), space)
        return space["call"]  # type: ignore[no-any-return]

    def _sources(self) -> list[Any]:
        """The generators that the program draws from."""
        found = [c.options["source"] for c in self._whole.calls if c.op in DRAWS]
        return [*{id(source): source for source in found}.values()]

    def _effect_text(self, effect: Effect, tensor: Tensor | None, held: Any) -> str:
        value = "None" if effect.slot is None else self._own(effect.slot)
        if effect.cell is not None:
            return f"{held('c', effect.cell)}.write({value})"
        if tensor is not None:
            target = held("t", tensor)
        else:
            target = f"leaves[{self._arguments[effect.input]}]"
            if not self._is_tensor[self._arguments[effect.input]]:
                return "pass"  # an array among the arguments, for which the function had a tensor
        if effect.kind == "data":
            return f"{target}._array = {value}"
        name = None if effect.slot is None else self._grads[self._gradients[effect.input]][0]
        return f"{target}._grad = {name}"

    def _grads_text(self) -> list[str]:
        """Tensors that are left as gradients, each in memory of its own; a result may be one."""
        lines, taken = [], set[int]()
        for name, slot in self._grads.values():
            array = self._own(slot)
            lines.append(
                f"{name} = wrap({array if slot not in taken else f'found[{slot}].copy()'}, None)"
            )
            taken.add(slot)
        return lines

    def _own(self, slot: int) -> str:
        """A value that is left or returned: a copy where it lies in memory that somebody else has,
        and did not in the function."""
        return f"found[{slot}]" + (".copy()" if slot in self._to_copy else "")

    def _results(self) -> list[tuple[Returned, Any]]:
        return list(zip(self._returned, self._whole.result[0], strict=True))

    def _result_text(self, leaf: Returned, value: Any, held: Any) -> str:
        if leaf.argument is not None:
            return f"leaves[{leaf.argument}]"
        if leaf.number is not None:
            return f"numbers[{leaf.number}]"
        if leaf.slot is None:
            itself = held("o", leaf.itself)
            return f"{itself}.copy()" if isinstance(leaf.itself, np.ndarray) else itself
        if leaf.out is not None:
            return f"outs[{leaf.out}]"
        if leaf.kind != "tensor":
            return f"{'as_array' if leaf.kind == 'array' else 'float'}(found[{value.slot}])"
        if leaf.tensor in self._grads:
            return self._grads[leaf.tensor][0]
        array = self._own(value.slot)
        made = f"wrap({array}, {held('o', Refusal(leaf.reason, ())) if leaf.reason else None})"
        # One tensor that is returned twice is one.
        first = self._tensor_names.get(leaf.tensor)
        if first is None:
            name = self._tensor_names[leaf.tensor] = f"m{len(self._tensor_names)}"
            return f"({name} := {made})"
        return first


def _ends(before: Program, after: Program) -> list[tuple[int, int]]:
    """The slots of what is returned and left, before and after a program was made simpler."""
    # The results of a whole program are in two parts, of which the first is the function's.
    results = zip(values_in(before.result), values_in(after.result[0]), strict=True)
    return [(a.slot, b.slot) for a, b in results] + [
        (a.slot, b.slot)
        for a, b in zip(before.effects, after.effects, strict=True)
        if a.slot is not None and b.slot is not None
    ]


def _in_others_memory(before: Program, after: Program) -> set[int]:
    """Of what is returned and left, the slots that lie in the memory of an input, of a constant or
    of another of them, and did not before the program was made simpler."""
    own, made = _roots(before), _roots(after)
    found = set(after.constants)  # they are the program's to go on with
    outside = {i.slot for i in after.inputs}
    first: dict[int, int] = {}
    for a, b in _ends(before, after):
        root = made.get(b, b)
        other = first.setdefault(root, own.get(a, a)) != own.get(a, a)
        if other or root in after.constants or (root in outside and own.get(a, a) != root):
            found.add(b)
    return found


def _roots(program: Program) -> dict[int, int]:
    """By slot, that of the value in whose memory it may lie."""
    roots: dict[int, int] = {}
    for call in program.calls:
        first = call.inputs[0] if call.inputs else None
        if call.op.kind == "view" and call.op is not ops.copy and isinstance(first, Value):
            roots |= dict.fromkeys(call.outputs, roots.get(first.slot, first.slot))
    return roots


_shape, _dtype, _place_of = attrgetter("shape"), attrgetter("dtype"), attrgetter("_place")


def _order(leaves: list[Any]) -> list[int]:
    """How many leaves are older than each."""
    serials = [place.serial for place in leaves]
    ranks = {serial: rank for rank, serial in enumerate(sorted(serials))}
    return [ranks[serial] for serial in serials]


def _put_back(sources: list[Any], states: list[Any]) -> None:
    for source, state in zip(sources, states, strict=True):
        source.state = state


def _array(leaf: Any) -> Array:
    return array_of(leaf) if isinstance(leaf, Tensor) else np.asarray(leaf)


def _place(leaf: Any) -> Place | None:
    return leaf._place if isinstance(leaf, Tensor) else None

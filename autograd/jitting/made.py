"""A program that runs in the place of a function, where what it was made for holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from autograd.engine.tape import Place, Refusal
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.jitting.captured import Captured, Returned
from autograd.jitting.linearizing import ProgramOperation
from autograd.jitting.verifying import verify
from autograd.program.numbers import Evaluated
from autograd.program.numpy_backend import Compiled
from autograd.program.passes import simplified, without_dead_calls
from autograd.program.program import Effect, Input, Value

_FREED = (
    "backward through what a jitted function returned, whose graph its own backward freed; pass "
    "retain_graph=True there, or return the gradients"
)


class Made:
    """The program of a captured run.

    Args:
        captured: the run.
        check: whether to compare what each call gives with what the function had there.

    Attributes:
        program: as it runs.

    Raises VerificationError where they differ; all is as it was before the run then.
    """

    def __init__(self, captured: Captured, check: bool) -> None:
        self.name, self._way = captured.name, captured.way
        way = captured.way
        more = [] if way is None else [*dict.fromkeys((*way.kept, *way.redone, *way.wanted))]
        whole = replace(
            captured.program, result=[captured.program.result, [Value(slot) for slot in more]]
        )
        self.program = program = simplified(without_dead_calls(whole))
        if check:
            given = [captured.given[i.slot] for i in program.inputs]
            try:
                verify(self.name, program, given, captured.trace.arrays)
            except Exception:
                captured.put_back()
                raise
        self._compiled = Compiled(program)
        self._op = None if way is None else ProgramOperation(self.name, way)
        self._more = [(slot, v.slot) for slot, v in zip(more, program.result[1], strict=True)]
        self._arguments = captured.arguments
        self._reads = [self._reader(i) for i in program.inputs]
        self._steps = program.numbers
        self._leaves = self._results(captured.returned)
        self._rebuild = captured.rebuild
        tensors = {i.slot: i.tensor for i in captured.program.inputs}
        self._effects = [(e, tensors.get(e.input)) for e in program.effects]
        self._surroundings = captured.surroundings
        self._places = {slot: tensors.get(slot) for slot in (() if way is None else way.wanted)}
        self._guard(captured)

    # --- what it holds for ---------------------------------------------------------------------

    def _guard(self, captured: Captured) -> None:
        """Note what must be as it was of the tensors that are read."""
        trace, inputs = captured.trace, captured.program.inputs
        outside = [(i.tensor, i.slot) for i in inputs if i.tensor is not None]
        self._outside = {id(tensor) for tensor, _ in outside}
        self._tensors = [(t, *trace.slots[slot][:2], _kind(t)) for t, slot in outside]
        self._cells = [(i.cell, *trace.slots[i.slot][:2]) for i in inputs if i.cell is not None]
        self._graded = [(t, had) for t, had in trace.graded.values() if had is not None]
        found = captured.surroundings.tensors
        given = captured.leaves.numeric
        self._same = [(i, leaf) for i, leaf in enumerate(given) if id(leaf) in found]

    def fits(self, leaves: list[Any]) -> bool:
        """Whether it is what the function computes as everything is now; `leaves` are the tensors
        and arrays among the arguments."""
        for tensor, shape, dtype, kind in self._tensors:
            array = tensor._array
            if array.shape != shape or (array.dtype is not dtype and array.dtype != dtype):
                return False
            place = tensor._place
            if (None if place is None else type(place)) is not kind:
                return False
            if place is not None and place.hooks:
                return False
        for tensor, had in self._graded:
            if (tensor._grad is not None) is not had:
                return False
        for cell, shape, dtype in self._cells:
            array = cell.read()
            if array is None or array.shape != shape or array.dtype != dtype:
                return False
        for i, leaf in self._same:
            if leaves[i] is not leaf:
                return False
        for leaf in leaves:
            if id(leaf) in self._outside:
                return False
        return self._surroundings.hold()

    def fused(self) -> list[str]:
        """In words, what runs as one."""
        return self._compiled.fused

    def inputs_now(self, leaves: list[Any]) -> list[Any]:
        """What each input is now."""
        numbers = Evaluated(self._steps)
        numbers.undo()
        return [read(leaves, numbers.values) for read in self._reads]

    # --- running it ----------------------------------------------------------------------------

    def __call__(self, leaves: list[Any]) -> Any:
        """What the function returns; what it leaves behind is left.

        Raises ChangedError where a number decides otherwise. Nothing has happened then.
        """
        numbers = Evaluated(self._steps)
        try:
            found = self._compiled.run(*[read(leaves, numbers.values) for read in self._reads])
        except BaseException:
            numbers.undo()
            raise
        outs: list[Tensor] = []
        if self._op is not None:
            places = {slot: self._place(slot, leaves) for slot in self._places}
            outs = self._op.record({slot: found[new] for slot, new in self._more}, places)
        results = [of(leaves, found, outs) for of in self._leaves]
        for effect, tensor in self._effects:
            self._leave(effect, tensor, leaves, found)
        numbers.leave()
        return self._rebuild(results)

    def _reader(self, place: Input) -> Callable[[list[Any], list[Any]], Any]:
        if place.number is not None:
            return partial(_number, place.number)
        if place.cell is not None:
            return partial(_cell, place.cell)
        if place.tensor is not None:
            return partial(_tensor, place.tensor)
        return partial(_argument, self._arguments[place.slot])

    def _place(self, slot: int, leaves: list[Any]) -> Place | None:
        tensor = self._places[slot]
        owner: Any = leaves[self._arguments[slot]] if tensor is None else tensor
        return owner._place if isinstance(owner, Tensor) else None

    def _leave(
        self, effect: Effect, tensor: Tensor | None, leaves: list[Any], found: dict[int, Array]
    ) -> None:
        value: Any = None if effect.slot is None else found[effect.slot]
        if effect.cell is not None:
            effect.cell.write(value)
            return
        target = leaves[self._arguments[effect.input]] if tensor is None else tensor
        if not isinstance(target, Tensor):
            return  # an array among the arguments, in whose place the function had a tensor
        if effect.kind == "data":
            target._array = value
        else:
            target._grad = None if value is None else wrap(value, None)

    def _results(self, leaves: list[Returned]) -> list[Callable[..., Any]]:
        """For each leaf of the result, a function that gives it."""
        shared = {i.slot for i in self.program.inputs} | self.program.constants.keys()
        made: list[Callable[..., Any]] = []
        for leaf, value in zip(leaves, self.program.result[0], strict=True):
            if leaf.argument is not None:
                made.append(partial(_given, leaf.argument))
            elif leaf.slot is None:
                made.append(partial(_itself, leaf.itself))
            elif leaf.out is not None:
                made.append(partial(_recorded, leaf.out))
            else:
                made.append(partial(_value, value.slot, value.slot in shared, leaf.freed))
        return made


def _number(step: int, leaves: list[Any], numbers: list[Any]) -> Any:
    return numbers[step]


def _cell(cell: Any, leaves: list[Any], numbers: list[Any]) -> Any:
    return cell.read()


def _tensor(tensor: Tensor, leaves: list[Any], numbers: list[Any]) -> Array:
    return tensor._array


def _argument(i: int, leaves: list[Any], numbers: list[Any]) -> Array:
    leaf = leaves[i]
    return leaf._array if isinstance(leaf, Tensor) else np.asarray(leaf)


def _given(i: int, leaves: list[Any], found: Any, outs: Any) -> Any:
    return leaves[i]


def _itself(leaf: Any, leaves: Any, found: Any, outs: Any) -> Any:
    return leaf.copy() if isinstance(leaf, np.ndarray) else leaf


def _recorded(i: int, leaves: Any, found: Any, outs: list[Tensor]) -> Tensor:
    return outs[i]


def _value(slot: int, shared: bool, freed: bool, leaves: Any, found: Any, outs: Any) -> Tensor:
    array = found[slot]
    return wrap(array.copy() if shared else array, Refusal(_FREED, ()) if freed else None)


def _kind(tensor: Tensor) -> Any:
    return None if tensor._place is None else type(tensor._place)

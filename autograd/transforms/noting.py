"""What a checkpointed function does, noted while it runs: its program, and what goes with it."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.modes import Observer, Watcher, array_of, current, mode
from autograd.engine.tape import (
    Hook,
    Leaf,
    Operation,
    Output,
    Place,
    Record,
    Refusal,
    newest,
    parents_of,
    reachable,
)
from autograd.engine.tensor import Array, Tensor
from autograd.program.program import Call, Input, Program, Slot, Value, mapped
from autograd.program.watching import Trace
from autograd.runtime.draws import Again, noting_draws
from autograd.runtime.scopes import observing

Key = int | tuple[int, int]

# What an observer is told that makes no difference here.
_PASSED_ON = (
    "sweeping", "pulling", "pulled", "hooked", "converting", "entering", "communicated"
)  # fmt: skip


_OF_PROGRAMS = (
    "uses", "refuse", "decide", "number", "tensor", "leave", "perform", "is_array", "as_array",
    "is_float", "as_float", "depth_of_draws",
)  # fmt: skip


class Step(NamedTuple):
    """A call that runs again.

    Attributes:
        call: the call.
        draws: what lets it draw the same again, if it draws.
        done: the slots that nobody reads afterwards.
    """

    call: Call
    draws: Again | None
    done: tuple[int, ...]


class Noted(NamedTuple):
    """What a function has computed, to be computed again.

    Attributes:
        program: it gives the results that gradients go back from; None stands for others.
        steps: its calls.
        hooks: those that the function has put on what it computed, by slot.
        arrays, places: of its inputs, the arguments of the function first.
    """

    program: Program
    steps: list[Step]
    hooks: dict[int, list[Hook]]
    arrays: list[Array]
    places: list[Place | None]


class Noting(Trace):
    """Notes the ops that a function calls, and which of them the tape has.

    Values are told apart by the identity of their arrays, and by their places: so it is known where
    gradients go back, and that they do not through `detach` or a tensor made of another's array.
    What was noted of no op came from outside; also where another observer took over for a while.

    Whoever observed and watched before still does, but for a checkpoint around this one, to which
    all of this one is a single call.
    """

    def __init__(self) -> None:
        self.outer: Observer | None = observing()
        self._told = told = self.outer or Observer()
        # A program that draws anew would draw others the second time: it reads what came out.
        super().__init__(frozen=told.traces)
        self.traces, self.times = told.traces, told.times
        self._watcher = mode.watcher or Watcher()
        if self.traces:  # what it is told of objects, numbers and decisions, that around it is told
            for name in _OF_PROGRAMS:
                setattr(self, name, getattr(told, name))
        self._start = newest()
        self._inputs: dict[int, tuple[Array, Place | None]] = {}  # by slot, arguments first
        self._given = 0  # how many of them are arguments
        self._slots_of_inputs: dict[tuple[int, int], int] = {}  # by place and array
        self._made_here: dict[Key, Value] = {}  # what stands for places on the tape
        # By slot, constants that somebody has got as arrays, and may write to.
        self._left: dict[int, tuple[Array, None]] = {}
        self._hooked: list[Place] = []
        self._ran: Any = None  # the call that ran last, while it is not noted
        self._draws: Again | None = None  # of it
        self._drawn: dict[int, Again] = {}  # by the first output of a call
        for method in _PASSED_ON:
            setattr(self, method, getattr(told, method))

    def argument_of(self, tensor: Tensor) -> None:
        """Note an argument of the function, whether or not it reads it."""
        seen = self._watcher.given(tensor)
        self._input(array_of(seen), seen._place)
        self._given = len(self._inputs)

    def noted(self, outs: list[Any]) -> Noted:
        """What computes these results of the function again."""
        self._note()
        places = [out._place if isinstance(out, Tensor) else None for out in outs]
        values = [None if place is None else self._made_at(place) for place in places]
        needed = {value.slot for value in values if value is not None}
        steps: list[Step] = []
        for call in reversed(self.calls):
            if any(slot in needed and slot not in self._left for slot in call.outputs):
                done = {slot for slot in (*call.reads(), *call.outputs) if slot not in needed}
                needed |= done
                steps.append(Step(call, self._drawn.get(call.outputs[0]), tuple(done)))
        steps.reverse()
        inputs = [
            (slot, *given)
            for number, (slot, given) in enumerate((self._inputs | self._left).items())
            if slot in needed or number < self._given
        ]
        slots, arrays, places = map(list, zip(*inputs, strict=True)) if inputs else ([], [], [])
        program = Program(
            tuple([step.call for step in steps]),
            self.slots,
            tuple([Input(slot, "") for slot in slots]),
            result=tuple(values),
        )
        return Noted(program, steps, self._hooks(), arrays, list(map(self._worth, places)))

    def _hooks(self) -> dict[int, list[Hook]]:
        """The hooks that the function has put on what it computed, by slot."""
        hooks: dict[int, list[Hook]] = {}
        for place in dict.fromkeys(self._hooked):
            value = self._made_at(place)
            if value is not None:
                hooks.setdefault(value.slot, []).extend(place.hooks or ())
        return hooks

    def _worth(self, place: Place | None) -> Place | None:
        """The place of an input, without what of the tape was made here and is of no use.

        A leaf that is gone takes no gradient; and a refusal must not hold that tape.
        """
        if isinstance(place, Leaf) and place.owner() is None and not place.hooks:
            return None
        if not isinstance(place, Refusal) or place.serial < self._start:
            return place
        ways = [parent for own in reachable([place], self._start) for parent in parents_of(own)]
        older = {p.serial: p for p in ways if p is not None and p.serial < self._start}
        return Refusal(place.reason, list(older.values()))

    # --- values --------------------------------------------------------------------------------

    def _input(self, array: Array, place: Place | None) -> int:
        """The slot of an array from outside. A place may have several, and an array places."""
        key = -1 if place is None else place.serial, id(array)
        slot = self._slots_of_inputs.get(key)
        if slot is None:
            slot = self._slots_of_inputs[key] = len(self.slots)
            self.slots[slot] = Slot(array.shape, array.dtype)
            self._inputs[slot] = array, place
            if self.known(array) is None:
                self._known[id(array)] = weakref.ref(array), slot
        return slot

    def constant(self, array: Array, note: str = "", filled: bool = False) -> int:
        slot = self.known(array)
        return self._input(array, None) if slot is None else slot

    def _made_at(self, place: Place) -> Value | None:
        """What stands for a place of the function's own."""
        return self._made_here.get(
            (place.record.serial, place.index) if type(place) is Output else place.serial
        )

    # --- what a watcher sees -------------------------------------------------------------------

    def given(self, tensor: Tensor) -> Tensor:
        return self._watcher.given(tensor)

    def all_given(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        return args if type(self._watcher) is Watcher else self._watcher.all_given(args)

    def read(self, tensor: Tensor) -> Array:
        self._note()
        array = self._watcher.read(tensor)
        slot = self.known(array)
        if slot is not None and slot not in self.tracked and slot not in self._inputs:
            self._left[slot] = array, None
        return array

    def place(self, tensor: Tensor) -> Place | None:
        place = self._watcher.place(tensor)
        if place is not None:
            self._hooked.append(place)
        return place

    # --- what an observer sees -----------------------------------------------------------------

    def computing(self, op: Any) -> Callable[..., Any]:
        forward, known = self._told.computing(op), self._known

        def run(*arrays: Any, **options: Any) -> Any:
            if self._depth:
                return forward(*arrays, **options)
            self._note()
            self._depth += 1
            try:
                out, self._draws = noting_draws(forward, arrays, options)
            finally:
                self._depth -= 1
            return out if type(out) is np.ndarray and id(out) not in known else self._apart(out)

        return run

    def computed(self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any) -> None:
        self._told.computed(op, arrays, options, out)
        if not self._depth:
            self._ran = op, arrays, options, out, current()["scope"]

    def recorded(self, record: Record) -> None:
        self._told.recorded(record)
        if self._depth:
            return
        again = record.saved
        if again is not None and getattr(record.op, "recomputes", False):  # a checkpoint within
            self._note()
            outs = tuple([record.out[i] for i in again.outputs])
            self._ran, self._draws = (again, record.arrays, {}, outs, record.scope), None
            self._note(record, again.outputs)
        elif self._ran is not None and self._ran[0] is record.op:
            self._note(record)

    def _note(self, record: Record | None = None, numbers: Sequence[int] | None = None) -> None:
        """Note the call that ran last, and the record that there is of it.

        It waits until then whether it has one.
        """
        if self._ran is None:
            return
        (op, arrays, options, out, scope), self._ran = self._ran, None
        if self.frozen and self._draws is not None:
            for part in out if isinstance(out, tuple) else (out,):
                self.constant(part)
            return
        if record is None:
            inputs = tuple([self._value(array) for array in arrays])
        else:
            inputs = tuple(
                [
                    self._value(array) if parent is None else self._from(array, parent)
                    for array, parent in zip(arrays, record.parents, strict=True)
                ]
            )
        if options:
            options = mapped(options, self.value)
        if isinstance(out, tuple):
            several, outputs = (), tuple([self.new(part) for part in out])
        else:
            several, outputs = None, (self.new(out),)
        recorded, line = (False, None) if record is None else (True, record.line)
        call = Call(op, inputs, options, outputs, several, None, recorded, scope, None, line)
        self.calls.append(call)
        if self._draws is not None:
            self._drawn[outputs[0]] = self._draws
        if record is not None:
            self.tracked.update(outputs)
            if several is None:
                self._made_here[record.serial] = Value(outputs[0])
            else:
                for i, slot in zip(numbers or range(len(outputs)), outputs, strict=True):
                    self._made_here[record.serial, i] = Value(slot)

    def _value(self, leaf: Any) -> Any:
        """An argument of a call that no gradient goes back from."""
        if type(leaf) is np.ndarray:
            return Value(self.constant(leaf), True)
        return mapped(leaf, self.value) if isinstance(leaf, tuple | list | slice) else leaf

    def _from(self, array: Array, parent: Place) -> Value:
        """An argument that a gradient goes back from."""
        value = self._made_at(parent)
        if value is None or value.slot != self.known(array):  # its tensor may have another by now
            value = Value(self._input(array, parent))
        return value

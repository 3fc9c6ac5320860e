"""A program made by watching a function run: it also has what is not recorded on a tape.

Values are told apart by the identity of their arrays. So each array must stand for one value: where
a forward returns the very array it was given, or two tensors share one, they get views of it.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.conforming import like
from autograd.engine.modes import Observer, array_of, mode
from autograd.engine.needs import needs
from autograd.engine.primitives import Saved
from autograd.engine.tape import Operation, Place, Record
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.program.beside import Beside
from autograd.program.numbers import Left, Source
from autograd.program.program import (
    Call,
    Constant,
    Delivery,
    Effect,
    Input,
    Part,
    Program,
    Slot,
    Value,
    mapped,
)
from autograd.runtime.draws import DRAWS
from autograd.runtime.trees import expect_function, flatten, named_leaves, returned


def program_of(f: Callable[..., Any], *args: Any) -> Program:
    """What f computes from these arguments, sweeps included: f runs once, and is watched.

    Arrays and tensors among the arguments, in trees too, become inputs of the program, arrays as
    tensors; numbers and all else stay what they are. So do tensors that f reads from outside.
    Constants are the arrays that NumPy made in f: they stay as they were in this run. `.grad` and
    `.data` that f leaves in its inputs are the program's effects, and so is what optimizers
    remember. What f computes by NumPy from `.data`, and what it writes into arrays, is not seen.

    Raises:
        TypeError: f is no function, or returns what could hide a tensor.

    >>> import autograd as ag
    >>> print(program_of(lambda x: ag.exp(x).sum(), ag.Tensor([1.0, 2.0])))
    # x: float64 (2,), input
    v1 = exp(x)                                   # (2,) -> (2,)
    v2 = sum(v1)                                  # (2,) -> ()
    return v2
    """
    expect_function("program_of", f)
    trace = Trace()
    given = [trace.argument(leaf, name) for name, leaf in named_leaves(f, args)]
    rebuild = flatten(args)[1]
    with watching(trace):
        result = f(*rebuild(given))
    leaves, put = returned(result, "program_of")
    structure = put([trace.value(x) if isinstance(x, Tensor) else x for x in leaves])
    del result, leaves, given
    return trace.program(structure)


@contextmanager
def watching(trace: Trace | None, recording: bool | None = None) -> Iterator[None]:
    """Within it, in this thread, `trace` alone observes and watches, or nobody does."""
    before = mode.observer, mode.watcher, mode.recording
    try:  # from here on, as a signal may come between any two of these
        mode.observer = mode.watcher = trace
        if recording is not None:
            mode.recording = recording
        yield
    finally:
        mode.observer, mode.watcher, mode.recording = before


class _Outside(NamedTuple):
    """A tensor that the function reads, and what the ops get in its place."""

    tensor: weakref.ref[Tensor]
    slot: int
    name: str
    array: Array  # that it held when it was first read
    constant: Constant  # what it is if it lives in the function alone
    stand_in: Tensor
    cell: Source | None = None  # where it was found, so that it is none of the function's own


class Trace(Beside, Observer):
    """Notes every call of an op in this thread; see `watching`.

    Args:
        frozen: whether random draws are constants, as they came out.

    Attributes:
        calls, slots, constants, deliveries: as those of a `Program`.
        kept: what forwards saved, by slot.
        tracked: the slots through which gradients go back.
    """

    traces, has_lines = True, False

    def __init__(self, frozen: bool = False) -> None:
        super().__init__()
        self.frozen = frozen
        self.calls: list[Call] = []
        self.constants: dict[int, Constant] = {}
        self.tracked: set[int] = set()
        self._known: dict[int, tuple[weakref.ref[Array], int]] = {}  # by the identity of an array
        self._outside: dict[int, _Outside] = {}  # by the identity of a tensor
        self._of_outside: dict[int, int] = {}  # slots by the identity of such a tensor's array
        self._arguments: list[Tensor] = []
        self._depth = 0  # of forwards in forwards
        self._numbers: dict[int, int] = {}  # of calls, by the serial number of the record
        self._pulling: list[tuple[int | None, int]] = []  # records' calls; where their calls begin
        self._reached: list[set[int]] = []  # for each sweep, the places that have a gradient
        self._adding = False  # whether the next call adds what was delivered last
        self.deliveries: list[Delivery] = []
        self.kept: dict[int, Constant] = {}
        self._gradients: dict[int, set[int]] = {}  # of a slot, the slots that reached it

    # --- values --------------------------------------------------------------------------------

    def argument(self, leaf: Any, name: str) -> Any:
        """What the function gets for a leaf of its arguments."""
        if isinstance(leaf, np.ndarray | np.generic):
            leaf = self.as_array(Tensor(np.asarray(leaf)))
        if isinstance(leaf, Tensor):
            self._arguments.append(leaf)  # they are inputs whether or not anybody else has them
            self._see(leaf, name)
        return leaf

    def new(self, array: Array, tracked: bool = False) -> int:
        """A new slot, which this very array stands for from now on."""
        slot = len(self.slots)
        self.slots[slot] = Slot(array.shape, array.dtype)
        self._known[id(array)] = weakref.ref(array), slot
        if tracked:
            self.tracked.add(slot)
        return slot

    def known(self, array: Array) -> int | None:
        """The slot of an array, if it stands for one."""
        reference, slot = self._known.get(id(array), (None, None))
        return slot if reference is not None and reference() is array else None

    def constant(self, array: Array, note: str = "", filled: bool = False) -> int:
        """The slot of an array; one that nothing gave is a constant."""
        slot = self.known(array)
        if slot is None:
            slot = self._of_outside.get(id(array))
        if slot is None:
            slot = self.new(array)
            self.constants[slot] = Constant(array, note, filled)  # which keeps it alive
        return slot

    def value(self, leaf: Any) -> Any:
        """A leaf of what a call is given, as it stands in the program."""
        if isinstance(leaf, Tensor):
            leaf = array_of(self.given(leaf))
        if type(leaf) is float and id(leaf) in self._plain:
            return Value(self._plain[id(leaf)][1])
        if not isinstance(leaf, np.ndarray):
            return leaf
        return Value(self._read(leaf))

    def _read(self, array: Array) -> int:
        """The slot of an array that an op got, or a rule gave."""
        return self.constant(array, *self._origin(array))

    def _origin(self, array: Array) -> tuple[str, bool]:
        """Where an array comes from that nothing gave, and whether it is zeros for what nothing
        used."""
        number = self._pulling[-1][0] if self._pulling else None
        if number is None:
            return "", False
        note = f"made within the rule of {self.calls[number].op.name}, by no primitive"
        return note, bool(array.size) and not array.any()

    def apart(self, array: Array) -> Array:
        """The array, or a view of it where it stands for a value already."""
        return array if self.known(array) is None else array.view()

    def _see(self, tensor: Tensor, name: str) -> _Outside:
        if (gone := self._outside.get(id(tensor))) is not None:
            self.constants[gone.slot] = gone.constant
        array = array_of(tensor)
        stand_in = wrap(array.view(), tensor._place)
        slot = self.new(array_of(stand_in))
        constant = Constant(array, *self._origin(array))
        cell = self._at.get(id(tensor))
        name = name if cell is None else cell.name
        seen = _Outside(weakref.ref(tensor), slot, name, array, constant, stand_in, cell)
        self._outside[id(tensor)] = seen
        self._of_outside.setdefault(id(array), slot)
        return seen

    # --- what a watcher sees -------------------------------------------------------------------

    def given(self, tensor: Tensor) -> Tensor:
        if self._depth or self.known(array_of(tensor)) is not None:
            return tensor
        seen = self._outside.get(id(tensor))
        if seen is None or seen.tensor() is not tensor:
            seen = self._see(tensor, "")
        if seen.array is not array_of(tensor):
            return tensor  # it was bound to another array, which is a constant
        if tensor._place is not None:
            self.tracked.add(seen.slot)
        seen.stand_in._place = tensor._place  # it may have become a leaf since
        return seen.stand_in

    def leaves_data(self, tensor: Tensor) -> None:
        seen = self._outside.get(id(tensor))
        if (seen is None or seen.tensor() is not tensor) and self.known(array_of(tensor)) is None:
            self._see(tensor, "")

    # --- what an observer sees -----------------------------------------------------------------

    def computing(self, op: Any) -> Callable[..., Any]:
        forward = op.forward

        def run(*arrays: Any, **options: Any) -> Any:
            self._depth += 1
            try:
                out = forward(*arrays, **options)
            finally:
                self._depth -= 1
            return out if self._depth else self._apart(out)

        return run

    def _apart(self, out: Any) -> Any:
        if isinstance(out, Saved):
            return Saved(self._apart(out.out), out.value)
        if isinstance(out, tuple):
            return like(out, [self._apart(part) for part in out])
        return self.apart(out) if type(out) is np.ndarray else out

    def computed(self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any) -> None:
        if self._depth:
            return
        outs = out if isinstance(out, tuple) else (out,)
        if op in DRAWS and self.frozen:
            self.constant(out, "drawn at random")
            return
        if self._passed:
            self._take_numbers(arrays)
        inputs, options = mapped((tuple(arrays), options), self.value)
        outputs = tuple([self.new(part) for part in outs])
        several = like(out, [None] * len(outs)) if isinstance(out, tuple) else None
        part = self._sum(op, inputs, outputs)
        scope = mode.scope if part is None else self.calls[part.call].scope
        call = Call(op, inputs, options, outputs, several, scope=scope, part=part)
        self.calls.append(replace(call, line=self.line()) if self.has_lines else call)

    def _sum(self, op: Any, inputs: Any, outputs: tuple[int, ...]) -> Part | None:
        """Of which part a call is that adds gradients for one place; None of another call."""
        adding, self._adding = self._adding, False
        last = self.deliveries[-1] if self.deliveries else None
        if not adding:  # those of a sweep within a checkpoint, and of several places of an output
            number, begin = self._pulling[-1] if self._pulling else (None, 0)
            in_rule = number is not None and len(self.calls) > begin
            if last is None or op is not needs.add or not self._reached or in_rule:
                return None
            before, now = (g.slot if isinstance(g, Value) else -1 for g in inputs)
            if number is not None:  # the first call after a rule: what it gave is added, if any
                to = [last.to] if last.gradient == now else []
            else:
                to = [slot for slot, found in self._gradients.items() if now in found]
            to = [slot for slot in to if before in self._gradients[slot]]
            if not to:
                return None
            if number is None:
                last = next(d for d in reversed(self.deliveries) if d.to == to[0])
                self.deliveries.append(last)
        assert last is not None
        assert last.part is not None
        part = last.part._replace(adds=True)
        self.deliveries[-1] = Delivery(part, last.to, outputs[0])
        self._gradients[last.to].add(outputs[0])
        return part

    def recorded(self, record: Record) -> None:
        if self._depth or not self.calls or self.calls[-1].op is not record.op:
            return  # a checkpoint is none of its own: what runs in it is
        call = self.calls[-1]
        record.saved = with_arrays(record.saved)
        inputs = tuple(map(self.held, call.inputs, record.parents))
        saved = self.saved(record.op, record.saved)
        self.tracked.update(call.outputs)
        self.calls.pop()
        self.note(replace(call, inputs=inputs, saved=saved, recorded=True), record.serial)

    def held(self, given: Any, parent: Place | None) -> Any:
        """An argument that gradients could go back from, and do not, marked as a constant."""

        def marked(leaf: Any) -> Any:
            tracked = isinstance(leaf, Value) and leaf.slot in self.tracked
            return leaf._replace(constant=True) if tracked else leaf

        return mapped(given, marked) if parent is None else given

    def note(self, call: Call, serial: int) -> None:
        """Note a call that has a record of this serial number."""
        self._numbers[serial] = len(self.calls)
        self.calls.append(call)

    def saved(self, op: Operation, kept: Any) -> Any:
        """What a forward saved, with a new Value for each array that is not a value already."""

        def of(leaf: Any) -> Value | None:
            if not isinstance(leaf, np.ndarray) or self.known(leaf) is not None:
                return None
            slot = self.new(leaf)
            self.kept[slot] = Constant(leaf, f"kept by the forward of {op.name}")
            return Value(slot)

        return mapped(kept, of)

    def sweeping(self, begins: bool) -> None:
        if begins:
            self._reached.append(set())
        else:
            self._reached.pop()

    def pulling(self, record: Record | None) -> None:
        if record is None:
            self._pulling.pop()
        else:
            self._pulling.append((self._numbers.get(record.serial), len(self.calls)))

    def pulled(self, record: Record, position: int, g: Any, result: Tensor) -> None:
        begun = self._outside.get(id(g))
        if begun is not None:  # by nothing: the sweep begins with it
            begins = Constant(begun.array, "what the sweep begins with", filled=True)
            self._outside[id(g)] = begun._replace(constant=begins)
        number, begin = self._pulling[-1]
        parent = record.parents[position]
        assert parent is not None
        if number is not None:
            part = Part(number, position)
            scope = self.calls[number].scope
            for i in range(begin, len(self.calls)):
                if self.calls[i].part is None:
                    self.calls[i] = replace(self.calls[i], part=part, scope=scope)
            to = self.calls[number].inputs[position].slot
            gradient = self._read(array_of(result))
            self.deliveries.append(Delivery(part, to, gradient))
            self._gradients.setdefault(to, set()).add(gradient)
            self._adding = parent.serial in self._reached[-1]
        self._reached[-1].add(parent.serial)
        self._pulling[-1] = number, len(self.calls)

    # --- the end -------------------------------------------------------------------------------

    def keep_constants(self, which: Callable[[Tensor | None], bool]) -> None:
        """Make constants of tensors from outside that `which` is true of; of None: it is gone."""
        for key, seen in list(self._outside.items()):
            if seen.cell is None and which(seen.tensor()):
                self.constants[seen.slot] = seen.constant
                del self._outside[key]

    def program(self, result: Any, more: Iterable[int] = ()) -> Program:
        """What was seen, with the slots of what the function gave in `result`; `more` are the slots
        of other inputs, which come last."""
        # What is gone lived in the function alone.
        for reference in self._regraded.values():
            if (left := reference()) is None:
                continue
            if left.grad is not None:
                self.given(left.grad)
            if self.known(array_of(left)) is None and id(left) not in self._outside:
                self._see(left, "")
        self.keep_constants(lambda tensor: tensor is None)
        inputs, effects = [], []
        for seen in self._outside.values():
            tensor = seen.tensor()
            if seen.cell is not None:
                inputs.append(Input(seen.slot, seen.name, cell=seen.cell))
                continue
            assert tensor is not None
            own = any(tensor is argument for argument in self._arguments)
            inputs.append(Input(seen.slot, seen.name, None if own else tensor))
            if id(tensor) in self._regraded and self._regraded[id(tensor)]() is tensor:
                now = tensor.grad
                slot = None if now is None else self.constant(array_of(self.given(now)))
                effects.append(Effect("grad", seen.slot, slot))
            if array_of(tensor) is not seen.array:
                effects.append(Effect("data", seen.slot, self.constant(array_of(tensor))))
        inputs += [Input(slot, "", number=step) for slot, step in self._weak.items()]
        inputs.sort(key=lambda i: not i.is_argument)
        for cell, value in self._leaving.values():
            if isinstance(value, Tensor):
                effects.append(Effect("state", -1, self.constant(array_of(value)), cell))
            else:
                self.numbers.append(Left(cell, getattr(value, "step", value)))
        return Program(
            tuple(self.calls),
            self.slots,
            (*inputs, *(Input(slot, "") for slot in more)),
            self.constants,
            result,
            tuple(effects),
            tuple(self.deliveries),
            self.steps(),
        ).check()


def with_arrays(saved: Any) -> Any:
    """What a forward saved: numbers of NumPy's as arrays, so that they have an identity."""
    return mapped(saved, lambda x: np.asarray(x) if isinstance(x, np.inexact) else x)

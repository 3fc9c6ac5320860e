"""What a function computed: one flat list of calls of primitives, as plain data.

Values have numbers, their slots. A call reads slots and gives slots; what no call gave is an input
or a constant. A sweep is in the list as everything else: pullbacks are made of primitives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.conforming import like
from autograd.engine.tensor import Array, Tensor
from autograd.program.numbers import Cell, Source, Step

Shape = tuple[int, ...]


class Value(NamedTuple):
    """What stands among the arguments of a call for an array: the number of its slot.

    `constant` says that no gradient went back from here, as behind `detach()`.
    """

    slot: int
    constant: bool = False


class Slot(NamedTuple):
    """What a value is, whichever numbers it has.

    `weak` says that it is a Python number, which takes the dtype of the arrays that it meets.
    """

    shape: Shape
    dtype: np.dtype[Any]
    weak: bool = False

    @property
    def nbytes(self) -> int:
        """The bytes of an array of this shape and dtype."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


class Input(NamedTuple):
    """A value from outside.

    Attributes:
        slot: its number.
        name: where it stands: "x", "args[1]['W']"; "" for a tensor that the function reads.
        tensor: the tensor that the function reads; None for an argument.
        cell: where else it is read: the `.grad` of a tensor, what an optimizer remembers.
        number: which of the program's numbers it is, where it is one.
    """

    slot: int
    name: str
    tensor: Tensor | None = None
    cell: Source | None = None
    number: int | None = None

    @property
    def is_argument(self) -> bool:
        """Whether the caller gives it, rather than that it is read."""
        return self.tensor is None and self.cell is None and self.number is None


class Constant(NamedTuple):
    """An array that came from no call and no input.

    Attributes:
        note: where it came from, if that is known.
        filled: whether it is one number everywhere that nobody gave: a sweep begins with ones, and
            has zeros for what nothing used.
    """

    array: Array
    note: str = ""
    filled: bool = False

    @property
    def number(self) -> Any:
        """The number that it has everywhere, to the bit, and nobody gave; None of all else."""
        if not (self.filled and self.array.size):
            return None
        number = self.array.flat[0]
        same = (self.array == number).all()
        if same and number == 0 and self.array.dtype.kind == "f":  # minus zero is another
            same = (np.signbit(self.array) == np.signbit(number)).all()
        return number if same else None


class Part(NamedTuple):
    """Of which pullback a call of a sweep is part.

    Attributes:
        call: the number of the call whose gradient it carries back.
        argument: which argument of that call gets it; -1 for what the pullback does before.
        adds: whether it is the sum with what has reached that argument by other ways.
    """

    call: int
    argument: int
    adds: bool = False


class Delivery(NamedTuple):
    """A gradient that reached a value in a sweep.

    Attributes:
        part: whose pullback gave it; None for what the sweep begins with.
        to: the slot of the value.
        gradient: the slot of what has reached it with this one; a pass may have made it needless.
    """

    part: Part | None
    to: int
    gradient: int


class Effect(NamedTuple):
    """What the function leaves behind: `slot` becomes the "grad" or the "data" of an input, or the
    "state" in a cell. Where there is no slot, the gradient is None."""

    kind: str
    input: int
    slot: int | None
    cell: Cell | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """One call of an op.

    Attributes:
        op: the primitive.
        inputs: positional arguments; a Value stands for each array, also within tuples and lists.
        options: keyword arguments, of the same kind.
        outputs: the slots of what it gives: one, or one for each of several.
        several: a tuple of the kind in which the op gives several outputs; None where it gives one.
        saved: what the forward keeps for its rules, with a Value for each array.
        recorded: whether the tape has it: gradients go back through it.
        scope: the modules within which it was called, outermost first.
        part: of a sweep, whose pullback it belongs to.
        line: where it was called, where that is known.
    """

    op: Any
    inputs: tuple[Any, ...]
    options: Mapping[str, Any]
    outputs: tuple[int, ...]
    several: tuple[Any, ...] | None = None
    saved: Any = None
    recorded: bool = False
    scope: tuple[str, ...] = ()
    part: Part | None = None
    line: str | None = None

    def reads(self) -> list[int]:
        """The slots that it reads, in order; one that is read twice, twice."""
        found: list[int] = []
        for given in (*self.inputs, *self.options.values()):
            if type(given) is Value:  # most are
                found.append(given.slot)
            elif isinstance(given, tuple | list | dict | slice):
                found += [value.slot for value in values_in(given)]
        return found

    def gives(self) -> list[int]:
        """The slots that it gives, what is saved among them."""
        return [*self.outputs, *(value.slot for value in values_in(self.saved))]

    def reading(self, other: Callable[[Value], Any]) -> Call:
        """The same call, of what `other` puts in the place of each value that it reads."""
        inputs, options = replaced((self.inputs, dict(self.options)), other)
        return replace(self, inputs=inputs, options=options)


@dataclass(frozen=True)
class Program:
    """A list of calls, and what goes into it and comes out of it.

    Attributes:
        calls: in the order in which they ran.
        slots: shape and dtype of every value, by its number.
        inputs: arguments first, in their order, then what the function reads from outside.
        constants: by slot.
        result: what the function returned, with a Value for each tensor.
        effects: what it left behind.
        deliveries: what gradients reached in its sweeps, in their order.
        numbers: how Python's numbers among its inputs are computed, and what becomes of others.

    See `program_of` and `autograd.program.running.run`.
    """

    calls: tuple[Call, ...]
    slots: Mapping[int, Slot]
    inputs: tuple[Input, ...] = ()
    constants: Mapping[int, Constant] = field(default_factory=dict)
    result: Any = None
    effects: tuple[Effect, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    numbers: tuple[Step, ...] = ()

    def wanted(self) -> list[int]:
        """The slots that must be computed, for the result or an effect."""
        return [
            *(value.slot for value in values_in(self.result)),
            *(effect.slot for effect in self.effects if effect.slot is not None),
        ]

    def makers(self) -> dict[int, int]:
        """By slot, the number of the call that gives it."""
        return {slot: number for number, call in enumerate(self.calls) for slot in call.gives()}

    def readers(self) -> dict[int, list[int]]:
        """By slot, the numbers of the calls that read it."""
        found: dict[int, list[int]] = {slot: [] for slot in self.slots}
        for number, call in enumerate(self.calls):
            for slot in dict.fromkeys(call.reads()):
                found[slot].append(number)
        return found

    def check(self) -> Program:
        """The program itself, if each slot is known, given once, and before it is read.

        Raises ValueError, which names the first call that is at fault.
        """
        known = {*(i.slot for i in self.inputs), *self.constants}
        for number, call in enumerate(self.calls):
            where = f"call {number}, {call.op.name}"
            if missing := [slot for slot in call.reads() if slot not in known]:
                raise ValueError(f"program: {where} reads slot {missing[0]}, which nothing gave")
            for slot in call.gives():
                if slot in known:
                    raise ValueError(f"program: {where} gives slot {slot} a second time")
                if slot not in self.slots:
                    raise ValueError(f"program: {where} gives slot {slot} of unknown shape")
                known.add(slot)
        if missing := [slot for slot in self.wanted() if slot not in known]:
            raise ValueError(f"program: the result has slot {missing[0]}, which nothing gave")
        return self

    def with_calls(self, calls: Iterable[Call], same: Mapping[int, int] | None = None) -> Program:
        """The same with other calls; parts of a sweep follow the calls that they belong to.

        A call is told by its first output, for which `same` may have another; one that is gone is
        no longer named.
        """
        calls, same = tuple(calls), same or {}
        at = {call.outputs[0]: number for number, call in enumerate(calls) if call.outputs}

        def moved(part: Part | None) -> Part | None:
            if part is None:
                return None
            first = self.calls[part.call].outputs[0]
            number = at.get(same.get(first, first))
            return None if number is None else part._replace(call=number)

        parts = [moved(call.part) for call in calls]
        return replace(
            self,
            calls=tuple(
                call if part == call.part else replace(call, part=part)
                for call, part in zip(calls, parts, strict=True)
            ),
            deliveries=tuple(
                delivery._replace(part=part)
                for delivery in self.deliveries
                if (part := moved(delivery.part)) is not None or delivery.part is None
            ),
        )

    def __str__(self) -> str:
        from autograd.program.printing import text  # which needs the ops

        return text(self)

    def __repr__(self) -> str:
        return f"<Program of {len(self.calls)} calls; print it>"


def values_in(tree: Any) -> Iterator[Value]:
    """The values in nested tuples, lists, dicts and slices, left to right."""
    if isinstance(tree, Value):
        yield tree
    elif isinstance(tree, tuple | list):
        for part in tree:
            yield from values_in(part)
    elif isinstance(tree, dict):
        for part in tree.values():
            yield from values_in(part)
    elif isinstance(tree, slice):
        yield from values_in((tree.start, tree.stop, tree.step))


def replaced(tree: Any, other: Callable[[Value], Any]) -> Any:
    """The tree with something else in the place of each value."""
    return mapped(tree, lambda leaf: other(leaf) if isinstance(leaf, Value) else leaf)


_TREES = (tuple, list, dict, slice)


def mapped(tree: Any, other: Callable[[Any], Any]) -> Any:
    """The tree with other leaves; values, arrays, tensors and what is no container are leaves."""
    if isinstance(tree, Value) or not isinstance(tree, _TREES):
        return other(tree)
    if isinstance(tree, tuple):
        return like(tree, [mapped(part, other) for part in tree])
    if isinstance(tree, list):
        return [mapped(part, other) for part in tree]
    if isinstance(tree, dict):
        return {name: mapped(part, other) for name, part in tree.items()}
    return slice(*[mapped(bound, other) for bound in (tree.start, tree.stop, tree.step)])

"""How a program is rewritten: call by call, by rules that know the calls before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from autograd.engine.tensor import Array
from autograd.ops.reductions.communication import allreduce
from autograd.program.guards import decided, indices_below, of_shape
from autograd.program.program import Call, Constant, Program, Slot, Value, replaced
from autograd.runtime.draws import DRAWS

Kept = Collection[tuple[int, ...]]  # calls that a pass leaves as they are, by their outputs

# It is seen whether these are called: by other processes, by what is drawn next, by an error.
_SEEN = (allreduce, *DRAWS, decided, indices_below, of_shape)
SEEN = frozenset({id(op) for op in _SEEN})
_OURS = "autograd.ops."

Rule = Callable[[Call, "Rewriting"], Any]


class Rewriting:
    """What rules know: the calls before, as they are now, by what they give."""

    def __init__(self, program: Program) -> None:
        self._given = program.slots
        self.slots = dict(program.slots)
        self.constants = dict(program.constants)
        self._next = max(program.slots, default=-1) + 1
        self._makers: dict[int, Call] = {}
        # Of what these give no gradient goes back, whatever they read.
        self._ends = {slot for call in program.calls if not call.recorded for slot in call.gives()}

    def maker(self, value: Any, op: Any) -> Call | None:
        """The call that gave a value, if one of this op; what is read as a constant has none."""
        inside = isinstance(value, Value) and not value.constant
        call = self._makers.get(value.slot) if inside else None
        return call if call is not None and call.op is op else None

    def instead(self, call: Call, value: Value, other: Value) -> Value:
        """`other` as a call reads it in place of `value`: where no gradient went back none does."""
        ends = call.recorded and value.slot in self._ends and other.slot not in self._ends
        constant = value.constant or other.constant or (ends and other.slot in self._given)
        return other if constant == other.constant else other._replace(constant=constant)

    def made(self, call: Call) -> None:
        self._makers.update(dict.fromkeys(call.outputs, call))

    def kind(self, value: Any) -> Slot | None:
        """Shape and dtype of a value; None for what is none."""
        return self.slots[value.slot] if isinstance(value, Value) else None

    def constant(self, array: Array, filled: bool = False) -> int:
        """The slot of a new constant."""
        slot, self._next = self._next, self._next + 1
        self.slots[slot] = Slot(array.shape, array.dtype)
        self.constants[slot] = Constant(array, "folded", filled)
        return slot

    def uniform(self, value: Any) -> Any:
        """The number that a constant, which nobody gave, has everywhere; None where it has not."""
        constant = self.constants.get(value.slot) if isinstance(value, Value) else None
        return None if constant is None else constant.number


def rewritten(
    program: Program, rules: Iterable[Rule], keep: Kept = (), merging: bool = False
) -> Program:
    """The calls in their order, each as the rules say, one after the other.

    A rule gives None, another call with the same outputs, or the slots of other values for all that
    the call gives. `merging` says that these are given by the very same call, which then has the
    parts of a sweep that belong to this one.
    """
    rewriting, calls = Rewriting(program), []
    same: dict[int, int] = {}

    def other(value: Value) -> Value:
        return rewriting.instead(call, value, value._replace(slot=same.get(value.slot, value.slot)))

    for call in program.calls:
        call = _reading(call, same, other)
        for rule in () if call.outputs in keep else rules:
            found = rule(call, rewriting)
            if isinstance(found, Call):
                call = found
            elif found is not None:
                same.update(zip(call.gives(), found, strict=True))
                break
        else:
            rewriting.made(call)
            calls.append(call)
    made = renumbered(program.with_calls(calls, same if merging else {}), same)
    return replace(made, slots=rewriting.slots, constants=rewriting.constants)


def _reading(call: Call, same: Mapping[int, int], other: Callable[[Value], Value]) -> Call:
    return call if same.keys().isdisjoint(call.reads()) else call.reading(other)


def renumbered(program: Program, same: Mapping[int, int]) -> Program:
    """The program with other slots in the places of some."""

    def other(value: Value) -> Value:
        return value._replace(slot=same.get(value.slot, value.slot))

    return replace(
        program,
        calls=tuple(_reading(call, same, other) for call in program.calls),
        result=replaced(program.result, other),
        effects=tuple(
            [
                e if e.slot is None else e._replace(slot=same.get(e.slot, e.slot))
                for e in program.effects
            ]
        ),
        deliveries=tuple(
            d._replace(to=same.get(d.to, d.to), gradient=same.get(d.gradient, d.gradient))
            for d in program.deliveries
        ),
    )


def is_pure(call: Call) -> bool:
    """Whether a call can be made once for twice, or before: an op of ours that nobody else sees."""
    return str(call.op.__module__).startswith(_OURS) and id(call.op) not in SEEN

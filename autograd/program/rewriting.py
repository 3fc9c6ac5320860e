"""How a program is rewritten: call by call, by rules that know the calls before."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from autograd.engine.tensor import Array
from autograd.ops.reductions.communication import allreduce
from autograd.program.program import Call, Constant, Program, Slot, Value, replaced
from autograd.runtime.draws import bernoulli, drawn

Kept = Collection[tuple[int, ...]]  # calls that a pass leaves as they are, by their outputs

# It is seen whether these are called: by other processes, by what is drawn next.
SEEN = frozenset({id(allreduce), id(drawn), id(bernoulli)})
_OURS = "autograd.ops."

Rule = Callable[[Call, "Rewriting"], Any]


class Rewriting:
    """What rules know: the calls before, as they are now, by what they give."""

    def __init__(self, program: Program) -> None:
        self.slots = dict(program.slots)
        self.constants = dict(program.constants)
        self._makers: dict[int, Call] = {}

    def maker(self, value: Any, op: Any) -> Call | None:
        """The call that gave a value, where it was one of this op."""
        call = self._makers.get(value.slot) if isinstance(value, Value) else None
        return call if call is not None and call.op is op else None

    def made(self, call: Call) -> None:
        self._makers.update(dict.fromkeys(call.outputs, call))

    def kind(self, value: Any) -> Slot | None:
        """Shape and dtype of a value; None for what is none."""
        return self.slots[value.slot] if isinstance(value, Value) else None

    def constant(self, array: Array, filled: bool = False) -> int:
        """The slot of a new constant."""
        slot = max(self.slots) + 1
        self.slots[slot] = Slot(array.shape, array.dtype)
        self.constants[slot] = Constant(array, "folded", filled)
        return slot

    def uniform(self, value: Any) -> Any:
        """The number that a constant, which nobody gave, has everywhere; None where it has not."""
        constant = self.constants.get(value.slot) if isinstance(value, Value) else None
        if constant is None or not constant.filled or not constant.array.size:
            return None
        number = constant.array.flat[0]
        return number if bool((constant.array == number).all()) else None


def rewritten(program: Program, rules: Iterable[Rule], keep: Kept = ()) -> Program:
    """The calls in their order, each as the first rule that has something to say of it says.

    A rule gives None, another call with the same outputs, or the slots of other values for these.
    """
    rewriting, calls = Rewriting(program), []
    same: dict[int, int] = {}

    def other(value: Value) -> Value:
        return value._replace(slot=same.get(value.slot, value.slot))

    for call in program.calls:
        call = call.reading(other)
        for rule in () if call.outputs in keep else rules:
            found = rule(call, rewriting)
            if isinstance(found, Call):
                call = found
            elif found is not None:
                same.update(zip(call.outputs, found, strict=True))
                break
        else:
            rewriting.made(call)
            calls.append(call)
    made = renumbered(program.with_calls(calls, same), same)
    return replace(made, slots=rewriting.slots, constants=rewriting.constants)


def renumbered(program: Program, same: Mapping[int, int]) -> Program:
    """The program with other slots in the places of some."""

    def other(value: Value) -> Value:
        return value._replace(slot=same.get(value.slot, value.slot))

    return replace(
        program,
        calls=tuple(call.reading(other) for call in program.calls),
        result=replaced(program.result, other),
        effects=tuple(e._replace(slot=same.get(e.slot, e.slot)) for e in program.effects),
        deliveries=tuple(
            d._replace(to=same.get(d.to, d.to), gradient=same.get(d.gradient, d.gradient))
            for d in program.deliveries
        ),
    )


def is_pure(call: Call) -> bool:
    """Whether a call can be made once for twice, or before: an op of ours that nobody else sees."""
    return str(call.op.__module__).startswith(_OURS) and id(call.op) not in SEEN

"""Several programs as one, so that a compiler is started once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd.lowering.c_backend import CompiledC
from autograd.lowering.checking import first_difference
from autograd.program.program import Program, Value, replaced, values_in

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Part:
    """A program among several, and what it is given.

    Attributes:
        name: by which a failure is told.
        program: without effects.
        given: an array for each input.
    """

    name: str
    program: Program
    given: tuple[Array, ...]


def joined(parts: Sequence[Part]) -> Program:
    """The programs one after the other, of which none shares a slot with another; the result has a
    list for each."""
    calls: list[Any] = []
    slots, constants = {}, {}
    inputs: list[Any] = []
    results = []
    start = 0
    for part in parts:
        program = part.program
        assert not program.effects, "an effect is of one program"

        def moved(value: Value, by: int = start) -> Value:
            return value._replace(slot=value.slot + by)

        for call in program.calls:
            outputs = tuple([slot + start for slot in call.outputs])
            saved = replaced(call.saved, moved)
            calls.append(replace(call.reading(moved), outputs=outputs, saved=saved, part=None))
        slots |= {slot + start: kind for slot, kind in program.slots.items()}
        constants |= {slot + start: known for slot, known in program.constants.items()}
        inputs += [i._replace(slot=i.slot + start, number=None) for i in program.inputs]
        results.append([Value(slot + start) for slot in program.wanted()])
        start += max(program.slots, default=0) + 1
    return Program(tuple(calls), slots, tuple(inputs), constants, results).check()


class Joined:
    """Parts that run in C as one program.

    Attributes:
        compiled, watched: see `autograd.lowering.checking.first_difference`.
        why: by name, for each call of the part that NumPy runs, why.
    """

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = list(parts)
        self.program = joined(parts)
        self.compiled = CompiledC(self.program)
        self.watched = CompiledC(self.program, watched=True)
        self._owner = [part.name for part in parts for _ in part.program.calls]
        self.why: dict[str, list[str]] = {part.name: [] for part in parts}
        for number, why in self.compiled.generated.lowerer.why.items():
            self.why[self._owner[number]].append(why)

    @property
    def given(self) -> list[Array]:
        """What all parts are given."""
        return [array for part in self.parts for array in part.given]

    def difference(self) -> str | None:
        """What `first_difference` tells, with the name of the part; None where there is none."""
        told = first_difference(self.compiled, self.watched, self.given)
        if told is None:
            return None
        word = told.split()
        if word[0] == "call":
            return f"{self._owner[int(word[1].rstrip(','))]}: {told}"
        slot = int(word[1].rstrip(","))
        return f"{self._of_slot(slot)}: {told}"

    def _of_slot(self, slot: int) -> str:
        results = zip(self.parts, self.program.result, strict=True)
        return next(p.name for p, r in results if slot in [v.slot for v in values_in(r)])

    def results(self) -> dict[str, list[Array]]:
        """What C gives, by the name of the part."""
        with np.errstate(all="ignore"):
            found = self.compiled.run(*self.given)
        return {
            part.name: [found[value.slot] for value in result]
            for part, result in zip(self.parts, self.program.result, strict=True)
        }


def split(parts: Sequence[Part], most: int) -> list[list[Part]]:
    """Lists of so many parts at most."""
    return [list(parts[k : k + most]) for k in range(0, len(parts), most)]

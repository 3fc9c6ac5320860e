"""How gradients go back through a program: by another, of what was kept from the first."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from autograd.engine.modes import array_of, enable_grad, mode, no_grad
from autograd.engine.needs import needs
from autograd.engine.tape import Output, Place, Record
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.jitting.backends import Backend, Runnable, runnable
from autograd.lowering.c_backend import NotFiniteError
from autograd.program.guards import DecidedOtherwiseError
from autograd.program.passes import simplified, without_dead_calls
from autograd.program.program import Call, Constant, Input, Program, Value
from autograd.program.running import called
from autograd.runtime.draws import DRAWS
from autograd.transforms.checkpointing import pull_again, variables_of


@dataclass(frozen=True)
class Linearized:
    """A program whose results have gradients, and the way back.

    Attributes:
        forward: its result is what the function returned, with what the way back reads.
        backward: of what is kept and of the cotangents, in this order; gives the gradients.
        outs: the slots of the results that have gradients.
        kept: the slots that the way back reads.
        wanted: the slots of the inputs that have gradients.
        reached: those of them to which a gradient comes.
        cotangents: the slots of those of the results.
        redone: the slots that are needed to do the calls again: of all inputs, and of draws.
    """

    forward: Program
    backward: Program
    outs: tuple[int, ...]
    kept: tuple[int, ...]
    wanted: tuple[int, ...]
    reached: tuple[int, ...]
    cotangents: tuple[int, ...]
    redone: tuple[int, ...]


def linearized(
    program: Program,
    calls: int,
    outs: list[int],
    cotangents: list[int],
    gradients: Mapping[int, int],
    wanted: list[int],
) -> Linearized:
    """A program cut in two.

    Args:
        program: its first `calls` calls are those of the function, all others those of a sweep.
        outs, cotangents: the slots of the results that have gradients, and of their cotangents.
        gradients: by the slot of an input, that of its gradient.
        wanted: the slots of the inputs that want one.
    """
    back = [replace(call, part=None) for call in program.calls[calls:]]
    backward = Program(
        tuple(back),
        program.slots,
        (),
        program.constants,
        tuple([Value(gradients[slot]) for slot in wanted if slot in gradients]),
    )
    backward = without_dead_calls(backward)
    reached = tuple([slot for slot in wanted if slot in gradients])
    given = {slot for call in backward.calls for slot in call.gives()}
    reads = [slot for call in backward.calls for slot in call.reads()]
    reads += [value.slot for value in backward.result]
    outside = set(cotangents) | given | program.constants.keys()
    kept = tuple([slot for slot in dict.fromkeys(reads) if slot not in outside])
    inputs = tuple([Input(slot, f"k{i}") for i, slot in enumerate(kept)])
    inputs += tuple([Input(slot, f"g{i}") for i, slot in enumerate(cotangents)])
    slots = dict(backward.slots) | {slot: program.slots[slot] for slot in (*kept, *cotangents)}
    backward = replace(backward, inputs=inputs, slots=slots).check()
    own = program.calls[:calls]
    draws = [s for call in own if call.op in DRAWS for s in call.gives()]
    redone = tuple(dict.fromkeys([*(i.slot for i in program.inputs), *draws]))
    deliveries = tuple([d for d in program.deliveries if d.part is None or d.part.call < calls])
    forward = replace(program, calls=own, deliveries=deliveries)
    ends = tuple(outs), kept, tuple(wanted), reached, tuple(cotangents)
    return Linearized(forward, backward, *ends, redone)


def without(backward: Program, cotangents: Iterable[int], absent: list[int]) -> Program:
    """A way back without the cotangents of some results, as a sweep goes that begins without them:
    what hangs on them alone is left out, and not computed of zeros, which are NaN where they meet
    an infinite slope.

    Args:
        cotangents: their slots, `absent` of which are not given.

    In its result there is None for what no gradient comes to.
    """
    missing, hangs = set(absent), set(cotangents)  # what hangs on any of them
    same: dict[int, int] = {}
    constants = dict(backward.constants)
    calls: list[Call] = []

    def other(value: Value) -> Value:
        slot = same.get(value.slot, value.slot)
        if slot in missing:  # one part of several, which the rule gets as zeros
            kind = backward.slots[slot]
            constants[slot] = Constant(np.zeros(kind.shape, kind.dtype), "no gradient", filled=True)
        return value._replace(slot=slot)

    for call in backward.calls:
        reads = [same.get(slot, slot) for slot in call.reads()]
        carried = [slot for slot in reads if slot in hangs]
        there = [slot for slot in carried if slot not in missing]
        if carried:
            hangs.update(call.gives())
        if carried and not there:
            missing.update(call.gives())
        elif len(there) < len(carried) and call.op is needs.add:
            same[call.outputs[0]] = there[0]
        else:
            calls.append(call.reading(other))
    result = [value._replace(slot=same.get(value.slot, value.slot)) for value in backward.result]
    made = replace(
        backward,
        calls=tuple(calls),
        constants=constants,
        result=tuple([None if value.slot in missing else value for value in result]),
        inputs=tuple([i for i in backward.inputs if i.slot not in absent]),
    )
    return without_dead_calls(made)


class ProgramOperation:
    """The op of a call of a jitted function that the tape has, as one record.

    Its arguments are the inputs that want a gradient; `saved` has what is kept.
    """

    recomputes = True

    def __init__(self, name: str, way: Linearized, backend: Backend) -> None:
        self.name = f"jit({name})"
        self._way, self._backend = way, backend
        self._backward: dict[tuple[int, ...], Runnable] = {}  # by the results that have gradients

    def record(
        self, found: Mapping[int, Array], places: Mapping[int, Place | None]
    ) -> list[Tensor]:
        """The results, of what the program found, with places on the tape."""
        way = self._way
        arrays = [found[slot] for slot in way.wanted]
        outs = tuple([found[slot] for slot in way.outs])
        kept = [found[slot] for slot in way.kept], {slot: found[slot] for slot in way.redone}
        record = Record(self, arrays, [places[slot] for slot in way.wanted], {}, outs, kept)
        if mode.observer is not None:
            mode.observer.recorded(record)
        return [wrap(out, Output(record, i)) for i, out in enumerate(outs)]

    def pull(
        self,
        record: Record,
        g: dict[int, Tensor],
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None:
        way = self._way
        if mode.recording:
            self._pull_again(record, g, needed, deliver)
            return
        there = tuple(sorted(g))
        if (back := self._backward.get(there)) is None:
            absent = [slot for i, slot in enumerate(way.cotangents) if i not in g]
            back = self._backward[there] = runnable(
                simplified(without(way.backward, way.cotangents, absent)), self._backend
            )
        kept = dict(zip(way.kept, record.saved[0], strict=True))
        kept |= {way.cotangents[i]: array_of(gradient) for i, gradient in g.items()}
        found: dict[int, Array] | None = None
        with suppress(DecidedOtherwiseError, NotFiniteError):
            found = back.run(*[kept[i.slot] for i in back.program.inputs])
        if found is None:  # a rule goes another way for these numbers, or C has none
            self._pull_again(record, g, needed, deliver)
            return
        parents = dict(zip(way.wanted, record.parents, strict=True))
        for slot, value in zip(way.reached, back.program.result, strict=True):
            parent = parents[slot]
            if value is None or parent is None:
                continue
            if needed is None or parent.serial in needed:
                deliver(parent, wrap(found[value.slot], None))

    def _pull_again(
        self,
        record: Record,
        g: dict[int, Tensor],
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None:
        """The calls are made again, on the tape, and swept there: so that the sweep is recorded, or
        a rule can go another way."""

        def run(variables: list[Tensor]) -> dict[int, Tensor]:
            return dict(enumerate(self._again(record, variables)))

        pull_again(record, g, needed, deliver, run)

    def forward_again(self, record: Record) -> list[Array]:
        """The arrays that the call gives, computed again."""
        return [array_of(t) for t in self._again(record, variables_of(record, None)[0])]

    def _again(self, record: Record, variables: list[Tensor]) -> list[Tensor]:
        """The results, of calls of the ops on tensors."""
        way, saved = self._way, record.saved[1]
        held: dict[int, Any] = {s: wrap(c.array, None) for s, c in way.forward.constants.items()}
        held |= {
            slot: array if isinstance(array, float) else wrap(array, None)
            for slot, array in saved.items()
        }
        held |= dict(zip(way.wanted, variables, strict=True))
        for call in way.forward.calls:
            if all(slot in held for slot in call.outputs):
                continue  # it was drawn
            with enable_grad() if call.recorded else no_grad():
                held.update(zip(call.outputs, called(call, held), strict=True))
        return [held[slot] for slot in way.outs]

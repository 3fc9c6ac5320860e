"""Programs made simpler: each pass takes one and gives one that computes the same.

`simplified` does what a person does on a board; its rules are in `board.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from autograd.program.board import BOARD
from autograd.program.program import Call, Program, Value, replaced
from autograd.program.rewriting import SEEN, Kept, Rewriting, is_pure, renumbered, rewritten
from autograd.program.running import compute


def without_dead_calls(program: Program, keep: Kept = (), parts: bool = False) -> Program:
    """Without the calls of which nothing is read, and without what nothing reads.

    `parts` keeps those whose pullbacks are among what stays, so that these can be told as such.
    """
    needed = set(program.wanted())
    calls: list[Call] = []
    for call in reversed(program.calls):
        if needed.intersection(call.gives()) or id(call.op) in SEEN or call.outputs in keep:
            needed.update(call.reads())
            if parts and call.part is not None:
                needed.update(program.calls[call.part.call].outputs)
            calls.append(call)
    made = program.with_calls(reversed(calls))
    there = {slot for call in made.calls for slot in call.gives()}
    there |= needed | {i.slot for i in program.inputs}
    return replace(
        made,
        slots={slot: kind for slot, kind in program.slots.items() if slot in there},
        constants={slot: c for slot, c in program.constants.items() if slot in needed},
    )


def with_common_calls(program: Program, keep: Kept = ()) -> Program:
    """Each call of an op of ours once, where it is made again of the same values."""
    alike = _alike_constants(program)
    if not keep:
        program = renumbered(program, alike)
    first: dict[Any, tuple[int, ...]] = {}
    kept: dict[Any, list[tuple[int, ...]]] = {}
    taken: Counter[Any] = Counter()  # how many of these stand for a call that is made again
    same: dict[int, int] = {}  # what is the same as an earlier value, and kept all the same

    def other(value: Value, constants: Mapping[int, int] = alike) -> Value:
        slot = same.get(value.slot, value.slot)
        slot = constants.get(slot, slot)
        return value if slot == value.slot else value._replace(slot=slot)

    def merged(call: Call, rewriting: Rewriting) -> Any:
        if not is_pure(call):
            return None
        inputs, options = replaced((call.inputs, dict(call.options)), other)
        key = _key((call.op, inputs, options, call.recorded))
        if call.outputs in keep:
            earlier = kept.setdefault(key, [])
            if earlier:
                same.update(zip(call.gives(), earlier[0], strict=True))
            earlier.append(tuple(call.gives()))
            return None
        if key in kept:
            taken[key] += 1
            return kept[key][min(taken[key], len(kept[key])) - 1]
        # Equal constants of two steps of a loop stay apart, and so does what is made of each.
        plain = partial(other, constants={})
        inputs, options = replaced((call.inputs, dict(call.options)), plain)
        key = _key((call.op, inputs, options, call.recorded))
        gives = tuple(call.gives())
        earlier_gives = first.setdefault(key, gives)
        return None if earlier_gives is gives else earlier_gives

    return rewritten(program, [merged], merging=True)


def _alike_constants(program: Program, most: int = 1 << 16) -> dict[int, int]:
    """Of constants of up to so many bytes, the first that is the same to the bit."""
    first: dict[Any, int] = {}
    same: dict[int, int] = {}
    for slot, (array, note, filled) in program.constants.items():
        if array.nbytes <= most:
            key = array.shape, array.dtype.str, array.tobytes(), note, filled
            earlier = first.setdefault(key, slot)
            if earlier != slot:
                same[slot] = earlier
    return same


def with_folded_constants(program: Program, most: int = 1 << 16) -> Program:
    """With the results of calls, of constants alone, as constants, up to so many bytes each."""

    def fold(call: Call, rewriting: Rewriting) -> Any:
        constants = [rewriting.constants.get(slot) for slot in call.reads()]
        if not is_pure(call) or None in constants:
            return None
        if sum(rewriting.slots[slot].nbytes for slot in call.gives()) > most:
            return None
        held = {slot: rewriting.constants[slot].array for slot in call.reads()}
        with np.errstate(all="ignore"):  # the function has warned as it ran
            return [rewriting.constant(made) for made in compute(call, held)]

    return rewritten(program, [fold])


def simplified(program: Program, keep: int = 0) -> Program:
    """As one would write it on a board, without what computes nothing.

    `keep` is how many of the first calls stay as they are.
    """
    first = frozenset(call.outputs for call in program.calls[:keep])
    while True:
        before = [(call.op, call.inputs) for call in program.calls]
        program = rewritten(with_common_calls(program, first), BOARD, first)
        program = without_dead_calls(program, first, parts=True)
        if [(call.op, call.inputs) for call in program.calls] == before:
            return program


def _key(value: Any) -> Any:
    """What two calls have in common that give the same."""
    if isinstance(value, Value):
        return value
    if isinstance(value, tuple | list):
        return type(value), tuple(map(_key, value))
    if isinstance(value, dict):
        return tuple((name, _key(part)) for name, part in value.items())
    if isinstance(value, slice):
        return slice, _key((value.start, value.stop, value.step))
    if isinstance(value, float):
        return type(value), value.hex()  # minus zero is another, and NaN is NaN
    if isinstance(value, bool | int | str | type | None.__class__ | np.dtype):
        return type(value), value
    return id(value)

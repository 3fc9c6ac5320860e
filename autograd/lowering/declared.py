"""Lowerings that ops declare in a line: tried beside the forward before a program takes them.

What a program is compared on when it is made are the numbers of a first call, which may miss a
branch of the line. So it is tried once on numbers of its own, in a program of one call; and C that
does not compile is not that of a whole program.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from autograd import native
from autograd.lowering.lowerer import Arguments, Lowerer, NotLoweredError
from autograd.lowering.nests import View
from autograd.lowering.rows.elementwise import Elementwise
from autograd.program.program import Call, Input, Program, Slot, Value

# Moderate ones: where numbers overflow, two forms of one function may differ.
_NUMBERS = (0, -0.0, 1, -1, 0.5, -0.5, 2, -2, 3, -3, 1e-3, -1e-3, 1e-6, 10, -10, 50, -50)
_COUNT = 96
_SCALES = (0.1, 1.0, 10.0, 200.0)


class Declared:
    """The row of an op that declares its lowering."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tried: dict[object, str | None] = {}  # by what the arguments are, what was wrong

    def __call__(self, lowerer: Lowerer, given: Arguments) -> View:
        if not isinstance(self._text, str):
            raise NotLoweredError(f"its lowering is {self._text!r}, a line of C expected")
        call, slots = given.call, lowerer.program.slots
        shape = np.broadcast_shapes(*[slots[slot].shape for slot in call.reads()])
        if len(call.outputs) != 1 or given.slot.shape != shape:
            raise NotLoweredError(
                f"its result has shape {given.slot.shape}, its arguments together {shape}: a "
                "lowering is of an element"
            )
        row = Elementwise(self._text)
        view = row(lowerer, given)
        kinds = {slot: slots[slot] for slot in call.reads()}
        key = tuple([kind.dtype for kind in kinds.values()]), repr(call.reading(lambda v: Value(0)))
        if key not in self._tried:
            self._tried[key] = None  # while it is tried
            self._tried[key] = _wrong(call, kinds, given.slot, row)
        if (told := self._tried[key]) is not None:
            raise NotLoweredError(told)
        return view


def _wrong(call: Call, kinds: Mapping[int, Slot], result: Slot, row: Elementwise) -> str | None:
    """In words, where the lowering is not the forward; None where nothing was found, or where it
    cannot be tried."""
    from autograd.lowering.bounds import agrees
    from autograd.lowering.c_backend import CompiledC, NoCError

    if any(kind.weak or kind.dtype.kind != "f" for kind in kinds.values()) or native.unavailable():
        return None
    rng = np.random.default_rng(0)
    arrays = {slot: _numbers(rng, kind.dtype) for slot, kind in kinds.items()}
    slots = {slot: Slot((_COUNT,), array.dtype) for slot, array in arrays.items()}
    (out,) = call.outputs
    program = Program(
        (replace(call, part=None),),
        slots | {out: Slot((_COUNT,), result.dtype)},
        tuple([Input(slot, "") for slot in kinds]),
        result=Value(out),
    )
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            given = call.reading(lambda value: arrays[value.slot])
            want = call.op.forward(*given.inputs, **given.options)
        except Exception:  # it is not for these numbers
            return None
        if (
            not isinstance(want, np.ndarray)
            or want.shape != (_COUNT,)
            or want.dtype != result.dtype
        ):
            return None
        try:
            compiled = CompiledC(program, row_of=lambda op: row)
        except NoCError as why:
            return f"its lowering, {call.op.lowering!r}, does not compile: {why}"
        (made,) = compiled.run(*[arrays[slot] for slot in kinds]).values()
    if agrees(made, want, call, program.slots, arrays):
        return None
    worst = int(np.nanargmax(np.where(made == want, 0, np.abs(made - want) + 0.0)))
    at = ", ".join(f"{arrays[slot][worst]:.6g}" for slot in kinds)
    return (
        f"its lowering, {call.op.lowering!r}, is not its forward: of {at} it makes "
        f"{made[worst]:.6g}, {want[worst]:.6g} expected"
    )


def _numbers(rng: np.random.Generator, dtype: np.dtype[Any]) -> np.ndarray[Any, Any]:
    drawn = [rng.standard_normal(_COUNT // 4) * scale for scale in _SCALES]
    return rng.permutation(np.concatenate([_NUMBERS, *drawn])[:_COUNT]).astype(dtype)

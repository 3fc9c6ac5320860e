"""How calls of a program are written in the place of others, before it is lowered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd import ops
from autograd.program.passes import without_dead_calls
from autograd.program.program import Call, Program, Shape, Slot, Value


class Writing:
    """Writes calls: those of a program, and others.

    Attributes:
        calls: in their order.
        slots: of all values.
        end: the call in the place of which others are written.
    """

    end: Call

    def __init__(self, program: Program) -> None:
        self._program = program
        self.calls: list[Call] = []
        self.slots = dict(program.slots)
        self._next = max(program.slots, default=-1) + 1
        self._made: dict[str, Value] = {}  # by the text of the call

    def finished(self) -> Program:
        """The program of these calls, without those that nothing reads any more."""
        made = replace(self._program.with_calls(self.calls), slots=self.slots)
        return without_dead_calls(made)

    def ended(self) -> None:
        """Let the last call, which is new, give what the end did."""
        self.calls[-1] = replace(self.calls[-1], outputs=self.end.outputs)

    def shape(self, x: Value) -> Shape:
        """Of a value."""
        return self.slots[x.slot].shape

    def call(self, op: Any, shape: Shape, x: Value, *given: Any) -> Value:
        """What a call gives, which is made once; x itself for a reshape to its own shape."""
        if op is ops.reshape:
            if self.shape(x) == shape:
                return x
            given = (shape,)
        text = repr((op.name, x, given))
        if text not in self._made:
            self._made[text] = self.written(op, shape, x, *given)
        return self._made[text]

    def transposed(self, x: Value, order: Sequence[int]) -> Value:
        """x with its axes in an order; x itself where that is their own."""
        shape = self.shape(x)
        if tuple(order) == tuple(range(len(shape))):
            return x
        return self.call(ops.transpose, tuple([shape[i] for i in order]), x, tuple(order))

    def written(self, op: Any, shape: Shape, *given: Any, **options: Any) -> Value:
        """What a new call gives."""
        slot = self._next
        self._next += 1
        dtypes = [self.slots[v.slot].dtype for v in given if isinstance(v, Value)]
        dtype = given[-1] if op is ops.astype else np.result_type(*dtypes)
        self.slots[slot] = Slot(shape, dtype)
        made = replace(self.end, op=op, inputs=given, options=options, outputs=(slot,))
        self.calls.append(made)
        return Value(slot)

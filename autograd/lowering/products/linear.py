"""How calls that are linear in what they read hang together: which are read by one other alone."""

from __future__ import annotations

from collections import Counter
from typing import Any

from autograd import ops
from autograd.program.program import Call, Program, Shape, Value


def order_of(call: Call, n: int) -> tuple[int, ...]:
    """Of a transpose of an array of n dimensions, which of them each of its own is."""
    axes = call.inputs[1] if len(call.inputs) > 1 else call.options.get("axes")
    return tuple(range(n))[::-1] if axes is None else tuple([axis % n for axis in axes])


class Reading:
    """Who gives the values of a program, and who reads them.

    Attributes:
        slots: of the program.
        wanted: the slots of its results.
    """

    def __init__(self, program: Program) -> None:
        self.slots = program.slots
        self._makers = {slot: call for call in program.calls for slot in call.gives()}
        self._reads = Counter([slot for call in program.calls for slot in call.reads()])
        self.wanted = set(program.wanted())

    def maker(self, slot: int) -> Call | None:
        """The call that gives a slot; None where it comes from outside."""
        return self._makers.get(slot)

    def is_alone(self, slot: int) -> bool:
        """Whether a slot is read once, and is no result."""
        return self._reads[slot] == 1 and slot not in self.wanted

    def maker_alone(self, slot: int) -> Call | None:
        """The call that gives a slot that is read once, and is no result."""
        return self.maker(slot) if self.is_alone(slot) else None

    def order(self, slot: int) -> tuple[int, tuple[int, ...]]:
        """A slot of which this one is a transpose, itself if need be, and which of its axes each
        axis of that is."""
        n = len(self.slots[slot].shape)
        seen = tuple(range(n))  # by axis of the one that is asked for, that of the other
        while (call := self.maker(slot)) is not None and call.op is ops.transpose:
            inner = order_of(call, n)
            seen = tuple([inner[axis] for axis in seen])
            slot = call.inputs[0].slot
        return slot, tuple([seen.index(axis) for axis in range(n)])

    def is_product(self, call: Call) -> bool:
        """Whether a call is a product of matrices of floats, in batches that are alike."""
        if (shapes := self._factors(call)) is None:
            return False
        x, y = shapes
        return len(x) == len(y) >= 2 and x[:-2] == y[:-2]

    def is_product_of_rows(self, call: Call) -> bool:
        """Whether a call multiplies a batch of matrices of floats by one."""
        if (shapes := self._factors(call)) is None:
            return False
        x, y = shapes
        return len(x) > len(y) == 2

    def _factors(self, call: Call) -> tuple[Shape, Shape] | None:
        """The shapes of what a product of floats is of, which has elements."""
        if call.op is not ops.matmul or call.options or len(call.inputs) != 2:
            return None
        if not all(isinstance(value, Value) for value in call.inputs):
            return None
        x, y = [self.slots[value.slot] for value in call.inputs]
        dtype = self.slots[call.outputs[0]].dtype
        alike = x.dtype == y.dtype == dtype and dtype.kind == "f"
        return (x.shape, y.shape) if alike and 0 not in (*x.shape, *y.shape) else None

    def is_added_to(self, call: Call) -> tuple[Value, Any] | None:
        """Of a sum of an array of floats and something that broadcasts, or a number: these."""
        if call.op is not ops.add or call.options or len(call.inputs) != 2:
            return None
        out: Any = self.slots[call.outputs[0]]
        whole = [isinstance(v, Value) and self.slots[v.slot] == out for v in call.inputs]
        if out.dtype.kind != "f" or whole.count(True) != 1:
            return None
        x, y = call.inputs
        return (x, y) if whole[0] else (y, x)

    def is_sum(self, call: Call) -> bool:
        """Whether a call adds arrays of floats that are alike."""
        kinds = [self.slots[v.slot] if isinstance(v, Value) else None for v in call.inputs]
        out: Any = self.slots[call.outputs[0]]
        return (
            call.op is ops.add
            and not call.options
            and out.dtype.kind == "f"
            and all(kind == out for kind in kinds)
        )

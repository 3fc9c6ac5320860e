"""Which values of a program can lie in one block of memory, and how long each must.

A value lies there from the call that makes it on, up to the last that reads it or what may be a
view of it. Neither what is wanted of the program lies there, nor what a call reads that may keep
it: an op that is none of ours, or one that others see.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from autograd import ops
from autograd.engine.keeping import LARGE
from autograd.ops.elementwise.selection import selected
from autograd.ops.kernels.multiplication import product
from autograd.ops.reductions.extremum import scatter_first_max, scattered
from autograd.ops.shapes.padding import pad_constant, padded
from autograd.ops.shapes.shape import reshaped
from autograd.ops.shapes.windows import fold_windows, folded
from autograd.ops.shapes.winograd import fold_tiles, folded_tiles, transform_tiles, transformed
from autograd.program.arena import Life
from autograd.program.program import Call, Program
from autograd.program.rewriting import is_pure

# What the forwards of these ops call, with a room for their result. That of `max`, `astype` and
# `ascontiguousarray` was not worth a measurable part of a step of any net.
WITH_ROOM: dict[Any, Callable[..., Any]] = {
    ops.matmul: product,
    ops.where: selected,
    ops.reshape: reshaped,
    fold_windows: folded,
    transform_tiles: transformed,
    fold_tiles: folded_tiles,
    pad_constant: padded,
    scatter_first_max: scattered,
}
# Ops, beside ufuncs, whose results are in memory of their own: never a view of an argument.
_APART = (
    *(ops.matmul, ops.where, ops.max, ops.min, ops.astype, transform_tiles, fold_tiles),
    *(ops.sum, ops.mean, ops.sum_of_products, pad_constant, scatter_first_max),
)
APART = frozenset(_APART)


class Places:
    """The values of a program that can lie in one block, noted as its function is written."""

    def __init__(self, program: Program) -> None:
        self._slots = program.slots
        self._kept = {*program.wanted()}
        for call in program.calls:
            if not is_pure(call):
                self._kept.update(call.reads())
        self._views: dict[int, set[int]] = {}
        self._begins: dict[int, int] = {}

    def room(self, slot: int, begin: int) -> int | None:
        """The number of the room for the value that the call `begin` makes; None where it gets
        none."""
        if slot in self._kept or self._slots[slot].nbytes < LARGE:
            return None
        self._begins[slot] = begin
        return len(self._begins) - 1

    def shows(self, call: Call) -> None:
        """Note that what a call gives may be a view of what it reads."""
        for slot in call.reads():
            self.share(slot, call.gives())

    def share(self, slot: int, others: Iterable[int]) -> None:
        """Note that other values may lie in the memory of one."""
        self._views.setdefault(slot, set()).update(others)

    def lives(self, last: Mapping[int, int]) -> list[Life | None]:
        """By room, how long the value is there; None of one that must be in memory of its own.

        Args:
            last: by slot, the last call that reads it.
        """
        return [self._life(slot, begin, last) for slot, begin in self._begins.items()]

    def _life(self, slot: int, begin: int, last: Mapping[int, int]) -> Life | None:
        found, waiting = {slot}, [slot]
        while waiting:
            new = self._views.get(waiting.pop(), set()) - found
            found |= new
            waiting += new
        if not self._kept.isdisjoint(found):
            return None
        return Life(begin, 1 + max(last.get(s, begin) for s in found))

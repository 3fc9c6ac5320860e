"""Products of the matrices of a batch that are one product.

Many matrices that are multiplied by one are a single one on top of each other; and the gradient of
that one is a sum of products over the batch, which a product of the whole batch sums itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import NamedTuple

from autograd import ops
from autograd.lowering.products.factors import SMALL_PRODUCT
from autograd.lowering.products.linear import Reading, order_of
from autograd.lowering.writing import Writing
from autograd.ops.reductions.reduction import reduced_axes
from autograd.program.program import Call, Program, Value


class _Batch(NamedTuple):
    """A sum of a product over some axes of its batch.

    Attributes:
        product: the call of it.
        order: of the axes of the product, how the sum sees them.
        summed: which of the product's axes are summed.
    """

    product: Call
    order: tuple[int, ...]
    summed: tuple[int, ...]


def with_whole_batches(program: Program) -> Program:
    """Sums over matrices of products as products in which the batch is summed too, and products of
    many small matrices by one as the large one that they are, which is BLAS's.

    Sums differ by the order of their terms. A product that somebody else reads stays, and so does
    one of factors that would have to be copied, where that is no less than what is added.
    """
    finding = _Finding(Reading(program))
    batches = {
        call.outputs: batch
        for call in program.calls
        if call.op is ops.sum and (batch := finding.batch(call)) is not None
    }
    rows = {call.outputs for call in program.calls if finding.are_rows(call)}
    if not batches and not rows:
        return program
    writing = _Writing(program)
    for call in program.calls:
        if call.outputs in batches:
            writing.instead(call, batches[call.outputs])
        elif call.outputs in rows:
            writing.as_rows(call)
        else:
            writing.calls.append(call)
    return writing.finished()


@dataclass
class _Finding:
    reading: Reading

    def batch(self, call: Call) -> _Batch | None:
        """The sum of a product's matrices that a sum is, if it is one that pays."""
        value = call.inputs[0]
        if not isinstance(value, Value):
            return None
        kinds = self.reading.slots
        n = len(kinds[value.slot].shape)
        order = tuple(range(n))
        while True:
            if (made := self.reading.maker_alone(value.slot)) is None:
                return None
            if made.op is not ops.transpose:
                break
            inner = order_of(made, n)
            order = tuple([inner[axis] for axis in order])
            value = made.inputs[0]
        if not self.reading.is_product(made):
            return None
        if kinds[call.outputs[0]].dtype != kinds[made.outputs[0]].dtype:
            return None
        axis = call.inputs[1] if len(call.inputs) > 1 else call.options.get("axis")
        summed = tuple(sorted([order[a] for a in reduced_axes(axis, n)]))
        if not summed or summed[-1] >= n - 2:
            return None
        found = _Batch(made, order, summed)
        return found if self._pays(found) else None

    def are_rows(self, call: Call) -> bool:
        """Whether a call multiplies many small matrices, which lie one after the other, by one, and
        what it gives is no result: that has memory of its own."""
        if not self.reading.is_product_of_rows(call):
            return False
        x, y = [value.slot for value in call.inputs]
        *batch, rows, terms = self.reading.slots[x].shape
        each = rows * terms * self.reading.slots[y].shape[-1]
        n = len(batch)
        order = self.reading.order(x)[1]
        places = [order.index(axis) for axis in range(n + 1)]
        return (
            each <= SMALL_PRODUCT < prod(batch) * each
            and call.outputs[0] not in self.reading.wanted
            and places == list(range(places[0], places[0] + n + 1))
        )

    def _pays(self, batch: _Batch) -> bool:
        """Whether less is added than is copied, so that the terms lie in one axis."""
        x, y = batch.product.inputs
        added = prod(self.reading.slots[batch.product.outputs[0]].shape)
        n = len(self.reading.slots[x.slot].shape)
        copied = 0
        for value, last in ((x, n - 1), (y, n - 2)):
            order = self.reading.order(value.slot)[1]
            places = [order.index(axis) for axis in (*batch.summed, last)]
            if places != list(range(places[0], places[0] + len(places))):
                copied += prod(self.reading.slots[value.slot].shape)
        return copied <= added


class _Writing(Writing):
    def as_rows(self, end: Call) -> None:
        """Calls of which the last gives what a product of many matrices by one does."""
        self.end = end
        x, y = end.inputs
        terms, columns = self.shape(y)
        shape = self.slots[end.outputs[0]].shape
        rows = self.call(ops.reshape, (prod(shape[:-1]), terms), x)
        found = self.written(ops.matmul, (prod(shape[:-1]), columns), rows, y)
        self.call(ops.reshape, shape, found)
        self.ended()

    def instead(self, end: Call, batch: _Batch) -> None:
        """Calls of which the last gives what the sum does."""
        self.end = end
        x, y = batch.product.inputs
        shape = self.shape(x)
        n = len(shape)
        rest = [axis for axis in range(n - 2) if axis not in batch.summed]
        left = self._flat(x, [*rest, n - 2], [*batch.summed, n - 1])
        right = self._flat(y, rest, [*batch.summed, n - 2], [n - 1])
        columns = self.shape(y)[-1]
        kept = tuple([shape[axis] for axis in rest])
        found = self.written(ops.matmul, (*kept, shape[-2], columns), left, right)
        axes = [*rest, n - 2, n - 1]  # of the product that there was
        order = [axes.index(axis) for axis in batch.order if axis in axes]
        if order != sorted(order):
            found = self.transposed(found, order)
        if self.shape(found) != (wanted := self.slots[end.outputs[0]].shape):
            found = self.call(ops.reshape, wanted, found)
        self.ended()

    def _flat(
        self, x: Value, before: Sequence[int], flat: Sequence[int], after: Sequence[int] = ()
    ) -> Value:
        """x with some of its axes as one."""
        shape = self.shape(x)
        x = self.transposed(x, [*before, *flat, *after])
        size = prod([shape[axis] for axis in flat])
        new = [shape[a] for a in before], [size], [shape[a] for a in after]
        return self.call(ops.reshape, tuple([m for part in new for m in part]), x)

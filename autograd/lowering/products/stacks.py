"""Sums of many products of matrices: one product of stacks.

The gradient of a weight that is used at each step of a recurrence is a sum of a product for each of
them; and what is one on top of the other along the axis that a product sums is summed by that.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod
from typing import Any, NamedTuple

from autograd import ops
from autograd.lowering.products.linear import Reading, order_of
from autograd.lowering.writing import Writing
from autograd.ops.reductions.reduction import reduced_axes
from autograd.ops.shapes.joining import concatenate_all, stack_all
from autograd.program.program import Call, Program, Shape, Value, values_in

_WHOLE = (None, Ellipsis, slice(None))  # of an index, by which nothing is left out
_CALL = 1 << 12  # numbers that are added in the time of two calls of NumPy's

Slots = tuple[int, ...]


def with_stacks(program: Program) -> Program:
    """Sums of products of matrices as one product of their factors, one on top of the other.

    A sum may be any tree of additions, of products that are seen through transposes and reshapes,
    and of sums along an axis of what is stacked anyway; other terms are added to it. What somebody
    else reads too stays as it is, and so does a sum of products of which less is added than is to
    be copied. The results differ by the order in which terms are added.
    """
    finding = _Finding(program)
    if not finding.sums:
        return program
    writing = _Writing(program, finding)
    for call in program.calls:
        outputs = call.outputs
        if outputs[:1] in finding.sums:
            writing.sum(call, finding.sums[outputs[:1]])
        elif outputs[:1] in finding.joins and writing.joined(call, finding.joins[outputs[:1]]):
            continue
        else:
            writing.calls.append(call)
    return writing.finished()


class Term(NamedTuple):
    """What is added.

    Attributes:
        value: of it, before the views; one that broadcasts, and a number, has none.
        views: transposes and reshapes of it, the first first.
        call: the product, or the sum along an axis, that can be one with others; None of any other
            value.
    """

    value: Any
    views: tuple[Call, ...]
    call: Call | None


class Stack(NamedTuple):
    """Arrays one on top of the other.

    Attributes:
        axis: along which they lie.
        slots: of the arrays; where they lie along the first axis, of what has the same numbers.
        shapes: theirs.
        order: of the axes of the stack, how it is seen.
    """

    axis: int
    slots: Slots
    shapes: tuple[Shape, ...]
    order: tuple[int, ...]


@dataclass(eq=False)
class Sum:
    """A sum, as it is to be written: the other terms, and those that are one call."""

    others: list[Term]
    groups: list[list[Term]]


class _Finding:
    """Finds sums that are better written with stacks.

    Attributes:
        sums: by what the last addition gives.
        joins: by what a concatenation along the first axis gives, the slots of its pieces.
    """

    def __init__(self, program: Program) -> None:
        self.reading = Reading(program)
        self.slots = program.slots
        self.joins: dict[Slots, Slots] = {}
        self.sums: dict[Slots, Sum] = {}
        self._orders: dict[frozenset[int], dict[int, int]] = {}  # by pieces, their positions
        for call in program.calls:
            if (pieces := self._pieces(call)) is not None:
                self.joins[call.outputs] = pieces
                self._known(pieces)
        trees: list[tuple[Call, list[Term]]] = []
        inner: set[int] = set()
        for call in reversed(program.calls):
            is_sum = self.reading.is_sum(call) or self.reading.is_added_to(call) is not None
            if is_sum and call.outputs[0] not in inner:
                trees.append((call, list(self._terms(call, inner))))
        left: list[tuple[Call, list[Term], list[list[Term]]]] = []
        for call, terms in trees:
            groups = _alike(terms, self._key)
            pays = [group for group in groups if self._pays(group)]
            rest = [group for group in groups if not any(group is other for other in pays)]
            for group in pays:
                for stack in self.stacks(group):
                    self._known(stack.slots)
            left.append((call, terms, rest))
            if pays:
                self.sums[call.outputs] = Sum([], [self.ordered(group) for group in pays])
        for call, terms, rest in left:  # sums along an axis of what is stacked by now
            for group in rest:
                if self._is_there(group):
                    made = self.sums.setdefault(call.outputs, Sum([], []))
                    made.groups.append(self.ordered(group))
            if (found := self.sums.get(call.outputs)) is not None:
                taken = {id(term) for group in found.groups for term in group}
                found.others += [term for term in terms if id(term) not in taken]

    # --- what there is -------------------------------------------------------------------------

    def _pieces(self, call: Call) -> Slots | None:
        """Of a concatenation or a stack along the first axis what its pieces are reshapes of."""
        if call.op not in (concatenate_all, stack_all) or len(call.inputs) < 2:
            return None
        out = self.slots[call.outputs[0]]
        axis = call.options.get("axis", 0)
        values = [value for value in call.inputs if isinstance(value, Value)]
        if axis not in (0, -len(out.shape)) or len(values) < len(call.inputs):
            return None
        return tuple([self._flat(value.slot) for value in values])

    def _flat(self, slot: int) -> int:
        """What has the same numbers in the same order, as early as there is one."""
        while (call := self.reading.maker(slot)) is not None and self._keeps_order(call):
            slot = call.inputs[0].slot
        return slot

    def _keeps_order(self, call: Call) -> bool:
        """Whether a call gives all the numbers that it reads, in their order, and no others."""
        if call.op is ops.reshape:
            return True
        if call.op not in (ops.getitem, ops.scatter) or not isinstance(call.inputs[0], Value):
            return False
        given, out = self.slots[call.inputs[0].slot], self.slots[call.outputs[0]]
        index = call.inputs[1] if len(call.inputs) > 1 else call.options.get("index")
        parts = index if isinstance(index, tuple) else (index,)
        return (
            prod(given.shape) == prod(out.shape)
            and given.dtype == out.dtype
            and all(type(part) is int or part in _WHOLE for part in parts)
        )

    def _terms(self, root: Call, inner: set[int]) -> Iterator[Term]:
        """The terms of a tree of additions, in their order; notes which are not its root."""
        waiting: list[tuple[int, tuple[Call, ...], bool]] = [(root.outputs[0], (), True)]
        while waiting:
            slot, views, is_root = waiting.pop()
            call = self.reading.maker(slot) if is_root else self.reading.maker_alone(slot)
            if call is None:
                yield Term(Value(slot), views, None)
            elif self.reading.is_sum(call):
                inner.add(slot)
                waiting += [(value.slot, views, False) for value in reversed(call.inputs)]
            elif not views and (parts := self.reading.is_added_to(call)) is not None:
                inner.add(slot)
                whole, other = parts
                waiting.append((whole.slot, views, False))
                yield Term(other, views, None)
            elif call.op in (ops.transpose, ops.reshape):
                waiting.append((call.inputs[0].slot, self._seen(call, views), False))
            elif self.reading.is_product(call) or self._is_reduction(call):
                yield Term(Value(slot), views, call)
            else:
                yield Term(Value(slot), views, None)

    def _seen(self, call: Call, views: tuple[Call, ...]) -> tuple[Call, ...]:
        """The views of what a call sees, before others; a transpose of a transpose is one."""
        if call.op is not ops.transpose or not views or views[0].op is not ops.transpose:
            return call, *views
        n = len(self.slots[call.outputs[0]].shape)
        inner = order_of(call, n)
        order = tuple([inner[axis] for axis in order_of(views[0], n)])
        if order == tuple(range(n)):
            return views[1:]
        return replace(views[0], inputs=(call.inputs[0], order), options={}), *views[1:]

    def _is_reduction(self, call: Call) -> bool:
        """Whether a call sums floats along axes of which the first is one."""
        if call.op is not ops.sum or not isinstance(call.inputs[0], Value):
            return False
        given, out = self.slots[call.inputs[0].slot], self.slots[call.outputs[0]]
        axes = _axes(call, given.shape)
        return given.dtype == out.dtype and out.dtype.kind == "f" and 0 in axes

    # --- what is one with others ---------------------------------------------------------------

    def _key(self, term: Term) -> Any:
        """What terms have in common that can be one call; None of what can be one with none."""
        call = term.call
        if call is None:
            return None
        views = tuple([(v.op.name, repr(v.inputs[1:]), repr(v.options)) for v in term.views])
        out = self.slots[call.outputs[0]]
        if call.op is ops.sum:
            shape = self.slots[call.inputs[0].slot].shape
            return "sum", views, shape[1:], _axes(call, shape), out
        return "product", views, out

    def stacks(self, group: Sequence[Term]) -> list[Stack]:
        """Those of what the calls of a group read."""
        calls = [term.call for term in group if term.call is not None]
        slots = [[v.slot for v in values_in(call.inputs)] for call in calls]
        if calls[0].op is ops.sum:
            return [self._stack([first for first, *_ in slots], 0)]
        return [self._stack([x for x, _ in slots], -1), self._stack([y for _, y in slots], -2)]

    def _stack(self, slots: Sequence[int], axis: int) -> Stack:
        """Arrays on top of each other along an axis, in the order in which they lie in memory."""
        n = len(self.slots[slots[0]].shape)
        axis, order = axis % n, tuple(range(n))
        while True:
            calls = [self.reading.maker(slot) for slot in slots]
            inner = {
                order_of(call, n) if call is not None and call.op is ops.transpose else None
                for call in calls
            }
            if len(inner) > 1 or (found := inner.pop()) is None:
                break
            axis, order = found[axis], tuple([found[a] for a in order])
            slots = [call.inputs[0].slot for call in calls if call is not None]
        shapes = tuple([self.slots[slot].shape for slot in slots])
        return Stack(axis, tuple(slots if axis else map(self._flat, slots)), shapes, order)

    def _known(self, slots: Slots) -> None:
        """Note in which order arrays are stacked."""
        if len(set(slots)) == len(slots):
            positions = {slot: number for number, slot in enumerate(slots)}
            self._orders.setdefault(frozenset(slots), positions)

    def ordered(self, group: list[Term]) -> list[Term]:
        """The terms in the order in which others stack what they read, if any do."""
        for stack in self.stacks(group):
            found = self._orders.get(frozenset(stack.slots))
            if found is not None and len(set(stack.slots)) == len(stack.slots):
                pairs = zip([found[slot] for slot in stack.slots], group, strict=True)
                return [term for _, term in sorted(pairs, key=lambda pair: pair[0])]
        return group

    def _pays(self, group: Sequence[Term]) -> bool:
        """Whether less is copied than is added: three numbers are read or written for each that is
        added, two for each that is copied."""
        if len(group) < 2 or group[0].call is None or group[0].call.op is ops.sum:
            return False
        added = (len(group) - 1) * prod(self.slots[group[0].value.slot].shape)
        copied = 0
        for stack in self.stacks(group):
            if frozenset(stack.slots) not in self._orders:
                copied += sum(prod(self.slots[slot].shape) for slot in stack.slots)
        return 3 * added >= 2 * copied + _CALL

    def _is_there(self, group: Sequence[Term]) -> bool:
        """Whether a group of sums is one along what is stacked all the same."""
        if len(group) < 2 or group[0].call is None or group[0].call.op is not ops.sum:
            return False
        (stack,) = self.stacks(group)
        return not stack.axis and frozenset(stack.slots) in self._orders


def _alike(terms: Sequence[Term], key: Any) -> list[list[Term]]:
    groups: dict[Any, list[Term]] = {}
    for term in terms:
        if (own := key(term)) is not None:
            groups.setdefault(own, []).append(term)
    return list(groups.values())


def _axes(call: Call, shape: Shape) -> tuple[int, ...]:
    """Along which a call sums."""
    axis = call.inputs[1] if len(call.inputs) > 1 else call.options.get("axis")
    return tuple(sorted(reduced_axes(axis, len(shape))))


class _Writing(Writing):
    """Writes calls: those of a program, and others for its sums of products."""

    def __init__(self, program: Program, finding: _Finding) -> None:
        super().__init__(program)
        self._finding = finding
        self._stacked: dict[tuple[int, Slots], Value] = {}

    def sum(self, end: Call, made: Sum) -> None:
        """Calls of which the last gives the sum."""
        self.end = end
        shape = self.slots[end.outputs[0]].shape
        parts = [self._seen(self._whole(group), group[0].views) for group in made.groups]
        parts += [self._seen(term.value, term.views) for term in made.others]
        found, *rest = parts
        for part in rest:
            found = self.written(ops.add, shape, found, part)
        self.ended()

    def joined(self, end: Call, pieces: Slots) -> bool:
        """Write a concatenation as what is stacked already, if it is; else note that it is."""
        self.end = end
        known = self._stacked.get((0, pieces))
        if known is None:
            self._stacked[0, pieces] = Value(end.outputs[0])
            return False
        if end.outputs[0] in self._finding.reading.wanted:
            return False
        shape = self.slots[end.outputs[0]].shape
        self.written(ops.reshape, shape, known, shape)
        self.ended()
        return True

    def _seen(self, x: Any, views: Sequence[Call]) -> Any:
        for view in views:
            shape = self.slots[view.outputs[0]].shape
            x = self.written(view.op, shape, x, *view.inputs[1:], **view.options)
        return x

    def _whole(self, group: Sequence[Term]) -> Value:
        """The one call that all terms of a group are."""
        first = group[0].call
        assert first is not None
        factors = [self._stack(stack) for stack in self._finding.stacks(group)]
        shape = self.slots[first.outputs[0]].shape
        if first.op is ops.sum:
            return self.written(ops.sum, shape, *factors, *first.inputs[1:], **first.options)
        return self.written(ops.matmul, shape, *factors)

    def _stack(self, stack: Stack) -> Value:
        """The arrays on top of each other, which are written once."""
        axis, shapes = stack.axis, stack.shapes
        shape = list(shapes[0])
        shape[axis] = sum([own[axis] for own in shapes])
        found = self._stacked.get((axis, stack.slots))
        if found is None:
            pieces = [
                self.call(ops.reshape, own, Value(slot))
                for slot, own in zip(stack.slots, shapes, strict=True)
            ]
            found = self.written(concatenate_all, tuple(shape), *pieces, axis=axis)
            self._stacked[axis, stack.slots] = found
        return self.transposed(self.call(ops.reshape, tuple(shape), found), stack.order)

"""Which nests run in one loop.

Nests that share an axis which none of them mixes become one loop along it: what one writes for a
place of that axis the next reads while it is in the cache.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush

from autograd.lowering.indices import Affine, Axis
from autograd.lowering.lowerer import Called
from autograd.lowering.nests import (
    Nest,
    Value,
)
from autograd.lowering.plans import Group, Plan
from autograd.program.program import Call
from autograd.program.rewriting import is_pure


def schedule(plan: Plan, items: Sequence[Nest | Called], calls: Sequence[Call]) -> None:
    """Calls of NumPy's as soon as what they read is there, and between them all nests that can."""
    todo = [i for i in items if isinstance(i, Called) or i.value not in plan.inlined]
    made: set[Value] = set()
    given = {
        slot for item in items if isinstance(item, Called) for slot in calls[item.number].gives()
    }
    there: set[int] = set()

    def ready(value: Value) -> bool:
        if value.nest is not None:
            return value in made
        return value.slot not in given or value.slot in there

    while todo:
        left: list[Nest | Called] = []
        held = False  # a call whose order counts is waiting
        for item in todo:
            if isinstance(item, Called):
                ordered = not is_pure(calls[item.number])
                can = all(ready(view.value) for view in item.arrays.values())
                if can and not (ordered and held):
                    plan.steps.append(item)
                    there.update(calls[item.number].gives())
                    continue
                held |= ordered
            left.append(item)
        todo, left = left, []
        run: list[Nest] = []
        for item in todo:
            if isinstance(item, Nest) and all(ready(v) for v, _ in plan.accesses[item]):
                run.append(item)
                made.add(item.value)
            else:
                left.append(item)
        if run:
            plan.steps.append(_grouped(plan, run))
        todo = left


def _grouped(plan: Plan, nests: Sequence[Nest]) -> list[Group]:
    """Groups of all the nests, of each of which the first is the first that is in no other."""
    grouping, groups = _Grouping(plan, nests), list[Group]()
    while (first := grouping.first()) is not None:
        options: list[Axis | None] = [*_slicing(plan, first)]
        if first in plan.blocks:
            options = [plan.blocks[first].slices]
        found = [grouping.joined(first, axis) for axis in options or [None]]
        best = max(found, key=lambda group: sum(nest.volume for nest in group.nests))
        groups.append(best)
        grouping.take(best)
    return groups


class _Grouping:
    """Nests, in their order, of which some are in a group already.

    What can join a group is found from what the group reads and computes: to ask each nest that is
    left, for each group, takes the square of their number.
    """

    def __init__(self, plan: Plan, nests: Sequence[Nest]) -> None:
        self._plan, self._nests = plan, nests
        self._numbers = {nest: number for number, nest in enumerate(nests)}
        self._running = [nest for nest in nests if nest.kind == "running"]
        self._begin = 0
        self._left = set(nests)
        home = {nest.value: nest for nest in nests}
        self._reads = {n: list(dict.fromkeys(v for v, _ in plan.accesses[n])) for n in nests}
        self._readers: dict[Value, list[Nest]] = {}  # of what nests compute, and the nests wait for
        self._missing: dict[Nest, int] = {}  # how many of the values that it reads are in no group
        self._ready: dict[Value, dict[Nest, None]] = {}  # by what they read, those that miss none
        for nest in nests:
            inner = [value for value in self._reads[nest] if value in home]
            for value in inner:
                self._readers.setdefault(value, []).append(nest)
            self._missing[nest] = len(inner)
            if not inner:
                self._is_ready(nest)

    def _is_ready(self, nest: Nest) -> None:
        for value in self._reads[nest]:
            self._ready.setdefault(value, {})[nest] = None

    def first(self) -> Nest | None:
        """The first that is in no group; None where all are."""
        while self._begin < len(self._nests):
            if (nest := self._nests[self._begin]) in self._left:
                return nest
            self._begin += 1
        return None

    def take(self, group: Group) -> None:
        """These are in a group now."""
        self._left.difference_update(group.nests)
        for nest in group.nests:
            for value in self._reads[nest]:
                self._ready.get(value, {}).pop(nest, None)
            for reader in self._readers.get(nest.value, []):
                self._missing[reader] -= 1
                if not self._missing[reader] and reader in self._left:
                    self._is_ready(reader)

    def joined(self, first: Nest, axis: Axis | None) -> Group:
        """A nest, cut along an axis, and all that can run in that loop."""
        group = Group([first], {first: axis})
        if axis is None:
            return group
        have, shared = set[Value](), set[tuple[Value, int]]()
        missing: dict[Nest, int] = {}
        waiting: list[int] = []  # a heap of the numbers of those that may join
        asked = {first}

        def joins(nest: Nest, own: Axis | None) -> None:
            if own is None:
                return
            if nest is not first:
                group.nests.append(nest)
                group.slices[nest] = own
            have.add(nest.value)
            along = set(_along(self._plan, nest, own)) - shared
            shared.update(along)
            for reader in self._readers.get(nest.value, []):
                missing[reader] = missing.get(reader, self._missing[reader]) - 1
                if not missing[reader]:
                    ask(reader, nest)
            for value, _ in along:
                for reader in self._ready.get(value, {}):
                    ask(reader, nest)

        def ask(nest: Nest, after: Nest) -> None:
            number = self._numbers[nest]
            if nest in self._left and nest not in asked and number > self._numbers[after]:
                asked.add(nest)
                heappush(waiting, number)

        joins(first, axis)
        while waiting:
            nest = self._nests[heappop(waiting)]
            joins(nest, _joining(self._plan, nest, group, have, shared))
        # Partial sums are read behind the group: they may as well join those that read the same
        # later.
        for nest in self._running:
            if nest not in self._left or nest.value in have:
                continue
            if not missing.get(nest, self._missing[nest]):
                joins(nest, _joining(self._plan, nest, group, have, shared))
        return group


def _slicing(plan: Plan, nest: Nest) -> Iterator[Axis]:
    """Axes along which a nest can be cut."""
    axes = nest.reduced[:1] if nest.kind == "running" else nest.value.axes
    return (axis for axis in axes if _can_slice(plan, nest, axis))


def _can_slice(plan: Plan, nest: Nest, axis: Axis) -> bool:
    """Whether a nest can be cut along an axis: not along the one of its vectors."""
    if nest.kind == "running":
        return axis is nest.reduced[0]
    if nest.kind == "scatter" or axis not in nest.value.axes:
        return False
    if nest in plan.blocks:
        return axis is plan.blocks[nest].slices
    order = plan.orders[nest]
    rest = nest.volume // axis.size
    return axis is not order[-1] or len(order) == 1 or rest == 1


def _along(plan: Plan, nest: Nest, axis: Axis) -> Iterator[tuple[Value, int]]:
    """Values, and which of their axes is read at the place of this one."""
    for value, indices in plan.accesses[nest]:
        for position, index in enumerate(indices or ()):
            if index == Affine(0, ((axis, 1),)):
                yield value, position


def _joining(
    plan: Plan, nest: Nest, group: Group, have: set[Value], shared: set[tuple[Value, int]]
) -> Axis | None:
    """The axis along which a nest runs in the loop of a group; None where it does not."""
    found: Axis | None = None
    for value, indices in plan.accesses[nest]:
        if value not in have:
            continue
        own = group.slices[value.nest] if value.nest is not None else None
        if indices is None or own is None or own not in value.axes:
            return None
        index = indices[value.axes.index(own)]
        if index.start or len(index.steps) != 1 or index.steps[0][1] != 1:
            return None
        axis = index.steps[0][0]
        if axis.size != own.size or (found is not None and axis is not found):
            return None
        found = axis
    if found is None:  # it reads nothing of the group's: does it read what the group reads?
        for axis in _slicing(plan, nest):
            if axis.size == group.size and shared.intersection(_along(plan, nest, axis)):
                found = axis
                break
    return found if found is not None and _can_slice(plan, nest, found) else None

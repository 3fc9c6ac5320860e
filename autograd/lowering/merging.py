"""Which nests of a group share their inner loops too, and what then is in registers only.

A nest that reads what another computes at the same place runs in the loop of that: the number is
still in a register. So does one that reads the same arrays. A sum takes its terms in the loop that
computes them. What nobody reads elsewhere is not written to memory.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from autograd.lowering.indices import Affine, Axes, Axis, at, combined, line_of, substituted, volume
from autograd.lowering.nests import Nest, Value
from autograd.lowering.plans import Group, Plan

_LARGEST = 250  # operations in one loop
_REDUCTIONS = 4  # in one loop, each with accumulators of its own

_NEAR = 8  # how many loops back a nest looks for its place

ELEMENTWISE = ("map", "running")  # kinds without accumulators

_Read = tuple[Value, tuple[Affine, ...] | None]


class Joint(NamedTuple):
    """Loops that are one, as what lies along them is one line wherever it lies.

    Attributes:
        axis: of that loop.
        parts: the axes whose loops it stands for, outermost first.
    """

    axis: Axis
    parts: Axes


@dataclass(eq=False)
class Loops:
    """Nests that run in the same loops within a slice.

    Attributes:
        nests: in their order.
        kept: the axes of the loops around, those of the first nest.
        reduced: the axes along which some of them reduce, the innermost loops.
        places: by nest, where its axes are in terms of those of the first.
        alone: whether the one nest that there is shares them with no other.
        inner_is_kept: whether the innermost loop is to be along the last of `kept`.
        joints: of the innermost of `kept`, and of `reduced`.
    """

    nests: list[Nest]
    kept: Axes
    reduced: Axes
    places: dict[Nest, dict[Axis, Affine]]
    alone: bool
    inner_is_kept: bool
    joints: list[Joint] = field(default_factory=list)

    @property
    def axes(self) -> Axes:
        """All loops, outermost first."""
        return (*self.kept, *self.reduced)

    def as_run(self, axes: Axes) -> Axes:
        """Of `kept` or `reduced` the loops that run, where some of those are one."""
        for joint in self.joints:
            if axes[-len(joint.parts) :] == joint.parts:
                return (*axes[: -len(joint.parts)], joint.axis)
        return axes


def merged(plan: Plan, group: Group) -> list[Loops]:
    """The loops of a group: each nest in the first ones in which it can be."""
    merging = _Merging(plan, group)
    for nest in group.nests:
        merging.place(nest)
    for loops in merging.found:
        if loops.nests[0] not in plan.blocks and loops.nests[0].kind != "scatter":
            found = [_joint(plan, loops, axes) for axes in (loops.kept, loops.reduced)]
            loops.joints = [joint for joint in found if joint is not None]
    return merging.found


def _joint(plan: Plan, loops: Loops, axes: Axes) -> Joint | None:
    """The innermost of these axes that are one line, as far as all nests see; None of a single
    one."""
    lines: list[Affine] = []  # where what they read and write lies
    apart: set[Axis] = set()
    for nest in loops.nests:
        places = loops.places[nest]
        for axis in plan.apart[nest]:
            apart.update(places.get(axis, at(axis)).axes)
        own = tuple([at(axis) for axis in nest.value.axes])
        if nest.kind == "running":
            own = tuple([place for place in nest.places if isinstance(place, Affine)])
        for value, indices in (*plan.accesses[nest], (nest.value, own)):
            if indices is None:
                return None
            steps = zip(indices, plan.strides[value], strict=True)
            lines.append(combined([(substituted(i, places), step) for i, step in steps]))
    found = line_of(axes, apart, [place.step for place in lines])
    return Joint(Axis(volume(found)), found) if len(found) > 1 else None


def registers(plan: Plan, loops: Mapping[Group, Sequence[Loops]]) -> set[Value]:
    """Values that are read in the loops that compute them only."""
    home = {n.value: one for many in loops.values() for one in many for n in one.nests}
    found = {
        value
        for value, one in home.items()
        if not (value.kept or value.in_order or value.slot is not None)
        and value.nest is not None
        and value.nest.kind == "map"
        and len(one.nests) > 1
    }
    for many in loops.values():
        for one in many:
            for nest in one.nests:
                found -= {v for v, _ in plan.accesses[nest] if v in found and home[v] is not one}
    return found


class _Merging:
    """The loops of a group, while nests are given places in them."""

    def __init__(self, plan: Plan, group: Group) -> None:
        self._plan, self._group = plan, group
        self.found: list[Loops] = []
        self._home: dict[Value, int] = {}
        self._reads: dict[Nest, set[_Read]] = {}  # in terms of the axes of its loops

    def place(self, nest: Nest) -> None:
        """Into the first loops that come after what it reads, or into new ones."""
        given = [self._home[v] for v, _ in self._plan.accesses[nest] if v in self._home]
        kept, reduced = self._split(nest)
        count = len(self.found)
        if self._can_merge(nest, reduced):
            for number in range(max([*given, count - _NEAR, 0]), count):
                if self._joins(nest, kept, reduced, self.found[number]):
                    self._home[nest.value] = number
                    return
        self._home[nest.value] = count
        self._reads[nest] = set(self._plan.accesses[nest])
        alone = not self._can_merge(nest, reduced)
        inner_is_kept = self._inner_is_kept(nest)
        self.found.append(Loops([nest], kept, reduced, {nest: {}}, alone, inner_is_kept))

    def _split(self, nest: Nest) -> tuple[Axes, Axes]:
        """The axes of the loops of a nest that it keeps, and those along which it reduces."""
        order = [a for a in self._plan.orders[nest] if a is not self._group.slices[nest]]
        if nest.kind == "running":
            return tuple(order), ()
        kept = tuple([axis for axis in order if axis not in nest.reduced])
        return kept, tuple([axis for axis in order if axis in nest.reduced])

    def _inner_is_kept(self, nest: Nest) -> bool:
        order = [a for a in self._plan.orders[nest] if a is not self._group.slices[nest]]
        return not nest.adds and bool(order) and order[-1] not in nest.reduced

    def _can_merge(self, nest: Nest, reduced: Axes) -> bool:
        """Whether a nest is of a form that shares loops, and becomes vectors."""
        if nest.kind == "scatter" or nest in self._plan.blocks:
            return False
        if any(i is None for _, i in self._plan.accesses[nest]):
            return False
        if nest.kind not in ELEMENTWISE and (not reduced or self._inner_is_kept(nest)):
            return False
        return nest.value not in self._plan.scalar

    def _joins(self, nest: Nest, kept: Axes, reduced: Axes, loops: Loops) -> bool:
        """Let a nest run in loops, if it can and if that saves something."""
        axes, first = (*kept, *reduced), loops.nests[0]
        if loops.alone or [a.size for a in axes] != [a.size for a in loops.axes]:
            return False
        if reduced and loops.reduced and len(reduced) != len(loops.reduced):
            return False
        many = [*loops.nests, nest]
        if sum(1 + self._plan.costs[one.value] for one in many) > _LARGEST:
            return False
        if sum(one.kind != "map" for one in many) > _REDUCTIONS:
            return False
        places = {own: at(axis) for own, axis in zip(axes, loops.axes, strict=True)}
        own, slices = self._group.slices[nest], self._group.slices[first]
        if own is not None and slices is not None:
            places[own] = at(slices)
        reads = {(v, _moved(i, places)) for v, i in self._plan.accesses[nest]}
        inner = {one.value: one for one in loops.nests}
        if not all(_same_place(inner[v], i, loops) for v, i in reads if v in inner):
            return False
        shared = any(
            v in inner or any((v, i) in self._reads[n] for n in loops.nests) for v, i in reads
        )
        if axes and not shared:
            return False
        if reduced and not loops.reduced:
            loops.inner_is_kept = False
            loops.kept, loops.reduced = loops.axes[: len(kept)], loops.axes[len(kept) :]
        loops.nests.append(nest)
        loops.places[nest] = places
        self._reads[nest] = reads
        return True


def _same_place(made: Nest, indices: tuple[Affine, ...] | None, loops: Loops) -> bool:
    """Whether what loops compute is read where it is computed."""
    where = tuple([loops.places[made].get(axis, at(axis)) for axis in made.value.axes])
    return made.kind == "map" and indices == where


def _moved(
    indices: tuple[Affine, ...] | None, places: Mapping[Axis, Affine]
) -> tuple[Affine, ...] | None:
    return None if indices is None else tuple([substituted(i, places) for i in indices])

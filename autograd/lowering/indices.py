"""Axes and affine indices: where a loop reads and writes.

An axis is one loop. What a loop reads is at indices that are affine in the axes around it, as
`2 * i + w - 1`; so a transpose, a broadcast, a slice, a window or a reshape is no copy, but other
indices into what is there.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from itertools import count
from math import prod
from typing import NamedTuple

_next_number = count().__next__


class Axis:
    """A loop from 0 to `size`. Each is another, whatever its size."""

    __slots__ = ("number", "size")

    def __init__(self, size: int) -> None:
        self.size, self.number = size, _next_number()

    def __repr__(self) -> str:
        return f"i{self.number}<{self.size}"


Axes = tuple[Axis, ...]


class Part(Axis):
    """The digit of a place that counts steps of `divisor`, from 0 to `size`: what an axis is at
    that is one of several into which a dimension is cut, where the dimension is at a place.

    Two of them are the same where all this is.
    """

    __slots__ = ("divisor", "place")

    def __init__(self, place: Affine, divisor: int, size: int) -> None:
        self.place, self.divisor, self.size = place, divisor, size
        self.number = place.steps[0][0].number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Part) and self._key() == other._key()

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> tuple[Affine, int, int]:
        return self.place, self.divisor, self.size


class Affine(NamedTuple):
    """`start` and for each axis its place times a step; no axis twice, no step 0."""

    start: int
    steps: tuple[tuple[Axis, int], ...] = ()

    @property
    def axes(self) -> list[Axis]:
        """The axes that it depends on."""
        return [axis for axis, _ in self.steps]

    def step(self, axis: Axis) -> int:
        """By how much it grows from one place of the axis to the next."""
        return next((step for other, step in self.steps if other is axis), 0)

    def bounds(self) -> tuple[int, int]:
        """The smallest and the largest place that it comes to."""
        reach = [step * (axis.size - 1) for axis, step in self.steps]
        return self.start + sum(min(r, 0) for r in reach), self.start + sum(
            max(r, 0) for r in reach
        )


def at(axis: Axis) -> Affine:
    """The place of an axis."""
    return Affine(0, ((axis, 1),))


def combined(parts: Iterable[tuple[Affine, int]], start: int = 0) -> Affine:
    """The sum of affine indices, each times a factor."""
    steps: dict[Axis, int] = {}
    for part, factor in parts:
        start += factor * part.start
        for axis, step in part.steps:
            steps[axis] = steps.get(axis, 0) + factor * step
    found = sorted((item for item in steps.items() if item[1]), key=lambda item: item[0].number)
    return Affine(start, tuple(found))


def substituted(index: Affine, places: Mapping[Axis, Affine]) -> Affine:
    """The index where axes are at other places."""
    if len(index.steps) == 1:  # most are
        ((axis, step),) = index.steps
        if not isinstance(axis, Part):
            place = places.get(axis)
            if place is None or (step == 1 and not index.start):
                return index if place is None else place
    if not any(axis in places or isinstance(axis, Part) for axis in index.axes):
        return index
    return combined([(_moved(a, places), step) for a, step in index.steps], index.start)


def _moved(axis: Axis, places: Mapping[Axis, Affine]) -> Affine:
    if isinstance(axis, Part):
        return part_of(substituted(axis.place, places), axis.divisor, axis.size)
    return places.get(axis, at(axis))


def part_of(place: Affine, divisor: int, size: int) -> Affine:
    """The digit of a place, see `Part`."""
    if not place.steps:
        return Affine(place.start // divisor % size)
    return at(Part(place, divisor, size))


def parts_of_axes(place: Affine, axes: Sequence[Axis]) -> dict[Axis, Affine]:
    """Where axes are into which a dimension is cut that is at a place."""
    found: dict[Axis, Affine] = {}
    divisor = 1
    for axis in reversed(axes):
        found[axis] = part_of(place, divisor, axis.size) if len(axes) > 1 else place
        divisor *= axis.size
    return found


def joined(axes: Sequence[Axis]) -> Affine:
    """The place in all axes together, of which the last runs fastest."""
    if len(axes) == 1:
        return at(axes[0])
    parts, step = [], 1
    for axis in reversed(axes):
        parts.append((at(axis), step))
        step *= axis.size
    return combined(parts)


def line_of(
    axes: Sequence[Axis], apart: Container[Axis], steps: Sequence[Callable[[Axis], int]]
) -> Axes:
    """The innermost of these axes, which come in their order, that are one line by all steps: each
    steps over what lies within. One that is apart ends it."""
    found: list[Axis] = []
    for axis in reversed(axes):
        if axis in apart:
            break
        if found and any(step(axis) != step(found[-1]) * found[-1].size for step in steps):
            break
        found.append(axis)
    return tuple(found[::-1])


def fresh(sizes: Iterable[int]) -> Axes:
    """New axes of these sizes; one of size 1 is none."""
    return tuple([Axis(size) for size in sizes if size != 1])


def volume(axes: Iterable[Axis]) -> int:
    """How many places axes have together."""
    return prod([axis.size for axis in axes])


def taken(axes: list[Axis], size: int) -> Axes:
    """The first of the axes, which have so many places together; they are taken off the list."""
    found: list[Axis] = []
    while volume(found) < size:
        found.append(axes.pop(0))
    return tuple(found)


def common_factors(many: Sequence[Sequence[int]]) -> list[int] | None:
    """The fewest sizes of which each of several lists of sizes is made by multiplying neighbours;
    None where there are none: 2 * 3 and 3 * 2 have no common one.

    >>> common_factors([[6, 4], [2, 12], [24]])
    [2, 3, 4]
    >>> common_factors([[2, 3], [3, 2]]) is None
    True
    """
    ends: set[int] = set()
    for sizes in many:
        ends.update(prod(sizes[i:]) for i in range(len(sizes)))
    found, last = [], 1
    for end in sorted(ends):
        if end % last:
            return None
        if end != last:
            found.append(end // last)
        last = end
    return found[::-1]

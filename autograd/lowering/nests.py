"""What calls become: values, the views of them, and nests of loops that compute them.

A nest computes one value: for each place along the axes of the value an expression, or its sum or
maximum along more axes. An expression loads from other values at affine indices.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any, NamedTuple

import numpy as np

from autograd.lowering.indices import Affine, Axes, Axis, combined, substituted, volume

DType = np.dtype[Any]
INDEX = np.dtype(np.int64)
BOOL = np.dtype(np.bool_)


class Guard(NamedTuple):
    """That an index is from 0 to below `size`, and a multiple of `step`."""

    place: Affine
    size: int
    step: int = 1

    @property
    def always(self) -> bool:
        """Whether it holds at all places."""
        low, high = self.place.bounds()
        return low >= 0 and high < self.size and self.step == 1


@dataclass(eq=False)
class Value:
    """An array: of a slot of the program, or one that a nest computes.

    Attributes:
        dtype: of its elements.
        axes: of the nest that computes it, in the order of its indices; of an array from outside,
            axes of its own.
        slot: whose array it is; None of what a nest computes for others.
        nest: what computes it; None of an array from outside, which lies in row-major order.
        in_order: whether it must lie in memory in the order of its axes, the last innermost.
        kept: whether it must be in memory, as somebody else reads it.
    """

    dtype: DType
    axes: Axes
    slot: int | None = None
    nest: Nest | None = field(default=None, repr=False)
    in_order: bool = False
    kept: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return tuple([axis.size for axis in self.axes])


class Load(NamedTuple):
    """An element of a value; `fill` where a guard does not hold.

    Attributes:
        value: what is read.
        indices: for each axis of the value where, or an expression of integers; where `flat`, one
            place in memory, counted in elements, of a value that lies in order.
    """

    value: Value
    indices: tuple[Affine | Expression, ...]
    guards: tuple[Guard, ...] = ()
    fill: float = 0
    flat: bool = False

    @property
    def dtype(self) -> DType:
        """Of what is read."""
        return self.value.dtype

    def place(self, strides: Sequence[int]) -> Affine:
        """Where it is in memory, of a value with these strides, in elements; of affine indices."""
        indices = [index for index in self.indices if isinstance(index, Affine)]
        return combined(list(zip(indices, (1,) if self.flat else strides, strict=True)))


class Number(NamedTuple):
    """A number that is known."""

    number: Any
    dtype: DType


class Place(NamedTuple):
    """An index as a number."""

    place: Affine
    dtype: DType = INDEX


class Inside(NamedTuple):
    """Whether guards hold."""

    guards: tuple[Guard, ...]
    dtype: DType = BOOL


class Apply(NamedTuple):
    """C of operands, which stand in `text` as {0}, {1}."""

    text: str
    operands: tuple[Expression, ...]
    dtype: DType


CHOICE = "{0} ? {1} : {2}"  # as the text of an Apply

Expression = Load | Number | Place | Inside | Apply

REDUCING = ("sum", "prod", "max", "min", "argmax", "argmin", "any", "all")


@dataclass(eq=False)
class Nest:
    """Loops that compute a value.

    Attributes:
        value: what they compute.
        reduced: axes along which they reduce.
        kind: "map", one of REDUCING, or "scatter": `expression` is added to zeros at `places`, in
            row-major order of `reduced`; or "running", which is that where slices of the first of
            `reduced` each have places of their own, or share them with their neighbours.
        expression: of each place.
        calls: the numbers of the calls that they stand for.
        places: of what adds, an index for each axis of the value.
        as_source: whether what it gives is to lie in memory as what it reads does.
    """

    value: Value
    reduced: Axes
    kind: str
    expression: Expression
    calls: list[int] = field(default_factory=list)
    places: tuple[Affine | Expression, ...] = ()
    as_source: bool = False

    @property
    def axes(self) -> Axes:
        """Those of its loops."""
        return self.reduced if self.adds else (*self.value.axes, *self.reduced)

    @property
    def adds(self) -> bool:
        """Whether it adds to what is in memory, at places that are not those of its loops."""
        return self.kind in ("scatter", "running")

    @property
    def volume(self) -> int:
        """How often its expression is computed."""
        return volume(self.axes)

    def loads(self) -> Iterator[Load]:
        """What it reads, as it is written."""
        yield from loads_in(self.expression)
        for place in self.places:
            if not isinstance(place, Affine):
                yield from loads_in(place)


@dataclass(frozen=True)
class View:
    """How an array of the program is found in a value.

    Attributes:
        value: where it is.
        indices: as of a Load, in the axes of `dims`.
        dims: for each dimension of the array its axes, of which the last runs fastest; none where
            it is 1 long.
        guards, fill: as of a Load.
        flat: as of a Load.
    """

    value: Value
    indices: tuple[Affine, ...]
    dims: tuple[Axes, ...]
    guards: tuple[Guard, ...] = ()
    fill: float = 0
    flat: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the array."""
        return tuple(map(volume, self.dims))

    @property
    def axes(self) -> Axes:
        """Of all dimensions."""
        return tuple([axis for axes in self.dims for axis in axes])

    @property
    def is_whole(self) -> bool:
        """Whether it is all of the value, its axes in their order."""
        return (
            not self.flat
            and not self.guards
            and self.axes == self.value.axes
            and all(i == Affine(0, ((a, 1),)) for i, a in zip(self.indices, self.axes, strict=True))
        )

    def moved(self, places: Mapping[Axis, Affine], dims: tuple[Axes, ...]) -> View:
        """The view with other dimensions, in which its axes are at these places."""
        return View(
            self.value,
            tuple([substituted(i, places) for i in self.indices]),
            dims,
            moved_guards(self.guards, places),
            self.fill,
            self.flat,
        )

    def redone(self, dim: int, axes: Axes, places: Mapping[Axis, Affine]) -> View:
        """The view with other axes for one dimension, in which those that it had are at places."""
        return self.moved(places, (*self.dims[:dim], axes, *self.dims[dim + 1 :]))

    def backwards(self, axes: Iterable[Axis]) -> View:
        """The view with some axes the other way round."""
        return self.moved({a: Affine(a.size - 1, ((a, -1),)) for a in axes}, self.dims)

    def place(self, strides: Sequence[int]) -> Affine:
        """Where its elements lie in memory, of a value with these strides, in elements."""
        return self.load().place(strides)

    def with_guards(self, guards: tuple[Guard, ...], fill: float = 0) -> View:
        """The view, which is `fill` where one of these does not hold."""
        needed = tuple([guard for guard in guards if not guard.always])
        return View(self.value, self.indices, self.dims, (*self.guards, *needed), fill, self.flat)

    def load(self) -> Load:
        """The element at the place of its axes."""
        return Load(self.value, self.indices, self.guards, self.fill, self.flat)


def strides_of(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Those of an array in row-major order, in elements."""
    return tuple([prod(shape[k + 1 :]) for k in range(len(shape))])


def strides_along(axes: Axes, order: Sequence[Axis]) -> tuple[int, ...]:
    """Those of axes that lie in memory in an order, the last innermost; 0 of others."""
    steps = dict(zip(order, strides_of(tuple([axis.size for axis in order])), strict=True))
    return tuple([steps.get(axis, 0) for axis in axes])


def loads_in(expression: Expression) -> Iterator[Load]:
    """The loads in an expression, those in indices of others too."""
    for part in parts_of(expression):
        if isinstance(part, Load):
            yield part


def parts_of(expression: Expression) -> Iterator[Expression]:
    """An expression and all that it is made of, each once, however often it stands there."""
    waiting, seen = [expression], set[int]()
    while waiting:
        part = waiting.pop()
        if id(part) in seen:
            continue
        seen.add(id(part))
        yield part
        if isinstance(part, Load):
            waiting += [i for i in part.indices if not isinstance(i, Affine)]
        elif isinstance(part, Apply):
            waiting += reversed(part.operands)


def moved(part: Expression, places: Mapping[Axis, Affine]) -> Expression:
    """An expression where axes are at other places."""
    if isinstance(part, Number):
        return part
    if isinstance(part, Place):
        return part._replace(place=substituted(part.place, places))
    if isinstance(part, Inside):
        return part._replace(guards=moved_guards(part.guards, places))
    if isinstance(part, Load):
        return part._replace(
            indices=tuple(
                [
                    substituted(i, places) if isinstance(i, Affine) else moved(i, places)
                    for i in part.indices
                ]
            ),
            guards=moved_guards(part.guards, places),
        )
    return part._replace(operands=tuple([moved(operand, places) for operand in part.operands]))


def moved_guards(guards: Sequence[Guard], places: Mapping[Axis, Affine]) -> tuple[Guard, ...]:
    """Guards where axes are at other places."""
    return tuple([g._replace(place=substituted(g.place, places)) for g in guards])

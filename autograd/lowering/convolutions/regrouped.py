"""Arrays as reshapes and transposes of others, told by what becomes of each axis."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import chain
from math import prod
from typing import Any

from autograd.engine.tensor import Array

# The axes that make one dimension, in row-major order, by name and size; axes of size 1 are none.
Group = tuple[tuple[str, int], ...]


@dataclass(frozen=True)
class Regrouped:
    """An array as reshapes and transposes of something.

    Attributes:
        of: that something.
        axes: its dimensions, each of one axis, or of several that later reshapes tell apart.
        dims: those of the array.
    """

    of: Any
    axes: tuple[Group, ...]
    dims: tuple[Group, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return sizes_of(self.dims)

    def turned(self) -> Regrouped:
        """With its last two dimensions in the other order."""
        *others, rows, columns = self.dims
        return replace(self, dims=(*others, columns, rows))

    def transposed(self, order: Sequence[int]) -> Regrouped:
        """With its dimensions in another order."""
        return replace(self, dims=tuple([self.dims[axis] for axis in order]))

    def reshaped(self, shape: Sequence[int]) -> Regrouped | None:
        """In a shape of as many elements, at least one; None where a dimension would have a part of
        an axis and begin or end within it."""
        seen, left, dims = self, joined(self.dims), list[Group]()
        for size in shape:
            group: Group = ()
            while size > 1:
                axis, left = left[0], left[1:]
                name, own = axis
                if own > size and own % size == 0:
                    parts = ((f"{name}0", size), (f"{name}1", own // size))
                    axes = [[parts if a == axis else (a,) for a in g] for g in seen.axes]
                    seen = replace(seen, axes=tuple([joined(g) for g in axes]))
                    axis, left = parts[0], (parts[1], *left)
                elif size % own:
                    return None
                group, size = (*group, axis), size // axis[1]
            dims.append(group)
        return replace(seen, dims=tuple(dims))

    def numbers(self, array: Array) -> Array:
        """The array, where `of` is this one."""
        axes, dims = joined(self.axes), joined(self.dims)
        order = [axes.index(axis) for axis in dims]
        found: Array = array.reshape([n for _, n in axes]).transpose(order)
        return found.reshape(self.shape)


def whole(of: Any, shape: Sequence[int]) -> Regrouped:
    """Something of this shape as it is."""
    axes = tuple([((f"{i}.", n),) if n > 1 else () for i, n in enumerate(shape)])
    return Regrouped(of, axes, axes)


def joined(groups: Sequence[Group]) -> Group:
    """All their axes as one group."""
    return tuple(chain.from_iterable(groups))


def sizes_of(groups: Sequence[Group]) -> tuple[int, ...]:
    """The size of each."""
    return tuple([prod([size for _, size in group]) for group in groups])

"""Which nests are sums of products, and how their factors are read.

A convolution is a sum of products of which one factor is read at shifted places.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import NamedTuple

from autograd import native
from autograd.lowering.indices import (
    Affine,
    Axes,
    Axis,
    Part,
    at,
    joined,
    volume,
)
from autograd.lowering.nests import (
    Apply,
    DType,
    Expression,
    Guard,
    Inside,
    Load,
    Nest,
    View,
    moved,
)

PRODUCT = "{0} * {1}"
GUARDED_PRODUCT = "{2} ? {0} * {1} : 0"

# Of a product so small, the call of NumPy's takes more time than the sums; in blocks of registers C
# is as fast as BLAS, and stays in C.
SMALL_PRODUCT = 1 << 22

LINE = 4  # elements in a row, of fewer of which there are no vectors
_LONG = 16  # and in a window

_FULLER = 1.5
_LEAST = 1 << 10  # products, fewer of which are not worth blocks


class Shifts(NamedTuple):
    """How windows of a view lie.

    Attributes:
        overlap: whether elements are shown several times.
        lines: whether there are lines that vectors can be of: places, or images, side by side.
            Those within a window that steps over others are such a line only if they are many.
    """

    overlap: bool
    lines: bool


def shifts_of(view: View) -> Shifts:
    """How the windows that a view shows lie."""
    overlap, long = False, False
    moving: set[Axis] = set()  # along which windows follow each other
    beside: set[Axis] = set()  # axes whose elements are neighbours
    for index in view.indices:
        reach, apart = 0, False
        steps = sorted(index.steps, key=lambda item: abs(item[1]))
        for axis, step in steps:
            if reach >= abs(step):
                overlap, apart = True, apart or abs(step) > 1
                moving.add(axis)
            reach += abs(step) * (axis.size - 1)
        own = {axis for axis, step in steps if abs(step) == 1}
        long |= apart and any(axis.size >= _LONG for axis in own)
        beside |= own
    dims = [dim for dim in view.dims if not moving or moving & {*dim}]
    lines = any(axis in beside and axis.size >= LINE for dim in dims for axis in dim)
    return Shifts(overlap and not view.flat, lines or long)


def products_of(load: Load) -> tuple[Expression, Axes] | None:
    """Of a load of a sum of products the product itself, as of the place of the load, and axes of
    its own along which it is summed; where the load's guards do not hold it is 0."""
    nest, part = load.value.nest, None if load.value.nest is None else load.value.nest.expression
    if nest is None or nest.kind != "sum" or not isinstance(part, Apply) or part.text != PRODUCT:
        return None
    if load.flat or load.fill != 0 or not all(isinstance(i, Affine) for i in load.indices):
        return None
    terms = {axis: Axis(axis.size) for axis in nest.reduced}
    places = {axis: joined((own,)) for axis, own in terms.items()}
    indices = [i for i in load.indices if isinstance(i, Affine)]
    places |= dict(zip(nest.value.axes, indices, strict=True))
    factors: list[Expression] = []
    for factor in part.operands:
        found = moved(factor, places)
        if not isinstance(found, Load):
            return None
        if load.guards and (has_guards(found, load.guards) or goes_beyond(found)):
            if found.guards and found.fill != 0:
                return None
            found = found._replace(guards=tuple(dict.fromkeys((*found.guards, *load.guards))))
        factors.append(found)
    if load.guards:
        product = Apply(GUARDED_PRODUCT, (*factors, Inside(load.guards)), part.dtype)
    else:
        product = Apply(PRODUCT, tuple(factors), part.dtype)
    return product, tuple(terms.values())


class Product(NamedTuple):
    """A nest that sums products of two loads, neither of which has guards.

    Attributes:
        left, right: the factors.
        plain: the expression that the nest had before.
        finite: the factor that must be finite, as it is multiplied by a border of zeros where
            nothing was to be added.
    """

    left: Load
    right: Load
    plain: Apply
    finite: Load | None


def factors_of(nest: Nest) -> tuple[Load, Load, tuple[Guard, ...]] | None:
    part = nest.expression
    if nest.kind != "sum" or nest.volume < _LEAST or not isinstance(part, Apply):
        return None
    if part.text not in (PRODUCT, GUARDED_PRODUCT) or part.dtype.kind != "f":
        return None
    left, right, *condition = part.operands
    if not isinstance(left, Load) or not isinstance(right, Load):
        return None
    if left.dtype != part.dtype or right.dtype != part.dtype:
        return None
    guards = condition[0].guards if condition and isinstance(condition[0], Inside) else ()
    return left, right, guards


class Dim(NamedTuple):
    """A dimension of what is read.

    Attributes:
        place: where it is read.
        axes: the positions of the axes of the value into which it is cut.
        sizes: theirs.
    """

    place: Affine
    axes: tuple[int, ...]
    sizes: tuple[int, ...]


def dims_of(load: Load) -> list[Dim] | None:
    """The dimensions of what is read, one for each axis, or for several that are parts of one
    place; None where nothing affine can be said."""
    if load.flat:
        return [Dim(i, (), ()) for i in load.indices if isinstance(i, Affine)] or None
    found: list[Dim] = []
    for position, (index, axis) in enumerate(zip(load.indices, load.value.axes, strict=True)):
        if not isinstance(index, Affine):
            return None
        part = index.axes[0] if len(index.steps) == 1 else None
        if not isinstance(part, Part):
            if any(isinstance(a, Part) for a in index.axes):
                return None
            found.append(Dim(index, (position,), (axis.size,)))
            continue
        if index != at(part):
            return None
        cut = [dim for dim in found if len(dim.axes) and dim.place == part.place]
        if cut:
            found.remove(cut[0])
            before = cut[0]
        else:
            before = Dim(part.place, (), ())
        found.append(Dim(part.place, (*before.axes, position), (*before.sizes, axis.size)))
    return found


def is_edge(guard: Guard, dims: Sequence[Dim]) -> bool:
    """Whether a guard is that a place is one of the array's."""
    return guard.step == 1 and any(
        guard.place == dim.place and guard.size == prod(dim.sizes) for dim in dims if dim.axes
    )


def has_guards(load: Load, guards: Sequence[Guard]) -> bool:
    """Whether these are guards of dimensions of the load, all of them."""
    dims = dims_of(load)
    return dims is not None and all(is_edge(guard, dims) for guard in guards)


def goes_beyond(load: Load) -> bool:
    """Whether a load reads places that are not the value's."""
    places = zip(load.indices, load.value.axes, strict=True)
    bounds = [(i.bounds(), axis.size) for i, axis in places if isinstance(i, Affine)]
    return any(low < 0 or high >= size for (low, high), size in bounds)


def axes_of(load: Load) -> set[Axis]:
    return {axis for dim in dims_of(load) or () for axis in dim.place.axes}


def is_summed(nest: Nest, left: Load, right: Load) -> bool:
    """Whether what is large is summed: along the images, not along a window."""
    kept = set(nest.value.axes)
    for load in (left, right):
        for dim in dims_of(load) or ():
            if len(dim.place.steps) > 1 and not load.flat:
                return _largest(dim.place) not in kept
    return volume(nest.reduced) > volume(nest.value.axes)


def is_inner(nest: Nest, load: Load, other: Load) -> bool:
    """Whether a factor may be read in vectors, of a sum of which the result is: the one whose
    lines fill vectors better; else that of windows, or the one that has more of its places; of
    matrices the one that has the last of the result's axes, so that this lies as others expect."""
    own, its = axes_of(load), axes_of(other)
    mine, others = (
        [axis for axis in nest.value.axes if axis in one and axis not in two]
        for one, two in ((own, its), (its, own))
    )
    fuller = _filled(nest, load, its) > _FULLER * _filled(nest, other, own)
    if _has_windows(load) or _has_windows(other) or not (mine and others):
        return fuller or volume(mine) >= volume(others)
    poorer = _filled(nest, other, own) > _FULLER * _filled(nest, load, its)
    position = nest.value.axes.index
    return fuller or (not poorer and position(mine[-1]) > position(others[-1]))


def _has_windows(load: Load) -> bool:
    return any(len(dim.place.steps) > 1 for dim in dims_of(load) or ())


def _filled(nest: Nest, load: Load, others: set[Axis]) -> float:
    """How much of its vectors the lines of a factor fill, if its windows lie as well as they can:
    what is no window innermost, which joins the lines of one window."""
    length, longest = 1, 1
    for dim in dims_of(load) or ():
        own = [a for a in dim.place.axes if a in nest.value.axes and a not in others]
        if len(dim.place.steps) > 1:
            longest = max([longest, *[axis.size for axis in own]])
        else:
            length *= volume(own)
    length *= longest
    full = native.vector_registers()[0] // load.dtype.itemsize
    lanes = lanes_of(length, load.dtype)
    return length / (-(-length // lanes) * full)


def lanes_of(length: int, dtype: DType) -> int:
    """Elements of a vector, of lines of this length."""
    most = native.vector_registers()[0] // dtype.itemsize
    while most > length:
        most //= 2
    return most


def _largest(index: Affine) -> Axis | None:
    return max(index.axes, key=lambda axis: axis.size, default=None)


def rank_of(index: Affine, nest: Nest, last: Axes) -> tuple[bool, int]:
    """Where a dimension is to lie in memory, the last innermost."""
    axis = _largest(index)
    if axis is None:
        return False, -1
    return axis in last, (last if axis in last else nest.axes).index(axis)


def ends_alike(load: Load, last: Axes) -> bool:
    """Whether what lies innermost is what is to."""
    read = axes_of(load)
    wanted = [axis for axis in last if axis in read]
    index = load.indices[-1] if load.indices else Affine(0)
    return bool(wanted) and isinstance(index, Affine) and wanted[-1] in index.axes

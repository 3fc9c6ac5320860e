"""Lowerings of ops that make one array of several, or several of one."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from math import prod

from numpy.lib.array_utils import normalize_axis_index

from autograd.lowering.lowerer import Arguments, Lowerer, NotLoweredError
from autograd.lowering.nests import CHOICE, Apply, DType, Expression, Inside, View
from autograd.lowering.rows.elementwise import converted
from autograd.lowering.rows.rearranging import bordered, reshaped, sliced
from autograd.lowering.rows.reducing import summed_products
from autograd.program.program import Value as Slotted

_MOST = 8  # arrays, each of which is asked for at every place; more are copied by NumPy


def concatenate(lowerer: Lowerer, given: Arguments) -> View:
    """At each place the array that has it."""
    views = _arrays(lowerer, given)
    axis = normalize_axis_index(given["axis"], len(views[0].dims))
    return joined_views(lowerer, views, axis, given.slot.shape, given.slot.dtype)


def stack(lowerer: Lowerer, given: Arguments) -> View:
    """The arrays with one more dimension, one after the other along it."""
    axis = normalize_axis_index(given["axis"], len(given.slot.shape))
    views = [
        view.moved({}, (*view.dims[:axis], (), *view.dims[axis:]))
        for view in _arrays(lowerer, given)
    ]
    return joined_views(lowerer, views, axis, given.slot.shape, given.slot.dtype)


def _arrays(lowerer: Lowerer, given: Arguments) -> list[View]:
    arrays = given.given["arrays"]
    if len(arrays) > _MOST or not all(isinstance(a, Slotted) for a in arrays):
        raise NotLoweredError("many arrays, which NumPy copies as fast")
    return [lowerer.view(a.slot) for a in arrays]


def joined_views(
    lowerer: Lowerer, views: Sequence[View], axis: int, shape: Sequence[int], dtype: DType
) -> View:
    """One view after the other along an axis, in an array of this shape."""
    starts = list(accumulate([view.shape[axis] for view in views], initial=0))
    parts = [
        placed(lowerer, view, [start if k == axis else 0 for k in range(len(shape))], shape)
        for view, start in zip(views, starts, strict=False)
    ]
    dims, loads = lowerer.aligned(parts, shape)
    found: Expression = converted(loads[-1]._replace(fill=0), dtype)
    for load in reversed(loads[:-1]):
        found = Apply(CHOICE, (Inside(load.guards), converted(load, dtype), found), dtype)
    return lowerer.computed(dims, found, dtype)


def placed(lowerer: Lowerer, view: View, before: Sequence[int], shape: Sequence[int]) -> View:
    """A view at a place within a larger shape, whose guards say where that is."""
    if view.guards:
        view = lowerer.copied(view)
    return bordered(lowerer, view, before, shape)


def roll(lowerer: Lowerer, given: Arguments) -> View:
    """For each axis its last part before its first."""
    view, shape, axis = given.view("x"), given.slot.shape, given["axis"]
    shifts = given["shift"]
    if axis is None:
        flat = reshaped(lowerer, view, (prod(shape),))
        return reshaped(lowerer, _rolled(lowerer, flat, shifts, 0), shape)
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    moves = shifts if isinstance(shifts, tuple | list) else (shifts,) * len(axes)
    if len(axes) != len(moves):
        raise NotLoweredError("one axis that is moved several times")
    for a, shift in zip(axes, moves, strict=True):
        view = _rolled(lowerer, view, shift, normalize_axis_index(a, len(shape)))
    return view


def _rolled(lowerer: Lowerer, view: View, shift: int, axis: int) -> View:
    size = view.shape[axis]
    shift = int(shift) % size
    if not shift:
        return view

    def part(start: int, count: int) -> View:
        whole = [(0, 1, n) for n in view.shape]
        whole[axis] = (start, 1, count)
        return sliced(lowerer, view, whole)

    parts = [part(size - shift, shift), part(0, size - shift)]
    return joined_views(lowerer, parts, axis, view.shape, view.value.dtype)


def split(lowerer: Lowerer, given: Arguments) -> tuple[View, ...]:
    """Slices."""
    view, cuts = given.view("x"), given["indices_or_sections"]
    axis = normalize_axis_index(given["axis"], len(view.dims))
    size = view.shape[axis]
    if isinstance(cuts, int):
        edges = [size * k // cuts for k in range(cuts + 1)]
    else:
        edges = [0, *[slice(cut).indices(size)[1] for cut in cuts], size]
    found = []
    for start, stop in pairwise(edges):
        if start == stop:
            raise NotLoweredError("arrays without elements")
        places = [(0, 1, n) for n in view.shape]
        places[axis] = (start, 1, stop - start)
        found.append(sliced(lowerer, view, places))
    return tuple(found)


def outer(lowerer: Lowerer, given: Arguments) -> View:
    """The products of all pairs."""
    x, y, dtype = given.view("x"), given.view("y"), given.floating()
    rows = reshaped(lowerer, x, (prod(x.shape), 1))
    columns = reshaped(lowerer, y, (1, prod(y.shape)))
    dims, loads = lowerer.aligned([rows, columns], given.slot.shape)
    factors = tuple([converted(load, dtype) for load in loads])
    return lowerer.computed(dims, Apply("{0} * {1}", factors, dtype), dtype)


def vecdot(lowerer: Lowerer, given: Arguments) -> View:
    """Sums of products along an axis of both."""
    x, y, dtype = given.view("x"), given.view("y"), given.floating()

    def last(view: View) -> View:
        axis = normalize_axis_index(given["axis"], len(view.dims))
        rest = [dim for k, dim in enumerate(view.dims) if k != axis]
        return view.moved({}, (*rest, view.dims[axis]))

    moved = [last(x), last(y)]
    return summed_products(lowerer, moved, (*given.slot.shape, moved[0].shape[-1]), dtype)

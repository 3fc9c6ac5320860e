"""Lowerings of ops that show an array in another way: no copy, but other indices."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from autograd import ops
from autograd.lowering.indices import (
    Affine,
    Axes,
    Axis,
    at,
    combined,
    common_factors,
    fresh,
    joined,
    parts_of_axes,
    taken,
    volume,
)
from autograd.lowering.lowerer import Arguments, Lowerer, NotLoweredError, along
from autograd.lowering.nests import INDEX, Apply, Guard, Place, View
from autograd.lowering.products.factors import products_of
from autograd.ops.reductions.reduction import reduced_axes


def same(lowerer: Lowerer, given: Arguments) -> View:
    """The array itself: copies are made where somebody needs them."""
    return given.view("x")


def transpose(lowerer: Lowerer, given: Arguments) -> View:
    """Its dimensions in another order."""
    view, axes = given.view("x"), given["axes"]
    order = range(len(view.dims))[::-1] if axes is None else [a % len(view.dims) for a in axes]
    return view.moved({}, tuple([view.dims[k] for k in order]))


def reshape(lowerer: Lowerer, given: Arguments) -> View:
    """Its axes cut and joined; where no cut serves both shapes, a copy in order."""
    return reshaped(lowerer, given.view("x"), given.slot.shape)


def reshaped(lowerer: Lowerer, view: View, shape: Sequence[int]) -> View:
    """See `reshape`."""
    wanted = [size for size in shape if size != 1]
    sizes = common_factors([[axis.size for axis in view.axes], wanted])
    if sizes is None:
        return lowerer.in_one(view, shape)
    axes = list(fresh(sizes))
    cut = along(view.moved({}, (view.axes,)), (tuple(axes),))
    return cut.moved({}, tuple([taken(axes, size) for size in shape]))


def broadcast_to(lowerer: Lowerer, given: Arguments) -> View:
    """Axes along which it is the same."""
    return spread(given.view("x"), given.slot.shape)


def spread(view: View, shape: Sequence[int]) -> View:
    """The view in a shape to which it broadcasts."""
    own = [()] * (len(shape) - len(view.dims)) + list(view.dims)
    return view.moved({}, tuple([o or fresh([n]) for o, n in zip(own, shape, strict=True)]))


def flip(lowerer: Lowerer, given: Arguments) -> View:
    """Its axes backwards."""
    view = given.view("x")
    axes = reduced_axes(given["axis"], len(view.dims))
    return view.backwards([a for d in axes for a in view.dims[d]])


def sliding_windows(lowerer: Lowerer, given: Arguments) -> View:
    """For each axis its place and that in the window: start * stride + place * dilation."""
    view, window = given.view("x"), given["window"]
    stride, dilation = given["stride"], given["dilation"]
    counts = given.slot.shape[len(view.dims) - len(window) : len(view.dims)]
    lead = len(view.dims) - len(window)
    sides = [
        step == size and spread == 1 and count * size == view.shape[lead + k]
        for k, (size, step, spread, count) in enumerate(
            zip(window, stride, dilation, counts, strict=True)
        )
    ]
    if any(len(d) > 1 and not s for d, s in zip(view.dims[lead:], sides, strict=True)) or any(
        s and _cut(view.dims[lead + k], (counts[k], window[k])) is None for k, s in enumerate(sides)
    ):
        view = lowerer.in_one(view)
    first: list[Axes] = []
    second: list[Axes] = []
    for k, (size, step, spread, count) in enumerate(
        zip(window, stride, dilation, counts, strict=True)
    ):
        dim = view.dims[lead + k]
        if not dim:
            first.append(())
            second.append(())
            continue
        if sides[k]:  # windows side by side are an axis cut in two
            sizes = _cut(dim, (count, size))
            assert sizes is not None
            axes = fresh(sizes)
            view = along(view, (*view.dims[: lead + k], axes, *view.dims[lead + k + 1 :]))
            rest = list(axes)
            first.append(taken(rest, count))
            second.append(tuple(rest))
            continue
        (axis,) = dim
        places, within = fresh([count]), fresh([size])
        index = combined([(joined(places), step), (joined(within), spread)])
        view = view.redone(lead + k, (*places, *within), {axis: index})
        first.append(places)
        second.append(within)
    return view.moved({}, (*view.dims[:lead], *first, *second))


def _cut(axes: Axes, sizes: Sequence[int]) -> list[int] | None:
    """The sizes of axes into which these, and those sizes, can be cut."""
    return common_factors([[axis.size for axis in axes], [n for n in sizes if n != 1]])


def pad_constant(lowerer: Lowerer, given: Arguments) -> View:
    """Guards: beyond its borders it is the number."""
    from autograd.ops.shapes.padding import _pad_widths

    view, fill = given.view("x"), given.number("constant_values")
    widths = _pad_widths(given["pad_width"], len(view.dims))
    if fill is None or (view.value.dtype.kind in "iub" and fill != int(fill)):
        raise NotLoweredError("borders that are no number")
    return bordered(lowerer, view, [before for before, _ in widths], given.slot.shape, fill)


def bordered(
    lowerer: Lowerer, view: View, before: Sequence[int], shape: Sequence[int], fill: float = 0
) -> View:
    """The view within a larger shape, so many places from its begin, and a number around it."""
    if view.guards and not _same_number(view.fill, fill):
        view = lowerer.copied(view)
    if any(len(d) > 1 and n != m for d, n, m in zip(view.dims, view.shape, shape, strict=True)):
        view = lowerer.in_one(view)
    guards: list[Guard] = []
    for d, (start, size) in enumerate(zip(before, shape, strict=True)):
        old = volume(view.dims[d])
        if old == size:
            continue
        new = fresh([size])
        index = combined([(joined(new), 1)], -start)
        view = view.redone(d, new, dict.fromkeys(view.dims[d], index))
        guards.append(Guard(index, old))
    return view.with_guards(tuple(guards), fill)


def _same_number(a: float, b: float) -> bool:
    return bool(np.array_equal([a], [b], equal_nan=True)) and np.signbit(a) == np.signbit(b)


def sliced(lowerer: Lowerer, view: View, starts: Sequence[tuple[int, int, int]]) -> View:
    """Of each dimension the places `start + step * i` for `count` i: (start, step, count)."""
    for d, (start, step, count) in enumerate(starts):
        size = volume(view.dims[d])
        if (start, step, count) == (0, 1, size) or size == 1:
            continue
        view, axis = lowerer.single(view, d)
        new = fresh([count])
        view = view.redone(d, new, {axis: combined([(joined(new), step)], start)})
    return view


def is_folded(lowerer: Lowerer, slot: int) -> bool:
    """Whether the array of a slot, as it is or reshaped, is but a term of overlapping sums."""
    reader = lowerer.reader(slot)
    while reader is not None and reader.op in (ops.reshape, ops.transpose):
        slot = reader.outputs[0]
        reader = lowerer.reader(slot)
    if reader is None or reader.op is not ops.fold_windows:
        return False
    return all(step == 1 for step in Arguments(lowerer, reader)["stride"])


def fold_windows(lowerer: Lowerer, given: Arguments) -> View:
    """Windows side by side are joined axes; where they overlap, each place sums what lies there."""
    view, window = given.view("g"), given["window"]
    stride, dilation, shape = given["stride"], given["dilation"], given.slot.shape
    k = len(window)
    lead = len(shape) - k
    counts = view.shape[lead : lead + k]
    apart = stride == window and set(dilation) == {1}
    if apart and all(n == m * w for n, m, w in zip(shape[lead:], counts, window, strict=True)):
        pairs = [(*view.dims[lead + i], *view.dims[lead + k + i]) for i in range(k)]
        return view.moved({}, (*view.dims[:lead], *pairs))
    terms = is_folded(lowerer, given.call.reads()[0])
    if any(len(axes) > 1 for axes in view.dims[lead : lead + k]) and not terms:
        view = lowerer.in_one(view)
    if any(step != 1 for step in stride) or (view.guards and not _same_number(view.fill, 0)):
        view = lowerer.copied(view)
    dims = [fresh([a.size for a in view.dims[i]]) for i in range(lead)]
    places = {a: at(b) for i in range(lead) for a, b in zip(view.dims[i], dims[i], strict=True)}
    reduced: list[Axis] = []
    guards: list[Guard] = []
    multiples: dict[int, Affine] = {}  # by dimension, places that are to be those of windows
    for i in range(k):
        if stride[i] != 1 and dilation[i] == 1:
            # Windows reach a place at every stride-th of their own: at no others is there a term.
            whole, rest = fresh([-(-shape[lead + i] // stride[i])]), fresh([stride[i]])
            turns = fresh([-(-window[i] // stride[i])])
            dims.append((*whole, *rest))
            reduced += turns
            index = combined([(joined(whole), 1), (joined(turns), -1)])
            tap = combined([(joined(rest), 1), (joined(turns), stride[i])])
            guards += [Guard(index, counts[i]), Guard(tap, window[i])]
            places |= parts_of_axes(index, view.dims[lead + i])
            places |= parts_of_axes(tap, view.dims[lead + k + i])
            continue
        out = fresh([shape[lead + i]])
        dims.append(out)
        within = fresh([a.size for a in view.dims[lead + k + i]])
        reduced += within
        old = view.dims[lead + k + i]
        places |= {a: at(b) for a, b in zip(old, within, strict=True)}
        index = combined([(joined(out), 1), (joined(within), -dilation[i])])
        guards.append(Guard(index, counts[i] * stride[i], stride[i]))
        if stride[i] != 1:
            multiples[i] = index
        places |= parts_of_axes(index, view.dims[lead + i])
    load = view.moved(places, ()).with_guards(tuple(guards)).load()
    if terms and (found := products_of(load)) is not None:
        expression, inner = found
        return lowerer.computed(
            *(dims, expression, given.slot.dtype),
            reduced=(*reduced, *inner),
            kind="sum",
            instead=load.value.nest,
        )
    for i, index in multiples.items():
        if view.dims[lead + i]:
            j = view.value.axes.index(view.dims[lead + i][0])
            where = Apply(f"{{0}} / {stride[i]}", (Place(index),), INDEX)
            load = load._replace(indices=(*load.indices[:j], where, *load.indices[j + 1 :]))
    sums = lowerer.computed(dims, load, given.slot.dtype, reduced=tuple(reduced), kind="sum")
    return lowerer.beginning(sums, shape) if sums.shape != shape else sums

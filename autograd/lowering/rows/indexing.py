"""Lowerings of reading, adding and writing by index."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from autograd.lowering.indices import Affine, Axes, Axis, combined, fresh, joined, volume
from autograd.lowering.lowerer import Arguments, Lowerer, NotLoweredError, along
from autograd.lowering.nests import (
    INDEX,
    Apply,
    Expression,
    Inside,
    Load,
    Number,
    Place,
    View,
    moved,
)
from autograd.lowering.rows.elementwise import cast, converted
from autograd.lowering.rows.rearranging import bordered, reshaped, sliced, spread
from autograd.lowering.rows.reducing import where_equal
from autograd.program.program import Value as Slotted

_FEW = 64  # places among which one is looked for


class _Index(NamedTuple):
    """What an index means.

    Attributes:
        basic: (start, step, count) of each dimension that a slice or an integer reads; None of one
            that an array of integers does.
        arrays: by dimension, the arrays of integers; all have been broadcast to `shape`.
        dims: of the result: ("new",), ("kept", dimension) or ("array", position in shape).
    """

    basic: list[tuple[int, int, int] | None]
    arrays: dict[int, View]
    shape: tuple[int, ...]
    dims: list[tuple[Any, ...]]


def _meaning(lowerer: Lowerer, index: Any, shape: tuple[int, ...]) -> _Index:
    """What an index into an array of this shape means."""
    alone = isinstance(index, Slotted) or not isinstance(index, tuple)
    parts = [index] if alone else list(index)
    if any(isinstance(p, bool | np.bool_ | list) for p in parts):
        raise NotLoweredError("a mask, or a list")
    read = len([p for p in parts if p is not None and p is not Ellipsis])
    if not any(p is Ellipsis for p in parts):
        parts.append(Ellipsis)
    where = next(i for i, p in enumerate(parts) if p is Ellipsis)
    # One that stands for no dimension stays: it separates the arrays beside it.
    if read < len(shape):
        parts[where : where + 1] = [slice(None)] * (len(shape) - read)
    basic: list[tuple[int, int, int] | None] = []
    arrays: dict[int, View] = {}
    dims: list[tuple[Any, ...]] = []
    advanced: list[int] = []  # positions among the parts
    has_arrays = any(isinstance(p, Slotted | np.ndarray) for p in parts)
    for position, part in enumerate(parts):
        dim = len(basic)
        if part is Ellipsis:
            continue
        if part is None:
            dims.append(("new",))
        elif isinstance(part, slice):
            if any(isinstance(b, Slotted) for b in (part.start, part.stop, part.step)):
                raise NotLoweredError("a slice whose bounds are arrays")
            start, stop, step = part.indices(shape[dim])
            basic.append((start, step, len(range(start, stop, step))))
            dims.append(("kept", dim))
        elif isinstance(part, int | np.integer):
            basic.append((int(part) % shape[dim], 1, 1))
            if has_arrays:
                advanced.append(position)
        elif isinstance(part, Slotted):
            view = lowerer.view(part.slot)
            if view.value.dtype.kind not in "iu":
                raise NotLoweredError("a mask")
            basic.append(None)
            arrays[dim] = view
            advanced.append(position)
        else:
            raise NotLoweredError(f"an index of {type(part).__name__}")
    joint = np.broadcast_shapes(*[view.shape for view in arrays.values()])
    if advanced:
        apart = any(b != a + 1 for a, b in itertools.pairwise(advanced))
        before = len([p for p in parts[: advanced[0]] if p is None or isinstance(p, slice)])
        place = 0 if apart else before
        dims[place:place] = [("array", i) for i in range(len(joint))]
    return _Index(basic, arrays, joint, dims)


def getitem(lowerer: Lowerer, given: Arguments) -> View:
    """Slices are other indices; arrays of integers are read where they are needed."""
    view = given.view("x")
    index = _meaning(lowerer, given.given["index"], view.shape)
    if not index.arrays:
        basic = [b for b in index.basic if b is not None]
        cut = None
        if lowerer.reader(given.call.reads()[0]) is not None:
            cut = _cut(lowerer, view, basic)
        found = sliced(lowerer, view, basic) if cut is None else cut
        dims = [found.dims[d[1]] if d[0] == "kept" else () for d in index.dims]
        return found.moved({}, tuple(dims))
    view = _whole(lowerer, view)
    out, places = _places(lowerer, index, view, given.slot.shape)
    load = Load(view.value, tuple([p for p, d in zip(places, view.dims, strict=True) if d]))
    return lowerer.computed(out, _beside(load, places, view.dims), given.slot.dtype)


def _cut(lowerer: Lowerer, view: View, basic: Sequence[tuple[int, int, int]]) -> View | None:
    """What is read of a sum that nobody else reads, without the rest; None of something else."""
    nest = view.value.nest
    if nest is None or nest.kind != "sum" or not view.is_whole or view.value.kept:
        return None
    places: dict[Axis, Affine] = {}
    dims: list[Axes] = []
    for axes, (start, step, count) in zip(view.dims, basic, strict=True):
        if (start, step, count) == (0, 1, volume(axes)) or not axes:
            dims.append(axes)
            continue
        if len(axes) > 1:
            return None
        dims.append(fresh([count]))
        places[axes[0]] = combined([(joined(dims[-1]), step)], start)
    expression = moved(nest.expression, places)
    return lowerer.computed(
        *(dims, expression, view.value.dtype), reduced=nest.reduced, kind="sum", instead=nest
    )


def _beside(load: Load, places: Sequence[Affine | Expression], dims: Sequence[Axes]) -> Expression:
    """What is loaded, with the places on axes of length 1, of which nothing but their check is
    needed."""
    unused = [p for p, d in zip(places, dims, strict=True) if not d and not isinstance(p, Affine)]
    return Apply("{0}", (load, *unused), load.dtype) if unused else load


def _whole(lowerer: Lowerer, view: View) -> View:
    """A view with one axis for each dimension that is all of a value."""
    if view.is_whole and all(len(axes) <= 1 for axes in view.dims):
        return view
    dims = [fresh([size]) for size in view.shape]
    if any(len(axes) > 1 for axes in view.dims):
        view = lowerer.in_one(view)
    return lowerer.copied(along(view, dims))


def _places(
    lowerer: Lowerer, index: _Index, view: View, shape: tuple[int, ...]
) -> tuple[list[Axes], list[Affine | Expression]]:
    """Axes of the result, and for each dimension of what is indexed where it is."""
    dims: list[Axes] = [fresh([size]) for size in shape]
    of_arrays = [axes for axes, d in zip(dims, index.dims, strict=True) if d[0] == "array"]
    of_dim = {d[1]: axes for axes, d in zip(dims, index.dims, strict=True) if d[0] == "kept"}
    places: list[Affine | Expression] = []
    for d, basic in enumerate(index.basic):
        if basic is not None:
            start, step, _ = basic
            axis = joined(of_dim.get(d, ()))
            places.append(Affine(start, tuple((a, s * step) for a, s in axis.steps)))
            continue
        array, size = index.arrays[d], view.shape[d]
        slot = array.value.slot
        whole = slot is not None and array.is_whole and len(array.dims) == 1
        known = lowerer.program.constants.get(slot) if whole else None  # type: ignore[arg-type]
        if (
            known is not None
            and index.shape[-1:] == known.array.shape
            and counts(known.array, size)
        ):
            lowerer.counting[slot] = size  # type: ignore[index]
            places.append(joined(of_arrays[-1]))
            continue
        # Each is looked at, whichever of them are read in the end.
        inside = Apply(f"pb_place({{0}}, {size}, bad)", (array.load(),), INDEX)
        array = lowerer.computed(array.dims, inside, INDEX)
        array.value.kept = True
        if any(len(axes) > 1 for axes in array.dims):
            array = lowerer.in_one(array)
        places.append(along(array, of_arrays).load())
    return dims, places


def counts(array: np.ndarray[Any, Any], size: int) -> bool:
    """Whether an index names all places in their order."""
    return array.shape == (size,) and bool((array == np.arange(size)).all())


def scatter(lowerer: Lowerer, given: Arguments) -> View:
    """Slices of zeros are guards. Where one array of integers says for each line where its element
    is, all places are compared with it; others are added one after the other."""
    view, shape = given.view("g"), given.slot.shape
    index = _meaning(lowerer, given.given["index"], shape)
    if not index.arrays:
        return _placed(lowerer, view, index, shape)
    target = View(view.value, (), tuple([fresh([n]) for n in shape]))
    dims, places = _places(lowerer, index, target, view.shape)
    if any(len(axes) > 1 for axes in view.dims):
        view = lowerer.in_one(view)
    load = along(view, dims).load()
    dtype = given.slot.dtype
    unknown = [d for d, p in enumerate(places) if not isinstance(p, Affine)]
    once = {a for p in places if isinstance(p, Affine) for a in p.axes}
    every = {a for axes in dims for a in axes}
    if (
        len(unknown) == 1
        and once == every
        and shape[unknown[0]] <= _FEW
        and _whole_places(places, shape, unknown[0])
    ):
        d = unknown[0]
        new = fresh([shape[d]])
        out = [new if k == d else _axes_of(p) for k, p in enumerate(places)]
        here = where_equal(load, places[d], Place(joined(new)))  # type: ignore[arg-type]
        return lowerer.computed(out, here, dtype)
    if dtype.kind == "b":
        raise NotLoweredError("truth that is added")
    out = [fresh([size]) for size in shape]
    along_all = tuple([a for axes in dims for a in axes])
    kept = tuple([p for p, axes in zip(places, out, strict=True) if axes])
    added = _beside(load, places, out)
    return lowerer.computed(out, added, dtype, reduced=along_all, kind="scatter", places=kept)


def _axes_of(place: Affine | Expression) -> Axes:
    return tuple(place.axes) if isinstance(place, Affine) else ()


def _whole_places(places: list[Affine | Expression], shape: tuple[int, ...], apart: int) -> bool:
    """Whether all but one are each all places of a dimension, in order."""
    return all(
        d == apart
        or (
            (isinstance(p, Affine) and p == joined(p.axes) and len(p.axes) <= 1)
            and _reach(p) == shape[d]
        )
        for d, p in enumerate(places)
    )


def _reach(place: Affine | Expression) -> int:
    return place.bounds()[1] + 1 if isinstance(place, Affine) else 0


def _placed(lowerer: Lowerer, view: View, index: _Index, shape: tuple[int, ...]) -> View:
    """The view where a basic index has it, in zeros of this shape."""
    kept = [d[1] for d in index.dims if d[0] == "kept"]
    inner = [index.basic[d][2] if d in kept else 1 for d in range(len(shape))]  # type: ignore[index]
    view = reshaped(lowerer, view, inner)
    starts = []
    for d, basic in enumerate(index.basic):
        assert basic is not None
        start, step, count = basic
        if step == -1 or (count == 1 and step < 0):
            view = view.backwards(view.dims[d])
            start -= count - 1
        elif step != 1 and count > 1:
            raise NotLoweredError("a slice with steps that is added")
        starts.append(start)
    return bordered(lowerer, view, starts, shape)


def index_update(lowerer: Lowerer, given: Arguments) -> View:
    """y where a basic index reads, x elsewhere."""
    return _changed(lowerer, given, "{1}")


def index_add(lowerer: Lowerer, given: Arguments) -> View:
    """x + y where a basic index reads, x elsewhere."""
    return _changed(lowerer, given, "{2} + {1}")


def _changed(lowerer: Lowerer, given: Arguments, text: str) -> View:
    x, shape, dtype = given.view("x"), given.slot.shape, given.slot.dtype
    y = given.operand("y")
    index = _meaning(lowerer, given.given["index"], shape)
    if index.arrays:
        raise NotLoweredError("arrays in an index that is written to")
    if dtype.kind == "b":
        raise NotLoweredError("truth")
    inner = [index.basic[d[1]][2] if d[0] == "kept" else 1 for d in index.dims]
    if 0 in inner:
        raise NotLoweredError("an index that reads nothing")
    if isinstance(y, Number):
        y = lowerer.computed([], cast(y, dtype), dtype)  # type: ignore[arg-type]
    while len(y.dims) > len(inner) and not y.dims[0]:
        y = y.moved({}, y.dims[1:])
    if len(y.dims) > len(inner):
        raise NotLoweredError("more dimensions than are written to")
    part = spread(y, inner)
    if part.guards:
        part = lowerer.copied(part)
    placed = _placed(lowerer, part, index, shape)
    dims, (old, new) = lowerer.aligned([x, placed], shape)
    inside = Inside(new.guards)
    parts = inside, converted(new, dtype), converted(old, dtype)
    return lowerer.computed(dims, Apply(f"{{0}} ? {text} : {{2}}", parts, dtype), dtype)

"""From the calls of a program to nests of loops, by the table of lowerings.

What has a lowering becomes views and nests; all else is called as NumPy, between them.
"""

from __future__ import annotations

import inspect
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from autograd.lowering.indices import (
    Affine,
    Axes,
    Axis,
    at,
    combined,
    common_factors,
    fresh,
    joined,
    taken,
)
from autograd.lowering.nests import (
    DType,
    Expression,
    Load,
    Nest,
    Number,
    Value,
    View,
    loads_in,
    strides_of,
)
from autograd.program.program import Call, Program, values_in
from autograd.program.program import Value as Slotted

SUPPORTED = frozenset(map(np.dtype, ("?", "b", "B", "h", "H", "i", "I", "l", "L", "f", "d")))
_NUMBERS = (bool, int, float)


class NotLoweredError(Exception):
    """This call, with these arguments, has no lowering: it is called as NumPy."""


@dataclass(eq=False)
class Called:
    """A call that NumPy runs.

    Attributes:
        number: of the call.
        arrays: by slot, how the arrays that it reads are found.
    """

    number: int
    arrays: dict[int, View] = field(default_factory=dict)


Row = Callable[["Lowerer", "Arguments"], View | tuple[View, ...]]
RowOf = Callable[[Any], Row | None]


class Lowerer:
    """Lowers a program, call by call.

    Args:
        program: what is lowered.
        row_of: the lowering of an op, if it has one: a function of the lowerer and the arguments
            of a call.

    Attributes:
        items: nests and calls of NumPy's, each after those whose values it reads.
        results: by slot, the value of a nest, or the view of an array from outside, for each slot
            that is wanted.
        why: by the number of a call that NumPy runs, in words why.
        counting: slots of constants that are taken to be 0, 1, 2 and so on up to a size. They are
            the user's arrays, who may write to them.
        tops: maxima that rows found on the way, by what they are of.
    """

    def __init__(self, program: Program, row_of: RowOf) -> None:
        self.program, self._row_of = program, row_of
        self.items: list[Nest | Called] = []
        self.why: dict[int, str] = {}
        self.counting: dict[int, int] = {}
        self.tops: dict[object, View] = {}
        self._views: dict[int, View] = {}
        self._number = 0
        self._wanted = set(program.wanted())
        self._readers = program.readers()
        self._returned: set[Value] = set()  # what slots that are wanted show
        for slot in (*(i.slot for i in program.inputs), *program.constants):
            self._from_outside(slot)
        for self._number, call in enumerate(program.calls):
            self._lower(call)
        self.results = {slot: self._result(slot) for slot in dict.fromkeys(program.wanted())}
        self.items = _needed(self.items)

    def _lower(self, call: Call) -> None:
        row = self._row_of(call.op)
        before = len(self.items)
        try:
            self._can_be_lowered(call, row)
            assert row is not None
            found = row(self, Arguments(self, call))
            views = found if isinstance(found, tuple) else (found,)
            self._can_be_wanted(call, views)
            self._views.update(zip(call.outputs, views, strict=True))
        except NotLoweredError as why:
            del self.items[before:]
            self.why[self._number] = str(why)
            arrays = {s: self._as_array(s) for s in dict.fromkeys(call.reads())}
            self.items.append(Called(self._number, arrays))
            for slot in call.gives():
                self._from_outside(slot)

    def _can_be_lowered(self, call: Call, row: Row | None) -> None:
        if row is None:
            raise NotLoweredError("it has no lowering")
        if call.saved is not None:
            raise NotLoweredError("its forward saves something")
        for slot in (*call.reads(), *call.outputs):
            kind = self.program.slots[slot]
            if kind.dtype not in SUPPORTED:
                raise NotLoweredError(f"arrays of {kind.dtype}")
            if 0 in kind.shape:
                raise NotLoweredError("arrays without elements")

    def _can_be_wanted(self, call: Call, views: Sequence[View]) -> None:
        """A view that is returned lies in the memory of what it shows, as without C, where others
        have that too: of an argument, or of what else is returned."""
        for slot, view in zip(call.outputs, views, strict=True):
            if slot not in self._wanted:
                continue
            if view.value.nest is None:
                raise NotLoweredError("a view of an argument that is returned")
            if view.value in self._returned:
                raise NotLoweredError("a view of what is returned too")
            self._returned.add(view.value)

    def _from_outside(self, slot: int) -> None:
        """The array of a slot that no nest computes."""
        kind = self.program.slots[slot]
        dims = tuple([fresh([size]) for size in kind.shape])
        value = Value(kind.dtype, tuple([a for axes in dims for a in axes]), slot, in_order=True)
        self._views[slot] = View(value, tuple(map(at, value.axes)), dims)

    # --- what rows ask for ---------------------------------------------------------------------

    def view(self, slot: int) -> View:
        """How the array of a slot is found."""
        return self._views[slot]

    def reader(self, slot: int) -> Call | None:
        """The one call that reads a slot that nobody else does."""
        readers = self._readers[slot]
        alone = len(readers) == 1 and slot not in self._wanted
        return self.program.calls[readers[0]] if alone else None

    def computed(
        self,
        dims: Sequence[Axes],
        expression: Expression,
        dtype: DType,
        *,
        reduced: Axes = (),
        kind: str = "map",
        places: tuple[Affine | Expression, ...] = (),
        instead: Nest | None = None,
    ) -> View:
        """A view of the value that a new nest computes, along the axes of `dims`; it stands for the
        calls of the one too whose place it takes."""
        axes = tuple([axis for part in dims for axis in part])
        value = Value(dtype, axes)
        calls = [*(instead.calls if instead is not None else ()), self._number]
        value.nest = Nest(value, reduced, kind, expression, calls, places)
        self.items.append(value.nest)
        return View(value, tuple(map(at, axes)), tuple(dims))

    def aligned(self, views: Sequence[View], shape: Sequence[int]) -> tuple[list[Axes], list[Load]]:
        """Axes for each dimension of the shape, and the loads of views that broadcast to it."""
        views = list(views)
        sizes = _factors(views, shape)
        for position, view in enumerate(views if sizes is None else ()):
            others = [v for v in views if v is not view]
            if _factors(views, shape) is None and _factors(others, shape) is not None:
                views[position] = self.in_one(view)
        while sizes is None and (sizes := _factors(views, shape)) is None:
            at_fault = next(i for i, v in enumerate(views) if any(len(axes) > 1 for axes in v.dims))
            views[at_fault] = self.in_one(views[at_fault])
        dims = [fresh(part) for part in sizes]
        return dims, [along(view, dims).load() for view in views]

    def in_one(self, view: View, shape: Sequence[int] | None = None) -> View:
        """A view that has a single axis for each dimension, of the same shape or of another that
        has the elements in the same order; copied if need be."""
        shape = view.shape if shape is None else tuple(shape)
        if not view.is_whole:
            view = self.copied(view)
        view.value.in_order = view.value.kept = True
        dims = tuple([fresh([size]) for size in shape])
        axes = tuple([axis for part in dims for axis in part])
        return View(view.value, (joined(axes),), dims, flat=True)

    def beginning(self, view: View, shape: Sequence[int]) -> View:
        """What a view shows of a whole value, without what lies behind so many places of each
        dimension."""
        view.value.in_order = view.value.kept = True
        dims = tuple([fresh([size]) for size in shape])
        parts = zip(map(joined, dims), strides_of(view.shape), strict=True)
        return View(view.value, (combined(list(parts)),), dims, flat=True)

    def copied(self, view: View) -> View:
        """A view of a value that holds all that is seen, in the order in which it is seen."""
        return self.computed(view.dims, view.load(), view.value.dtype)

    def single(self, view: View, dim: int) -> tuple[View, Axis]:
        """The view with one axis for a dimension longer than 1, and that axis."""
        if len(view.dims[dim]) != 1:
            view = self.in_one(view)
        return view, view.dims[dim][0]

    # --- what others read ----------------------------------------------------------------------

    def _as_array(self, slot: int) -> View:
        """A view that NumPy can have: strides along each dimension of a value in memory."""
        view = self._views[slot]
        if view.value.nest is None and view.is_whole:
            return view
        if view.guards or not _has_strides(view):
            view = self.copied(view)
            view.value.in_order = True
        elif any(len(axes) > 1 for axes in view.dims) and not view.flat:
            view.value.in_order = True
        view.value.kept = True
        return view

    def _result(self, slot: int) -> View:
        view = self._views[slot]
        value = view.value
        if value.nest is None and view.is_whole and value.slot == slot:
            return view
        taken = value.slot is not None  # by another slot, or from outside
        if not view.is_whole or taken or value.nest is None:
            view = self.copied(view)
            value = view.value
        value.slot, value.kept, value.in_order = slot, True, True
        return view


@lru_cache(256)
def _signature(forward: Callable[..., Any]) -> inspect.Signature:
    return inspect.signature(forward)


class Arguments:
    """The arguments of a call, by the names that its forward gives them."""

    def __init__(self, lowerer: Lowerer, call: Call) -> None:
        self.call, self._lowerer = call, lowerer
        self.slot = lowerer.program.slots[call.outputs[0]]
        try:
            known = _signature(call.op.forward).bind(*call.inputs, **call.options)
        except (TypeError, ValueError) as error:
            raise NotLoweredError(f"its arguments have no names: {error}") from error
        known.apply_defaults()
        self.given: dict[str, Any] = known.arguments

    def __getitem__(self, name: str) -> Any:
        """What is no array: an axis, a shape."""
        value = self.given[name]
        if any(True for _ in values_in(value)):
            raise NotLoweredError(f"{name} is an array")
        return value

    def view(self, name: str) -> View:
        """The array that is given."""
        value = self.given[name]
        if not isinstance(value, Slotted):
            raise NotLoweredError(f"{name} is no array")
        return self._lowerer.view(value.slot)

    def number(self, name: str) -> Any:
        """The Python number that is given, or None."""
        value = self.given[name]
        if isinstance(value, np.generic):
            value = value.item()
        return value if type(value) in _NUMBERS else None

    def operand(self, name: str) -> View | Number:
        """An array, or a number that takes the dtype of what it meets."""
        number = self.number(name)
        if number is not None:
            return Number(number, np.dtype(type(number)))
        return self.view(name)

    def floating(self) -> DType:
        """The type of the result, which is to be of floats."""
        if self.slot.dtype.kind != "f":
            raise NotLoweredError("integers")
        return self.slot.dtype

    def kind(self, name: str) -> Any:
        """The dtype of what is given; the type of a Python number."""
        value = self.given[name]
        if isinstance(value, Slotted):
            slot = self._lowerer.program.slots[value.slot]
            return _PYTHON[slot.dtype.kind] if slot.weak else slot.dtype
        number = self.number(name)
        if number is None:
            raise NotLoweredError(f"{name} is a {type(value).__name__}")
        return np.dtype(np.bool_) if isinstance(number, bool) else type(number)


_PYTHON = {"f": float, "i": int, "b": np.dtype(np.bool_)}


def along(view: View, dims: Sequence[Axes]) -> View:
    """The view along given axes, of which each dimension has as many places, or is 1 long; of a
    view with fewer dimensions, the last of these."""
    places: dict[Axis, Affine] = {}
    dims = list(dims)[len(dims) - len(view.dims) :]
    for own, given in zip(view.dims, dims, strict=True):
        if len(own) == len(given) == 1:
            places[own[0]] = at(given[0])
            continue
        rest = list(given)
        places |= {axis: joined(taken(rest, axis.size)) for axis in own}
    return view.moved(places, tuple(dims))


def _factors(views: Sequence[View], shape: Sequence[int]) -> list[list[int]] | None:
    """For each dimension of the shape the sizes of axes into which all views can be cut."""
    found = []
    for k, size in enumerate(shape):
        many = [[size]] if size != 1 else [[]]
        for view in views:
            j = k - len(shape) + len(view.dims)
            if j >= 0 and view.dims[j]:
                many.append([axis.size for axis in view.dims[j]])
        if all(sizes == many[0] for sizes in many):
            found.append(many[0])
            continue
        sizes = common_factors(many)
        if sizes is None:
            return None
        found.append(sizes)
    return found


def _has_strides(view: View) -> bool:
    """Whether each dimension is one stride, if the value lies in order."""
    place = view.place(strides_of(view.value.shape))
    return all(
        place.step(a) == place.step(b) * b.size
        for axes in view.dims
        for a, b in itertools.pairwise(axes)
    )


def _needed(items: list[Nest | Called]) -> list[Nest | Called]:
    """Those without nests whose values nobody reads."""
    read: set[Value] = set()
    found: list[Nest | Called] = []
    for item in reversed(items):
        if isinstance(item, Called):
            read.update(view.value for view in item.arrays.values())
        elif item.value in read or item.value.slot is not None:
            for part in (item.expression, *item.places):
                if not isinstance(part, Affine):
                    read.update(load.value for load in loads_in(part))
        else:
            continue
        found.append(item)
    return found[::-1]

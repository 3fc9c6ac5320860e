"""What has to lie in memory for sums of products.

A border of zeros around an image is memory here, so that no place needs a condition; and what comes
from outside lies in the order in which it is read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, prod

from autograd.lowering.indices import (
    Affine,
    Axes,
    at,
    combined,
    fresh,
    joined,
    parts_of_axes,
    volume,
)
from autograd.lowering.lowerer import Called
from autograd.lowering.nests import (
    Apply,
    Guard,
    Load,
    Nest,
    Value,
    strides_of,
)
from autograd.lowering.products.factors import (
    PRODUCT,
    Dim,
    Product,
    axes_of,
    dims_of,
    ends_alike,
    factors_of,
    has_guards,
    is_edge,
    is_inner,
    is_summed,
    rank_of,
)

_SOON = 256  # terms of a sum
_FEW = 8  # products for each number of a factor, for which a copy of that is not worth its time


def with_borders(
    items: Sequence[Nest | Called],
) -> tuple[list[Nest | Called], dict[Nest, Product]]:
    """The items with nests that write borders, and arrays in another order, into memory where sums
    of products read them; and those sums."""
    borders = _Borders()
    for item in items:
        if isinstance(item, Nest) and (factors := factors_of(item)) is not None:
            borders.look_at(item, *factors)
    found: dict[Nest, Product] = {}
    new: list[Nest | Called] = []
    for item in items:
        if isinstance(item, Nest) and item in borders.read:
            product = borders.product(item)
            new += borders.made
            borders.made.clear()
            sums = _in_any_order(item) if item.value.in_order else item
            found[sums] = product
            if sums is not item:
                new.append(sums)
        new.append(item)
    return new, found


def turned(
    nest: Nest, product: Product, strides: Mapping[Value, tuple[int, ...]]
) -> tuple[Nest, Product] | None:
    """The product with a copy of one factor in an order in which there are blocks, and the nest
    that makes that; None if there can be none. Of sums along the images it is the order of the
    other factor, whose windows stay as they are; else what the result has innermost is."""
    loads = [product.left, product.right]
    summed = is_summed(nest, *loads)
    windows = [any(len(dim.place.steps) > 1 for dim in dims_of(load) or ()) for load in loads]
    if summed:
        which = int(windows[0])  # the one that has none
        other = loads[1 - which]
        step = other.place(strides[other.value]).step
        last = tuple(sorted(nest.reduced, key=lambda axis: -abs(step(axis))))
    else:
        which, last = int(not is_inner(nest, *loads)), nest.value.axes
    load = loads[which]
    dims = dims_of(load)
    if dims is None or load.flat:
        return None
    borders = _Borders()
    borders.want(load, dims, _ranked(dims, nest, last))
    loads[which] = borders.bare(load)
    left, right = loads
    finite = product.finite
    if finite is load:
        finite = loads[which]
    assert isinstance(nest.expression, Apply)
    nest.expression = nest.expression._replace(operands=(left, right))
    (made,) = borders.made
    return made, Product(left, right, product.plain, finite)


def _in_any_order(nest: Nest) -> Nest:
    """A nest for the sums of another, which becomes a copy of them in the order that it must have:
    vectors are along what lies innermost in the factors."""
    value = Value(nest.value.dtype, nest.value.axes)
    value.nest = Nest(value, nest.reduced, nest.kind, nest.expression, nest.calls)
    nest.expression = Load(value, tuple([at(axis) for axis in value.axes]))
    nest.reduced, nest.kind = (), "map"
    return value.nest


def _lies_in_order(value: Value) -> bool:
    """Whether a value lies in the order of its axes, whoever reads it: one from outside does, and
    one that is a result."""
    return value.nest is None or value.in_order or value.nest.kind == "scatter"


def _served(nest: Nest, load: Load, dims: Sequence[Dim]) -> float:
    """How many products each number that is read serves; of windows, many."""
    if any(len(dim.place.steps) > 1 for dim in dims):
        return inf
    own = axes_of(load)
    return volume(axis for axis in nest.axes if axis not in own)


@dataclass(eq=False)
class _Border:
    """An array that is to lie in memory with zeros, or another number, around it.

    Attributes:
        load: one that reads it.
        dims: as that reads it.
        low, high: by dimension, the first and the last place that somebody reads.
        order: in which the dimensions are to lie in memory; None where that of the source does.
        value: where it is, once it is made.
    """

    load: Load
    dims: list[Dim]
    low: list[int]
    high: list[int]
    order: list[int] | None
    value: Value | None = None


class _Borders:
    """What sums of products read, and what has to be in memory for them.

    Attributes:
        read: by nest, its factors; the one that must be finite, if any; which are read as they are.
        made: nests that write what it has to be.
    """

    def __init__(self) -> None:
        self.read: dict[Nest, tuple[list[Load], Load | None, list[bool]]] = {}
        self.made: list[Nest] = []
        self._known: dict[Value, list[_Border]] = {}

    def look_at(self, nest: Nest, left: Load, right: Load, guards: tuple[Guard, ...]) -> None:
        """Take a nest for a sum of products, if it can be one."""
        loads, finite = [left, right], None
        if guards:
            own = [k for k, load in enumerate(loads) if has_guards(load, guards)]
            if len(own) != 1 or loads[own[0]].fill != 0:
                return  # guards of both factors, or another border
            load = loads[own[0]]
            both = tuple(dict.fromkeys((*load.guards, *guards)))
            loads[own[0]], finite = load._replace(guards=both), loads[1 - own[0]]
        if all(axes_of(load).issuperset(nest.value.axes) for load in loads):
            return  # each number serves one product alone
        summed = is_summed(nest, left, right)
        last = nest.reduced if summed else nest.value.axes
        # Sums along vectors are taken apart at their end: where that is soon, another order pays.
        turned = (
            not summed
            and volume(nest.reduced) <= _SOON
            and all(ends_alike(load, nest.reduced) for load in loads)
        )
        wanted: list[tuple[Load, list[Dim], list[int] | None]] = []
        for load, other in zip(loads, loads[::-1], strict=True):
            dims = dims_of(load)
            if dims is None or not all(is_edge(guard, dims) for guard in load.guards):
                return
            inner = summed or is_inner(nest, load, other)
            given = _lies_in_order(load.value) or turned
            outside = given and inner and not load.flat and _served(nest, load, dims) > _FEW
            order = _ranked(dims, nest, last) if outside else None
            cut = any(len(dim.axes) > 1 for dim in dims)
            if load.guards or cut or (outside and not ends_alike(load, last)):
                if load.flat:
                    return
                wanted.append((load, dims, order))
        for one in wanted:
            self.want(*one)
        asked = {load for load, *_ in wanted}
        # What lies in a good order is read as it is, though others want it in another one.
        as_it_is = [
            load not in asked and ends_alike(load, last) and _lies_in_order(load.value)
            for load in loads
        ]
        self.read[nest] = loads, finite, as_it_is

    def want(self, load: Load, dims: list[Dim], order: list[int] | None) -> None:
        """See to it that what a load reads, in these dimensions, is in memory; see `_Border`."""
        bounds = [dim.place.bounds() for dim in dims]
        border = _Border(load, dims, [b[0] for b in bounds], [b[1] for b in bounds], order)
        known = self._known.setdefault(load.value, [])
        for other in known:
            if _alike(other, border):
                other.low = list(map(min, other.low, border.low))
                other.high = list(map(max, other.high, border.high))
                return
        known.append(border)

    def product(self, nest: Nest) -> Product:
        """The nest, which becomes a sum of products of loads without guards."""
        assert isinstance(nest.expression, Apply)
        loads, finite, as_it_is = self.read[nest]
        plain = nest.expression
        pairs = zip(loads, as_it_is, strict=True)
        left, right = [load if same else self.bare(load) for load, same in pairs]
        if finite is not None:
            finite = left if finite is loads[0] else right
        nest.expression = plain._replace(text=PRODUCT, operands=(left, right))
        return Product(left, right, plain, finite)

    def bare(self, load: Load) -> Load:
        """The load of an array that has its borders in memory, if there is one."""
        dims = dims_of(load)
        assert dims is not None
        for border in self._known.get(load.value, []):
            places = _places_in(border, load, dims)
            if places is None or load.flat:
                continue
            value = self._made(border)
            order = border.order or range(len(places))
            indices = [combined([(places[d], 1)], -border.low[d]) for d in order]
            longer = [i for i, d in zip(indices, order, strict=True) if _is_long(border, d)]
            return Load(value, tuple(longer))
        return load

    def _made(self, border: _Border) -> Value:
        """The array of a border."""
        if border.value is not None:
            return border.value
        load = border.load
        reach = zip(border.low, border.high, strict=True)
        axes = [fresh([high - low + 1]) for low, high in reach]
        indices: list[Affine] = [Affine(0)] * len(load.value.axes)
        guards = []
        for dim, own, low in zip(border.dims, axes, border.low, strict=True):
            place = combined([(joined(own), 1)], low)
            guards.append(Guard(place, prod(dim.sizes)))
            cut = [load.value.axes[position] for position in dim.axes]
            for axis, index in parts_of_axes(place, cut).items():
                indices[load.value.axes.index(axis)] = index
        order = border.order or range(len(axes))
        outside = tuple([guard for guard in guards if not guard.always])
        value = Value(
            load.dtype,
            tuple([axis for d in order for axis in axes[d]]),
            in_order=border.order is not None,
        )
        read = Load(load.value, tuple(indices), outside, load.fill)
        value.nest = Nest(value, (), "map", read, as_source=True)
        self.made.append(value.nest)
        border.value = value
        return value


def _ranked(dims: Sequence[Dim], nest: Nest, last: Axes) -> list[int]:
    """Dimensions in the order in which they are to lie in memory."""
    return sorted(range(len(dims)), key=lambda d: rank_of(dims[d].place, nest, last))


def _is_long(border: _Border, dim: int) -> bool:
    return border.high[dim] > border.low[dim]


def _alike(one: _Border, other: _Border) -> bool:
    """Whether one array can be both."""
    cuts = [[dim.axes for dim in border.dims] for border in (one, other)]
    return cuts[0] == cuts[1] and repr(one.load.fill) == repr(other.load.fill)


def _places_in(border: _Border, load: Load, dims: Sequence[Dim]) -> list[Affine] | None:
    """Where a load reads, by dimension of a border; None where it reads something else."""
    if load.guards and repr(load.fill) != repr(border.load.fill):
        return None
    if [dim.axes for dim in dims] == [dim.axes for dim in border.dims]:
        places = [dim.place for dim in dims]
    elif load.guards or any(len(dim.axes) != 1 for dim in dims):
        return None
    else:
        by_axis = {dim.axes[0]: dim.place for dim in dims}
        places = []
        for dim in border.dims:
            steps = strides_of(dim.sizes)
            places.append(combined([(by_axis[a], s) for a, s in zip(dim.axes, steps, strict=True)]))
    for place, low, high in zip(places, border.low, border.high, strict=True):
        first, last = place.bounds()
        if first < low or last > high:
            return None
    return places

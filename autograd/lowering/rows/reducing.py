"""Lowerings of ops that reduce along axes: sums of maps, and what is composed of them."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from autograd.lowering.indices import Axes, joined
from autograd.lowering.lowerer import Arguments, Lowerer, NotLoweredError, Row
from autograd.lowering.nests import INDEX, Apply, DType, Expression, Place, View
from autograd.lowering.products.factors import PRODUCT, SMALL_PRODUCT, shifts_of
from autograd.lowering.rows.elementwise import composed, converted
from autograd.lowering.rows.rearranging import is_folded, reshaped, spread
from autograd.ops.reductions.reduction import keepdims_shape, reduced_axes

_FLOATS = "fd"
_PLACE = np.dtype(np.int32)  # of a maximum: as wide as the numbers beside it, mostly


def along_axes(
    lowerer: Lowerer,
    dims: Sequence[Axes],
    axes: Sequence[int],
    expression: Expression,
    dtype: DType,
    kind: str,
) -> View:
    """A reduction of an expression along some dimensions, which are 1 long then."""
    reduced = tuple([axis for a in axes for axis in dims[a]])
    kept: list[Axes] = [() if a in axes else dim for a, dim in enumerate(dims)]
    return lowerer.computed(kept, expression, dtype, reduced=reduced, kind=kind)


def place_along(dims: Sequence[Axes], axes: Sequence[int]) -> Place:
    """The place in some dimensions together, as a first maximum has it."""
    return Place(joined([axis for a in axes for axis in dims[a]]), _PLACE)


def where_equal(value: Expression, place: Expression, here: Place) -> Expression:
    """The value if a place is here, else 0."""
    return Apply("{1} == {2} ? {0} : 0", (value, place, here), value.dtype)


def reduced(
    lowerer: Lowerer,
    views: Sequence[View],
    axes: Sequence[int],
    kind: str,
    text: str = "{0}",
    dtype: DType | None = None,
) -> View:
    """The sum, or another reduction, along axes of a line of C of views of one shape, with axes of
    length 1 in the place of those."""
    shape = views[0].shape
    dims, loads = lowerer.aligned(views, shape)
    dtype = views[0].value.dtype if dtype is None else dtype
    expression: Expression = Apply(text, tuple(loads), dtype) if text != "{0}" else loads[0]
    result = _PLACE if kind.startswith("arg") else dtype
    return along_axes(lowerer, dims, axes, expression, result, kind)


def each(lowerer: Lowerer, text: str, views: Sequence[View], shape: Sequence[int]) -> View:
    """A line of C, as of `Elementwise` with the parameters a, b, c, of floats that broadcast."""
    dtype = views[0].value.dtype
    dims, loads = lowerer.aligned(views, shape)
    known = dict(zip("abcdefgh", loads, strict=False))
    return lowerer.computed(dims, composed(text, known, dtype), dtype)


def plain(kind: str, floats: bool = False) -> Row:
    """A row for an op (x, axis, keepdims) that is one reduction."""

    def row(lowerer: Lowerer, given: Arguments) -> View:
        view = given.view("x")
        if view.value.dtype.kind not in ("f" if floats else "fiu"):
            raise NotLoweredError("integers")
        return finished(lowerer, given, _reduced(lowerer, given, view, kind))

    return row


def _reduced(lowerer: Lowerer, given: Arguments, view: View, kind: str) -> View:
    """One reduction; what is summed has the type of the result."""
    dtype, old = given.slot.dtype, view.value.dtype
    axes = reduced_axes(given["axis"], len(view.dims))
    if dtype != old and kind in ("sum", "prod"):
        dims, loads = lowerer.aligned([view], view.shape)
        view = lowerer.computed(dims, converted(loads[0], dtype), dtype)
    return reduced(lowerer, [view], axes, kind)


def finished(lowerer: Lowerer, given: Arguments, view: View) -> View:
    """A result that has kept its axes, in the shape that the call gives."""
    return reshaped(lowerer, view, given.slot.shape)


def mean(lowerer: Lowerer, given: Arguments) -> View:
    """The sum by the count."""
    view = given.view("x")
    expect_floats(view)
    return finished(lowerer, given, _mean(lowerer, view, given["axis"]))


def _mean(lowerer: Lowerer, view: View, axis: object) -> View:
    axes = reduced_axes(axis, len(view.dims))  # type: ignore[arg-type]
    count = prod([view.shape[a] for a in axes])
    total = reduced(lowerer, [view], axes, "sum")
    return each(lowerer, f"a / {count}.0", [total], total.shape)


def shared(lowerer: Lowerer, given: Arguments) -> View:
    """Each gets the same part of what a mean has got."""
    view, shape = given.view("g"), given.slot.shape
    given.floating()
    count = prod([shape[a] for a in reduced_axes(given["axis"], len(shape))])
    parts = each(lowerer, f"a / {count}.0", [view], view.shape)
    return spread(reshaped(lowerer, parts, keepdims_shape(shape, given["axis"])), shape)


def sum_of_squares(lowerer: Lowerer, given: Arguments) -> View:
    """Of one array."""
    view = given.view("x")
    expect_floats(view)
    axes = reduced_axes(given["axis"], len(view.dims))
    return finished(lowerer, given, reduced(lowerer, [view], axes, "sum", "{0} * {0}"))


def sum_of_products(lowerer: Lowerer, given: Arguments) -> View:
    """Of two arrays."""
    views = [given.view("x"), given.view("y")]
    expect_floats(*views)
    axes = reduced_axes(given["axis"], len(views[0].dims))
    return finished(lowerer, given, reduced(lowerer, views, axes, "sum", "{0} * {1}"))


def var(lowerer: Lowerer, given: Arguments) -> View:
    """The mean of the squared deviations; the first element is taken off before, as on the tape."""
    view = given.view("x")
    expect_floats(view)
    axes = reduced_axes(given["axis"], len(view.dims))
    degrees = prod([view.shape[a] for a in axes]) - given["ddof"]
    if not degrees > 0:
        raise NotLoweredError("no degrees of freedom")
    off = _deviations(lowerer, view, axes)
    total = reduced(lowerer, [off], axes, "sum", "{0} * {0}")
    return finished(lowerer, given, each(lowerer, f"a / {float(degrees)!r}", [total], total.shape))


def deviations(lowerer: Lowerer, given: Arguments) -> View:
    """What is left without the mean."""
    view = given.view("x")
    expect_floats(view)
    return _deviations(lowerer, view, reduced_axes(given["axis"], len(view.dims)))


def _deviations(lowerer: Lowerer, view: View, axes: Sequence[int]) -> View:
    first = view.moved(
        {axis: joined(()) for a in axes for axis in view.dims[a]},
        tuple([() if a in axes else dim for a, dim in enumerate(view.dims)]),
    )
    shifted = each(lowerer, "a - b", [view, first], view.shape)
    mean = _mean(lowerer, shifted, tuple(axes))
    return each(lowerer, "a - b", [shifted, mean], view.shape)


def logsumexp(lowerer: Lowerer, given: Arguments) -> View:
    """max + log1p(the sum of e ** (x - max) over all but the first that is the maximum)."""
    view = given.view("x")
    expect_floats(view)
    axes = reduced_axes(given["axis"], len(view.dims))
    top, first = _top(lowerer, view, axes), reduced(lowerer, [view], axes, "argmax")
    dims, (x, m, at) = lowerer.aligned([view, top, first], view.shape)
    place, dtype = place_along(dims, axes), view.value.dtype
    text = f"e = {_SHARE}; at == place ? 0.0 : e"
    other = composed(text, {"a": x, "b": m, "at": at, "place": place}, dtype)
    total = along_axes(lowerer, dims, axes, other, dtype, "sum")
    out = each(lowerer, "a + log1p(b)", [top, total], total.shape)
    return finished(lowerer, given, out)


# One text for all who need it, whose loops then compute it once.
_SHARE = "exp((a == b) & (absolute(a) == INFINITY) ? 0.0 : a - b)"


def _top(lowerer: Lowerer, view: View, axes: Sequence[int]) -> View:
    """The maximum, the same for all who need that."""
    key = view, tuple(axes)
    if key not in lowerer.tops:
        lowerer.tops[key] = reduced(lowerer, [view], axes, "max")
    return lowerer.tops[key]


def shares(lowerer: Lowerer, given: Arguments) -> View:
    """e ** (x - max) by its sum; infinities that are the maximum are 0 less than it."""
    view = given.view("x")
    expect_floats(view)
    axes = reduced_axes(given["axis"], len(view.dims))
    top = _top(lowerer, view, axes)
    e = each(lowerer, _SHARE, [view, top], view.shape)
    total = reduced(lowerer, [e], axes, "sum")
    part = each(lowerer, "1.0 / a", [total], total.shape)  # to divide once for all of them
    return each(lowerer, "a * b", [e, part], view.shape)


def first_extremum(kind: str) -> Row:
    """A row for argmax and argmin: along one axis, or in all of them."""

    def row(lowerer: Lowerer, given: Arguments) -> View:
        view, axis = given.view("x"), given["axis"]
        if view.value.dtype.kind not in "fiu":
            raise NotLoweredError("truth")
        axes = reduced_axes(axis, len(view.dims))
        found = reduced(lowerer, [view], axes, kind)
        dims, (place,) = lowerer.aligned([found], found.shape)
        return finished(lowerer, given, lowerer.computed(dims, converted(place, INDEX), INDEX))

    return row


def scatter_first_max(lowerer: Lowerer, given: Arguments) -> View:
    """g where the place is that of the first maximum, else 0."""
    g, x, axes = given.view("g"), given.view("x"), _collapsed(given)
    if not axes:
        return g
    first = reduced(lowerer, [x], axes, "argmax")
    dims, (value, place, _) = lowerer.aligned([g, first, x], x.shape)
    here = where_equal(value, place, place_along(dims, axes))
    return lowerer.computed(dims, here, here.dtype)


def gather_first_max(lowerer: Lowerer, given: Arguments) -> View:
    """h at the place of the first maximum: a sum of which one term is not 0."""
    h, x, axes = given.view("h"), given.view("x"), _collapsed(given)
    if not axes:
        return h
    first = reduced(lowerer, [x], axes, "argmax")
    dims, (value, place) = lowerer.aligned([h, first], h.shape)
    here = where_equal(value, place, place_along(dims, axes))
    return along_axes(lowerer, dims, axes, here, here.dtype, "sum")


def _collapsed(given: Arguments) -> tuple[int, ...]:
    short, full = given.view("peak").shape, given.view("x").shape
    return tuple([i for i, (n, m) in enumerate(zip(short, full, strict=True)) if n != m])


def expect_floats(*views: View) -> None:
    """Raise NotLoweredError unless all are of one type of floats."""
    if any(view.value.dtype.char not in _FLOATS for view in views):
        raise NotLoweredError("integers")
    if len({view.value.dtype for view in views}) > 1:
        raise NotLoweredError("arrays of two types")


_FEW_PRODUCTS = 1 << 15  # which take less time than NumPy's calls


def matmul(lowerer: Lowerer, given: Arguments) -> View:
    """Sums of products, where they are few; large products are BLAS's."""
    x, y = given.view("x"), given.view("y")
    expect_floats(x, y)
    left = x if len(x.dims) > 1 else x.moved({}, ((), *x.dims))
    right = y if len(y.dims) > 1 else y.moved({}, (*y.dims, ()))
    batch = np.broadcast_shapes(left.shape[:-2], right.shape[:-2])
    rows, terms, columns = left.shape[-2], left.shape[-1], right.shape[-1]
    products = rows * terms * columns  # of each matrix, where there are many
    shifts = [shifts_of(view) for view in (x, y)]
    folded = shifts[1].lines and is_folded(lowerer, given.call.outputs[0])
    windows = any(overlap and lines for overlap, lines in shifts)
    if products > SMALL_PRODUCT and not windows and not folded:
        raise NotLoweredError("a large product, which is left to BLAS")
    if products > _FEW_PRODUCTS and not windows and any(overlap for overlap, _ in shifts):
        raise NotLoweredError("windows without lines, which are left to BLAS")
    # Both as (..., rows, columns, terms), in which each lacks one axis.
    left = left.moved({}, (*left.dims[:-1], (), left.dims[-1]))
    right = right.moved({}, (*right.dims[:-2], (), right.dims[-1], right.dims[-2]))
    whole = (*batch, rows, columns, terms)
    return finished(lowerer, given, summed_products(lowerer, [left, right], whole, x.value.dtype))


def summed_products(
    lowerer: Lowerer, factors: Sequence[View], shape: Sequence[int], dtype: DType, summed: int = 1
) -> View:
    """The sums along so many last dimensions of products of views that broadcast to a shape."""
    dims, loads = lowerer.aligned(factors, shape)
    product = Apply(PRODUCT, tuple([converted(load, dtype) for load in loads]), dtype)
    kept, last = dims[: len(dims) - summed], dims[len(dims) - summed :]
    reduced = tuple([axis for axes in last for axis in axes])
    kind = "sum" if summed else "map"
    return lowerer.computed(kept, product, dtype, reduced=reduced, kind=kind)

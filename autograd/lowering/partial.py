"""Sums along the rows of a matrix, taken a few rows at a time by the loop that has them at hand.

A sum along the outermost axis of what it reads keeps the innermost ones, as that of a bias's
gradient does. In a loop of its own it would read all again, in one thread. Here it is of two nests:
partial sums, one for each few slices of a loop that others may share, and the sum of those. How
many slices make one depends on sizes only, so that it is the same for any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence

from autograd.lowering.indices import Affine, Axis, Part, at, volume
from autograd.lowering.nests import Load, Nest, Value

_LEAST = 1 << 17  # terms of all sums; fewer are quickly read again
_PARTS = 64  # at most, which leaves enough for any number of threads
_SHARE = 16  # terms of a partial sum, so that the sum of those is little beside them
_NEAR = 1 << 14  # elements of a partial sum, which is to stay in the cache meanwhile
_LONG = 4096  # terms, of which a sum of single numbers one after the other rounds too much


def in_parts(nest: Nest, order: Sequence[Axis]) -> Nest | None:
    """The nest of partial sums for a sum, which becomes the sum of those; None where it stays.

    Args:
        order: of its loops, the innermost last.
    """
    if nest.kind != "sum" or not order or order[0] not in nest.reduced or order[-1] in nest.reduced:
        return None
    kept, terms = nest.value.axes, volume(nest.reduced)
    if nest.volume < _LEAST or volume(kept) > _NEAR:
        return None
    rows = order[0]
    most = min(_PARTS, rows.size, terms // _SHARE)
    if most < 2:
        return None
    # A power of two, so that all the sums of a loop begin together now and then.
    slices = 1 << (-(-rows.size // most) - 1).bit_length()
    if slices * (terms // rows.size) > _LONG:
        return None
    parts = Axis(-(-rows.size // slices))
    value = Value(nest.value.dtype, (parts, *kept), in_order=True)
    places = (at(Part(at(rows), slices, parts.size)), *map(at, kept))
    loops = (rows, *[axis for axis in order if axis is not rows])
    value.nest = Nest(value, loops, "running", nest.expression, nest.calls, places)
    nest.expression = Load(value, tuple(map(at, value.axes)))
    nest.reduced = (parts,)
    return value.nest


def slices_of_part(nest: Nest) -> int:
    """How many slices are for one partial sum of a nest, which one thread takes."""
    if nest.kind != "running":
        return 1
    place = nest.places[0]
    assert isinstance(place, Affine) and isinstance(place.axes[0], Part)
    return place.axes[0].divisor

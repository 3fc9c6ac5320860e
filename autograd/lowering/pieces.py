"""Loops in pieces: where guards hold for some places of a loop and not for others, each piece runs
in a loop of its own, in which nothing is asked and which becomes vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import pairwise

from autograd.lowering.indices import Affine, Axis, Part
from autograd.lowering.nests import Guard

_MOST = 8  # loops in the place of one
_SHORT = 8  # places, fewer of which are not worth a loop

Ranges = Mapping[Axis, tuple[int, int]]  # of axes that run from a first place to before an end


def bounds_within(place: Affine, ranges: Ranges) -> tuple[int, int]:
    """The smallest and the largest place, where some axes run along a part of theirs only."""
    low = high = place.start
    for axis, step in place.steps:
        first, end = ranges.get(axis, (0, axis.size))
        reach = step * first, step * (end - 1)
        low, high = low + min(reach), high + max(reach)
    return low, high


def pieces_of(axis: Axis, guards: Iterable[Guard]) -> list[tuple[int, int]]:
    """The pieces of a loop, within each of which guards that hang on it alone hold or do not; the
    whole of it where there are too many, or where they are short."""
    cuts = {0, axis.size}
    for guard in guards:
        ((only, step),) = guard.place.steps if len(guard.place.steps) == 1 else ((None, 0),)
        if only is not axis or isinstance(only, Part) or abs(step) != 1 or guard.step != 1:
            continue
        start = guard.place.start
        # Where start + step * i comes to 0, and to the size.
        ends = (-start, guard.size - start) if step == 1 else (start + 1, start + 1 - guard.size)
        cuts.update(end for end in ends if 0 < end < axis.size)
    found = list(pairwise(sorted(cuts)))
    if len(found) > _MOST or any(end - first < _SHORT for first, end in found):
        return [(0, axis.size)]
    return found

"""One mistake that explains several wrong gradients, none of which was computed from another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from autograd.checking.diagnosis import Hypothesis
from autograd.checking.flow import Change, Flow
from autograd.engine.tape import Place
from autograd.engine.tensor import Array

_MOST_PLACES = 12
_MOST_CAUSES = 8


class Wrong(NamedTuple):
    """A wrong gradient: whose, what was given, how far it may be off, and what may explain it."""

    place: Place
    values: Array
    limit: float
    causes: Sequence[Hypothesis]


class Common(NamedTuple):
    """What several have in common: which of them, where it was made, what is done to gradients
    there, and which of the causes it is."""

    members: list[int]
    place: Place
    changes: dict[int, Change]
    cause: Hypothesis


def common_cause(flow: Flow, wrong: Sequence[Wrong], right: Sequence[Place]) -> Common | None:
    """A place where one mistake gives the first of the wrong gradients and others, and changes none
    of the right ones.

    Args:
        flow: what is right, but for mistakes that are known.
        wrong: in backward order, their places on its tape.
        right: places whose gradients were given and are right.
    """
    first, *others = wrong
    best: Common | None = None
    for place, changes, cause in _candidates(flow, first, others):
        changed = flow.with_mistake(changes)
        members = [i for i, one in enumerate(wrong) if _gives(changed, one)]
        same = all(np.array_equal(_at(changed, p), _at(flow, p)) for p in right)
        if len(members) > (len(best.members) if best else 1) and members[0] == 0 and same:
            best = Common(members, place, changes, cause)
        if len(members) == len(wrong):
            break
    return best


def _at(flow: Flow, place: Place) -> Array:
    g = flow.at(place)
    return np.zeros(()) if g is None else g


def _gives(flow: Flow, one: Wrong) -> bool:
    g = flow.at(one.place)
    if g is None or g.shape != one.values.shape:
        return False
    size = float(np.abs(one.values).max(initial=0.0))
    return bool((np.abs(g - one.values) <= max(one.limit, 1e-6 * size)).all())


def _candidates(
    flow: Flow, first: Wrong, others: list[Wrong]
) -> Iterator[tuple[Place, dict[int, Change], Hypothesis]]:
    """Places, those nearest the leaves first, and what would arrive there with the mistake."""
    seen: list[tuple[Place, Array]] = []
    for cause in first.causes:
        at, instead = cause.at, cause.instead
        if at is not None and cause.changes is not None:
            yield at, cause.changes, cause
        if at is None or instead is None or len(seen) == _MOST_CAUSES:
            continue
        if not any(p is at and np.array_equal(g, instead) for p, g in seen):
            seen.append((at, instead))
            yield at, {at.serial: _constantly(instead)}, cause
    factor = first.causes[0].factor
    if factor is None:
        return
    alike = [o for o in others if o.causes[0].factor is not None]
    alike = [o for o in alike if abs(float(o.causes[0].factor or 0) / factor - 1) < 1e-5]
    if not alike:
        return
    common = set.intersection(*(flow.computed_with(o.place) for o in (first, *alike)))
    tried = 0
    for place in flow.places:
        g = flow.at(place)
        if place.serial in common and g is not None and tried < _MOST_PLACES:
            tried += 1
            yield place, {place.serial: _constantly(factor * g)}, first.causes[0]


def _constantly(instead: Array) -> Change:
    return lambda _: instead

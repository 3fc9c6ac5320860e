"""What records saw and made, also where the tape has let large arrays go: it is computed again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from autograd.engine.keeping import Dropped
from autograd.engine.modes import no_grad
from autograd.engine.primitives import Primitive, Saved
from autograd.engine.tape import Leaf, Output, Place, Record, parents_of, reachable
from autograd.engine.tensor import Tensor


class Values:
    """The arrays of the places from which the roots were computed, oldest first.

    Each that the tape no longer has is computed once, from its record's arguments.

    Raises RuntimeError where the graph was freed by a backward pass.
    """

    def __init__(self, *roots: Tensor) -> None:
        self.places: list[Place] = reachable(r._place for r in roots if r._place is not None)
        self._made: dict[int, Any] = {}

    @property
    def records(self) -> list[Record]:
        return [place for place in self.places if isinstance(place, Record)]

    def out(self, record: Record) -> Any:
        """The output of a record, or the tuple of its outputs."""
        if not isinstance(record.out, Dropped):
            return record.out
        # A loop: what is missing may hang on what is missing, to any depth.
        waiting = [record]
        while waiting:
            newest = waiting[-1]
            missing = [
                parent
                for array, parent in zip(_arrays(newest), newest.parents, strict=True)
                if isinstance(array, Dropped)
                and isinstance(parent, Record)
                and not self._has(parent)
            ]
            if missing:
                waiting += missing
            else:
                if not self._has(newest):
                    self._made[newest.serial] = _computed(newest, self.arrays(newest))
                waiting.pop()
        return self._made[record.serial]

    def arrays(self, record: Record) -> tuple[Any, ...]:
        """The positional arguments of a record."""
        return tuple(
            self.at(parent) if isinstance(array, Dropped) and parent is not None else array
            for array, parent in zip(_arrays(record), record.parents, strict=True)
        )

    def at(self, place: Place) -> Any:
        """The array of a place."""
        if isinstance(place, Record):
            return self.out(place)
        if isinstance(place, Output):
            return self.out(place.record)[place.index]
        owner = place.owner() if isinstance(place, Leaf) else None
        if owner is None:
            raise LookupError("the tensor of this leaf is gone, and the tape does not hold it")
        return owner.data

    def full(self, record: Record) -> Record:
        """A record of the same call that holds all of its arrays; its rules can be run."""
        whole = Record(
            record.op,
            self.arrays(record),
            record.parents,
            record.options,
            self.out(record),
            record.saved,
        )
        whole.line, whole.scope = record.line, record.scope
        return whole

    def _has(self, record: Record) -> bool:
        return record.serial in self._made or not isinstance(record.out, Dropped)


def place_of_root(root: Any, caller: str) -> Place:
    """The place of a tensor that has a tape to look at; errors begin with the caller's name.

    Raises:
        TypeError: the root is no Tensor.
        RuntimeError: nothing was recorded, or an earlier backward pass freed the tape.
    """
    if not isinstance(root, Tensor):
        raise TypeError(
            f"{caller}: {type(root).__name__} given, a Tensor expected that was computed from "
            "tensors with requires_grad=True"
        )
    if root._place is None:
        raise RuntimeError(
            f"{caller}: this tensor is a constant, nothing was recorded; set requires_grad=True "
            "on a leaf, and compute outside no_grad"
        )
    try:
        reachable([root._place])
    except RuntimeError as error:
        raise RuntimeError(
            f"{caller}: an earlier backward pass freed the tape of this tensor, or a part of it; "
            "call this before backward, or pass retain_graph=True there"
        ) from error
    return root._place


def computed_from(places: Iterable[Place]) -> set[int]:
    """Serial numbers of everything from which the places were computed, and of themselves."""
    return {place.serial for place in reachable(places)}


def computed_with(place: Place, places: Iterable[Place]) -> set[int]:
    """Serial numbers of those places, given oldest first, that were computed from this one."""
    found = {place.serial}
    for other in places:
        if any(parent is not None and parent.serial in found for parent in parents_of(other)):
            found.add(other.serial)
    return found - {place.serial}


def _arrays(record: Record) -> Sequence[Any]:
    assert record.arrays is not None  # reachable() has looked
    return record.arrays


def _computed(record: Record, arrays: tuple[Any, ...]) -> Any:
    op = record.op
    assert isinstance(op, Primitive)  # only these let go
    with no_grad():
        out = op.forward(*arrays, **record.options)
    return np.asarray(out.out if isinstance(out, Saved) else out)

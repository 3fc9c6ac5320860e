"""The tape: what was computed, as places that point to the places they were computed from.

A place is a `Leaf` (a tensor that wants a gradient), a `Record` (one call of a primitive), an
`Output` (one of several results of a record) or a `Refusal`. A record points to the places of its
arguments and to nothing younger, so the tape has no reference cycle, and it holds arrays rather
than tensors, so binding a tensor to a new array never changes what was recorded. Serial numbers
grow with creation: sorted by them, places are topologically sorted.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Collection, Container, Iterable, Sequence
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

from autograd.engine.modes import mode

if TYPE_CHECKING:
    from autograd.engine.tensor import Tensor

Hook = Callable[[Any], Any]

_next_serial = count().__next__  # one atomic C call, so threads may share it


class Operation(Protocol):
    """What the tape asks of an op: a name, and its arguments' gradients from its output's."""

    name: str

    def pull(
        self,
        record: Record,
        g: Any,
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None: ...


class Leaf:
    """The place of a tensor that wants a gradient; a transform has made it where it is `inner`."""

    __slots__ = ("hooks", "inner", "owner", "serial")

    def __init__(self, owner: Tensor) -> None:
        self.serial = _next_serial()
        self.owner = weakref.ref(owner)
        self.inner = False
        self.hooks: list[Hook] | None = None


class Record:
    """One call of a primitive.

    `arrays` are the positional arguments as the forward saw them, `parents` the place of each (None
    for one that needs no gradient), `options` the keyword arguments, `out` the resulting array or
    tuple of arrays, `saved` what else the forward kept for its rules. Large arrays that no rule
    reads are `Dropped`. `arrays is None` once the sweep has freed the record. `line` is where the
    user's code called the op, in debug mode; `scope` within what, outermost first.
    """

    # fmt: off
    __slots__ = ("arrays", "hooks", "line", "op", "options", "out", "parents", "saved", "scope",
                 "serial")
    # fmt: on

    def __init__(
        self,
        op: Operation,
        arrays: Sequence[Any],
        parents: Sequence[Place | None],
        options: dict[str, Any],
        out: Any,
        saved: Any = None,
        scope: tuple[str, ...] | None = None,
    ) -> None:
        self.serial = _next_serial()
        self.op = op
        self.arrays: Sequence[Any] | None = arrays
        self.parents = parents
        self.options = options
        self.out: Any = out
        self.saved = saved
        self.hooks: list[Hook] | None = None
        self.line: str | None = None
        self.scope = mode.scope if scope is None else scope


class Output:
    """One of several results of a record."""

    __slots__ = ("hooks", "index", "record", "serial")

    def __init__(self, record: Record, index: int) -> None:
        self.serial = _next_serial()
        self.record = record
        self.index = index
        self.hooks: list[Hook] | None = None


class Refusal:
    """The place of a value that came from `parents` by ways whose derivative nobody knows: a sweep
    that reaches it raises RuntimeError with `reason`, rather than leave a part out."""

    __slots__ = ("hooks", "parents", "reason", "serial")

    def __init__(self, reason: str, parents: Sequence[Place | None]) -> None:
        self.serial = _next_serial()
        self.parents = parents
        self.reason = reason
        self.hooks: list[Hook] | None = None


Place = Leaf | Record | Output | Refusal


def parents_of(place: Place) -> Iterable[Place | None]:
    """The places from which a place was computed. Raises RuntimeError for a freed record."""
    if isinstance(place, Output):
        return (place.record,)
    if isinstance(place, Record) and place.arrays is None:
        raise RuntimeError(why_freed(place))
    return () if isinstance(place, Leaf) else place.parents


def reachable(roots: Iterable[Place], oldest: int = 0) -> list[Place]:
    """All places from which the roots were computed, not older than `oldest`; oldest first."""
    found: dict[int, Place] = {}
    stack = list(roots)
    while stack:
        place = stack.pop()
        if place.serial in found or place.serial < oldest:
            continue
        found[place.serial] = place
        stack.extend(parent for parent in parents_of(place) if parent is not None)
    return [found[serial] for serial in sorted(found)]


def leading_to(roots: Iterable[Place], wanted: Collection[int]) -> set[int]:
    """Serial numbers of the places between the roots and `wanted`."""
    needed = set(wanted)
    for place in reachable(roots, min(wanted, default=0)):
        if any(parent is not None and parent.serial in needed for parent in parents_of(place)):
            needed.add(place.serial)
    return needed


def last_readers(roots: Iterable[Place]) -> dict[int, list[Leaf]]:
    """The leaves to whose gradients a record is the last to add, by its serial number."""
    seen: set[int] = set()
    readers: dict[int, list[Leaf]] = {}
    for place in reachable(roots):  # oldest first
        for parent in parents_of(place):
            if isinstance(parent, Leaf) and parent.serial not in seen:
                seen.add(parent.serial)
                readers.setdefault(place.serial, []).append(parent)
    return readers


def newest() -> int:
    """A serial number above that of every place there is, and below that of all to come."""
    return _next_serial()


def why_freed(record: Record) -> str:
    """Why a record cannot be swept."""
    return (
        f"backward through '{record.op.name}' a second time: the first backward freed what it had "
        "saved. Pass retain_graph=True to the first call, or compute the output again."
    )

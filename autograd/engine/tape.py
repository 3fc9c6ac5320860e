"""The tape: what was computed, and the sweep that walks it backwards. It knows no rule.

A place on the tape is a `Leaf` (a tensor that wants a gradient), a `Record` (one call of a
primitive) or an `Output` (one of several results of a record). A record points to the places of its
arguments and to nothing younger, so the tape has no reference cycle, and it holds arrays rather
than tensors, so binding a tensor to a new array never changes what was recorded. Serial numbers
grow with creation: sorted by them, places are topologically sorted, and the sweep is a loop over a
heap instead of a recursion.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Collection, Container, Iterable, Iterator
from contextlib import ContextDecorator, contextmanager
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from autograd.runtime.threads import in_slabs

if TYPE_CHECKING:
    from autograd.engine.tensor import Tensor

Hook = Callable[[Any], Any]

_next_serial = count().__next__  # one atomic C call, so threads may share it


class Operation(Protocol):
    """What the tape asks of a primitive: a name, and its arguments' gradients from its output's."""

    name: str

    def pull(
        self,
        record: Record,
        g: Any,
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None: ...


class Leaf:
    """The place of a tensor that was not computed and wants a gradient."""

    __slots__ = ("hooks", "owner", "serial")

    def __init__(self, owner: Tensor) -> None:
        self.serial = _next_serial()
        self.owner = weakref.ref(owner)
        self.hooks: list[Hook] | None = None


class Record:
    """One call of a primitive.

    `arrays` are the positional arguments as the forward saw them, `parents` the place of each (None
    for one that needs no gradient), `options` the keyword arguments, `out` the resulting array or
    tuple of arrays, `saved` what else the forward kept for its rules. `arrays is None` once the
    sweep has freed the record. `line` is where the user's code called the op, in debug mode;
    `scope` says within what it was called, outermost first (see `scope`).
    """

    __slots__ = (
        "arrays",
        "hooks",
        "line",
        "op",
        "options",
        "out",
        "parents",
        "saved",
        "scope",
        "serial",
    )

    def __init__(
        self,
        op: Operation,
        arrays: tuple[Any, ...],
        parents: tuple[Place | None, ...],
        options: dict[str, Any],
        out: Any,
        saved: Any = None,
        scope: tuple[str, ...] | None = None,
    ) -> None:
        self.serial = _next_serial()
        self.op = op
        self.arrays: tuple[Any, ...] | None = arrays
        self.parents = parents
        self.options = options
        self.out: Any = out
        self.saved = saved
        self.hooks: list[Hook] | None = None
        self.line: str | None = None
        self.scope = mode.scope if scope is None else scope

    def free(self) -> None:
        """Drop what only a backward pass needs, so that the memory returns during the sweep."""
        self.arrays = self.out = self.saved = None
        self.parents = ()


class Output:
    """One of several results of a record."""

    __slots__ = ("hooks", "index", "record", "serial")

    def __init__(self, record: Record, index: int) -> None:
        self.serial = _next_serial()
        self.record = record
        self.index = index
        self.hooks: list[Hook] | None = None


class Refusal:
    """The place of a value that came from a record and whose derivative nobody knows.

    A sweep that reaches it raises RuntimeError with `reason`, rather than leave a part out.
    """

    __slots__ = ("hooks", "reason", "serial")

    def __init__(self, reason: str) -> None:
        self.serial = _next_serial()
        self.reason = reason
        self.hooks: list[Hook] | None = None


Place = Leaf | Record | Output | Refusal


class Observer:
    """What sees every op as it runs; see autograd.profiling.debugging and autograd.profiling."""

    times: bool = False  # whether it measures, so that no other may take its place meanwhile

    def computing(self, op: Any) -> Callable[..., Any]:
        """What is called in place of the forward of an op, for what the forward returns."""
        forward: Callable[..., Any] = op.forward
        return forward

    def computed(
        self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any
    ) -> None: ...
    def recorded(self, record: Record) -> None: ...
    def sweeping(self, begins: bool) -> None: ...
    def pulling(self, record: Record | None) -> None: ...  # None: its gradients are delivered
    def pulled(self, record: Record, position: int, g: Any, result: Tensor) -> None: ...
    def entering(self, name: str | None) -> None: ...  # a scope; None: the innermost one is left
    def communicated(self, name: str, nbytes: int, begin: int, end: int, waited: int) -> None: ...


class _Mode(threading.local):
    """What holds in this thread. Where ops are called, its `__dict__` is read instead: to look up
    one attribute of a threading.local takes 40 ns, and one entry of a dict 10."""

    def __init__(self) -> None:  # called once in every thread
        self.recording = True
        self.scope: tuple[str, ...] = ()
        self.observer: Observer | None = None
        self.sweep_hooks: tuple[Callable[[Record, Any], None], ...] = ()


mode = _Mode()


class _Recording(ContextDecorator):
    """Sets whether this thread records, and restores what was before, also when nested."""

    _wanted: bool

    def __init__(self) -> None:
        self._before: list[bool] = []

    def __enter__(self) -> None:
        self._before.append(mode.recording)
        mode.recording = self._wanted

    def __exit__(self, *exception: object) -> None:
        mode.recording = self._before.pop()

    def _recreate_cm(self) -> _Recording:
        # A decorated function may run on several threads at once: each call gets its own stack.
        return type(self)()


class no_grad(_Recording):
    """Context manager and decorator: ops in it are not recorded, in this thread."""

    _wanted = False


class enable_grad(_Recording):
    """Context manager and decorator: ops in it are recorded again, also within `no_grad`."""

    _wanted = True


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Records made within, in this thread, carry `name`: the modules of `nn` give theirs."""
    before = mode.scope
    mode.scope = (*before, name)
    observer = mode.observer
    if observer is not None:
        observer.entering(name)
    try:
        yield
    finally:
        mode.scope = before
        if observer is not None:
            observer.entering(None)


def sweep(
    roots: Iterable[tuple[Place, Tensor]],
    deposit: Callable[[Place, Tensor], None],
    *,
    retain_graph: bool,
    create_graph: bool,
    wanted: Container[int] = (),
    needed: Container[int] | None = None,
    early: bool = False,
) -> None:
    """Carry gradients from `roots` back, youngest record first.

    Gradients in flight live in this call alone, and each is let go as it is consumed.

    Args:
        roots: places, each with its gradient.
        deposit: receives the complete gradient of each leaf, and of each place in `wanted`.
        retain_graph: whether records stay usable for another sweep.
        create_graph: whether the sweep itself is recorded.
        wanted: serial numbers of places that the sweep does not go beyond.
        needed: serial numbers of the only places to visit; see `leading_to`. None for all.
        early: deposit the gradient of a leaf once no record is left that adds to it. Otherwise
            leaves come last, being older than all records.

    Raises:
        RuntimeError: a record was freed by an earlier sweep, or refuses to be differentiated.
    """
    pending: dict[int, tuple[Place, Any]] = {}
    sums: set[int] = set()  # of whose pending gradient the array was made here
    queue: list[int] = []

    def deliver(place: Place, g: Tensor) -> None:
        serial = place.serial
        waiting = pending.get(serial)
        if waiting is None:
            heappush(queue, -serial)
            pending[serial] = (place, g)
        elif serial in sums:
            in_slabs(np.add, waiting[1].data, waiting[1].data, g.data)  # nobody else has seen it
        else:
            total = waiting[1] + g
            pending[serial] = (place, total)
            if total._place is None and total.ndim:
                sums.add(serial)

    def deliver_part(record: Record, index: int, g: Tensor) -> None:
        if record.serial not in pending:
            heappush(queue, -record.serial)
            pending[record.serial] = (record, {})
        # More than one place may stand for an output: a recorded rule is given a place of its own.
        parts = pending[record.serial][1]
        parts[index] = parts[index] + g if index in parts else g

    roots = list(roots)
    settled_by = _last_readers([place for place, _ in roots]) if early else {}
    sweep_hooks, observer = mode.sweep_hooks, mode.observer
    with enable_grad() if create_graph else no_grad(), _observed(observer):
        for place, g in roots:
            deliver(place, g)
        while queue:
            serial = -heappop(queue)
            if early and serial not in pending:
                continue  # a leaf that had its gradient before its turn
            place, g = pending.pop(serial)
            if serial in wanted:
                deposit(place, g)  # whoever wanted it goes on from there, and runs its hooks
                continue
            if place.hooks:
                g = run_hooks(place.hooks, g)
            if isinstance(place, Record):
                if place.arrays is None:
                    raise RuntimeError(_freed(place))
                for hook in sweep_hooks:
                    hook(place, g)
                if observer is not None:
                    observer.pulling(place)
                place.op.pull(place, g, needed, deliver)
                if not retain_graph:
                    place.free()
                if observer is not None:
                    observer.pulling(None)
                for leaf in settled_by.get(serial, ()):
                    if leaf in pending and leaf not in wanted:
                        place, g = pending.pop(leaf)
                        deposit(place, run_hooks(place.hooks, g) if place.hooks else g)
            elif isinstance(place, Leaf):
                deposit(place, g)
            elif isinstance(place, Output):
                deliver_part(place.record, place.index, g)
            else:
                raise RuntimeError(place.reason)


@contextmanager
def _observed(observer: Observer | None) -> Iterator[None]:
    if observer is not None:
        observer.sweeping(True)
    try:
        yield
    finally:
        if observer is not None:
            observer.sweeping(False)


def run_hooks(hooks: list[Hook], g: Tensor) -> Tensor:
    """Show g to each hook; one that returns a tensor replaces it."""
    for hook in tuple(hooks):
        changed = hook(g)
        if changed is not None:
            if changed.shape != g.shape or changed.dtype != g.dtype:
                raise ValueError(
                    f"a gradient hook returned {changed.dtype} {changed.shape} for a gradient of "
                    f"{g.dtype} {g.shape}; the two must be equal"
                )
            g = changed
    return g


def reachable(roots: Iterable[Place], oldest: int = 0) -> list[Place]:
    """All places from which the roots were computed, not older than `oldest`; oldest first."""
    found: dict[int, Place] = {}
    stack = list(roots)
    while stack:
        place = stack.pop()
        if place.serial in found or place.serial < oldest:
            continue
        found[place.serial] = place
        stack.extend(parent for parent in _parents(place) if parent is not None)
    return [found[serial] for serial in sorted(found)]


def leading_to(roots: Iterable[Place], wanted: Collection[int]) -> set[int]:
    """Serial numbers of the places between the roots and `wanted`, and of all that are opaque."""
    needed = set(wanted)
    for place in reachable(roots, min(wanted, default=0)):
        if is_opaque(place) or any(
            parent is not None and parent.serial in needed for parent in _parents(place)
        ):
            needed.add(place.serial)
    return needed


def _last_readers(roots: Iterable[Place]) -> dict[int, list[int]]:
    """Of each record, the leaves to whose gradients it is the last to add; serial numbers."""
    last: dict[int, int] = {}
    opaque = None  # the oldest place that may add to any leaf that is older still
    for place in reachable(roots):  # oldest first
        for parent in _parents(place):
            if isinstance(parent, Leaf):
                last.setdefault(parent.serial, place.serial)
        if opaque is None and is_opaque(place):
            opaque = place.serial
    readers: dict[int, list[int]] = {}
    for leaf, reader in last.items():
        if opaque is not None and leaf < opaque:
            reader = min(reader, opaque)
        readers.setdefault(reader, []).append(leaf)
    return readers


def is_opaque(place: Place) -> bool:
    """Whether a place may lead to others than its parents: nobody can tell without going there."""
    if isinstance(place, Record):
        return getattr(place.op, "opaque", False)
    return isinstance(place, Refusal)


def newest() -> int:
    """A serial number above that of every place there is, and below that of all to come."""
    return _next_serial()


@contextmanager
def sweep_hook(hook: Callable[[Record, Any], None]) -> Iterator[None]:
    """Call hook(record, g) for each record of every sweep within, in this thread.

    `g` is the complete gradient of the record's output (of several outputs, a dict of gradients by
    number), `record.op.name` and `record.out` say of what. For logging norms, or counting.
    """
    before = mode.sweep_hooks
    mode.sweep_hooks = (*before, hook)
    try:
        yield
    finally:
        mode.sweep_hooks = before


def _parents(place: Place) -> Iterable[Place | None]:
    if isinstance(place, Record):
        if place.arrays is None:
            raise RuntimeError(_freed(place))
        return place.parents
    return (place.record,) if isinstance(place, Output) else ()


def _freed(record: Record) -> str:
    return (
        f"backward through '{record.op.name}' a second time: the first backward freed what it had "
        "saved. Pass retain_graph=True to the first call, or compute the output again."
    )

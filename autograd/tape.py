"""The tape: what was computed, and the sweep that walks it backwards. It knows no rule.

A place on the tape is a `Leaf` (a tensor that wants a gradient) or a `Record` (one call of a
primitive). A record points to the places of its arguments and to nothing younger, so the tape has
no reference cycle, and it holds arrays rather than tensors, so binding a tensor to a new array
never changes what was recorded. Serial numbers grow with creation: sorted by them, places are
topologically sorted, and the sweep is a loop over a heap instead of a recursion.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterable
from contextlib import ContextDecorator
from heapq import heappop, heappush
from itertools import count
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from autograd.tensor import Tensor

_next_serial = count().__next__  # one atomic C call, so threads may share it


class Operation(Protocol):
    """What the tape asks of a primitive: a name, and its arguments' gradients from its output's."""

    name: str

    def pull(self, record: Record, g: Tensor) -> Iterable[tuple[Place, Tensor]]: ...


class Leaf:
    """The place of a tensor that was not computed and wants a gradient."""

    __slots__ = ("owner", "serial")

    def __init__(self, owner: Tensor) -> None:
        self.serial = _next_serial()
        self.owner = weakref.ref(owner)


class Record:
    """One call of a primitive.

    `arrays` are the positional arguments as the forward saw them, `parents` the place of each (None
    for one that needs no gradient), `options` the keyword arguments, `out` the resulting array.
    `arrays is None` once the sweep has freed the record.
    """

    __slots__ = ("arrays", "op", "options", "out", "parents", "retainer", "serial")

    def __init__(
        self,
        op: Operation,
        arrays: tuple[Any, ...],
        parents: tuple[Place | None, ...],
        options: dict[str, Any],
        out: NDArray[Any],
    ) -> None:
        self.serial = _next_serial()
        self.op = op
        self.arrays: tuple[Any, ...] | None = arrays
        self.parents = parents
        self.options = options
        self.out: NDArray[Any] | None = out
        self.retainer: weakref.ref[Tensor] | None = None

    def free(self) -> None:
        """Drop what only a backward pass needs, so that the memory returns during the sweep."""
        self.arrays = self.out = None
        self.parents = ()


Place = Leaf | Record


class _Mode(threading.local):
    recording = True


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


def sweep(
    roots: Iterable[tuple[Place, Tensor]],
    deposit: Callable[[Leaf, Tensor], None],
    *,
    retain_graph: bool,
    create_graph: bool,
) -> None:
    """Carry gradients from `roots` back to the leaves, youngest record first.

    `deposit` receives the complete gradient of each leaf. Gradients in flight live in this call
    alone, and each is let go as it is consumed. Raises RuntimeError on a record that an earlier
    sweep has freed, and whatever a rule raises.
    """
    pending: dict[int, tuple[Place, Tensor]] = {}
    queue: list[int] = []

    def deliver(place: Place, g: Tensor) -> None:
        serial = place.serial
        waiting = pending.get(serial)
        if waiting is None:
            heappush(queue, -serial)
            pending[serial] = (place, g)
        else:
            pending[serial] = (place, waiting[1] + g)

    with enable_grad() if create_graph else no_grad():
        for place, g in roots:
            deliver(place, g)
        while queue:
            place, g = pending.pop(-heappop(queue))
            if isinstance(place, Leaf):
                deposit(place, g)
                continue
            if place.retainer is not None:
                tensor = place.retainer()
                if tensor is not None:
                    tensor.accumulate_grad(g)
            if place.arrays is None:
                raise RuntimeError(
                    f"backward through '{place.op.name}' a second time: the first backward freed "
                    "what it had saved. Pass retain_graph=True to the first call, or compute the "
                    "output again."
                )
            for parent, contribution in place.op.pull(place, g):
                deliver(parent, contribution)
            if not retain_graph:
                place.free()

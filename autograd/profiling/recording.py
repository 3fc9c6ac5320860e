"""What ran and when: the observer that notes the begin and end of everything."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from time import perf_counter_ns
from typing import Any, Literal, NamedTuple

from autograd.engine.modes import Observer
from autograd.engine.tape import Record
from autograd.profiling.costs import Cost, cost

# "again" is the pull of a record that computes its forward again, as a checkpoint's: what runs in
# it is told apart as if it ran by itself.
SpanKind = Literal["op", "pull", "again", "sweep", "scope"]

_NO_COST = Cost(0, 0, (), ())


class Span:
    """One stretch of time: a forward, the rules of a record, a sweep or a scope.

    `parent` is the number of the span around it, -1 for none; `begin` and `end` are in nanoseconds,
    and `end` is None while it runs. `scope` is that of the record that is pulled.
    """

    __slots__ = ("begin", "cost", "end", "kind", "name", "parent", "scope")

    def __init__(self, kind: SpanKind, name: str, parent: int, scope: tuple[str, ...] = ()) -> None:
        self.kind: SpanKind = kind
        self.name = name
        self.parent = parent
        self.scope = scope
        self.cost = _NO_COST
        self.end: int | None = None
        self.begin = perf_counter_ns()


class Message(NamedTuple):
    """Something sent to other processes: bytes, and when, in nanoseconds.

    It goes on beside what is computed, except for the `waited` nanoseconds of it.
    """

    name: str
    nbytes: int
    begin: int
    end: int
    waited: int


class Recorder(Observer):
    """Keeps a span for everything that runs in one thread, in the order of their begins.

    Spans nest. Each is closed by its own end, and what an exception left open within it is closed
    with it, so that nothing stays open that no longer runs.
    """

    times = True

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.messages: list[Message] = []
        self._open: list[int] = []

    def computing(self, op: Any) -> Callable[..., Any]:
        return partial(self._run, op)

    def sweeping(self, begins: bool) -> None:
        if begins:
            self._begin("sweep", "backward")
        else:
            self._end("sweep")

    def pulling(self, record: Record | None) -> None:
        if record is None:
            self._end("pull", "again")
        else:
            kind: SpanKind = "again" if getattr(record.op, "recomputes", False) else "pull"
            self._begin(kind, record.op.name, record.scope)

    def entering(self, name: str | None) -> None:
        if name is None:
            self._end("scope")
        else:
            self._begin("scope", name)

    def communicated(self, name: str, nbytes: int, begin: int, end: int, waited: int) -> None:
        self.messages.append(Message(name, nbytes, begin, end, waited))

    def _run(self, op: Any, /, *arrays: Any, **options: Any) -> Any:
        depth = len(self._open)
        span = self._begin("op", op.name)
        try:
            out = op.forward(*arrays, **options)
        finally:
            self._close(depth)
        span.cost = cost(op, arrays, out)
        return out

    def _begin(self, kind: SpanKind, name: str, scope: tuple[str, ...] = ()) -> Span:
        span = Span(kind, name, self._open[-1] if self._open else -1, scope)
        self._open.append(len(self.spans))
        self.spans.append(span)
        return span

    def _end(self, *kinds: SpanKind) -> None:
        """Close the innermost span of the kinds, if what was around it has not ended before it."""
        for depth in reversed(range(len(self._open))):
            if self.spans[self._open[depth]].kind in kinds:
                self._close(depth)
                return

    def _close(self, depth: int) -> None:
        now = perf_counter_ns()
        while len(self._open) > depth:
            self.spans[self._open.pop()].end = now

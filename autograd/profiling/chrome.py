"""Spans as events of the Chrome trace format, which Perfetto and chrome://tracing open."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any

from autograd.profiling.recording import Message, Span

Event = dict[str, Any]

_CATEGORIES = {
    "op": "op",
    "pull": "backward",
    "again": "backward",
    "sweep": "sweep",
    "scope": "module",
}


class _Modules:
    """The ranges of modules in one sweep: one reaches over the rules of neighbouring records."""

    def __init__(self) -> None:
        self._open: list[tuple[str, int, Event]] = []

    def around(self, span: Span, begin: int, end: int) -> Iterator[Event]:
        """Let the ranges of the modules of `span` reach to its end; gives those that begin here."""
        shared = 0
        for (name, _, _), wanted in zip(self._open, span.scope, strict=False):
            if name != wanted:
                break
            shared += 1
        del self._open[shared:]
        for name in span.scope[shared:]:
            event = _event(name, "module", span.begin, end, begin)
            self._open.append((name, span.begin, event))
            yield event
        for _, opened, event in self._open:
            event["dur"] = (end - opened) / 1000


def trace(
    spans: Sequence[Span],
    first: int,
    begin: int,
    end: int,
    thread: tuple[int, str],
    messages: Sequence[Message] = (),
) -> dict[str, Any]:
    """The spans from number `first` on, as what json.dump takes.

    Format: "Trace Event Format" (Google), complete events ("X") in microseconds from `begin`. A
    span that is still open ends at `end`. Modules are ranges around the ops called in them, and in
    a backward pass around the rules of these. Messages have a line of their own.

    Args:
        begin, end: of the profile, in nanoseconds.
        thread: its identity and its name.
    """
    identity, name = thread
    events: list[Event] = [
        {"ph": "M", "name": "process_name", "args": {"name": "python"}},
        {"ph": "M", "name": "thread_name", "args": {"name": name}},
    ]
    sweeps: dict[int, _Modules] = {}
    for span in spans[first:]:
        ended = end if span.end is None else min(span.end, end)
        title = span.name
        if span.kind in ("pull", "again"):
            title = f"{span.name} backward"
            modules = sweeps.setdefault(span.parent, _Modules())
            events += modules.around(span, begin, ended)
        event = _event(title, _CATEGORIES[span.kind], span.begin, ended, begin)
        if span.kind == "op":
            event["args"] = _details(span, ended)
        events.append(event)
    for event in events:
        event |= {"pid": os.getpid(), "tid": identity}
    events += _communication(messages, begin)
    return {"traceEvents": events, "displayTimeUnit": "ms"}


def _event(name: str, category: str, begin: int, end: int, zero: int) -> Event:
    return {
        "name": name,
        "cat": category,
        "ph": "X",
        "ts": (begin - zero) / 1000,
        "dur": (end - begin) / 1000,
    }


def _communication(messages: Sequence[Message], zero: int) -> list[Event]:
    """Each as an asynchronous pair of events, as several may be under way at once."""
    events: list[Event] = []
    for number, message in enumerate(messages):
        shared = {
            "name": message.name,
            "cat": "communication",
            "id": number,
            "pid": os.getpid(),
            "tid": 0,
        }
        details = {"bytes": message.nbytes, "waited": f"{1e-6 * message.waited:.3f} ms"}
        events += [
            shared | {"ph": "b", "ts": (message.begin - zero) / 1000, "args": details},
            shared | {"ph": "e", "ts": (message.end - zero) / 1000},
        ]
    return events


def _details(span: Span, end: int) -> dict[str, Any]:
    cost, nanoseconds = span.cost, max(end - span.begin, 1)
    details: dict[str, Any] = {
        "arguments": ", ".join(map(str, cost.arguments)),
        "results": ", ".join(map(str, cost.results)),
        "bytes": cost.nbytes,
        "GB/s": cost.nbytes / nanoseconds,
    }
    if cost.flops is not None:
        details |= {"FLOPs": cost.flops, "GFLOP/s": cost.flops / nanoseconds}
    return details

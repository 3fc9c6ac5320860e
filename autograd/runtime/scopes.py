"""Names of the scopes in which ops are called, hooks on every sweep, and who observes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from autograd.engine.modes import Observer, mode
from autograd.engine.tape import Record
from autograd.runtime.holding import manager


@manager
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


@manager
def sweep_hook(hook: Callable[[Record, Any], None]) -> Iterator[None]:
    """Call hook(record, g) for each record of every sweep within, in this thread.

    `g` is the complete gradient of the record's output (of several outputs, a dict of gradients by
    number), `record.op.name` and `record.out` say of what. For logging norms, or counting.
    """
    if not callable(hook):
        raise TypeError(f"sweep_hook: {hook!r} given, a function (record, g) expected")
    before = mode.sweep_hooks
    mode.sweep_hooks = (*before, hook)
    try:
        yield
    finally:
        mode.sweep_hooks = before


def tracer() -> Any:
    """The trace, where a program is made of what runs in this thread; see autograd.program."""
    observer = mode.observer
    return observer if observer is not None and observer.traces else None


def observing() -> Observer | None:
    """Who observes this thread's ops. One that takes notes beside it, and knows it as `outer`,
    does not count: another may take its place for a while."""
    observer: Observer | None = getattr(mode.observer, "outer", mode.observer)
    return observer

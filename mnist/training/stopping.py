"""Signals that end a training wait for the end of a step, so that what is saved then is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

# Ctrl-C, what services and schedulers send, and what a terminal sends that is closed.
_SIGNALS = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


class Stop:
    """True once a signal has asked for the end; `signum` is the signal's number."""

    def __init__(self) -> None:
        self.signum, self._pressed = 0, False

    def __bool__(self) -> bool:
        return self.signum != 0

    def ask(self, signum: int = signal.SIGINT, frame: FrameType | None = None) -> None:
        if self._pressed and signum == signal.SIGINT:  # pressed again: at once
            raise KeyboardInterrupt
        self._pressed |= signum == signal.SIGINT
        self.signum = self.signum or signum


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Within it, the first signal only asks; a second Ctrl-C raises KeyboardInterrupt as usual.

    A signal that this process was started to ignore stays ignored (as under nohup, or in the
    background of a shell). Signals reach the main thread alone: on another nobody asks.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    heard = [number for number, handler in before.items() if handler not in (signal.SIG_IGN, None)]
    for number in heard:
        signal.signal(number, stop.ask)
    try:
        yield stop
    finally:
        for number in heard:
            signal.signal(number, before[number])

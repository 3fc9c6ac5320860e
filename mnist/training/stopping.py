"""Ctrl-C that waits for the end of a step, so that what is saved then is whole."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stop:
    """True once Ctrl-C was pressed."""

    def __init__(self) -> None:
        self._asked = False

    def __bool__(self) -> bool:
        return self._asked

    def ask(self, signum: int = signal.SIGINT, frame: FrameType | None = None) -> None:
        if self._asked:  # pressed again: at once
            raise KeyboardInterrupt
        self._asked = True


@contextmanager
def stoppable() -> Iterator[Stop]:
    """Within it, the first Ctrl-C only asks; a second one raises KeyboardInterrupt as usual.

    Signals reach the main thread alone: on another nobody asks.
    """
    stop = Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    before = signal.signal(signal.SIGINT, stop.ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)

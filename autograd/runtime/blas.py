"""How many threads the BLAS that NumPy brings may use, while ours share a product.

Its idle threads spin for milliseconds and would take the cores away from whatever comes next.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any


@contextmanager
def blas_on_one_thread() -> Iterator[None]:
    """Hold OpenBLAS, where NumPy brings its own, to the calling thread.

    Blocks may be nested, and be entered by several threads at once: BLAS is given the number that
    it had before the first of them when the last is left.
    """
    hold = _hold
    hold.enter()
    try:
        yield
    finally:
        hold.leave()


class _Hold:
    """The blocks that are entered now, and the number of threads to give back after them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._blocks = self._before = 0

    def enter(self) -> None:
        with self._lock:
            if not self._blocks and (blas := _openblas()) is not None:
                get_count, set_count = blas
                self._before = get_count()
                set_count(1)
            self._blocks += 1

    def leave(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                self.give_back()

    def give_back(self) -> None:
        """Set the number back, where one was taken."""
        if self._before and (blas := _openblas()) is not None:
            blas[1](self._before)
            self._before = 0


_hold = _Hold()


def _after_fork() -> None:
    """The threads that were in blocks are not in the child; its lock may be taken for ever."""
    global _hold
    before, _hold = _hold, _Hold()
    before.give_back()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


@lru_cache(maxsize=1)
def _openblas() -> tuple[Callable[[], int], Callable[[int], Any]] | None:
    """The functions that get and set the number of threads."""
    for library in openblas_libraries():
        for name in ("scipy_openblas_{}_num_threads64_", "openblas_{}_num_threads"):
            getter = getattr(library, name.format("get"), None)
            setter = getattr(library, name.format("set"), None)
            if getter is not None and setter is not None:
                return getter, setter
    return None


def openblas_libraries() -> list[ctypes.CDLL]:
    """The OpenBLAS that this process has loaded, one or several; none is loaded anew."""
    if sys.platform == "win32":
        return []
    try:
        with open("/proc/self/maps", "rb") as maps:
            paths = [path for path in files_of(maps) if "openblas" in path]
    except OSError:  # not Linux
        return []
    found = []
    for path in paths:
        try:
            found.append(ctypes.CDLL(path, os.RTLD_NOLOAD | ctypes.DEFAULT_MODE))
        except OSError:  # no library, or none that is loaded
            continue
    return found


def files_of(maps: Iterable[bytes]) -> list[str]:
    """The files in lines of /proc/PID/maps (man 5 proc_pid_maps), sorted.

    A path is the rest of a line, and may hold anything; a newline in it is written \\012. Where its
    file is gone " (deleted)" is behind it. Either might be a part of the name, so that all readings
    are given.
    """
    fields = [line.rstrip(b"\n").split(maxsplit=5) for line in maps]
    paths = {line[5] for line in fields if len(line) == 6 and line[5].startswith(b"/")}
    paths |= {path.replace(rb"\012", b"\n") for path in paths}
    paths |= {path.removesuffix(b" (deleted)") for path in paths}
    return sorted(map(os.fsdecode, paths))

"""Processes played by threads: the same calls, without MPI."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

import numpy as np

from nn.distributed import Group, together
from nn.parallel.processes import Request

Array = np.ndarray[Any, Any]
T = TypeVar("T")

_PATIENCE = 60  # seconds, after which ranks that wait for each other fail


class Ranks:
    """What the groups of all ranks share."""

    def __init__(self, size: int, patience: float) -> None:
        self.size = size
        self.meeting = threading.Barrier(size, timeout=patience)
        self.brought: list[Any] = [None] * size


class ThreadGroup(Group):
    def __init__(self, ranks: Ranks, rank: int) -> None:
        super().__init__(rank, ranks.size)
        self._ranks = ranks

    def gather(self, value: T) -> list[T]:
        self._ranks.brought[self.rank] = copy.deepcopy(value)
        self._ranks.meeting.wait()
        values = copy.deepcopy(self._ranks.brought)
        self._ranks.meeting.wait()
        return values

    def abort(self, code: int) -> None:
        self._ranks.meeting.abort()
        raise SystemExit(code)

    def part(self, patience: float | None = None) -> bool:
        self._ranks.meeting.wait()
        return True

    def start(self, buffer: Array) -> Request:
        return _Deferred(self, buffer)

    def _add(self, sent: Array, total: Array) -> None:
        total[...] = sum(self.gather(sent))

    def _spread(self, buffer: Array) -> None:
        buffer[...] = self.gather(buffer)[0]


class _Deferred:
    """A sum that happens when it is waited for."""

    def __init__(self, group: ThreadGroup, buffer: Array) -> None:
        self._group, self._buffer = group, buffer

    def Test(self) -> bool:  # noqa: N802
        return False

    def Wait(self) -> None:  # noqa: N802
        self._group._add(self._buffer.copy(), self._buffer)


def on_ranks(size: int, program: Callable[[Group], T]) -> list[T]:
    """What the program gives at each of so many ranks; the first error is raised."""
    running = _run(size, program, _PATIENCE, one_ends_all=True)
    errors = [error for future in running if (error := future.exception()) is not None]
    for error in errors:
        if not isinstance(error, threading.BrokenBarrierError):
            raise error
    if errors:
        raise errors[0]
    return [future.result() for future in running]


def errors_on_ranks(
    size: int, program: Callable[[Group], object], patience: float = 20
) -> list[BaseException | None]:
    """What the program raises at each rank; BrokenBarrierError where it waits for one that ended.

    Unlike `on_ranks`, a rank that fails leaves the others to themselves, as processes would.
    """
    return [f.exception() for f in _run(size, program, patience, one_ends_all=False)]


def _run(
    size: int, program: Callable[[Group], T], patience: float, one_ends_all: bool
) -> list[Future[T]]:
    ranks = Ranks(size, patience)

    def run(rank: int) -> T:
        group = ThreadGroup(ranks, rank)
        try:
            with together(group):
                return program(group)
        except BaseException:
            if one_ends_all:
                ranks.meeting.abort()
            raise

    with ThreadPoolExecutor(size) as pool:
        return [pool.submit(run, rank) for rank in range(size)]


def gap(a: Any, b: Any) -> float:
    """The norm of the difference beside the norm; shapes and dtypes are to be the same."""
    a, b = np.asarray(a), np.asarray(b)
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    difference, norm = np.linalg.norm((a - b).ravel()), np.linalg.norm(b.ravel())
    return float(difference / norm if norm else difference)

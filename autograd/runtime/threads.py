"""Several threads over one large array, and one control over how many.

NumPy lets go of the interpreter lock inside its loops, so halves of an array are worked on at once.
What is worth sharing depends on the machine: to hand over a task took 0.02 ms on one and 0.06 on
another, whose memory one core alone can keep busy; the limits below were measured on the latter.
Threads that help see what holds where the work comes from, `np.errstate` above all; each reports by
itself, so that over="warn" and over="call" may tell of one op once for each thread.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterable
from contextvars import Context, copy_context
from itertools import pairwise
from typing import Any

import numpy as np

from autograd.engine.tensor import Array

# Below so many elements one thread is faster: at functions that compute for a while, and at those
# that are as fast as memory is, which two threads have to share. With all that is above 2^17
# elements shared, a step of the basic net took 8.2 ms instead of 6.8.
LARGE, STREAMED = 1 << 17, 1 << 20
_STREAMING = {
    *(np.add, np.subtract, np.multiply, np.negative, np.positive, np.absolute, np.square),
    *(np.maximum, np.minimum, np.equal, np.greater, np.less, np.bitwise_and),
}


class _Job:
    """Tasks that whoever is free takes, one after the other, until none is left.

    So nobody waits for a thread that has not begun: one that is woken takes 0.03 ms to run, and
    far longer where other programs keep the cores busy.
    """

    def __init__(self, tasks: Iterable[Callable[[], None]]) -> None:
        self._tasks = deque(tasks)
        self._left = iter(range(len(self._tasks) - 1, -1, -1)).__next__  # one atomic C call
        # A bare lock, taken by the one who waits: a Semaphore takes three times as long.
        self._done = threading.Lock()
        self._done.acquire()
        self._error: BaseException | None = None
        self._context: Context | None = copy_context()

    def help(self) -> None:
        """Work on it in another thread than the one that it comes from."""
        context = self._context
        if context is not None:
            context.copy().run(self.work)  # a copy for each: only one may be in a context

    def work(self) -> None:
        while self._tasks:
            try:
                task = self._tasks.popleft()
            except IndexError:  # somebody was faster
                return
            try:
                task()
            except BaseException as error:  # raised again in the thread that waits
                self._error = error
            del task  # with the arrays it holds
            if self._left() == 0:
                self._done.release()

    def finish(self) -> None:
        self._done.acquire()
        self._context = None  # workers keep the job, which must not keep what this holds
        error, self._error = self._error, None  # nor the arrays in its traceback
        if error is not None:
            raise error


class _Worker:
    """A thread that waits for a job, helps with it, and waits again."""

    def __init__(self) -> None:
        self._ready = threading.Lock()
        self._ready.acquire()
        self._job: _Job | None = None
        threading.Thread(target=self._run, name="autograd", daemon=True).start()

    def start(self, job: _Job | None) -> None:
        self._job = job
        if self._ready.locked():  # else it has not seen the job before yet, and will see this one
            self._ready.release()

    def _run(self) -> None:
        while True:
            self._ready.acquire()
            job = self._job
            if job is None:
                return
            job.help()
            del job


class _Team:
    def __init__(self) -> None:
        # The cores this process may use, which can be fewer than there are.
        own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0
        self.size: int = own or os.cpu_count() or 1
        self.workers: list[_Worker] = []
        self.busy = threading.Lock()

    def resize(self, size: int) -> None:
        with self.busy:
            for worker in self.workers:
                worker.start(None)
            self.workers, self.size = [], size


_team = _Team()


def _after_fork() -> None:
    """Threads do not survive a fork; the child starts its own when it needs them."""
    global _team
    size = _team.size
    _team = _Team()
    _team.size = size


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)


def set_num_threads(count: int) -> None:
    """How many threads work on one large array; 1 turns the sharing off.

    Results may differ in the last bits between counts, as sums are split otherwise; for one count
    they are always the same. Raises TypeError for what is no whole number, ValueError below 1.
    """
    if isinstance(count, bool) or not isinstance(count, int):
        raise TypeError(f"set_num_threads: {count!r} given, a whole number expected")
    if count < 1:
        raise ValueError(f"set_num_threads: {count} given, at least 1 expected")
    _team.resize(count)


def get_num_threads() -> int:
    """How many threads work on one large array: by default as many as there are cores."""
    return _team.size


def share(tasks: list[Callable[[], None]]) -> None:
    """Do all tasks on as many threads, at most get_num_threads(); which does which is left open.

    Where another thread of the program shares its work at this moment, they are done one by one.
    """
    team = _team
    if len(tasks) == 1 or not team.busy.acquire(blocking=False):
        for task in tasks:
            task()
        return
    try:
        helpers = min(len(tasks), team.size) - 1
        while len(team.workers) < helpers:
            team.workers.append(_Worker())
        job = _Job(tasks)
        for worker in team.workers[:helpers]:
            worker.start(job)
        job.work()
        job.finish()
    finally:
        team.busy.release()


def slabs(length: int, size: int, least: int | None = None) -> list[slice]:
    """Parts of an axis of `length` for the threads to share; one part where `size`, the number of
    elements to work on, is less than `least`, by default LARGE."""
    parts = min(_team.size, length) if size >= (LARGE if least is None else least) else 1
    return cut(length, parts)


def cut(length: int, parts: int) -> list[slice]:
    """So many parts of an axis of `length`, as long as each other, or nearly."""
    edges = [length * i // parts for i in range(parts + 1)]
    return [slice(a, b) for a, b in pairwise(edges)]


def _least(function: Callable[..., Any]) -> int:
    """How many elements are worth sharing."""
    return STREAMED if function in _STREAMING else LARGE


def outermost(array: Array) -> int:
    """The axis whose elements lie furthest apart: parts of it are compact in memory."""
    return max(
        range(array.ndim),
        key=lambda axis: (array.shape[axis] > 1, abs(array.strides[axis])),
        default=0,
    )


def in_slabs(
    function: Callable[..., Any], out: Array, *arrays: Any, block: int | None = None
) -> Array:
    """function(*arrays, out=out) for one that works elementwise; arrays broadcast to out.

    A function that passes over its arrays several times gets them in blocks of about `block`
    elements of out, which then stay in the cache.
    """
    least = _least(function)
    if out.size < least or (_team.size == 1 and block is None):
        function(*arrays, out=out)
        return out
    axis = outermost(out)

    def part(array: Any, piece: slice) -> Any:
        own = axis - out.ndim + np.ndim(array)  # counted from the last axis, as broadcasting does
        if own < 0 or array.shape[own] == 1:
            return array
        return array[(slice(None),) * own + (piece,)]

    def task(piece: slice) -> Callable[[], None]:
        length = piece.stop - piece.start
        size = length * (out.size // out.shape[axis])
        cuts = max(1, min(length, size // block)) if block else 1
        edges = [piece.start + length * i // cuts for i in range(cuts + 1)]

        def work() -> None:
            for a, b in pairwise(edges):
                operands = [part(array, slice(a, b)) for array in arrays]
                function(*operands, out=part(out, slice(a, b)))

        return work

    share([task(piece) for piece in slabs(out.shape[axis], out.size, least)])
    return out


def reduced(
    function: Callable[..., Array], axes: tuple[int, ...], keepdims: bool, *arrays: Array
) -> Array:
    """function(*arrays), a reduction over `axes` of arrays of one shape, in slabs of a kept one."""
    model = arrays[0]
    if model.size < STREAMED or _team.size == 1:
        return np.asarray(function(*arrays))
    axis = outermost(model)
    if axis in axes:
        return np.asarray(function(*arrays))
    pieces = slabs(model.shape[axis], model.size, STREAMED)
    results: list[Array] = [model] * len(pieces)

    def task(number: int) -> Callable[[], None]:
        index = (slice(None),) * axis + (pieces[number],)
        operands = [array[index] for array in arrays]

        def reduce() -> None:
            results[number] = function(*operands)

        return reduce

    share([task(number) for number in range(len(pieces))])
    return np.concatenate(results, axis if keepdims else axis - sum(a < axis for a in axes))


def elementwise(ufunc: np.ufunc, *arrays: Any) -> Array:
    """ufunc(*arrays), in slabs where that is worth it."""
    for a in arrays:
        if type(a) is np.ndarray and a.size >= LARGE:
            break
    else:  # a tiny array spends as much time in this function as in the ufunc
        out = ufunc(*arrays)
        return out if type(out) is np.ndarray else np.asarray(out)
    # A broadcast array has no order of memory that the result could follow.
    largest = max(
        (a for a in arrays if isinstance(a, np.ndarray)),
        key=lambda a: (a.size, 0 not in a.strides),
        default=None,
    )
    if largest is None or largest.size < _least(ufunc) or _team.size == 1:
        return np.asarray(ufunc(*arrays))
    if np.broadcast_shapes(*map(np.shape, arrays)) != largest.shape:
        return np.asarray(ufunc(*arrays))
    kinds = [np.empty(0, a.dtype) if isinstance(a, np.ndarray) else a for a in arrays]
    out = np.empty_like(largest, dtype=ufunc(*kinds).dtype)
    return in_slabs(ufunc, out, *arrays)

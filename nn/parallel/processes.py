"""The processes of one training, and how they talk: by MPI, through mpi4py.

A launcher (mpiexec) starts the same program several times and tells each its number, the rank.
mpi4py is imported only where that has happened: a program on its own never needs it.
"""

from __future__ import annotations

import os
import threading
import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from time import perf_counter, perf_counter_ns, sleep
from typing import Any, Protocol, TypeVar

import numpy as np

from autograd.engine.modes import mode
from autograd.engine.tensor import Array

T = TypeVar("T")

# By what launchers tell a process its rank and how many there are.
_LAUNCHERS = (
    ("PMI_RANK", "PMI_SIZE"),  # MPICH, Intel MPI, MS-MPI
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),  # Open MPI
)


class DistributedError(RuntimeError):
    """Why processes cannot work together, and what to do."""


class Request(Protocol):
    """Communication that goes on by itself; what mpi4py's requests can do."""

    def Test(self) -> bool: ...  # noqa: N802  names of mpi4py
    def Wait(self) -> Any: ...  # noqa: N802


@dataclass
class Traffic:
    """What was sent under one name: calls, bytes (of one process's arrays), nanoseconds waited."""

    calls: int = 0
    nbytes: int = 0
    waited: int = 0


class Group(ABC):
    """Processes that compute together. All call the same methods in the same order, or they wait
    for each other for ever.

    Attributes:
        rank: the number of this process, from 0.
        size: how many there are.
        traffic: what this process has sent, by name.
    """

    def __init__(self, rank: int, size: int) -> None:
        self.rank, self.size = rank, size
        self.traffic: dict[str, Traffic] = {}

    def sum(self, array: Array, name: str = "allreduce") -> Array:
        """The sum of the arrays of all processes, the same bytes at each.

        Raises TypeError for a dtype that MPI does not add: float16, objects, texts.
        """
        begin = perf_counter_ns()
        sent = np.asarray(array, order="C")
        _expect_numbers(sent)
        total = np.empty_like(sent)
        self._add(sent, total)
        end = perf_counter_ns()
        self.note(name, sent.nbytes, begin, end, end - begin)
        return total

    def start_sum(self, buffer: Array, name: str = "allreduce") -> Sending:
        """Begin to put into `buffer` (contiguous) the sum of the buffers of all processes.

        Nobody may touch it before what is returned has been waited for.
        """
        _expect_numbers(buffer)
        return Sending(self, name, buffer)

    def broadcast(self, array: Array, name: str = "broadcast") -> Array:
        """The array of rank 0, at each process; those given have its shape and dtype."""
        begin = perf_counter_ns()
        received = np.array(array, order="C")
        self._spread(received)
        end = perf_counter_ns()
        self.note(name, received.nbytes, begin, end, end - begin)
        return received

    def note(self, name: str, nbytes: int, begin: int, end: int, waited: int) -> None:
        """Count what was sent, and tell `profile()` of it; times in nanoseconds."""
        traffic = self.traffic.setdefault(name, Traffic())
        traffic.calls += 1
        traffic.nbytes += nbytes
        traffic.waited += waited
        if mode.observer is not None:
            mode.observer.communicated(name, nbytes, begin, end, waited)

    @abstractmethod
    def gather(self, value: T) -> list[T]:
        """The values of all processes, by rank; anything that can be pickled."""

    @abstractmethod
    def abort(self, code: int) -> None:
        """End all processes at once, for one that cannot go on; the launcher gives `code`."""

    @abstractmethod
    def part(self, patience: float | None = None) -> bool:
        """Wait for all processes to part, without keeping a core busy; the last call of each.

        Gives whether all have come, within `patience` seconds (None: for ever). One that has not is
        perhaps waiting for this one elsewhere, and has to be ended by `abort`. The first Ctrl-C is
        for those who still work, and comes to them too; a second ends all.
        """

    @abstractmethod
    def start(self, buffer: Array) -> Request:
        """Begin to sum in place; see `start_sum`."""

    @abstractmethod
    def _add(self, sent: Array, total: Array) -> None: ...

    @abstractmethod
    def _spread(self, buffer: Array) -> None: ...


class Sending:
    """A sum over processes that is under way.

    MPI moves on what is under way only while it is called: `test()` now and then hides it behind
    other work.
    """

    def __init__(self, group: Group, name: str, buffer: Array) -> None:
        self._group, self._name, self._buffer = group, name, buffer
        self._begin = perf_counter_ns()
        self._request: Request | None = group.start(buffer)

    def test(self) -> bool:
        """Whether it is done; never waits."""
        if self._request is not None and self._request.Test():
            self._finish(0)
        return self._request is None

    def wait(self) -> None:
        """Return once it is done."""
        if self._request is not None:
            begin = perf_counter_ns()
            self._request.Wait()
            self._finish(perf_counter_ns() - begin)

    def _finish(self, waited: int) -> None:
        self._request = None
        self._group.note(self._name, self._buffer.nbytes, self._begin, perf_counter_ns(), waited)


class MPIGroup(Group):
    """The processes of an MPI communicator of mpi4py."""

    def __init__(self, communicator: Any) -> None:
        super().__init__(communicator.rank, communicator.size)
        self._communicator = communicator
        self._parting = communicator.Dup()  # so that nothing else meets the call to part

    def gather(self, value: T) -> list[T]:
        values: list[T] = self._communicator.allgather(value)
        return values

    def abort(self, code: int) -> None:
        self._communicator.Abort(code)

    def part(self, patience: float | None = None) -> bool:
        request, begin = self._parting.Ibarrier(), perf_counter()
        asked = False
        while not request.Test():
            if patience is not None and perf_counter() - begin > patience:
                return False
            try:
                sleep(0.01)
            except KeyboardInterrupt:
                if asked:
                    self.abort(130)  # 128 and the number of the signal, as shells have it
                asked = True
        return True

    def start(self, buffer: Array) -> Request:
        from mpi4py import MPI

        request: Request = self._communicator.Iallreduce(MPI.IN_PLACE, buffer)
        return request

    def _add(self, sent: Array, total: Array) -> None:
        self._communicator.Allreduce(sent, total)

    def _spread(self, buffer: Array) -> None:
        self._communicator.Bcast(buffer)


def rank_and_size(group: Group | None) -> tuple[int, int]:
    """Those of a group; (0, 1) of a process alone."""
    return (0, 1) if group is None else (group.rank, group.size)


def leads(group: Group | None) -> bool:
    """Whether this process speaks and writes for all: rank 0, or one alone."""
    return group is None or group.rank == 0


def launched() -> tuple[int, int] | None:
    """Rank and number of processes, as a launcher has told them; None where there was none."""
    for names in _LAUNCHERS:
        told = [os.environ.get(name, "") for name in names]
        if all(text.isdecimal() for text in told):
            return int(told[0]), int(told[1])
    return None


@cache
def world() -> Group | None:
    """All processes that a launcher has started together; None where there is one only.

    Raises DistributedError: mpi4py is missing or finds no MPI, or its MPI is not the launcher's.
    """
    told = launched()
    if told is None or told[1] == 1:
        return None
    started = f"this is one of {told[1]} processes of an MPI launcher"
    try:
        with warnings.catch_warnings():
            # That the library is not the launcher's, which is told below.
            warnings.simplefilter("ignore", RuntimeWarning)
            from mpi4py import MPI
    except ModuleNotFoundError as error:
        raise DistributedError(
            f"{started}, but mpi4py is not installed: pip install mpi4py mpich"
        ) from error
    except (ImportError, RuntimeError, OSError) as error:
        raise DistributedError(
            f"{started}, but mpi4py finds no MPI library ({_first_line(error)}): "
            "pip install mpich, or name the library in MPI4PY_LIBMPI"
        ) from error
    found = MPI.COMM_WORLD
    if found.size != told[1]:
        library = _first_line(MPI.Get_library_version())
        raise DistributedError(
            f"{started}, but the MPI of mpi4py ({library}) knows of {found.size}: the launcher is "
            "another MPI's; take the mpiexec of the environment in which mpi4py is installed"
        )
    return MPIGroup(found)


class _Current(threading.local):
    group: Group | None = None
    alone: bool = False


_current = _Current()


def current() -> Group | None:
    """The group that this thread computes in: that of `together`, else `world()`."""
    if _current.alone:
        return None
    return world() if _current.group is None else _current.group


@contextmanager
def together(group: Group | None) -> Iterator[None]:
    """Within it, in this thread, `current()` is `group`; None: this process computes alone."""
    before = _current.group, _current.alone
    _current.group, _current.alone = group, group is None
    try:
        yield
    finally:
        _current.group, _current.alone = before


def _expect_numbers(array: Array) -> None:
    if array.dtype.kind not in "iufc" or array.dtype == np.float16:
        raise TypeError(
            f"an array of {array.dtype} given to be summed over processes, integers, float32, "
            "float64 or complex numbers expected"
        )


def _first_line(told: object) -> str:
    return (str(told).strip() or type(told).__name__).splitlines()[0].strip("\x00 ")

"""Writes that change nothing at the point in question: `x.sort()` of what is sorted, `x *= 1`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import numpy as np

from autograd.engine.tape import Record
from autograd.engine.tensor import Tensor
from autograd.runtime.writes import Writes, where

_NO_WRITES = ("destination is read-only", "output array is read-only", "sort array is read-only")


class Locked(Writes):
    """As `Writes`; and forwards and rules get what they are given locked, so that each write to it
    is refused.

    Attributes:
        culprit: what runs as a write is refused; of forwards it is found out which argument it is.
    """

    def __init__(self, found: Callable[[str], None]) -> None:
        super().__init__(found)
        self.culprit = "f, outside of any op,"
        self._locks: list[tuple[AbstractContextManager[None], str]] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """As that of `Writes`; what an error has left locked is opened."""
        try:
            with super().watching():
                yield
        finally:
            while self._locks:
                self._locks.pop()[0].__exit__(None, None, None)

    def pulling(self, record: Record | None) -> None:
        super().pulling(record)
        if record is None:
            lock, self.culprit = self._locks.pop()
            lock.__exit__(None, None, None)
            return
        given = [part.value for part in self._pulls[-1].parts]
        self._locks.append((locked(given), self.culprit))
        self._locks[-1][0].__enter__()
        self.culprit = f"a rule of '{record.op.name}', called {record.line},"

    def computing(self, op: Any) -> Callable[..., Any]:
        watched = super().computing(op)

        def on_locked(*arrays: Any, **options: Any) -> Any:
            try:
                with locked(arrays):
                    return watched(*arrays, **options)
            except ValueError as error:
                if not is_write(error):
                    raise
            copies = _copies(arrays)
            out = watched(*copies, **options)  # which tells of a write that changes something
            if all(map(_same, copies, arrays)):
                self.found(
                    f"the forward of '{op.name}' wrote into {_written(op, arrays, options)}, "
                    f"though that changes nothing here; called {where()}. Let the forward write to "
                    "a copy"
                )
            return out

        return on_locked


@contextmanager
def locked(arrays: Iterable[Any]) -> Iterator[None]:
    """Within, those that are arrays cannot be written to."""
    given = [a.data if isinstance(a, Tensor) else a for a in arrays]
    unlocked = [a for a in given if isinstance(a, np.ndarray) and a.flags.writeable]
    try:
        for array in unlocked:
            array.flags.writeable = False
        yield
    finally:
        for array in sorted(unlocked, key=lambda array: array.base is not None):  # owners first
            array.flags.writeable = True


def is_write(error: ValueError) -> bool:
    """Whether NumPy has refused to write to a locked array. (What compiled code says of a buffer
    that is read-only does not tell whether it would have written to it.)"""
    return any(words in str(error) for words in _NO_WRITES)


def _written(op: Any, arrays: tuple[Any, ...], options: dict[str, Any]) -> str:
    """The argument that a forward writes to, as it is called in errors."""
    for i, array in enumerate(arrays):
        if isinstance(array, np.ndarray):
            copies = _copies(arrays)
            try:
                with locked(copies[i : i + 1]):
                    op.forward(*copies, **options)
            except ValueError as error:
                if is_write(error):
                    return f"argument {i}, {array.dtype} {array.shape}"
    return "one of its arguments"


def _copies(values: tuple[Any, ...]) -> list[Any]:
    return [np.array(a) if isinstance(a, np.ndarray) else a for a in values]


def _same(one: Any, other: Any) -> bool:
    return not isinstance(one, np.ndarray) or bool(
        np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    )

"""Finding the first NaN and the array that was written to: debug mode."""

from __future__ import annotations

import linecache
import os
import sys
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from autograd.engine.keeping import Dropped
from autograd.engine.modes import Observer, mode
from autograd.engine.tape import Operation, Record
from autograd.engine.tensor import Tensor
from autograd.runtime.holding import manager

_HERE = os.path.dirname(os.path.dirname(__file__))  # pathlib would make the import longer


@manager
def debug() -> Iterator[None]:
    """Within it, in this thread, every op and every rule is checked. Slow: for finding mistakes.

    Raises:
        FloatingPointError: an op or a rule made a NaN or an infinity from finite numbers; names it
            and the line of your code that called the op.
        RuntimeError: an array that a record had saved was written to before the backward pass,
            through whatever view; names the op that saved it and the line. Or profile() watches
            already: its times would be those of the checks.
    """
    before = mode.observer
    if before is not None and before.times:
        raise RuntimeError(
            "debug() was entered within profile(), whose times would be those of the checks; use "
            "one at a time"
        )
    mode.observer = _Checks()
    try:
        yield
    finally:
        mode.observer = before


class _Checks(Observer):
    """The observer of debug mode: keeps a checksum of every array that a record saved."""

    def __init__(self) -> None:
        self.sums: dict[int, list[int | None]] = {}
        self.sweeps = 0  # under way: one may run within another

    def computed(self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any) -> None:
        if self.sweeps or getattr(op, "kind", None) == "view":
            return  # a rule is judged by what it returns; a view moves numbers and makes none
        for result in out if isinstance(out, tuple) else (out,):
            place = _first_not_finite(result)
            if place is not None and all(_first_not_finite(a) is None for a in arrays):
                raise FloatingPointError(
                    f"'{op.name}' made the first {result[place]} of this computation, at {place} "
                    f"of its result {result.dtype} {result.shape}, from finite arguments; "
                    f"called {_where()}"
                )

    def recorded(self, record: Record) -> None:
        record.line = _where()
        assert record.arrays is not None
        self.sums[record.serial] = [_checksum(a) for a in record.arrays]

    def sweeping(self, begins: bool) -> None:
        self.sweeps += 1 if begins else -1

    def pulling(self, record: Record | None) -> None:
        if record is None:
            return
        assert record.arrays is not None
        before = self.sums.pop(record.serial, None)
        if before is None:
            return
        for position, (array, then) in enumerate(zip(record.arrays, before, strict=True)):
            if isinstance(array, Dropped):
                continue  # let go, since no rule reads it
            if then is not None and then != _checksum(array):
                raise RuntimeError(
                    f"argument {position} of '{record.op.name}', {array.dtype} {array.shape}, was "
                    f"written to after the op saved it, so its gradient would be wrong; the op was "
                    f"called {record.line}. Write to a copy, or after the backward pass"
                )
        self.sums[record.serial] = before  # for another sweep over a retained graph

    def pulled(self, record: Record, position: int, g: Any, result: Tensor) -> None:
        place = _first_not_finite(result.data)
        given = [t.data for t in (g if isinstance(g, tuple) else (g,))]
        if place is not None and all(_first_not_finite(a) is None for a in given):
            raise FloatingPointError(
                f"the rule of '{record.op.name}' for argument {position} made the first "
                f"{result.data[place]} of this backward pass, at {place} of a gradient "
                f"{result.dtype} {result.shape}, from finite gradients; the op was called "
                f"{record.line or 'outside debug mode'}"
            )


def _first_not_finite(value: Any) -> tuple[int, ...] | None:
    if isinstance(value, float):
        return None if np.isfinite(value) else ()
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "fc":
        return None
    finite = np.isfinite(value)
    if finite.all():
        return None
    return tuple(int(i) for i in np.unravel_index(int(np.argmin(finite)), value.shape))


def _checksum(value: Any) -> int | None:
    return zlib.crc32(value.tobytes()) if isinstance(value, np.ndarray) else None


def _where() -> str:
    """The innermost line of code outside this package."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_HERE):
        frame = frame.f_back
    name, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(name, line).strip()
    return f"at {name}, line {line}" + (f": {source}" if source else "")

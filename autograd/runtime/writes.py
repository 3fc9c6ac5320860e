"""Writes into arrays that an op was given or that a record holds: what they held is compared."""

from __future__ import annotations

import linecache
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.modes import Observer, mode
from autograd.engine.tape import Output, Record
from autograd.engine.tensor import Tensor
from autograd.runtime.scopes import sweep_hook

_HERE = os.path.dirname(os.path.dirname(__file__)) + os.sep  # pathlib is slow to import
_MANY = 32
_PLAIN = (int, float, complex, str, bytes, bool, type(None))


class Part(NamedTuple):
    """Something that must not be written to: how it is called, and what it held."""

    name: str
    value: Any
    content: Any

    @property
    def written(self) -> bool:
        return bool(_content(self.value) != self.content)

    @property
    def kind(self) -> str:
        """What it is, for an error."""
        return (
            "a list" if isinstance(self.value, list) else f"{self.value.dtype} {self.value.shape}"
        )

    def __str__(self) -> str:
        return f"{self.name}, {self.kind}"


class _Pull(NamedTuple):
    """A record whose rules run, and what they must not write to."""

    record: Record
    parts: list[Part]


class Writes(Observer):
    """An observer that finds a forward that writes into its arguments, a rule that writes into what
    it is given, and what was written to between the two, through whatever view.

    Args:
        found: is told of each, in a sentence that names the op, the array and the line.
    """

    def __init__(self, found: Callable[[str], None]) -> None:
        self.found = found
        self._held: dict[int, dict[str, Any]] = {}  # by the serial of a record: name -> content
        self._gradient: Any = None  # that is about to be pulled
        self._pulls: list[_Pull] = []  # under way: one may run within another
        self._outer: list[int] = []  # how many were under way as each sweep that runs began

    @property
    def sweeps(self) -> int:
        """How many sweeps are under way: one may run within another."""
        return len(self._outer)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within it, in this thread, ops and sweeps are watched, and by no other observer."""
        before, mode.observer = mode.observer, self
        try:
            with sweep_hook(self._arriving):
                yield
        finally:
            mode.observer = before

    def computing(self, op: Any) -> Callable[..., Any]:
        forward = super().computing(op)

        def watched(*arrays: Any, **options: Any) -> Any:
            parts = list(_given(arrays, options))
            out = forward(*arrays, **options)
            for part in parts:
                if part.written:
                    self.found(
                        f"the forward of '{op.name}' wrote into {part}; called {where()}. Rules, "
                        "and whoever else holds the array, get other numbers now: let the forward "
                        "write to a copy"
                    )
                    break
            return out

        return watched

    def recorded(self, record: Record) -> None:
        record.line = where()
        self._held[record.serial] = {part.name: part.content for part in _held(record)}

    def sweeping(self, begins: bool) -> None:
        if begins:
            self._outer.append(len(self._pulls))
        else:
            del self._pulls[self._outer.pop() :]  # an error may have left some

    def pulling(self, record: Record | None) -> None:
        if record is None:
            self._pulled_by("the backward pass")
            done = self._pulls.pop().record
            if done.arrays is None:
                self._held.pop(done.serial, None)
            return
        parts = list(_held(record))
        then = self._held.get(record.serial, {})
        for part in parts:
            if part.name in then and part.content != then[part.name]:
                self.found(
                    f"{part.name} of '{record.op.name}'{_origin(part, record)}, {part.kind}, was "
                    "written to after the op saved it, so gradients would be wrong; the op was "
                    f"called {record.line}. Write to a copy, or after the backward pass"
                )
                break
        gradients = self._gradient if isinstance(self._gradient, dict) else {"": self._gradient}
        for index, g in gradients.items():
            parts += _parts(f"the gradient {index}".strip() + " that it was given", g)
        self._gradient = None
        self._pulls.append(_Pull(record, parts))

    def pulled(self, record: Record, position: int, g: Any, result: Tensor) -> None:
        if len(self._pulls[-1].parts) <= _MANY:  # of an op on more, it is seen when all have run
            self._pulled_by(f"rule {position}")

    def _arriving(self, record: Record, g: Any) -> None:
        self._gradient = g

    def _pulled_by(self, culprit: str) -> None:
        record, parts = self._pulls[-1]
        for part in parts:
            if part.written:
                self.found(
                    f"{culprit} of '{record.op.name}' wrote into {part}, which other gradients may "
                    f"be computed from; the op was called {record.line or 'outside debug mode'}. "
                    "Let the rule write to a copy"
                )
                parts.clear()  # once is enough
                break


def where() -> str:
    """The innermost line of code outside this package."""
    frame = caller()
    name, line = frame.f_code.co_filename, frame.f_lineno
    source = linecache.getline(name, line).strip()
    return f"at {name}, line {line}" + (f": {source}" if source else "")


def caller(within: str | tuple[str, ...] = "") -> FrameType:
    """The innermost frame outside this package, or outside the files and folders given."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(within or _HERE):
        frame = frame.f_back
    return frame


def _given(arrays: Iterable[Any], options: dict[str, Any]) -> Iterator[Part]:
    for i, array in enumerate(arrays):
        yield from _parts(f"argument {i}", array)
    for keyword, value in options.items():
        yield from _parts(f"option '{keyword}'", value)


def _held(record: Record) -> Iterator[Part]:
    """What a record has of its call, but for what it let go."""
    assert record.arrays is not None
    yield from _given(record.arrays, record.options)
    several = isinstance(record.out, tuple)
    for i, out in enumerate(record.out if several else (record.out,)):
        yield from _parts(f"output {i}" if several else "the output", out)
    yield from _parts("the saved value", record.saved)


def _parts(name: str, value: Any) -> Iterator[Part]:
    """Arrays and lists in a value, to any depth: those things that can be written to."""
    if isinstance(value, np.ndarray | Tensor | list):
        yield Part(name, value, _content(value))
    elif isinstance(value, tuple | dict):
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from _parts(f"{name}[{key!r}]", item)


def _content(value: Any) -> Any:
    """What tells, by ==, whether a value was written to."""
    if isinstance(value, np.ndarray):
        return zlib.crc32(_distinct(value).tobytes())
    if isinstance(value, Tensor):
        return _content(value.data)
    if isinstance(value, list | tuple):
        return [_content(item) for item in value]
    return value if isinstance(value, _PLAIN) and value == value else None


def _distinct(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The array without the repetitions that broadcasting has made."""
    return array[tuple([slice(None if stride else 1) for stride in array.strides])]


def _origin(part: Part, record: Record) -> str:
    """Which op an argument comes from; of a checkpoint also, which op read it."""
    for number, (array, place) in enumerate(zip(record.arrays or (), record.parents, strict=True)):
        if array is part.value:
            made = place.record if isinstance(place, Output) else place
            told = [f"from '{made.op.name}'"] if isinstance(made, Record) else []
            if getattr(record.op, "recomputes", False):
                told.append(f"{record.saved.reader(number)} in it")
            return f" ({', '.join(told)})" if told else ""
    return ""

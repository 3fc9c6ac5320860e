"""Python's numbers that may be others at the next call: a learning rate, a count of steps.

They are no arrays, and what is computed of them is no call of an op: it is a list of steps of its
own, which is run before the calls. What is decided by one of them is noted beside.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np


class Source(Protocol):
    """Where a function finds a number or an array that is no tensor's."""

    @property
    def name(self) -> str:
        """What programs call it."""

    @property
    def key(self) -> Any:
        """The same for two of one place, and for no others."""

    def read(self) -> Any: ...


class Cell(Source, Protocol):
    """One in which it leaves another."""

    def write(self, value: Any) -> None: ...

    def forget(self) -> None:
        """Let nothing be there any more."""


class Of(NamedTuple):
    """The number that a step gives, where it stands among the operands of another."""

    step: int


class Read(NamedTuple):
    """A step that reads a number."""

    cell: Source


class Computed(NamedTuple):
    """A step that computes one of others."""

    function: Callable[..., Any]
    operands: tuple[Any, ...]


class Decided(NamedTuple):
    """What was decided by a number: `view` of it was `value`; elsewhere the program is another."""

    number: Of
    view: Callable[[Any], Any]
    value: Any


class Left(NamedTuple):
    """A number, that of a step or another, that is left in a cell in the end."""

    cell: Cell
    value: Any


class Action(Protocol):
    """Something that Python does at each call, a step of a schedule, and that can be undone."""

    def __call__(self) -> Any: ...
    def state(self) -> Any: ...
    def restore(self, state: Any) -> None: ...


class Performed(NamedTuple):
    """An action, which runs at the end, or `first`, where what it changes is read after it."""

    action: Action
    first: bool = False


Step: TypeAlias = Read | Computed | Decided | Left | Performed


class Number:
    """A number while a program is made: what is computed of it is a step, and what is decided by
    it is noted. To ops it is the Python number that it is."""

    __slots__ = ("_steps", "step", "value")

    def __init__(self, steps: list[Step], step: Step, value: Any) -> None:
        self._steps, self.value = steps, value
        self.step = Of(len(steps))
        steps.append(step)

    def decided(self, view: Callable[[Any], Any]) -> Any:
        """What is decided by it."""
        value = view(self.value)
        self._steps.append(Decided(self.step, view, value))
        return value

    def computed(self, function: Callable[..., Any], *operands: Any) -> Any:
        """A number that is computed of this one among others."""
        steps = tuple([n.step if isinstance(n, Number) else n for n in operands])
        plain = [n.value if isinstance(n, Number) else n for n in operands]
        return Number(self._steps, Computed(function, steps), function(*plain))

    def __bool__(self) -> bool:
        return bool(self.decided(bool))

    def __float__(self) -> float:
        return float(self.decided(float))

    def __index__(self) -> int:
        return int(self.decided(operator.index))

    def __array__(self, dtype: Any = None, copy: Any = None) -> np.ndarray[Any, Any]:
        return np.array(self.decided(itself), dtype)

    def __hash__(self) -> int:
        return hash(self.decided(itself))

    def __eq__(self, other: object) -> Any:
        return _compared(operator.eq, self, other)

    def __ne__(self, other: object) -> Any:
        return _compared(operator.ne, self, other)

    def __format__(self, how: str) -> str:
        return format(self.decided(itself), how)

    def __round__(self, digits: int | None = None) -> Any:
        return round(self.decided(itself), digits)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return getattr(self.decided(itself), name)

    def __repr__(self) -> str:
        return repr(self.value)


def itself(number: Any) -> Any:
    """The view of a number for which all of it decides."""
    return number


def _compared(function: Callable[..., Any], x: Number, y: Any) -> Any:
    """A comparison decides."""
    if not isinstance(y, Number | int | float):
        return NotImplemented
    return bool(x.computed(function, x, y))


def _binary(function: Callable[..., Any]) -> tuple[Any, Any]:
    def method(self: Number, other: Any) -> Any:
        plain = isinstance(other, Number | int | float)
        return self.computed(function, self, other) if plain else NotImplemented

    def reflected(self: Number, other: Any) -> Any:
        plain = isinstance(other, int | float)
        return self.computed(function, other, self) if plain else NotImplemented

    return method, reflected


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    _method, _reflected = _binary(getattr(operator, _name))
    setattr(Number, f"__{_name}__", _method)
    setattr(Number, f"__r{_name}__", _reflected)
for _name in ("lt", "le", "gt", "ge"):
    _function = getattr(operator, _name)
    setattr(Number, f"__{_name}__", lambda x, y, f=_function: _compared(f, x, y))
for _name in ("neg", "pos", "abs"):
    _function = getattr(operator, _name)
    setattr(Number, f"__{_name}__", lambda x, f=_function: x.computed(f, x))


class ChangedError(Exception):
    """A number decides otherwise than when the program was made."""


class Evaluated:
    """The numbers of the steps as they are now, and what is to be done in the end.

    Args:
        steps: in the order of the function.

    Attributes:
        values: by the number of the step; None for steps that give none.

    Raises ChangedError where something is decided otherwise; nothing has been done then.
    """

    def __init__(self, steps: Sequence[Step]) -> None:
        self.values: list[Any] = []
        self._left: list[tuple[Cell, Any]] = []
        self._actions: list[Action] = []
        self._done: list[tuple[Action, Any]] = []
        for step in steps:
            self.values.append(self._of(step))

    def _of(self, step: Step) -> Any:
        if isinstance(step, Read):
            return step.cell.read()
        if isinstance(step, Computed):
            return step.function(*map(self._plain, step.operands))
        if isinstance(step, Decided):
            if not same_number(step.view(self._plain(step.number)), step.value):
                self.undo()
                raise ChangedError
        elif isinstance(step, Left):
            self._left.append((step.cell, self._plain(step.value)))
        elif step.first:
            self._done.append((step.action, step.action.state()))
            step.action()
        else:
            self._actions.append(step.action)
        return None

    def _plain(self, value: Any) -> Any:
        return self.values[value.step] if isinstance(value, Of) else value

    def undo(self) -> None:
        """Take back what has been done already."""
        for action, state in reversed(self._done):
            action.restore(state)

    def leave(self) -> None:
        """Do what is to be done in the end."""
        for cell, value in self._left:
            cell.write(value)
        for action in self._actions:
            action()


def same_number(a: Any, b: Any) -> bool:
    """Whether two Python numbers are of one kind, and the same to the bit; NaN is NaN."""
    if type(a) is not type(b):
        return False
    return a.hex() == b.hex() if isinstance(a, float) else bool(a == b)

"""What the text of a program is made of: lines, each an expression bound to keys.

A key says what a name stands for, not yet which name: a value, the gradient of a value, or a part
of a rule. So lines can be folded into loops before anything is named.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.tensor import Array, Tensor, wrap

Shape = tuple[int, ...]

SMALL = 6  # elements that are printed in full


class Key(NamedTuple):
    """What has a name: "v" a value, "d" its gradient, "t" a part that a rule names; by the slot."""

    letter: str
    slot: int


class At(NamedTuple):
    """In a loop, the member of a family at the step `slope * t + offset`, or that number itself."""

    letter: str  # of a key; "" for the number
    family: int
    slope: int
    offset: int


@dataclass(frozen=True)
class Name:
    """A value that has a name in the program, or a key that will get one."""

    name: Any
    shape: Shape | None = None


@dataclass(frozen=True)
class Applied:
    """An op applied to arguments: names, others of these, or Python values in which names stand."""

    op: Any
    args: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    shape: Shape | None = None


@dataclass(frozen=True)
class Line:
    """Keys are bound to what an expression gives.

    Attributes:
        keys: one, or one for each output.
        slots: the slots that they stand for from now on.
        expression: in which keys stand for names.
        of: the number of the call whose pullback this is part of; None for one of the forward part.
        scope: the modules within which it was called.
        note: why, given how keys are called.
        several: whether the expression gives a tuple, to be taken apart.
        again: whether it computes again, in a sweep, what the forward part has computed.
    """

    keys: tuple[Any, ...]
    slots: tuple[int, ...]
    expression: Any
    of: int | None = None
    scope: tuple[str, ...] = ()
    note: Callable[[Callable[[Key], str]], str] | str = ""
    several: bool = False
    again: bool = False


@dataclass(frozen=True)
class Made:
    """What a name is bound to: its dtype and shape, and its numbers in short where asked for."""

    name: str
    dtype: str
    shape: Shape
    value: str = ""


@dataclass(frozen=True)
class Statement:
    """One line: names are bound to what an expression gives."""

    made: tuple[Made, ...]
    expression: Any
    note: str = ""  # why
    several: bool = False  # whether the expression gives a tuple, to be taken apart


class Over(float):
    """1 / n as a number: it runs as that, and is written so."""

    n: int

    def __new__(cls, n: int) -> Over:
        made = float.__new__(cls, 1 / n)
        made.n = n
        return made


def plainly(number: np.generic) -> float:
    """A number of NumPy's as one of Python's that stands for it beside arrays of its dtype."""
    value = float(number)
    n = round(1 / value) if 1e-9 < abs(value) < 1 else 1
    if abs(n) > 1 and type(number)(1 / n) == number:
        return Over(n)
    return int(value) if value.is_integer() and 0 < abs(value) < 1e6 else value


class Filled:
    """Makes constant tensors of one number: what the sweep starts from, and what nobody used."""

    def __init__(self, name: str, *number: float) -> None:
        self.name, self._number = name, number

    def __call__(self, shape: Shape, *rest: Any) -> Tensor:
        number, dtype = (*self._number, *rest, np.float64)[:2]
        return wrap(np.full(shape, number, dtype), None)


ones, zeros, full = Filled("ones", 1), Filled("zeros", 0), Filled("full")


def short(array: Array) -> str:
    """The numbers of a small array, or the least, largest and mean of a large one."""
    if array.size <= SMALL:
        return " ".join(np.array2string(array, precision=4, separator=", ").split())
    if array.dtype.kind == "c":
        return f"mean {array.mean():.4g}"
    if array.dtype.kind == "b":
        return f"{np.count_nonzero(array):,} of {array.size:,} true"
    with np.errstate(all="ignore"):
        return f"min {array.min():.4g}, max {array.max():.4g}, mean {array.mean():.4g}"

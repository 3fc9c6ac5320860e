"""What formulas are made of, and how they are got: by watching the ops that a rule calls.

Values are told apart by the identity of their arrays: an op that gets an array which an earlier op
gave, gets that op's result. Nothing is read from source code, so a formula is what ran.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.engine.modes import Observer, mode, no_grad
from autograd.engine.tape import Operation
from autograd.engine.tensor import Array

Shape = tuple[int, ...]

SMALL = 6  # elements that are printed in full
LONGEST = 6  # calls in one expression; what is longer is cut where a part gets a name


@dataclass(frozen=True)
class Name:
    """A value that has a name in the program."""

    name: str
    shape: Shape | None = None


@dataclass(frozen=True)
class Call:
    """An op applied to arguments: names, calls, or Python values in which names may stand."""

    op: Any
    args: tuple[Any, ...]
    options: dict[str, Any] = field(default_factory=dict)
    shape: Shape | None = None


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


@dataclass(frozen=True)
class _Observed:
    op: Operation
    arrays: tuple[Any, ...]
    options: dict[str, Any]
    outs: tuple[Array, ...]
    several: bool


class Watcher(Observer):
    """An observer that keeps the calls of ops within `watching`, and so their arrays alive."""

    def __init__(self) -> None:
        self.calls: list[_Observed] = []

    def computed(self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any) -> None:
        several = isinstance(out, tuple)
        outs = tuple(out) if several else (out,)
        self.calls.append(_Observed(op, tuple(arrays), options, outs, several))


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


@contextmanager
def watching(watcher: Watcher | None) -> Iterator[None]:
    """Within it, in this thread, nothing is recorded, and `watcher` alone observes."""
    before, mode.observer = mode.observer, watcher
    try:
        with no_grad():
            yield
    finally:
        mode.observer = before


class Formula:
    """The expression of an array that was made by watched calls, and what must be named before it.

    Args:
        watcher: what was seen.
        result: the array to express.
        known: the name of an array that no watched call made.
        value: any other argument as the formula shall hold it, with names in place of arrays.
        fresh: a new name for a part that is used more than once.
        describe: what a name is bound to, from the name and the array.
    """

    def __init__(
        self,
        watcher: Watcher,
        result: Array,
        known: Callable[[Array], Name],
        value: Callable[[Any], Any],
        fresh: Callable[[], str],
        describe: Callable[[str, Array], Made],
    ) -> None:
        self._calls = watcher.calls
        self._known, self._value, self._fresh, self._describe = known, value, fresh, describe
        self._makers: dict[int, list[tuple[int, int]]] = {}
        for number, call in enumerate(self._calls):
            for position, out in enumerate(call.outs):
                self._makers.setdefault(id(out), []).append((number, position))
        self._expressions: dict[tuple[int, int], Any] = {}
        self._sizes: dict[tuple[int, int], int] = {}
        self.statements: list[Statement] = []
        self.expression = self._built(result)

    def _maker(self, array: Array, before: int) -> tuple[int, int] | None:
        """The last call before the given one, and the place among its outputs, that gave array."""
        earlier = [m for m in self._makers.get(id(array), ()) if m[0] < before]
        return earlier[-1] if earlier else None

    def _uses(self, root: tuple[int, int]) -> Counter[tuple[int, int]]:
        """How often each output of a call is read on the way to the root."""
        uses = Counter([root])
        live = {root[0]}
        for number in range(root[0], -1, -1):
            if number not in live:
                continue
            for array in self._calls[number].arrays:
                maker = self._maker(array, number) if isinstance(array, np.ndarray) else None
                if maker is not None:
                    uses[maker] += 1
                    live.add(maker[0])
        return uses

    def _built(self, result: Array) -> Any:
        root = self._maker(result, len(self._calls))
        if root is None:
            return self._known(result)
        uses = self._uses(root)
        for number in sorted({made[0] for made in uses}):
            call = self._calls[number]
            args = tuple(self._argument(array, number) for array in call.arrays)
            options = {name: self._value(v) for name, v in call.options.items()}
            expression = Call(call.op, args, options, call.outs[0].shape)
            size = 1 + sum(self._size(array, number) for array in call.arrays)
            if call.several:
                self._name_each(number, call, expression)
                continue
            place = (number, 0)
            self._expressions[place], self._sizes[place] = expression, size
            if place != root and (uses[place] > 1 or size > LONGEST):
                self._name_each(number, call, expression)
        return self._expressions[root]

    def _argument(self, array: Any, before: int) -> Any:
        if not isinstance(array, np.ndarray):
            return self._value(array)
        maker = self._maker(array, before)
        return self._known(array) if maker is None else self._expressions[maker]

    def _size(self, array: Any, before: int) -> int:
        maker = self._maker(array, before) if isinstance(array, np.ndarray) else None
        return 0 if maker is None else self._sizes.get(maker, 0)

    def _name_each(self, number: int, call: _Observed, expression: Call) -> None:
        names = [self._fresh() for _ in call.outs]
        for position, (name, out) in enumerate(zip(names, call.outs, strict=True)):
            self._expressions[number, position] = Name(name, out.shape)
            self._sizes[number, position] = 0
        made = tuple(self._describe(n, out) for n, out in zip(names, call.outs, strict=True))
        self.statements.append(Statement(made, expression, several=call.several))

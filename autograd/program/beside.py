"""What a function reads and leaves beside the tensors of its ops: Python's numbers, `.grad`, what
optimizers remember; and what it decides by."""

from __future__ import annotations

import weakref
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.modes import Watcher, array_of, no_grad
from autograd.engine.tensor import Tensor, wrap
from autograd.program.guards import decided
from autograd.program.numbers import Action, Cell, Number, Performed, Read, Source, Step, itself
from autograd.program.program import Slot
from autograd.runtime.draws import depth_of_draws


class Gradient(NamedTuple):
    """The `.grad` of a tensor, which the function reads before it puts one there."""

    of: weakref.ref[Tensor]

    @property
    def name(self) -> str:
        return ""

    @property
    def tensor(self) -> Tensor:
        tensor = self.of()
        assert tensor is not None
        return tensor

    @property
    def key(self) -> Any:
        return "grad", id(self.of())

    def read(self) -> Any:
        grad = self.tensor.grad
        return None if grad is None else array_of(grad)


class Beside(Watcher):
    """The part of a trace that sees no call of an op.

    Attributes:
        slots: as those of a `Program`.
        numbers: its steps, without what is left in the end.
        graded: by the identity of a tensor, it, and whether it had a `.grad` when that was read
            first; None where the function left one before it read any.
    """

    def __init__(self) -> None:
        self.depth_of_draws = depth_of_draws()
        self.slots: dict[int, Slot] = {}
        self._arrays: list[Tensor] = []  # that stand for arrays
        self._floats: list[Tensor] = []  # that stand for floats
        self.numbers: list[Step] = []
        self._cells: dict[Any, Any] = {}  # what is in them now, by their keys
        self._leaving: dict[Any, tuple[Cell, Any]] = {}  # what is left in them
        self._at: dict[int, Source] = {}  # by the identity of a tensor from outside, kept in _held
        self._held: list[Any] = []
        self._plain: dict[int, tuple[float, int]] = {}  # numbers given to ops, with their slots
        self._passed: list[tuple[float, Number]] = []  # to the op that is called
        self._weak: dict[int, int] = {}  # which step gives the number of a slot
        self.graded: dict[int, tuple[weakref.ref[Tensor], bool | None]] = {}
        self._regraded: dict[int, weakref.ref[Tensor]] = {}

    def number(self, cell: Source) -> Any:
        """What is in a cell, where that is a number: as a `Number`."""
        if cell.key not in self._cells:
            self._cells[cell.key] = Number(self.numbers, Read(cell), cell.read())
        return self._cells[cell.key]

    def tensor(self, cell: Source) -> Tensor:
        """What is in a cell, where that is an array: as a tensor."""
        if cell.key not in self._cells:
            tensor = self._cells[cell.key] = wrap(np.asarray(cell.read()), None)
            self._held.append(tensor)
            self._at[id(tensor)] = cell
        found: Tensor = self._cells[cell.key]
        return found

    def leave(self, cell: Cell, value: Any) -> None:
        """Note that the function has left a number or a tensor in a cell."""
        self._cells[cell.key] = value
        self._leaving[cell.key] = cell, value

    def as_float(self, tensor: Tensor) -> Tensor:
        """Note that the function would have a float where it has this tensor."""
        self._floats.append(tensor)
        return tensor

    def is_float(self, tensor: Tensor) -> bool:
        """Whether a tensor stands for a float that the function would have."""
        return any(tensor is other for other in self._floats)

    def is_array(self, tensor: Tensor) -> bool:
        """Whether a tensor stands for an array that the function would have."""
        return any(tensor is other for other in self._arrays)

    def as_array(self, tensor: Tensor) -> Tensor:
        """Note that the function would have an array where it has this tensor."""
        self._arrays.append(tensor)
        return tensor

    def uses(self, user: Any) -> None:
        """Note an object whose attributes what runs depends on: a module, an optimizer."""

    def decide(self, tensor: Tensor) -> bool:
        """The truth of a tensor, for which alone the program holds."""
        value = bool(array_of(tensor))
        with no_grad():
            decided(tensor, value=value)
        return value

    def refuse(self, why: str) -> None:
        """Note what no program can do again."""

    def line(self) -> str:
        """Where the user's code calls an op, for traces that note it."""
        return ""

    def perform(self, action: Action) -> Any:
        """Run an action, which is run again at each call; cells may hold something else then."""
        self.numbers.append(Performed(action))
        self._cells = {key: value for key, value in self._cells.items() if key in self._leaving}
        return action()

    # --- what a watcher sees -------------------------------------------------------------------

    def all_given(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        if any(isinstance(arg, Number) for arg in args):
            args = tuple([self._as_plain(arg) if isinstance(arg, Number) else arg for arg in args])
        return super().all_given(args)

    def _as_plain(self, number: Number) -> Any:
        """The Python number, which is known again by its identity."""
        if type(number.value) is not float:
            return number.decided(itself)
        plain = number.value * 1.0  # no other has this identity
        self._passed.append((plain, number))
        return plain

    def _take_numbers(self, arrays: list[Any]) -> None:
        """Make inputs of the numbers that an op was given; of one that is not among its arguments
        as they reach the forward it is noted what it was."""
        for plain, number in self._passed:
            if any(array is plain for array in arrays):
                slot = len(self.slots)
                self.slots[slot] = Slot((), np.dtype(np.float64), weak=True)
                self._plain[id(plain)] = plain, slot
                self._weak[slot] = number.step.step
            else:
                number.decided(itself)
        self._passed.clear()

    def grad(self, tensor: Tensor) -> Tensor | None:
        now = super().grad(tensor)
        if not self._is_graded(tensor):
            self.graded[id(tensor)] = weakref.ref(tensor), now is not None
            if now is not None:
                self._held.append(now)
                self._at[id(now)] = Gradient(weakref.ref(tensor))
        return now

    def leaves_grad(self, tensor: Tensor) -> None:
        if not self._is_graded(tensor):
            self.graded[id(tensor)] = weakref.ref(tensor), None
        self._regraded[id(tensor)] = weakref.ref(tensor)

    def _is_graded(self, tensor: Tensor) -> bool:
        return id(tensor) in self.graded and self.graded[id(tensor)][0]() is tensor

    # --- the end -------------------------------------------------------------------------------

    def steps(self) -> tuple[Step, ...]:
        """The steps of numbers; actions that are read after come first."""
        last = max((i for i, step in enumerate(self.numbers) if isinstance(step, Read)), default=0)
        return tuple(
            [
                step._replace(first=i < last) if isinstance(step, Performed) else step
                for i, step in enumerate(self.numbers)
            ]
        )

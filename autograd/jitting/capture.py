"""A function watched once, so that its program can take its place: what would be frozen is told."""

from __future__ import annotations

import os
import sysconfig
import warnings
import weakref
from collections.abc import Callable, Iterator
from functools import partial
from types import FrameType
from typing import Any

import numpy as np

from autograd.engine.modes import Watcher, array_of
from autograd.engine.tape import Operation, Place, Record, newest
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.jitting.guards import Surroundings
from autograd.program.guards import is_shaped_by_numbers, of_shape
from autograd.program.numbers import Action, Cell, Performed
from autograd.program.watching import Trace, watching
from autograd.runtime.writes import caller

_ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
_FOLDERS = (
    os.path.join(_ROOT, "autograd"),
    os.path.join(_ROOT, "nn"),
    os.path.dirname(np.__file__),
)
_STANDARD = os.path.join(sysconfig.get_paths()["stdlib"], "")
_LIBRARY = tuple([os.path.join(folder, "") for folder in _FOLDERS])
# Where a tensor becomes numbers for whoever asks; the asker is further out.
_CONVERTING = tuple(
    os.path.join(_ROOT, "autograd", *parts)
    for parts in (
        ("engine", "tensor.py"),
        ("engine", "modes.py"),
        ("interop", "operators.py"),
        ("interop", "protocols.py"),
        ("jitting", "capture.py"),
        ("runtime", "writes.py"),
    )
)


class FrozenError(RuntimeError):
    """What a jitted function computes would stay as it is now, where it must change."""


class Capture(Trace):
    """A trace that keeps all arrays, and refuses what would be frozen.

    Args:
        name: what messages call the function.
        surroundings: to which objects are added that say that they are read.
        keep: whether all arrays are kept.

    Attributes:
        arrays: by slot; without `keep` those of what it reads alone.
        refusals: why no program can take the place of the function.
        errors: what np.errstate is around it.
        raised: the error that was raised within the function, which may have caught it.
    """

    has_lines = True

    def __init__(self, name: str, surroundings: Surroundings, keep: bool) -> None:
        super().__init__()
        self.name, self._surroundings, self._keep = name, surroundings, keep
        self.arrays: dict[int, Array] = {}
        self.refusals: list[str] = []
        self._start = newest()
        self.errors = np.geterr()
        self._shaped: list[Array] = []  # by numbers, by the call that was made last
        self.raised: FrozenError | None = None
        # What is read; whether it was a constant.
        self._leafs: list[tuple[weakref.ref[Tensor], bool]] = []
        self._before: list[Callable[[], object]] = []  # what puts back what the function changed

    def given_argument(self, leaf: Any, i: int) -> Any:
        """What the function gets for one of its numeric arguments."""
        # A view: the function may have the array itself from elsewhere, as a constant.
        given = np.asarray(leaf).view() if isinstance(leaf, np.ndarray) else leaf
        return self.argument(given, f"x{i + 1}")

    def constant(self, array: Array, note: str = "", filled: bool = False) -> int:
        self._of_outside.clear()  # an array that is not given by a tensor is a constant
        return super().constant(array, note, filled)

    def computed(self, op: Operation, arrays: list[Any], options: dict[str, Any], out: Any) -> None:
        if self._depth:
            return
        self.look_at_shapes()
        super().computed(op, arrays, options, out)
        if not self._pulling and np.geterr() != self.errors:
            self.refuse("it sets np.errstate, which a program does not")
        if op is not of_shape and is_shaped_by_numbers(self.calls[-1], self.slots):
            # Not yet: that the call is recorded is told after it.
            self._shaped = list(out) if isinstance(out, tuple) else [out]

    def look_at_shapes(self) -> None:
        """Let the program look at shapes of what was computed last, where numbers decide them."""
        if not self._shaped:
            return
        shaped, self._shaped = self._shaped, []
        with watching(self, recording=False):
            for part in shaped:
                of_shape(wrap(part, None), shape=part.shape)

    def sweeping(self, begins: bool) -> None:
        self.look_at_shapes()
        super().sweeping(begins)

    def pulling(self, record: Record | None) -> None:
        if record is not None and record.serial < self._start:
            self.refuse("its backward pass goes on through what was computed outside")
        self.look_at_shapes()
        super().pulling(record)

    def new(self, array: Array, tracked: bool = False) -> int:
        slot = super().new(array, tracked)
        if self._keep:
            self.arrays[slot] = array
        return slot

    def line(self) -> str:
        return _users_line()

    def _origin(self, array: Array) -> tuple[str, bool]:
        note, filled = super()._origin(array)
        # Two arrays that are equal now may differ once somebody has written into one.
        return note or f"array {len(self.constants)} of the function", filled

    # --- what was there before -----------------------------------------------------------------

    def _see(self, tensor: Tensor, name: str) -> Any:
        seen = super()._see(tensor, name)
        self.arrays[seen.slot] = seen.array
        reference = weakref.ref(tensor)
        self._leafs.append((reference, tensor._place is None))
        self._before.append(partial(_rebind, reference, seen.array))
        return seen

    def leaves_grad(self, tensor: Tensor) -> None:
        if id(tensor) not in self._regraded:
            self._before.append(partial(_regrade, weakref.ref(tensor), Watcher().grad(tensor)))
        super().leaves_grad(tensor)

    @property
    def sets_options(self) -> bool:
        """Whether what it is told of changes options of optimizers."""
        acts = any(isinstance(step, Performed) for step in self.numbers)
        return acts or any(key[0] == "option" for key in self._leaving)

    def leave(self, cell: Cell, value: Any) -> None:
        if cell.key not in self._leaving:
            try:
                self._before.append(partial(cell.write, cell.read()))
            except KeyError:
                self._before.append(cell.forget)
        super().leave(cell, value)

    def perform(self, action: Action) -> Any:
        self._before.append(partial(action.restore, action.state()))
        return super().perform(action)

    def put_back(self) -> None:
        """Let all that the function has changed be as it was before it ran."""
        for restore in reversed(self._before):
            restore()

    # --- what is outside -----------------------------------------------------------------------

    def outside(self) -> Iterator[tuple[Tensor, int]]:
        """The tensors that the function read, arguments among them, and their slots."""
        for seen in self._outside.values():
            tensor = seen.tensor()
            if tensor is not None and seen.cell is None:
                yield tensor, seen.slot

    def is_bound(self, tensor: Tensor) -> bool:
        """Whether the function has bound a tensor that it read to another array."""
        seen = self._outside.get(id(tensor))
        return seen is not None and array_of(tensor) is not seen.array

    def made_leaves(self) -> bool:
        """Whether the function has let a tensor that it read want a gradient, or no longer."""
        alive = [(t, was) for reference, was in self._leafs if (t := reference()) is not None]
        return any((t._place is None) is not was for t, was in alive if not self.is_array(t))

    # --- what cannot be in a program -----------------------------------------------------------

    def uses(self, user: Any) -> None:
        self._surroundings.add(user)  # before what follows changes it
        if getattr(user, "_forward_hooks", None) or getattr(user, "_forward_pre_hooks", None):
            self.refuse(f"{type(user).__name__} has hooks, which Python runs")

    def refuse(self, why: str) -> None:
        if why not in self.refusals:
            self.refusals.append(why)

    def communicated(self, name: str, nbytes: int, begin: int, end: int, waited: int) -> None:
        self.refuse("it sends something to other processes")

    def read(self, tensor: Tensor) -> Array:
        array = array_of(self.given(tensor))
        if self._depth:  # within a forward, which runs again
            return array
        asker, line = caller(_CONVERTING).f_code, _users_line()
        if asker.co_filename.startswith(_LIBRARY):
            self.refuse(f"{asker.co_name}() decides by the numbers of a tensor ({line})")
            return array
        if self.refusals:
            return array  # it runs plainly
        self.raised = FrozenError(
            f"jit({self.name}): the numbers of a tensor {tensor.shape} are asked for ({line}); "
            "they would stay as they are now in every later call. Compute with tensors instead, "
            "return the tensor and ask it outside, or leave this part of the function out of jit"
        )
        raise self.raised

    def place(self, tensor: Tensor) -> Place | None:
        self.refuse(f"a hook is put on a tensor within it ({_users_line()})")
        return tensor._place


def _rebind(reference: weakref.ref[Tensor], array: Array) -> None:
    tensor = reference()
    if tensor is not None and array_of(tensor) is not array:
        tensor.data = array


def _regrade(reference: weakref.ref[Tensor], grad: Tensor | None) -> None:
    if (tensor := reference()) is not None:
        tensor.grad = grad


def users_frame() -> FrameType:
    """The innermost frame of code that is not the library's, nor Python's own."""
    return caller((*_LIBRARY, _STANDARD))


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn where the user's code has called."""
    frame = users_frame()
    warnings.warn_explicit(message, category, frame.f_code.co_filename, frame.f_lineno)


def _users_line() -> str:
    """The same as file:line."""
    own = users_frame()
    return f"{os.path.basename(own.f_code.co_filename)}:{own.f_lineno}"

"""The program of a tape run again: in float64, and shaken in their last digits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd.checking.choices.orders import reordered
from autograd.engine.conforming import BroadcastWarning
from autograd.engine.tape import Place
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.ops.shapes.indexing import getitem
from autograd.program.program import Call, Value, mapped
from autograd.program.running import compute
from autograd.program.taping import Taped, key_of
from autograd.program.watching import watching

# How far the mean of a recomputed output may be from the recorded one, of the mean of its elements:
# further apart, it is not the same computation (it drew random numbers, say).
_FAITHFUL = 1e-2
_EXACT_INTEGERS = 1024


@contextmanager
def quietly() -> Iterator[None]:
    """Without the warnings that the user's own computation has given already."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", BroadcastWarning)
        yield


class ReplayError(Exception):
    """The tape holds something that cannot be computed again; the message says what."""


class Shake:
    """Moves each number by a few units of relative size `eps`, as rounding does.

    By how many depends on the number alone (its bits are hashed), so numbers that are equal stay
    equal, and a tie of maxima stays a tie.
    """

    def __init__(self, eps: float, seed: int) -> None:
        self.eps = eps
        draw = np.random.default_rng(seed).integers(1 << 32, 1 << 63, dtype=np.uint64)
        self._multiplier = draw | np.uint64(1)

    def __call__(self, x: Array) -> Array:
        """Every number moved, by up to 1.75 eps."""
        wide = np.ascontiguousarray(x, np.float64).reshape(x.shape)
        mixed = wide.view(np.uint64).copy()
        shifted = np.empty_like(mixed)  # all in place: arrays are large
        with np.errstate(over="ignore"):  # a hash wraps around
            for shift in (29, 32):
                np.right_shift(mixed, np.uint64(shift), out=shifted)
                np.bitwise_xor(mixed, shifted, out=mixed)
                np.multiply(mixed, self._multiplier, out=mixed)
        steps = np.right_shift(mixed, np.uint64(61), out=mixed).astype(np.float64)
        steps -= 3.5
        steps *= self.eps / 2
        steps += 1
        steps *= wide
        return np.asarray(steps)

    def of_value(self, x: Array) -> Array:
        """As the call, but small whole numbers stay: exponents, counts and labels are exact."""
        whole = x == np.rint(x)
        if not whole.any():
            return self(x)
        return np.where(whole & (np.abs(x) <= _EXACT_INTEGERS), x, self(x))


class Replay:
    """The program of a tape run again on tensors: from its leaves and constants, in float64.

    Args:
        taped: the program.
        shake: what later calls get of each value.
        moves: what is added to values, by slot.
        faithful: whether it is known that each call gives what it gave.
        recording: whether it is recorded anew, so that gradients can be pulled.

    Attributes:
        root: the tensor that corresponds to the root.
        tensors: what stands for each value, by slot.

    Raises ReplayError where a record is no call of a primitive, or gives something else.
    """

    def __init__(
        self,
        taped: Taped,
        shake: Shake | None = None,
        moves: Mapping[int, Array] | None = None,
        faithful: bool = False,
        recording: bool = True,
    ) -> None:
        self._taped, self._shake, self._moves = taped, shake, moves or {}
        for record in taped.records:
            if record.serial not in taped.calls:
                name = record.op.name
                raise ReplayError(f"'{name}' cannot be computed again from its arguments")
        self._constants: dict[int, Tensor] = {}
        self._leaves = [  # which their places know no longer than they live
            Tensor(self._wide(array), requires_grad=recording) for array in taped.leaves.values()
        ]
        self.tensors = {
            slot: self._moved(leaf, slot)
            for slot, leaf in zip(taped.leaves, self._leaves, strict=True)
        }
        program = taped.program
        with watching(None, recording), quietly():
            for call in program.calls[: taped.forward]:
                self._run(call, faithful)
        self.root: Tensor = self.tensors[program.result[0].slot]

    def places(self) -> dict[int, Place]:
        """The places of the new tape, by the serial numbers of those of the given one."""
        found = {}
        for place in self._taped.places:
            slot = self._taped.slots.get(key_of(place))
            own = None if slot is None else self.tensors[slot]._place
            if own is not None:
                found[place.serial] = own
        return found

    def _run(self, call: Call, faithful: bool) -> None:
        held = self._taped.held
        args = [self._given(part) for part in call.inputs]
        if self._moves and call.op is getitem:
            in_order = reordered(*[mapped(part, self._recorded) for part in call.inputs])
            args[1] = args[1] if in_order is None else in_order(args[0].data)
        options = {name: mapped(part, self._recorded) for name, part in call.options.items()}
        op: Any = call.op
        made = op(*args, **options)
        if not faithful:
            again = zip(compute(call, held), call.outputs, strict=False)  # it may save something
            if not all(_same_computation(array, held[slot], args) for array, slot in again):
                raise ReplayError(f"'{op.name}' gives other numbers when it runs again")
        tensors = made if isinstance(made, tuple) else (made,)
        for slot, tensor in zip(call.outputs, tensors, strict=True):
            self.tensors[slot] = self._moved(self._shaken(tensor), slot)

    def _shaken(self, tensor: Tensor) -> Tensor:
        """What later calls get. The record itself keeps what it made: rules compare with it."""
        if self._shake is None or tensor.dtype != np.float64:
            return tensor
        return wrap(self._shake.of_value(tensor.data), tensor._place)

    def _moved(self, tensor: Tensor, slot: int) -> Tensor:
        move = self._moves.get(slot)
        if move is None or move.shape != tensor.shape:  # bound to another array since
            return tensor
        return wrap(tensor.data + move, tensor._place)

    def _recorded(self, leaf: Any) -> Any:
        """A leaf of what a call is given, with the array that the tape has for a value."""
        return self._taped.held[leaf.slot] if isinstance(leaf, Value) else _widened(leaf)

    def _given(self, value: Any) -> Any:
        """An argument of a call: what stands for the value that it is."""
        if not isinstance(value, Value):
            return mapped(value, self._recorded)
        if value.slot in self.tensors and not value.constant:
            return self.tensors[value.slot]
        if value.slot not in self._constants:
            array = self._wide(self._taped.held[value.slot])
            to = self._taped.rebound.get(value.slot)
            constant = wrap(array, None if to is None else self.tensors[to]._place)
            self._constants[value.slot] = constant if to is None else self._moved(constant, to)
        return self._constants[value.slot]

    def _wide(self, array: Array) -> Array:
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            return array
        wide = array.astype(np.float64, copy=False)
        return wide if self._shake is None else self._shake.of_value(wide)


def _widened(value: Any) -> Any:
    """float64 where a narrower floating dtype is named."""
    if isinstance(value, np.dtype | type):
        try:
            dtype = np.dtype(value)
        except TypeError:
            return value
        return np.dtype(np.float64) if dtype.kind == "f" and dtype.itemsize < 8 else value
    return value


def _same_computation(made: Array, recorded: Array, args: list[Any]) -> bool:
    if made.shape != recorded.shape:
        return False
    if np.array_equal(made, recorded):
        return True
    finite = np.isfinite(recorded) & np.isfinite(made)
    if recorded.dtype.kind != "f" or not finite.any():
        return True
    known = np.finfo(recorded.dtype)
    difference = np.abs(made[finite] - recorded[finite].astype(made.dtype, copy=False)).mean()
    # What cancels is as inexact as the largest number that went in.
    sizes = [np.abs(a.data).max() for a in args if isinstance(a, Tensor) and a.data.size]
    rounding = 1e3 * float(known.eps) * float(max(sizes, default=0.0))
    size = float(np.abs(recorded[finite]).mean())
    return bool(difference <= _FAITHFUL * size + rounding + 1e3 * float(known.tiny))

"""The records of a tape computed again: in float64, and shaken in their last digits."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

from autograd.checking.choices.orders import reordered
from autograd.engine.conforming import BroadcastWarning
from autograd.engine.keeping import Dropped
from autograd.engine.modes import enable_grad, mode
from autograd.engine.primitives import Primitive, Saved
from autograd.engine.tape import Leaf, Output, Place, Record
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.ops.shapes.indexing import getitem
from autograd.program.recorded import Values

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
    """The records below `root` computed again from leaves and constants, in float64.

    Args:
        moves: what is added to the values of places, by their serial numbers.
        faithful: whether it is known that each record gives what it gave.

    Attributes:
        root: the tensor that corresponds to the root.
        places: serial number on the given tape -> place on the new one.

    Raises ReplayError where a record is no call of a primitive, or gives something else.
    """

    def __init__(
        self,
        values: Values,
        root: Place,
        shake: Shake | None = None,
        moves: Mapping[int, Array] | None = None,
        faithful: bool = False,
    ) -> None:
        self._shake, self._moves, self._faithful = shake, moves or {}, faithful
        self._made: dict[int, Tensor] = {}
        self._outputs: dict[tuple[int, int], Tensor] = {}
        self._leaves: dict[int, Tensor] = {}
        self._converted: dict[int, tuple[Array, Array]] = {}
        observer, mode.observer = mode.observer, None  # this is not the user's computation
        try:
            with enable_grad(), quietly():
                for record in values.records:
                    self._compute(values, record)
                for place in values.places:
                    if isinstance(place, Output):
                        self._made[place.serial] = self._output(place)
        finally:
            mode.observer = observer
        if root.serial in self._made:
            self.root = self._made[root.serial]
        else:  # the root is a leaf
            self.root = self._argument(values.at(root), root)
        self.places: dict[int, Place] = {
            serial: tensor._place
            for serial, tensor in (self._made | self._leaves).items()
            if tensor._place is not None
        }

    def _compute(self, values: Values, record: Record) -> None:
        if not isinstance(record.op, Primitive):
            raise ReplayError(f"'{record.op.name}' cannot be computed again from its arguments")
        assert record.arrays is not None
        args = [
            self._argument(array, parent, whole)
            for array, parent, whole in zip(
                record.arrays, record.parents, values.arrays(record), strict=True
            )
        ]
        if self._moves and record.op is getitem:
            again_in_order = reordered(*values.arrays(record))
            if again_in_order is not None:
                args[1] = again_in_order(args[0].data)
        options = {name: _widened(value) for name, value in record.options.items()}
        made = record.op(*args, **options)
        out = values.out(record)
        outs = out if isinstance(out, tuple) else (out,)
        tensors = made if isinstance(made, tuple) else (made,)
        if not self._faithful:
            again = _outs(record.op.forward(*values.arrays(record), **record.options))
            same = (_same_computation(a, b, args) for a, b in zip(again, outs, strict=True))
            if not all(same):
                raise ReplayError(f"'{record.op.name}' gives other numbers when it runs again")
        for index, tensor in enumerate(tensors):
            shaken = self._moved(self._shaken(tensor), record.serial)
            if isinstance(out, tuple):
                self._outputs[record.serial, index] = shaken
            else:
                self._made[record.serial] = shaken

    def _shaken(self, tensor: Tensor) -> Tensor:
        """What later records get. The record itself keeps what it made: rules compare with it."""
        if self._shake is None or tensor.dtype != np.float64:
            return tensor
        return wrap(self._shake.of_value(tensor.data), tensor._place)

    def _moved(self, tensor: Tensor, serial: int) -> Tensor:
        move = self._moves.get(serial)
        if move is None or move.shape != tensor.shape:  # bound to another array since
            return tensor
        return wrap(tensor.data + move, tensor._place)

    def _output(self, place: Output) -> Tensor:
        return self._moved(self._outputs[place.record.serial, place.index], place.serial)

    def _argument(self, array: Any, parent: Place | None, whole: Any = None) -> Any:
        if not isinstance(array, np.ndarray | Dropped):
            return _widened(array)
        if parent is None:
            return wrap(self._wide(array), None)
        if isinstance(parent, Leaf):
            if parent.serial not in self._leaves:
                self._leaves[parent.serial] = Tensor(self._wide(array), requires_grad=True)
            leaf = self._leaves[parent.serial]
            # Its array may have been bound anew.
            return self._moved(wrap(self._wide(array), leaf._place), parent.serial)
        made = self._output(parent) if isinstance(parent, Output) else self._made[parent.serial]
        if isinstance(array, Dropped) or _is_output(array, parent):
            return made
        return wrap(self._wide(whole), made._place)  # the tensor was bound to another array

    def _wide(self, given: Any) -> Array:
        array: Array = given
        if array.dtype.kind != "f" or array.dtype.itemsize > 8:
            return array
        known = self._converted.get(id(array))
        if known is None:
            wide = array.astype(np.float64, copy=False)
            wide = wide if self._shake is None else self._shake.of_value(wide)
            known = self._converted[id(array)] = (array, wide)
        return known[1]


def _outs(out: Any) -> tuple[Array, ...]:
    """What a forward returned, as a tuple of arrays."""
    out = out.out if isinstance(out, Saved) else out
    return tuple(map(np.asarray, out)) if isinstance(out, tuple) else (np.asarray(out),)


def _is_output(array: Array, parent: Any) -> bool:
    out = parent.record.out[parent.index] if isinstance(parent, Output) else parent.out
    return array is out or isinstance(out, Dropped) or np.array_equal(array, out, equal_nan=True)


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

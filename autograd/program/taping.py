"""A program made from a finished tape: what was recorded, and the sweep that goes back over it."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.conforming import BroadcastWarning, like
from autograd.engine.keeping import Dropped
from autograd.engine.modes import array_of, mode
from autograd.engine.primitives import Primitive
from autograd.engine.sweep import sweep
from autograd.engine.tape import Leaf, Output, Place, Record, Refusal
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.program.program import Call, Constant, Delivery, Input, Program, Value, mapped
from autograd.program.recorded import Values
from autograd.program.watching import Trace, watching, with_arrays

Key = tuple[int, int]  # of a place: the serial number, and which of several outputs


class Taped(NamedTuple):
    """The program of a tape, and what of it is where.

    Attributes:
        program: its result is the root and, where it was swept, the gradient of each leaf that the
            sweep reached: (root, {number of the input: gradient}).
        slots: of each place, by its `key_of`.
        calls: the number of the call of a record, by its serial number. What is computed again in
            the backward pass, as a checkpoint, is not one call.
        forward: how many calls there are before the sweep.
        kept: what forwards saved, by slot.
        leaves: the arrays of leaves, as the tape saw them, by slot.
    """

    program: Program
    slots: dict[Key, int]
    calls: dict[int, int]
    forward: int
    kept: dict[int, Constant]
    leaves: dict[int, Array]


def program_of_tape(root: Tensor, swept: bool = True) -> Taped:
    """The program of what `root` was computed by, oldest first, and of the sweep from ones.

    The sweep runs once, on records of its own: nothing is freed, no hook is called, no `.grad` is
    touched. What the tape has let go is computed again, and so is what is in a checkpoint. Without
    the sweep nothing is computed: the results of checkpoints are constants.

    Raises RuntimeError where an earlier backward pass freed the tape, or what it holds has no
    derivative.
    """
    return _Taping(root, swept).taped(root)


def key_of(place: Place) -> Key:
    """What `Taped.slots` knows a leaf, a record with one output, or an output by."""
    if isinstance(place, Output):
        return place.record.serial, place.index
    return place.serial, 0


class _Taping:
    def __init__(self, root: Tensor, swept: bool) -> None:
        self._values, self._swept = Values(root), swept
        self._trace = Trace(frozen=True)
        self._arrays: dict[Key, Array] = {}  # what stands for a place; no other has the same
        self._seen: dict[Key, Array] = {}  # what the tape has there
        self._unique: dict[int, Array] = {}  # by the identity of what the tape has
        self._places: dict[int, Place] = {}
        self._owners: list[Tensor] = []  # which leaves hold weakly
        self._inputs: list[Input] = []
        self._calls: dict[int, int] = {}

    def taped(self, root: Tensor) -> Taped:
        place = root._place
        assert place is not None
        self._root, trace = key_of(place), self._trace
        data = root.data
        hooks, mode.sweep_hooks = mode.sweep_hooks, ()
        gradients: dict[int, Value] = {}
        try:
            with watching(trace, recording=False), np.errstate(all="ignore"):
                for record in self._values.records:
                    self._call(record)
                if isinstance(place, Leaf):
                    self._leaf(place, data)
                forward = len(trace.calls)
                if self._swept:
                    gradients = self._sweep(self._place(place), data)
        finally:
            mode.sweep_hooks = hooks
        trace.keep_constants(lambda tensor: True)  # what rules close over, or make
        slots = {key: self._slot(array) for key, array in self._arrays.items()}
        result = (Value(slots[self._root]), gradients)
        program = Program(
            tuple(trace.calls),
            trace.slots,
            tuple(self._inputs),
            trace.constants,
            result,
            deliveries=tuple(trace.deliveries),
        )
        leaves = {
            i.slot: array_of(tensor) for i, tensor in zip(self._inputs, self._owners, strict=True)
        }
        return Taped(program.check(), slots, self._calls, forward, trace.kept, leaves)

    def _sweep(self, place: Place, data: Array) -> dict[int, Value]:
        found: dict[int, Value] = {}
        numbers = {
            tensor._place.serial: i for i, tensor in enumerate(self._owners) if tensor._place
        }

        def deposit(leaf: Place, g: Tensor) -> None:
            found[numbers[leaf.serial]] = Value(self._trace.constant(array_of(g)))

        seed = np.ones_like(data)
        slot = self._trace.constant(seed, "ones", filled=True)
        to = self._slot(self._arrays[self._root])
        self._trace.deliveries.append(Delivery(None, to, slot))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BroadcastWarning)  # the program shows the sum
            sweep([(place, wrap(seed, None))], deposit, retain_graph=True, create_graph=False)
        return found

    # --- places --------------------------------------------------------------------------------

    def _slot(self, array: Array) -> int:
        slot = self._trace.known(array)
        assert slot is not None
        return slot

    def _stands(self, key: Key, seen: Array, array: Array) -> None:
        """Let an array stand for what the tape has at a place."""
        self._arrays[key], self._seen[key] = array, seen
        self._unique.setdefault(id(seen), array)

    def _leaf(self, place: Leaf, array: Array) -> None:
        key = key_of(place)
        if key in self._arrays:
            return
        tensor = wrap(array.view(), None)
        tensor._place = self._places[place.serial] = Leaf(tensor)
        self._owners.append(tensor)
        slot = self._trace.new(array_of(tensor), tracked=True)
        self._stands(key, array, array_of(tensor))
        # That of a transform's variable is gone; what it held is here.
        owner = place.owner()
        owner = tensor if owner is None else owner
        self._inputs.append(Input(slot, f"x{len(self._inputs) + 1}", owner))

    def _place(self, place: Place) -> Place:
        """The place of its own that stands for one of the tape."""
        if isinstance(place, Refusal):
            return place
        if place.serial not in self._places:
            assert isinstance(place, Output)
            record = self._places[place.record.serial]
            assert isinstance(record, Record)
            self._places[place.serial] = Output(record, place.index)
        return self._places[place.serial]

    def _given(self, record: Record, array: Any, parent: Place | None) -> tuple[Any, Place | None]:
        """An argument of a record, and its place, as those that stand for them."""
        if parent is None or isinstance(parent, Refusal):
            return self._unique.get(id(array), array), parent
        if isinstance(parent, Leaf):
            self._leaf(parent, array)
        key = key_of(parent)
        seen = self._seen[key]
        # The tensor may have been bound to another array since.
        own = isinstance(array, Dropped) or array is seen or _same(array, seen)
        return self._arrays[key] if own else array, self._place(parent)

    # --- calls ---------------------------------------------------------------------------------

    def _call(self, record: Record) -> None:
        trace = self._trace
        out = self._values.out(record) if self._swept else _stand_ins(record.out)
        assert record.arrays is not None
        pairs = [
            self._given(record, array, parent)
            for array, parent in zip(record.arrays, record.parents, strict=True)
        ]
        arrays, parents = [list(part) for part in zip(*pairs, strict=True)] or ([], [])
        outs = list(out) if isinstance(out, tuple) else [out]
        saved = with_arrays(record.saved)
        own = Record(record.op, arrays, parents, record.options, out, saved, record.scope)
        own.line = record.line
        self._places[record.serial] = own
        if isinstance(record.op, Primitive):
            inputs, options = mapped((tuple(arrays), record.options), trace.value)
            inputs = tuple(map(trace.held, inputs, parents))
            made = [trace.apart(part) for part in outs]
            outputs = tuple([trace.new(part, tracked=True) for part in made])
            several = like(out, [None] * len(outs)) if isinstance(out, tuple) else None
            self._calls[record.serial] = len(trace.calls)
            trace.note(
                Call(
                    record.op,
                    inputs,
                    options,
                    outputs,
                    several,
                    trace.saved(record.op, saved),
                    True,
                    record.scope,
                    None,
                    record.line,
                ),
                own.serial,
            )
        elif not self._swept:
            made = [part.view() for part in outs]
            for part in made:
                trace.constant(part, f"given by {record.op.name}")
        else:
            again: Any = record.op
            made = again.forward_again(own)
        own.out = like(out, made) if isinstance(out, tuple) else made[0]
        for index, (seen, array) in enumerate(zip(outs, made, strict=True)):
            if isinstance(array, np.ndarray):
                self._stands((record.serial, index), seen, array)


def _stand_ins(out: Any) -> Any:
    """The outputs of a record, with arrays that take no memory for those that it has let go."""
    if isinstance(out, tuple):
        return tuple(map(_stand_ins, out))
    return np.broadcast_to(np.zeros((), out.dtype), out.shape) if isinstance(out, Dropped) else out


def _same(a: Any, b: Any) -> bool:
    """Whether two arrays hold the same; what was computed again is another array."""
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")

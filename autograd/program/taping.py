"""A program made from a finished tape: what was recorded, and the sweep that goes back over it."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autograd.engine.conforming import BroadcastWarning, like
from autograd.engine.keeping import Dropped
from autograd.engine.modes import array_of, mode
from autograd.engine.primitives import Primitive
from autograd.engine.sweep import sweep
from autograd.engine.tape import Leaf, Output, Place, Record, Refusal, reachable
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.program.program import Call, Constant, Delivery, Input, Program, Value, mapped
from autograd.program.running import compute, returned_by
from autograd.program.watching import Trace, watching, with_arrays

Key = tuple[int, int]  # of a place: the serial number, and which of several outputs


@dataclass(eq=False)
class Taped:
    """The program of a tape, what of it is where, and the arrays of places.

    Attributes:
        program: its result is the roots and, where it was swept, the gradient of each leaf that the
            sweep reached: (root, {number of the input: gradient}).
        slots: of each place, by its `key_of`.
        calls: the number of the call of a record, by its serial number. What is computed again in
            the backward pass, as a checkpoint, is not one call.
        forward: how many calls there are before the sweep.
        kept: what forwards saved, by slot.
        leaves: the arrays of leaves, as the tape saw them, by slot.
        rebound: slots of arrays that a tensor was bound to after it was computed. They are
            constants, but the gradient of each goes on to the slot that is given here.
        places: of the tape, oldest first.
    """

    program: Program
    slots: dict[Key, int]
    calls: dict[int, int]
    forward: int
    kept: dict[int, Constant]
    leaves: dict[int, Array]
    rebound: dict[int, int]
    places: list[Place]

    @property
    def records(self) -> list[Record]:
        """The calls on the tape, oldest first."""
        return [place for place in self.places if isinstance(place, Record)]

    @cached_property
    def held(self) -> dict[int, Array]:
        """The arrays of all values before the sweep, by slot.

        What the tape has let go is computed again, once, when they are first asked for.
        """
        given = {**self.program.constants, **self.kept}
        held = {slot: constant.array for slot, constant in given.items()} | self.leaves
        for record in self.records:
            outs = record.out if isinstance(record.out, tuple) else (record.out,)
            for index, out in enumerate(outs):
                if isinstance(out, np.ndarray):
                    held[self.slots[record.serial, index]] = out
        with watching(None, recording=False), np.errstate(all="ignore"):
            for call in self.program.calls[: self.forward]:
                if not all(slot in held for slot in call.outputs):
                    held.update(zip(call.gives(), compute(call, held), strict=True))
        return held

    def slot(self, place: Place) -> int:
        """The slot of a leaf, of a record with one output, or of an output."""
        return self.slots[key_of(place)]

    def at(self, place: Place) -> Array:
        """The array of such a place."""
        return self.held[self.slot(place)]

    def out(self, record: Record) -> Any:
        """The output of a record, or the tuple of its outputs."""
        return self.at(record) if isinstance(record.out, Dropped) else record.out

    def arrays(self, record: Record) -> tuple[Any, ...]:
        """The positional arguments of a record."""
        assert record.arrays is not None
        return tuple(
            self.at(parent) if isinstance(array, Dropped) and parent is not None else array
            for array, parent in zip(record.arrays, record.parents, strict=True)
        )

    def full(self, record: Record) -> Record:
        """A record of the same call that holds all of its arrays; its rules can be run."""
        arrays, out = self.arrays(record), self.out(record)
        whole = Record(
            record.op, arrays, record.parents, record.options, out, record.saved, record.scope
        )
        whole.line = record.line
        return whole


def program_of_tape(root: Tensor) -> Taped:
    """The program of what `root` was computed by, oldest first, and of the sweep from ones.

    The sweep runs once, on records of its own: nothing is freed, no hook is called, no `.grad` is
    touched. What the tape has let go is computed again, and so is what is in a checkpoint.

    Raises RuntimeError where an earlier backward pass freed the tape, or what it holds has no
    derivative.
    """
    return _Taping([root], True).taped()


def calls_of_tape(*roots: Tensor) -> Taped:
    """The program of what the roots were computed by, oldest first, without a sweep.

    Nothing is computed: the results of checkpoints are constants. Roots that are constants are left
    out.

    Raises RuntimeError where an earlier backward pass freed the tape.
    """
    return _Taping([root for root in roots if root._place is not None], False).taped()


def place_of_root(root: Any, caller: str) -> Place:
    """The place of a tensor that has a tape to look at; errors begin with the caller's name.

    Raises:
        TypeError: the root is no Tensor.
        RuntimeError: nothing was recorded, or an earlier backward pass freed the tape.
    """
    if not isinstance(root, Tensor):
        raise TypeError(
            f"{caller}: {type(root).__name__} given, a Tensor expected that was computed from "
            "tensors with requires_grad=True"
        )
    if root._place is None:
        raise RuntimeError(
            f"{caller}: this tensor is a constant, nothing was recorded; set requires_grad=True "
            "on a leaf, and compute outside no_grad"
        )
    try:
        reachable([root._place])
    except RuntimeError as error:
        raise RuntimeError(
            f"{caller}: an earlier backward pass freed the tape of this tensor, or a part of it; "
            "call this before backward, or pass retain_graph=True there"
        ) from error
    return root._place


def key_of(place: Place) -> Key:
    """What `Taped.slots` knows a leaf, a record with one output, or an output by."""
    if isinstance(place, Output):
        return place.record.serial, place.index
    return place.serial, 0


class _Taping:
    def __init__(self, roots: list[Tensor], swept: bool) -> None:
        self._roots, self._swept = roots, swept
        self._trace = Trace(frozen=True)
        self._arrays: dict[Key, Array] = {}  # what stands for a place; no other has the same
        self._seen: dict[Key, Any] = {}  # what the tape has there
        self._rebound: dict[tuple[int, Key], Array] = {}  # by the identity of such an array
        self._unique: dict[int, Array] = {}  # by the identity of what the tape has
        self._places: dict[int, Place] = {}
        self._owners: list[Tensor] = []  # which leaves hold weakly
        self._inputs: list[Input] = []
        self._calls: dict[int, int] = {}

    def taped(self) -> Taped:
        trace = self._trace
        ends = [(root._place, root.data) for root in self._roots if root._place is not None]
        places = reachable(place for place, _ in ends)
        hooks, mode.sweep_hooks = mode.sweep_hooks, ()
        gradients: dict[int, Value] = {}
        try:
            with watching(trace, recording=False), np.errstate(all="ignore"):
                for place in places:
                    if isinstance(place, Record):
                        self._call(place)
                for place, data in ends:
                    if isinstance(place, Leaf):
                        self._leaf(place, data)
                forward = len(trace.calls)
                if self._swept:
                    gradients = self._sweep(*ends[0])
        finally:
            mode.sweep_hooks = hooks
        trace.keep_constants(lambda tensor: True)  # what rules close over, or make
        slots = {key: self._slot(array) for key, array in self._arrays.items()}
        result: tuple[Any, ...] = tuple([Value(slots[key_of(place)]) for place, _ in ends])
        program = Program(
            tuple(trace.calls),
            trace.slots,
            tuple(self._inputs),
            trace.constants,
            (*result, gradients) if self._swept else result,
            deliveries=tuple(trace.deliveries),
        )
        leaves = {
            i.slot: array_of(tensor) for i, tensor in zip(self._inputs, self._owners, strict=True)
        }
        rebound = {self._slot(view): slots[key] for (_, key), view in self._rebound.items()}
        return Taped(
            program.check(), slots, self._calls, forward, trace.kept, leaves, rebound, places
        )

    def _sweep(self, place: Place, data: Array) -> dict[int, Value]:
        found: dict[int, Value] = {}
        numbers = {
            tensor._place.serial: i for i, tensor in enumerate(self._owners) if tensor._place
        }

        def deposit(leaf: Place, g: Tensor) -> None:
            found[numbers[leaf.serial]] = Value(self._trace.constant(array_of(g)))

        seed = np.ones_like(data)
        slot = self._trace.constant(seed, "ones", filled=True)
        to = self._slot(self._arrays[key_of(place)])
        self._trace.deliveries.append(Delivery(None, to, slot))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", BroadcastWarning)  # the program shows the sum
            start = [(self._place(place), wrap(seed, None))]
            sweep(start, deposit, retain_graph=True, create_graph=False)
        return found

    # --- places --------------------------------------------------------------------------------

    def _slot(self, array: Array) -> int:
        slot = self._trace.known(array)
        assert slot is not None
        return slot

    def _stands(self, key: Key, seen: Any, array: Array) -> None:
        """Let an array stand for what the tape has at a place, or has let go."""
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
        if isinstance(array, Dropped) or array is seen or _same(array, seen):
            array = self._arrays[key]
        else:  # the tensor was bound to another array since
            array = self._rebound.setdefault((id(array), key), array.view())
        return array, self._place(parent)

    # --- calls ---------------------------------------------------------------------------------

    def _call(self, record: Record) -> None:
        trace = self._trace
        assert record.arrays is not None
        pairs = [
            self._given(record, array, parent)
            for array, parent in zip(record.arrays, record.parents, strict=True)
        ]
        arrays, parents = [list(part) for part in zip(*pairs, strict=True)] or ([], [])
        out = self._out(record, arrays)
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
        else:
            again: Any = record.op
            views = [part.view() if isinstance(part, np.ndarray) else part for part in outs]
            made = again.forward_again(own) if self._swept else views
            for part in made:  # what was not computed again, as no gradient goes back from it
                if isinstance(part, np.ndarray) and trace.known(part) is None:
                    trace.constant(part, f"given by {record.op.name}")
        own.out = like(out, made) if isinstance(out, tuple) else made[0]
        for index, (seen, array) in enumerate(zip(outs, made, strict=True)):
            if isinstance(array, np.ndarray):
                gone = isinstance(record.out, Dropped) and not self._swept
                self._stands((record.serial, index), record.out if gone else seen, array)

    def _out(self, record: Record, arrays: list[Any]) -> Any:
        """What a record gave. What it has let go is computed again for the sweep; without one, an
        array that takes no memory stands for it."""
        gone = record.out
        if not isinstance(gone, Dropped):
            return gone
        if not self._swept:
            return np.broadcast_to(np.zeros((), gone.dtype), gone.shape)
        op: Any = record.op  # a primitive: only these let go
        with watching(None):
            out, _ = returned_by(op, op.forward(*arrays, **record.options), arrays)
        return out


def _same(a: Any, b: Any) -> bool:
    """Whether two arrays hold the same, as far as is known: what was computed again is another."""
    if isinstance(b, Dropped):
        return True
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")

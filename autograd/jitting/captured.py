"""One run of a function, and the program that is made of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from operator import is_
from typing import Any

import numpy as np

from autograd.engine.modes import array_of, mode
from autograd.engine.sweep import sweep
from autograd.engine.tape import Leaf, Place, reachable
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.jitting.capture import Capture, FrozenError
from autograd.jitting.guards import Surroundings
from autograd.jitting.linearizing import Linearized, linearized
from autograd.jitting.signatures import Leaves, states
from autograd.program.numbers import Number
from autograd.program.program import Program, Value
from autograd.program.watching import watching
from autograd.runtime.draws import noting
from autograd.runtime.trees import flatten, is_plain

_FREED = (
    "backward through what a jitted function returned, whose graph its own backward freed; pass "
    "retain_graph=True there, or return the gradients"
)


@dataclass
class Returned:
    """One leaf of what a function returned: the first of these that there is.

    Attributes:
        argument: which leaf of its arguments it is.
        slot: of a value of the program.
        itself: what it is at every call.
        out: which of the results that gradients go back from.
        reason: why no gradient goes back from it, though it wants one.
        kind: what it is: a "tensor", an "array", or one of NumPy's numbers, a "float".
        number: which of the program's numbers it is.
        tensor: the same for two leaves that are one tensor.
    """

    argument: int | None = None
    slot: int | None = None
    itself: Any = None
    out: int | None = None
    reason: str | None = None
    kind: str = "tensor"
    number: int | None = None
    tensor: int | None = None


def as_array(array: Array) -> Any:
    """An array as transforms return it: in memory of its own, and without axes a number."""
    return array.copy() if array.ndim else array[()]


def kind_of_place(tensor: Tensor) -> type[Any] | None:
    """Whether a tensor is a constant, a leaf or computed, as far as a program holds for it."""
    return None if tensor._place is None else type(tensor._place)


def has_hooks(tensor: Tensor) -> bool:
    """Whether somebody wants to see the gradient of a tensor, or to change it."""
    return tensor._place is not None and bool(tensor._place.hooks)


def _put_back(draws: dict[int, tuple[Any, Any]]) -> None:
    """Let sources of random numbers be as they were before they were drawn from."""
    for source, copy in draws.values():
        if isinstance(source, np.random.Generator):
            source.bit_generator.state = copy.bit_generator.state
        else:  # what a generator counts beside its draws
            vars(source).update(vars(copy))


class Captured:
    """The first run of a function, which is watched.

    Args:
        f: the function.
        name: what messages call it.
        tree: its arguments, (args, options).
        leaves: their leaves.
        keep: whether to keep all that it computes, to compare with.

    Attributes:
        result: what the function returned.
        refusals: why no program can take its place.
        program: what it computed. The rest is there where there are no refusals.
        returned: the leaves of its result, which `rebuild` puts together.
        way: how gradients go back through it; None where they do not.
        given: by slot, what the inputs were.
        found: tensors that it can read without being given them, whose numbers it has not read.
        gradients: by the slot of an input, the identity of the tensor that is its `.grad` now.
        surroundings: what the function can read without being given it.

    Raises FrozenError where the function decides by numbers; all is as it was before then.
    """

    def __init__(
        self, f: Callable[..., Any], name: str, tree: Any, leaves: Leaves, keep: bool = True
    ) -> None:
        self.name, self.leaves, self.keeps = name, leaves, keep
        self.surroundings = Surroundings(f, leaves.objects)
        self._found = [
            (t, t.shape, t.dtype, kind_of_place(t)) for t in self.surroundings.tensors.values()
        ]
        self.trace = trace = Capture(name, self.surroundings, keep)
        flat, rebuild = flatten(tree)
        seen: dict[int, Any] = {}  # one that is given twice is one
        for i, leaf in enumerate(leaves.numeric):
            if id(leaf) not in seen:
                seen[id(leaf)] = trace.given_argument(leaf, i)
        self._stands = [(i, seen[id(leaf)]) for i, leaf in enumerate(leaves.numeric)]
        self._given = [seen.get(id(leaf), leaf) for leaf in flat]
        args, options = rebuild(self._given)
        before = states(self.surroundings.sources.values())
        with noting() as self._draws:
            try:
                with watching(trace, mode.recording):
                    self.result = f(*args, **options)
            except FrozenError:
                self.put_back()
                raise
            if trace.raised is not None and not trace.refusals:  # somebody caught it
                self.put_back()
                raise trace.raised
        trace.look_at_shapes()
        self.refusals = trace.refusals
        if (changed := self.surroundings.changed()) is not None:
            trace.refuse(f"it changes {changed}")
        if not self._draws_alone(before):
            trace.refuse(
                "it draws random numbers by NumPy or Python, which would stay as they are; draw "
                "them by autograd.random"
            )
        if self.surroundings.iterates:
            trace.refuse("it has an iterator at hand, from which Python takes but once")
        if self.surroundings.ends_early:
            trace.refuse("it can read more objects than are looked at, 100,000")
        if self.surroundings.reads_steps:
            trace.refuse("it reads the step of a schedule, which Python counts")
        if self.surroundings.changed_options() and not trace.sets_options:
            trace.refuse("it changes options of an optimizer")
        flat = flatten((args, options))[0]
        same = len(flat) == len(self._given) and all(map(is_, flat, self._given))
        arrays = [s for i, s in self._stands if isinstance(leaves.numeric[i], np.ndarray)]
        if not same:  # it has changed a copy
            trace.refuse("it changes what is in a list or dict that it is given")
        if bound := any(trace.is_bound(tensor) for tensor in arrays):
            trace.refuse("it binds an array that it is given, in whose place it had a tensor")
        if bound or not same:
            self.put_back()
            self.result = f(*tree[0], **tree[1])
            return
        if not self.refusals:
            self._make()
        parts, put = flatten(self.result)
        self.result = put([self._as_found(leaf) for leaf in parts])

    def _as_found(self, leaf: Any) -> Any:
        """A leaf of the result, as the function would have returned it without being watched."""
        if isinstance(leaf, Number):
            return leaf.value
        if not isinstance(leaf, Tensor):
            return leaf
        if self.trace.is_float(leaf):
            return float(array_of(leaf))
        if self.trace.is_array(leaf):
            own = next((i for i, stand in self._stands if stand is leaf), None)
            return as_array(array_of(leaf)) if own is None else self.leaves.numeric[own]
        if self.trace.known(array_of(leaf)) in self.trace.constants and type(leaf) is Tensor:
            return wrap(array_of(leaf).copy(), leaf._place)  # the program goes on with the other
        return leaf

    def _draws_alone(self, before: list[Any]) -> bool:
        """Whether no generator has moved but those that ops have drawn from."""
        sources = self.surroundings.sources
        pairs = zip(before, states(sources.values()), strict=False)
        others = [*[key not in self._draws for key in sources], True, True]
        moved = [a != b for a, b in pairs]
        return not any(m and other for m, other in zip(moved, others, strict=False))

    def put_back(self) -> None:
        """Let everything be as it was before the function ran."""
        self.trace.put_back()
        _put_back(self._draws)

    # --- the program ---------------------------------------------------------------------------

    def _make(self) -> None:
        trace = self.trace
        if any(has_hooks(tensor) for tensor, _ in trace.outside()):
            trace.refuse("a tensor that it reads has hooks, which Python runs")
        if trace.made_leaves():
            trace.refuse("it changes requires_grad of a tensor that it reads")
        leaves, self.rebuild = flatten(self.result)
        outs: list[tuple[Place, int]] = []
        self.returned = [self._returned(leaf, outs) for leaf in leaves]
        calls, cotangents, gradients = len(trace.calls), list[int](), dict[int, int]()
        if outs and not self.refusals:
            try:
                cotangents, gradients = self._sweep(outs)
            except RuntimeError as error:  # what has no derivative; who asks for it is told
                del trace.calls[calls:]
                outs.clear()
                for r in self.returned:
                    if r.out is not None:
                        r.out, r.reason = None, str(error)
        at = {id(stand): i for i, stand in reversed(self._stands)}
        self.arguments = {s: at[id(tensor)] for tensor, s in trace.outside() if id(tensor) in at}
        self.places = {slot: tensor._place for tensor, slot in trace.outside()}
        result = [r.itself if r.slot is None else Value(r.slot) for r in self.returned]
        program = trace.program(result, cotangents)
        self.whole = program
        left = {slot: tensor.grad for tensor, slot in trace.outside()}
        self.gradients = {slot: id(grad) for slot, grad in left.items() if grad is not None}
        inputs = tuple([i for i in program.inputs if i.slot not in cotangents])
        program = replace(program, inputs=inputs)
        read = {id(i.tensor) for i in program.inputs}
        self.found = [known for known in self._found if id(known[0]) not in read]
        self.given = {i.slot: self._value_of(i.slot, i.number) for i in inputs}
        self.way: Linearized | None = None
        if outs and not self.refusals:
            wanted = [i.slot for i in program.inputs if self.places.get(i.slot) is not None]
            slots = [slot for _, slot in outs]
            self.way = linearized(program, calls, slots, cotangents, gradients, wanted)
            program = self.way.forward
        self.program: Program = program

    def _value_of(self, slot: int, number: int | None) -> Any:
        if number is None:
            return self.trace.arrays[slot]  # which those of inputs are in, kept or not
        return next(plain for plain, own in self.trace._plain.values() if own == slot)

    def _returned(self, leaf: Any, outs: list[tuple[Place, int]]) -> Returned:
        trace = self.trace
        if isinstance(leaf, Number):
            return Returned(number=leaf.step.step)
        if not isinstance(leaf, Tensor):
            if not is_plain(leaf):
                trace.refuse(f"it returns {type(leaf).__name__}")
            if isinstance(leaf, np.ndarray) and trace.known(leaf) is not None:
                trace.refuse("it returns the array of a tensor; return the tensor")
            return Returned(itself=leaf)
        for i, stand in self._stands:
            if stand is leaf:
                return Returned(argument=i)
        own = id(leaf) in self.surroundings.tensors
        if own or any(leaf is tensor for tensor, _ in trace.outside()):
            return Returned(itself=leaf)
        if type(leaf) is not Tensor:
            trace.refuse(f"it returns a new {type(leaf).__name__}")
        if leaf.grad is not None:
            trace.refuse("it returns a tensor that has a .grad; return that beside it")
        slot, place = trace.constant(array_of(leaf)), leaf._place
        kind = "array" if trace.is_array(leaf) else "float" if trace.is_float(leaf) else "tensor"
        if place is None or kind != "tensor":
            return Returned(slot=slot, kind=kind, tensor=id(leaf))
        if isinstance(place, Leaf):
            trace.refuse("it returns a leaf that it has made")
        try:
            reachable([place])
        except RuntimeError:
            return Returned(slot=slot, reason=_FREED, tensor=id(leaf))
        known = next((i for i, (other, _) in enumerate(outs) if other is place), None)
        if known is None:
            known = len(outs)
            outs.append((place, slot))
        return Returned(slot=slot, out=known, tensor=id(leaf))

    def _sweep(self, outs: list[tuple[Place, int]]) -> tuple[list[int], dict[int, int]]:
        """Carry cotangents back to what the function read, as a part of the program: their slots,
        and those of gradients, by the slots of what they belong to."""
        trace = self.trace
        slots = {t._place.serial: slot for t, slot in trace.outside() if t._place is not None}
        ones = [np.ones(trace.slots[slot].shape, trace.slots[slot].dtype) for _, slot in outs]
        cotangents = [trace.new(one) for one in ones]
        gradients: dict[int, int] = {}

        def deposit(place: Place, g: Tensor) -> None:
            if place.serial in slots:
                gradients[slots[place.serial]] = trace.constant(array_of(g))

        with noting() as draws:
            try:
                with watching(trace), np.errstate(all="ignore"):
                    trace.errors = np.geterr()
                    places = [place for place, _ in outs]
                    roots = [(p, wrap(one, None)) for p, one in zip(places, ones, strict=True)]
                    sweep(roots, deposit, retain_graph=True, create_graph=False, wanted=slots)
            finally:
                _put_back(draws)  # the function has not drawn this
        return cotangents, gradients

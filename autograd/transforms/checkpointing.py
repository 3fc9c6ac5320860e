"""Trading time for memory: a function whose insides are computed again in the backward pass."""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Container
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from autograd.engine.modes import Watcher, current, enable_grad, mode, no_grad
from autograd.engine.sweep import sweep
from autograd.engine.tape import (
    Output,
    Place,
    Record,
    Refusal,
    leading_to,
    newest,
    parents_of,
    reachable,
)
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.ops.declaring import custom_vjp
from autograd.runtime.draws import replayable
from autograd.runtime.scopes import watched_by
from autograd.runtime.trees import expect_function, flatten, returned


@custom_vjp
def alias(x: Tensor) -> Tensor:
    """x under another place on the tape."""
    return x


alias.defvjp(lambda g, out, x: g, keeps=[""])


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, but nothing computed inside it is kept for the backward pass; it is computed again there.

    The second run reads the arguments, and the tensors that f closes over and that want a gradient,
    as they were in the first, also where they have been bound to other arrays since. Random numbers
    drawn through autograd.random come out the same again, so that dropout keeps its mask. Gradients
    reach the arguments and what f closes over, to any order. What else f changes (running
    statistics, say) it changes twice. See Chen et al. 2016, "Training deep nets with sublinear
    memory cost".

    f computes all anew at each of its runs: of what it keeps from the first (in a cache, or an
    attribute that is set once) no gradient could go back. A tensor is told; its array is not.

    Raises:
        RuntimeError: during backward, where f computes from a tensor that it did not read before,
            or made in its first run, or returns what is of another number, shape or dtype.

    >>> from autograd import Tensor, exp
    >>> x = Tensor(0.5, requires_grad=True)
    >>> checkpoint(lambda x: exp(exp(x)))(x).backward()
    """

    expect_function("checkpoint", f)

    @functools.wraps(f)
    def checkpointed(*args: Any, **options: Any) -> Any:
        watcher = mode.watcher
        if not mode.recording:
            result = f(*args, **options)
            if watcher is not None:  # the second time these are read, whatever f does with them
                for leaf in flatten([args, options, result])[0]:
                    if isinstance(leaf, Tensor):
                        watcher.given(leaf)
            return result
        leaves, rebuild = flatten((args, options))
        reads = _Reads(newest(), watcher)
        given = [i for i, leaf in enumerate(leaves) if isinstance(leaf, Tensor)]
        for i in given:
            reads.note(leaves[i], leaves[i] if watcher is None else watcher.given(leaves[i]))
        with replayable() as again, no_grad(), watched_by(reads):
            reads.begin()
            result = f(*args, **options)
            outs, rebuild_result = returned(result, name)
            for out in outs:
                if isinstance(out, Tensor):
                    reads.given(out)
        if not any(reads.places):
            return result
        reads.end()

        def call(variables: list[Tensor]) -> list[Any]:
            inputs = list(leaves)
            for i in given:
                inputs[i] = variables[reads.numbers[id(leaves[i])]]
            args, options = rebuild(inputs)
            return flatten(f(*args, **options))[0]

        arrays = tuple([reads.array_of(out) for out in outs])
        record = Record(
            _Checkpoint(name), reads.arrays, reads.places, {}, arrays, (call, reads, again)
        )
        if mode.observer is not None:
            mode.observer.recorded(record)
        return rebuild_result(
            [
                wrap(arrays[i], Output(record, i))
                if isinstance(out, Tensor) and out.dtype.kind in "fc"
                else out
                for i, out in enumerate(outs)
            ]
        )

    name = f"checkpoint({getattr(f, '__name__', type(f).__name__)})"
    return checkpointed


_UNSEEN = Watcher()  # reads the array of a tensor without the watcher of this thread


class _Run(Watcher):
    """One of the two runs of a checkpointed function, within another run or not."""

    def along(self, tensor: Tensor, roots: list[Tensor]) -> Tensor:
        """What stands for a tensor on a tape that a pullback from outside goes back over, from
        `roots`."""
        return tensor

    def wants(self, place: Place) -> bool:
        """Whether a gradient of what `along` gave is wanted."""
        return False


class _Reads(_Run):
    """Notes the tensors from outside that a function reads, with their arrays and places."""

    def __init__(self, start: int, outer: Watcher | None) -> None:
        self._start, self.outer = start, outer
        self.numbers: dict[int, int] = {}  # by the identity of a tensor, which is kept alive
        self.tensors: list[Tensor] = []
        self.arrays: list[Array] = []
        self.places: list[Place | None] = []
        self._made: dict[int, weakref.ref[Tensor]] = {}  # by identity; from what wants a gradient
        self._before: object = None

    def begin(self) -> None:
        """The run begins. Within another no_grad, which f may have, this differs."""
        self._before = current()["before"]

    def end(self) -> None:
        """The run is over: what is left of its tensors, f has kept, or returns."""
        self._made = {key: made for key, made in self._made.items() if made() is not None}

    def made(self, results: tuple[Tensor, ...], args: tuple[Any, ...]) -> None:
        if self.outer is not None:
            self.outer.made(results, args)
        if current()["before"] is self._before and any(
            isinstance(arg, Tensor) and (arg._place is not None or self.has_made(arg))
            for arg in args
        ):
            self._made.update((id(result), weakref.ref(result)) for result in results)

    def has_made(self, tensor: Tensor) -> bool:
        """Whether the run computed this tensor, where it would have been recorded."""
        return id(tensor) in self._made and self._made[id(tensor)]() is tensor

    def given(self, tensor: Tensor) -> Tensor:
        seen = tensor if self.outer is None else self.outer.given(tensor)
        place = seen._place
        if seen is not tensor or (place is not None and place.serial < self._start):
            self.note(tensor, seen)
        return seen

    def place(self, tensor: Tensor) -> Place | None:
        place = tensor._place if self.outer is None else self.outer.place(tensor)
        return _nowhere() if place is None else place  # it will have one the second time

    def along(self, tensor: Tensor, roots: list[Tensor]) -> Tensor:
        return self.outer.along(tensor, roots) if isinstance(self.outer, _Run) else tensor

    def wants(self, place: Place) -> bool:
        return isinstance(self.outer, _Run) and self.outer.wants(place)

    def note(self, tensor: Tensor, seen: Tensor) -> None:
        """Note a tensor, and as what it was seen: a watcher further out may have replaced it."""
        if id(tensor) not in self.numbers:
            self.numbers[id(tensor)] = len(self.tensors)
            self.tensors.append(tensor)
            self.arrays.append(_UNSEEN.read(seen))
            self.places.append(seen._place)

    def array_of(self, out: Any) -> Any:
        """The array of a result, which may be a tensor that was read."""
        if not isinstance(out, Tensor):
            return out
        number = self.number(out)
        return _UNSEEN.read(out) if number is None else self.arrays[number]

    def number(self, tensor: Tensor) -> int | None:
        """The how-many-eth tensor that was read this one is."""
        return self.numbers.get(id(tensor))


class _Substitutes(_Run):
    """Puts variables in the places of the tensors that were read the first time.

    Attributes:
        variables: one for each.
        origins: by the serial number of a variable that a gradient is wanted of, where it stems
            from. While the sweep is recorded they stay connected to it, for higher derivatives.
    """

    def __init__(self, record: Record, needed: Container[int] | None, name: str) -> None:
        self._reads: _Reads = record.saved[1]
        self._start, self._create_graph = newest(), mode.recording
        self._needed, self._name = needed, name
        self._on_the_way: dict[int, Tensor] = {}
        self.origins: dict[int, Place] = {}
        assert record.arrays is not None
        self._parents = record.parents
        self.variables = [
            self._variable(array, parent, self._needs(parent))
            for array, parent in zip(record.arrays, record.parents, strict=True)
        ]

    def _needs(self, place: Place | None) -> bool:
        return place is not None and (self._needed is None or place.serial in self._needed)

    def _variable(self, array: Array, parent: Place | None, wanted: bool) -> Tensor:
        if self._create_graph and parent is not None:
            variable: Tensor = alias(wrap(array, parent))
        else:
            variable = Tensor(array, requires_grad=parent is not None)
        if wanted:
            assert variable._place is not None and parent is not None
            self.origins[variable._place.serial] = parent
        return variable

    def given(self, tensor: Tensor) -> Tensor:
        number = self._reads.number(tensor)
        if number is not None:
            return self.variables[number]
        if self._reads.has_made(tensor):
            raise RuntimeError(
                f"{self._name}: run again for the backward pass, the function computes from a "
                f"tensor of shape {tensor.shape} that it kept from its first run, and no gradient "
                "would go back through it; it must compute all anew each time"
            )
        if self._is_old(tensor):
            raise RuntimeError(
                f"{self._name}: run again for the backward pass, the function computes from a "
                f"tensor of shape {tensor.shape} that it did not read in the forward pass, or that "
                "did not want a gradient then; it must do the same both times"
            )
        return tensor

    def place(self, tensor: Tensor) -> Place | None:
        return _nowhere() if self._is_old(tensor) else tensor._place  # it has had the hook before

    def along(self, tensor: Tensor, roots: list[Tensor]) -> Tensor:
        if not self._is_old(tensor):
            return tensor
        assert tensor._place is not None
        serial = tensor._place.serial
        if serial not in self._on_the_way:
            seen = self._reads.along(tensor, roots)
            place = seen._place
            if seen is tensor:
                wanted = self._needs(place)
            else:  # a variable of the run around this one, which this sweep may have no part in
                numbers = [self._reads.number(root) for root in roots]
                part = any(n is not None and self._needs(self._parents[n]) for n in numbers)
                wanted = part and place is not None and self._reads.wants(place)
            with enable_grad(), watched_by(_UNSEEN):
                self._on_the_way[serial] = self._variable(seen.data, place, wanted)
        return self._on_the_way[serial]

    def wants(self, place: Place) -> bool:
        return place.serial in self.origins

    def _is_old(self, tensor: Tensor) -> bool:
        return tensor._place is not None and tensor._place.serial < self._start


class _Along(_Run):
    """Lets a pullback read the tape that it goes back over."""

    def __init__(self, run: _Run, tape: set[int], roots: list[Tensor]) -> None:
        self._run, self._tape, self._roots = run, tape, roots

    def given(self, tensor: Tensor) -> Tensor:
        known = tensor._place is not None and tensor._place.serial in self._tape
        return self._run.along(tensor, self._roots) if known else self._run.given(tensor)

    def place(self, tensor: Tensor) -> Place | None:
        return self._run.place(tensor)

    def along(self, tensor: Tensor, roots: list[Tensor]) -> Tensor:
        return self._run.along(tensor, roots)

    def wants(self, place: Place) -> bool:
        return self._run.wants(place)


def pulling(roots: list[Tensor], start: int) -> AbstractContextManager[None]:
    """While a pullback goes from `roots` over a tape that began at `start`.

    Within a checkpoint that tape may be older than the run, and what lies on it is read by rules
    alone. The roots are noted as read: so the tape is among what the checkpoint was computed from,
    and gradients that the second run finds for it belong there.
    """
    run = mode.watcher
    if not isinstance(run, _Run):
        return nullcontext()
    tape: set[int] = set()
    for place in reachable([r._place for r in roots if r._place is not None], start):
        tape |= {place.serial, *(p.serial for p in parents_of(place) if p is not None)}
    for root in roots:
        run.given(root)
    return watched_by(_Along(run, tape, roots))


def _nowhere() -> Place:
    """A place whose hooks nobody runs."""
    return Refusal("", ())


def _expect_same(name: str, before: Any, made: list[Any]) -> None:
    """Raise RuntimeError where the second run returns something else than the first."""
    kinds = [
        [(x.shape, x.dtype) if hasattr(x, "dtype") else type(x).__name__ for x in outs]
        for outs in (before, made)
    ]
    if kinds[0] != kinds[1]:
        told = [
            ", ".join(f"{k[1]} {k[0]}" if isinstance(k, tuple) else k for k in kind) or "nothing"
            for kind in kinds
        ]
        raise RuntimeError(
            f"{name}: run again for the backward pass, the function returns {told[1]} where it "
            f"returned {told[0]} before; it must do the same both times"
        )


class _Checkpoint:
    """The operation of one checkpointed call. Its arguments are all that the function read: first
    the tensors among its own arguments, then what it closes over.

    What runs again is kept as the record's `saved`, which goes when the record is freed.
    """

    recomputes = True

    def __init__(self, name: str) -> None:
        self.name = name

    def forward_again(self, record: Record) -> list[Any]:
        """The arrays that the call gives, computed again; what else it returns is as it was."""
        call, _, again = record.saved
        substitutes = _Substitutes(record, None, self.name)
        with again(), enable_grad(), watched_by(substitutes):
            made = call(substitutes.variables)
            _expect_same(self.name, record.out, made)
            return [
                _UNSEEN.read(substitutes.given(out)) if isinstance(out, Tensor) else out
                for out in made
            ]

    def pull(
        self,
        record: Record,
        g: dict[int, Tensor],
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None:
        call, _, again = record.saved
        create_graph = mode.recording
        substitutes = _Substitutes(record, needed, self.name)
        with again(), enable_grad(), watched_by(substitutes):
            made = call(substitutes.variables)
            _expect_same(self.name, record.out, made)
            outs: list[Any] = [
                substitutes.given(out)._place if isinstance(out, Tensor) else None for out in made
            ]
        roots = [(outs[i], gradient) for i, gradient in g.items() if outs[i] is not None]
        origins = substitutes.origins
        sweep(
            roots,
            lambda place, gradient: deliver(origins[place.serial], gradient),
            needed=leading_to([place for place, _ in roots], origins),
            retain_graph=create_graph,
            create_graph=create_graph,
            wanted=origins,
        )

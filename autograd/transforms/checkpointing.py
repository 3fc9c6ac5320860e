"""Trading time for memory: a function whose insides are computed again in the backward pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container
from typing import Any

import numpy as np

from autograd.engine.modes import Watcher, enable_grad, mode, no_grad
from autograd.engine.sweep import sweep
from autograd.engine.tape import Output, Place, Record, leading_to, newest
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.ops.declaring import custom_vjp
from autograd.runtime.draws import replayable
from autograd.runtime.scopes import watched_by
from autograd.runtime.trees import flatten


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

    Raises:
        RuntimeError: during backward, where f computes from a tensor that it did not read before.

    >>> from autograd import Tensor, exp
    >>> x = Tensor(0.5, requires_grad=True)
    >>> checkpoint(lambda x: exp(exp(x)))(x).backward()
    """

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
            result = f(*args, **options)
            outs, rebuild_result = flatten(result)
            for out in outs:
                if isinstance(out, Tensor):
                    reads.given(out)
                elif not isinstance(out, _PLAIN):
                    raise TypeError(
                        f"{name}: the function returned {type(out).__name__}; tensors, arrays, "
                        "numbers, and lists, tuples and dicts of them expected: a tensor inside "
                        "anything else would lose its gradient"
                    )
        if not any(reads.places):
            return result

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


_PLAIN = (np.ndarray, np.generic, int, float, complex, str, type(None))
_UNSEEN = Watcher()  # reads the array of a tensor without the watcher of this thread


class _Reads(Watcher):
    """Notes the tensors from outside that a function reads, with their arrays and places."""

    def __init__(self, start: int, outer: Watcher | None) -> None:
        self._start, self._outer = start, outer
        self.numbers: dict[int, int] = {}  # by the identity of a tensor, which is kept alive
        self.tensors: list[Tensor] = []
        self.arrays: list[Array] = []
        self.places: list[Place | None] = []

    def given(self, tensor: Tensor) -> Tensor:
        seen = tensor if self._outer is None else self._outer.given(tensor)
        place = seen._place
        if seen is not tensor or (place is not None and place.serial < self._start):
            self.note(tensor, seen)
        return seen

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


class _Substitutes(Watcher):
    """Puts variables in the places of the tensors that were read the first time."""

    def __init__(self, reads: _Reads, variables: list[Tensor], start: int, name: str) -> None:
        self._reads, self._variables, self._start, self._name = reads, variables, start, name

    def given(self, tensor: Tensor) -> Tensor:
        number = self._reads.number(tensor)
        if number is not None:
            return self._variables[number]
        if tensor._place is not None and tensor._place.serial < self._start:
            raise RuntimeError(
                f"{self._name}: run again for the backward pass, the function computes from a "
                f"tensor of shape {tensor.shape} that it did not read in the forward pass, or that "
                "did not want a gradient then; it must do the same both times"
            )
        return tensor


class _Checkpoint:
    """The operation of one checkpointed call. Its arguments are all that the function read: first
    the tensors among its own arguments, then what it closes over.

    What runs again is kept as the record's `saved`, which goes when the record is freed.
    """

    recomputes = True

    def __init__(self, name: str) -> None:
        self.name = name

    def pull(
        self,
        record: Record,
        g: dict[int, Tensor],
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None:
        assert record.arrays is not None
        call, reads, again = record.saved
        start, create_graph = newest(), mode.recording
        variables: list[Tensor] = []
        origins: dict[int, Place] = {}
        for array, parent in zip(record.arrays, record.parents, strict=True):
            wanted = parent is not None and (needed is None or parent.serial in needed)
            # Where the sweep is recorded, it stays connected to its origin, for higher derivatives.
            if create_graph and parent is not None:
                variable = alias(wrap(array, parent))
            else:
                variable = Tensor(array, requires_grad=parent is not None)
            variables.append(variable)
            if wanted:
                assert variable._place is not None
                assert parent is not None
                origins[variable._place.serial] = parent
        substitutes = _Substitutes(reads, variables, start, self.name)
        with again(), enable_grad(), watched_by(substitutes):
            outs: list[Any] = [
                substitutes.given(out)._place if isinstance(out, Tensor) else None
                for out in call(variables)
            ]
        roots = [(outs[i], gradient) for i, gradient in g.items() if outs[i] is not None]
        sweep(
            roots,
            lambda place, gradient: deliver(origins[place.serial], gradient),
            needed=leading_to([place for place, _ in roots], origins),
            retain_graph=create_graph,
            create_graph=create_graph,
            wanted=origins,
        )

"""Trading time for memory: a function whose insides are computed again in the backward pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container
from contextlib import AbstractContextManager
from typing import Any

from numpy.typing import NDArray

from autograd.engine.modes import Watcher, enable_grad, mode, no_grad, watched_by
from autograd.engine.sweep import sweep
from autograd.engine.tape import Output, Place, Record, leading_to, newest
from autograd.engine.tensor import Tensor, wrap
from autograd.ops.declaring import custom_vjp
from autograd.runtime.draws import replayable
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
        if not mode.recording:
            return f(*args, **options)
        reads = _Reads(newest(), mode.watcher)
        for leaf in flatten([args, options])[0]:
            if isinstance(leaf, Tensor) and leaf._place is None:
                reads.note(leaf)  # as those on the tape are, once they are read
        with replayable() as again, no_grad(), watched_by(reads):
            result = f(*args, **options)
            outs, rebuild = flatten(result)
            for out in outs:
                if isinstance(out, Tensor):
                    reads.given(out)  # it may be given through
        op = _Checkpoint(functools.partial(f, *args, **options), f, reads, again)
        record = Record(
            op, reads.arrays, reads.places, {}, tuple([reads.array_of(out) for out in outs])
        )
        return rebuild(
            [
                wrap(record.out[i], Output(record, i))
                if isinstance(out, Tensor) and out.dtype.kind == "f"
                else out
                for i, out in enumerate(outs)
            ]
        )

    return checkpointed


_UNSEEN = Watcher()  # reads the array of a tensor without the watcher of this thread


class _Reads(Watcher):
    """Notes the tensors from outside that a function reads, with their arrays and places."""

    def __init__(self, start: int, outer: Watcher | None) -> None:
        self._start, self._outer = start, outer
        self._numbers: dict[int, int] = {}  # by the identity of a tensor, which is kept alive
        self.tensors: list[Tensor] = []
        self.arrays: list[NDArray[Any]] = []
        self.places: list[Place | None] = []

    def given(self, tensor: Tensor) -> Tensor:
        seen = tensor if self._outer is None else self._outer.given(tensor)
        place = seen._place
        if place is not None and place.serial < self._start:
            self.note(tensor)
        return seen

    def note(self, tensor: Tensor) -> None:
        if id(tensor) not in self._numbers:
            seen = tensor if self._outer is None else self._outer.given(tensor)
            self._numbers[id(tensor)] = len(self.tensors)
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
        return self._numbers.get(id(tensor))


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
    """The operation of one checkpointed call. Its arguments are all that the function read."""

    recomputes = True

    def __init__(
        self,
        call: Callable[[], Any],
        f: Callable[..., Any],
        reads: _Reads,
        again: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self.name = f"checkpoint({getattr(f, '__name__', type(f).__name__)})"
        self.call, self.reads, self.again = call, reads, again

    def pull(
        self,
        record: Record,
        g: dict[int, Tensor],
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None:
        assert record.arrays is not None
        start, create_graph = newest(), mode.recording
        variables: list[Tensor] = []
        origins: dict[int, Place] = {}
        for array, parent in zip(record.arrays, record.parents, strict=True):
            wanted = parent is not None and (needed is None or parent.serial in needed)
            # Where the sweep is recorded, it stays connected to its origin, for higher derivatives.
            if create_graph and parent is not None:
                variable = alias(wrap(array, parent))
            else:
                variable = Tensor(array, requires_grad=wanted)
            variables.append(variable)
            if wanted:
                assert variable._place is not None
                assert parent is not None
                origins[variable._place.serial] = parent
        if not origins:
            return
        substitutes = _Substitutes(self.reads, variables, start, self.name)
        with self.again(), enable_grad(), watched_by(substitutes):
            outs: list[Any] = [
                substitutes.given(out)._place if isinstance(out, Tensor) else None
                for out in flatten(self.call())[0]
            ]
        roots = [(outs[i], gradient) for i, gradient in g.items() if outs[i] is not None]
        sweep(
            roots,
            lambda place, gradient: deliver(origins[place.serial], gradient),
            needed=leading_to([place for place, _ in roots], origins),
            retain_graph=create_graph,
            create_graph=create_graph,
            wanted=origins,
            oldest=start,
        )

"""Trading time for memory: a function whose insides are computed again in the backward pass."""

from __future__ import annotations

import functools
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

import numpy as np

from autograd.engine.modes import array_of, mode
from autograd.engine.sweep import sweep
from autograd.engine.tape import Leaf, Output, Place, Record, leading_to
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.ops.declaring import custom_vjp
from autograd.program.program import values_in
from autograd.program.running import called
from autograd.program.watching import watching
from autograd.runtime.trees import expect_function, flatten, returned
from autograd.transforms.noting import Noted, Noting


@custom_vjp
def alias(x: Tensor) -> Tensor:
    """x under another place on the tape."""
    return x


alias.defvjp(lambda g, out, x: g, keeps=[""])


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """f, but nothing computed inside it is kept for the backward pass; it is computed again there.

    f runs once, and the ops that it calls are noted: their program, without the arrays that they
    gave. The backward pass runs the program, on the arguments and on what f closes over as they
    were, also where they have been bound to other arrays since, and with the same random numbers,
    so that dropout keeps its mask. Gradients reach the arguments and what f closes over, to any
    order. Hooks that f puts on tensors of its own run, and prints, running statistics and whatever
    else f does besides happen once. See Chen et al. 2016, "Training deep nets with sublinear memory
    cost".

    What f computes by NumPy is kept, as an op would keep it, and so are the numbers of constants
    that it reads by `.data`. While f runs, all that it computes is there.

    Raises TypeError, when called, where f returns what could hide a tensor.

    >>> from autograd import Tensor, exp
    >>> x = Tensor(0.5, requires_grad=True)
    >>> checkpoint(lambda x: exp(exp(x)))(x).backward()
    """

    expect_function("checkpoint", f)

    @functools.wraps(f)
    def checkpointed(*args: Any, **options: Any) -> Any:
        if not mode.recording:
            return f(*args, **options)
        noting = Noting()
        for leaf in flatten((args, options))[0]:
            if isinstance(leaf, Tensor):
                noting.argument_of(leaf)
        with watching(noting):
            result = f(*args, **options)
            outs, rebuild = returned(result, name)
        noted = noting.noted(outs)
        again = _Again(name, noted)
        if not again.outputs:
            return result
        shown = [array_of(out) if isinstance(out, Tensor) else out for out in outs]
        results = again.recorded(noted.arrays, noted.places, shown)
        return rebuild([results.get(i, out) for i, out in enumerate(outs)])

    name = f"checkpoint({getattr(f, '__name__', type(f).__name__)})"
    return checkpointed


class _Again:
    """What a checkpointed call computed, without the arrays; called, it is one such call."""

    def __init__(self, name: str, noted: Noted) -> None:
        self.name, self._steps, self._hooks = name, noted.steps, noted.hooks
        self.program = noted.program
        self.outputs = [i for i, value in enumerate(self.program.result) if value is not None]

    def reader(self, number: int) -> str:
        """What reads an input first: "argument 1 of 'multiply'"; "" where nothing does."""
        slot = self.program.inputs[number].slot
        for call in self.program.calls:
            for i, given in enumerate(call.inputs):
                if any(value.slot == slot for value in values_in(given)):
                    within = call.op.reader(i) if isinstance(call.op, _Again) else ""
                    return within or f"argument {i} of '{call.op.name}'"
        return ""

    def recorded(
        self, arrays: Sequence[Array], parents: Sequence[Place | None], outs: Sequence[Any]
    ) -> dict[int, Tensor]:
        """Results that lead back to these places, by their number."""
        record = Record(_Checkpoint(self.name), arrays, parents, {}, tuple(outs), self)
        if mode.observer is not None:
            mode.observer.recorded(record)
        return {i: wrap(outs[i], Output(record, i)) for i in self.outputs}

    def __call__(self, *inputs: Tensor) -> list[Tensor]:
        """A call of the same on other tensors, of which nothing is kept either."""
        made = self.run([wrap(array_of(tensor), None) for tensor in inputs])
        parents = [tensor._place for tensor in inputs]
        if not mode.recording or not any(parents):
            return [made[i] for i in self.outputs]
        outs = [array_of(made[i]) if i in made else None for i in range(len(self.program.result))]
        return list(self.recorded([array_of(t) for t in inputs], parents, outs).values())

    def run(self, inputs: Sequence[Tensor]) -> dict[int, Tensor]:
        """The results that gradients go back from, by their number, recorded as they were."""
        program = self.program
        held = {i.slot: tensor for i, tensor in zip(program.inputs, inputs, strict=True)}
        before = recording, scope = mode.recording, mode.scope
        try:
            with np.errstate(all="ignore"):  # it was told the first time
                for call, draws, done in self._steps:
                    if call.recorded is not recording:
                        mode.recording = recording = call.recorded
                    if call.scope != scope:
                        mode.scope = scope = call.scope
                    if draws is None:
                        made = called(call, held)
                    else:
                        with draws():
                            made = called(call, held)
                    for slot, tensor in zip(call.outputs, made, strict=True):
                        held.setdefault(slot, tensor)  # what left its tensor is there
                        place = tensor._place
                        if place is not None:
                            if slot in self._hooks:
                                place.hooks = list(self._hooks[slot])
                            if call.line is not None and isinstance(place, Record):
                                place.line = call.line
                    for slot in done:
                        held.pop(slot, None)
        finally:
            mode.recording, mode.scope = before
        return {i: held[program.result[i].slot] for i in self.outputs}


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
        made = record.saved.run(variables_of(record, None)[0])
        return [array_of(made[i]) if i in made else out for i, out in enumerate(record.out)]

    def pull(
        self,
        record: Record,
        g: dict[int, Tensor],
        needed: Container[int] | None,
        deliver: Callable[[Place, Tensor], None],
    ) -> None:
        pull_again(record, g, needed, deliver, record.saved.run)


def pull_again(
    record: Record,
    g: Mapping[int, Tensor],
    needed: Container[int] | None,
    deliver: Callable[[Place, Tensor], None],
    run: Callable[[list[Tensor]], Mapping[int, Tensor]],
) -> None:
    """Pull a record whose results are computed again, and swept there.

    Args:
        run: gives the results, by their number, of what stands for the record's arguments.
    """
    create_graph = mode.recording
    variables, origins = variables_of(record, needed)
    made = run(variables)
    roots = [(p, g[i]) for i in g if (p := made[i]._place) is not None]
    del made  # what the sweep is done with shall go
    sweep(
        roots,
        lambda place, gradient: deliver(origins[place.serial], gradient),
        needed=leading_to([place for place, _ in roots], origins),
        retain_graph=create_graph,
        create_graph=create_graph,
        wanted=origins,
    )


def variables_of(
    record: Record, needed: Container[int] | None
) -> tuple[list[Tensor], dict[int, Place]]:
    """What stands for the arguments of a record while it is computed again, and by the
    serial numbers of those that want a gradient the places that it goes to.

    While the sweep is recorded they stay connected to these, for higher derivatives.
    """
    variables: list[Tensor] = []
    origins: dict[int, Place] = {}
    assert record.arrays is not None
    for array, parent in zip(record.arrays, record.parents, strict=True):
        wanted = parent is not None and (needed is None or parent.serial in needed)
        variable = wrap(array, None)
        if mode.recording and parent is not None:
            variable = alias(wrap(array, parent))
        elif wanted:
            variable._place = Leaf(variable)
        if wanted:
            assert variable._place is not None and parent is not None
            origins[variable._place.serial] = parent
        variables.append(variable)
    return variables, origins

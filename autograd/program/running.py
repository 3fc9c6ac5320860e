"""A program run again: call by call, on arrays, or on tensors so that it is recorded anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from autograd.engine.conforming import like
from autograd.engine.modes import array_of
from autograd.engine.needs import needs
from autograd.engine.primitives import Saved
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.program.numbers import Evaluated
from autograd.program.program import Call, Input, Program, Value, replaced
from autograd.program.watching import watching

See = Callable[[int, Call, tuple[Array, ...]], None]


def run(program: Program, arguments: Iterable[Array] = (), see: See | None = None) -> Any:
    """The result of a program, with arrays in the places of its values.

    Args:
        arguments: an array for each input that is an argument, in their order.
        see: called with the number of each call, the call, and what it has given.

    What the function reads from outside is read anew; effects do not happen.

    Raises ValueError for another number of arguments, or other shapes or dtypes.
    """
    held = bound(program, arguments)
    execute(program, held, see)
    return replaced(program.result, lambda value: held[value.slot])


def bound(program: Program, arguments: Iterable[Array]) -> dict[int, Array]:
    """The arrays of inputs and constants, by slot."""
    given = list(arguments)
    own = [i for i in program.inputs if i.is_argument]
    if len(given) != len(own):
        raise ValueError(f"run: {len(given)} arguments given, {len(own)} expected")
    held = {slot: constant.array for slot, constant in program.constants.items()}
    for place, array in zip(own, map(np.asarray, given), strict=True):
        held[place.slot] = array
    numbers = Evaluated(program.numbers)
    held |= {i.slot: _read(i, numbers.values) for i in program.inputs if not i.is_argument}
    numbers.undo()
    for place in program.inputs:
        slot, array = program.slots[place.slot], held[place.slot]
        if not slot.weak and (np.shape(array), getattr(array, "dtype", None)) != slot[:2]:
            raise ValueError(
                f"run: {array.dtype} {array.shape} given for '{place.name}', {slot.dtype} "
                f"{slot.shape} expected; make a program of other arguments for these"
            )
    return held


def _read(place: Input, numbers: Sequence[Any]) -> Any:
    """What is now where a program reads."""
    if place.tensor is not None:
        return array_of(place.tensor)
    return numbers[place.number] if place.cell is None else place.cell.read()  # type: ignore[index]


def execute(program: Program, held: dict[int, Array], see: See | None = None) -> None:
    """Run all calls, which find their arrays in `held` and leave what they give there."""
    with watching(None, recording=False):
        for number, call in enumerate(program.calls):
            given = compute(call, held)
            held.update(zip(call.gives(), given, strict=True))
            if see is not None:
                see(number, call, given)


def called(call: Call, held: Mapping[int, Any]) -> Sequence[Tensor]:
    """What the op of a call gives of the tensors in the places of its values, recorded if that is
    on; held are tensors, and Python's numbers."""

    def array(value: Value) -> Array:
        return array_of(held[value.slot])

    inputs: list[Any] = []
    for given in call.inputs:
        if type(given) is Value:
            found = held[given.slot]
            inputs.append(wrap(array_of(found), None) if given.constant else found)
        elif isinstance(given, tuple | list | slice):  # arrays in an index, say
            inputs.append(replaced(given, array))
        else:
            inputs.append(given)
    options = replaced(dict(call.options), array) if call.options else {}
    made = call.op(*inputs, **options)
    return (made,) if call.several is None else made


def compute(call: Call, held: dict[int, Array]) -> tuple[Array, ...]:
    """What one call gives: its outputs, then what it saves."""
    inputs, options = replaced((call.inputs, dict(call.options)), lambda value: held[value.slot])
    return given_by(call, call.op.forward(*inputs, **options), inputs)


def given_by(call: Call, returned: Any, inputs: Sequence[Any]) -> tuple[Array, ...]:
    """The arrays that a call gives, of what its forward returned for these inputs."""
    out, saved = returned_by(call.op, returned, inputs)
    outs = tuple(out) if isinstance(out, tuple) else (out,)
    return outs if call.saved is None else (*outs, *_kept(saved, call.saved))


def returned_by(op: Any, returned: Any, inputs: Sequence[Any]) -> tuple[Any, Any]:
    """The output of an op, an array or a tuple of them, and what it saves, of what its forward
    returned for these inputs."""
    out, saved = returned, None
    if isinstance(out, Saved):
        out, saved = out.out, out.value
    whole = partial(needs.as_array, op)
    out = like(out, [whole(part) for part in out]) if isinstance(out, tuple) else whole(out)
    return needs.settle(op, out, saved, list(inputs))


def _kept(saved: Any, pattern: Any) -> Sequence[Array]:
    """The arrays of what a forward saved that have slots."""
    if isinstance(pattern, Value):
        return [np.asarray(saved)]
    if isinstance(pattern, tuple | list):
        return [a for part, p in zip(saved, pattern, strict=True) for a in _kept(part, p)]
    if isinstance(pattern, dict):
        return [a for name, p in pattern.items() for a in _kept(saved[name], p)]
    return []

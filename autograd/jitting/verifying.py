"""Whether a program computes what the function did: call by call, and once more when it is made
again of other numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.tensor import Array
from autograd.jitting.signatures import signature
from autograd.program.differing import equal, gap, same_bits
from autograd.program.guards import decided, indices_below, of_shape
from autograd.program.numbers import Decided, same_number
from autograd.program.numpy_backend import Compiled
from autograd.program.program import Call, Constant, Program, Slot, Value
from autograd.runtime.draws import DRAWS

_ULPS = 4


class VerificationError(RuntimeError):
    """A program does not compute what the function did."""


def verify(
    name: str,
    program: Program,
    given: list[Any],
    arrays: dict[int, Array],
    ends: Sequence[tuple[int, int]] = (),
) -> None:
    """Run a program on the inputs of the function, each call on what the function had there.

    Args:
        given: what the inputs were, in their order.
        arrays: what the function computed, by slot; of a slot that it did not have, nothing is
            known. What has been compared is taken out, so that others can lie in its memory: to get
            memory that was never used takes longer than to compare.
        ends: of what it returned and left, the slots there and in the program.

    Raises VerificationError, which names the first call that gives something else.
    """
    drawn_now = drawn(program)
    constants = {slot: Constant(arrays[slot]) for slot in drawn_now}
    calls = [call for call in program.calls if not drawn_now.intersection(call.gives())]
    still = replace(
        program,
        calls=tuple(calls),
        constants={**program.constants, **constants},
        deliveries=(),
    )
    makers = still.makers()

    lasting = drawn_now | {own for own, _ in ends}

    def seen(slot: int, made: Array) -> Array:
        wanted = arrays.get(slot) if slot in lasting else arrays.pop(slot, None)
        if wanted is None or same_bits(made, wanted):
            return made
        if not agrees(made, wanted, calls[makers[slot]], still.slots):
            call = calls[makers[slot]]
            raise VerificationError(
                f"jit({name}): the program does not compute what the function did; the first call "
                f"that differs is {call.op.name} ({call.line}), by up to {gap(made, wanted):.3g}. "
                "This is an error of the program's: please report it; verify=False leaves this "
                "check out, and the function without jit computes as ever"
            )
        return np.array(wanted)  # a copy: the program may write over it

    with np.errstate(all="ignore"):
        found = Compiled(still, seen).run(*given)
    for own, slot in ends:
        made, wanted = found[slot], arrays.get(own)
        if wanted is None:
            continue
        call = calls[makers[slot]] if slot in makers else None
        same = _same(made, wanted) if call is None else agrees(made, wanted, call, still.slots)
        if not same:
            what = "an argument or a constant" if call is None else f"{call.op.name} ({call.line})"
            raise VerificationError(
                f"jit({name}): what the program returns or leaves, by {what}, is not what the "
                f"function did, by up to {gap(made, wanted):.3g}. This is an error of the "
                "program's: please report it; verify=False leaves this check out"
            )


def drawn(program: Program) -> set[int]:
    """The slots of what a program draws at random."""
    return {slot for call in program.calls if call.op in DRAWS for slot in call.gives()}


def agrees(made: Array, wanted: Array, call: Call, slots: Mapping[int, Slot]) -> bool:
    """Whether two results of one call are the same: to 4 ulp where it works elementwise, else to
    the rounding of a sum of so many terms."""
    if made.shape != wanted.shape or made.dtype != wanted.dtype:
        return False
    if made.dtype.kind not in "fc":
        return bool(np.array_equal(made, wanted))
    if same_bits(made, wanted):
        return True
    same = equal(made, wanted)
    if same.all():
        return True
    with np.errstate(all="ignore"):
        bound = _ULPS * np.spacing(np.maximum(np.abs(made), np.abs(wanted)))
        kind = getattr(call.op, "kind", None)
        if kind != "elementwise":
            sizes = [np.prod(slots[slot].shape, dtype=float) for slot in call.reads()] or [1.0]
            terms = max(*sizes, made.size) / max(made.size, 1)
            if kind == "contraction":  # m k and k n numbers give m n
                terms = max(terms, np.sqrt(sizes[0] * sizes[-1] / max(made.size, 1)))
            finite = np.abs(wanted[np.isfinite(wanted)])
            bound = np.maximum(bound, terms * np.finfo(made.dtype).eps * finite.max(initial=0.0))
        return bool((same | (np.abs(made - wanted) <= bound)).all())


class Difference(NamedTuple):
    """The first thing in which two programs differ.

    Attributes:
        told: in words.
        another_way: whether it is what was decided by a number, for which each program is right.
    """

    told: str
    another_way: bool = False


def difference(first: Program, second: Program) -> Difference | None:
    """In what a program made anew of other numbers differs; None where in nothing."""
    for one, other in zip(first.numbers, second.numbers, strict=False):
        both = isinstance(one, Decided) and isinstance(other, Decided)
        if both and not same_number(one[2], other[2]):  # type: ignore[misc]
            return Difference("a Python number decided otherwise", another_way=True)
    for a, b in zip(first.calls, second.calls, strict=False):
        if told := _of_calls(a, b, first, second):
            return Difference(told, _are_ways(a, b))
    told = _of_ends(first, second)
    return None if told is None else Difference(told)


def _are_ways(a: Call, b: Call) -> bool:
    """Whether two calls that differ are of an op that holds a program to what was decided."""
    if a.op is b.op is indices_below:
        return bool(a.options["some_ignored"] is not b.options["some_ignored"])
    return a.op is b.op and a.op in (decided, of_shape)


def _of_ends(first: Program, second: Program) -> str | None:
    """In words, in what two programs differ whose calls are the same as far as both go."""
    if len(first.calls) != len(second.calls):
        longer = max(first, second, key=lambda program: len(program.calls)).calls
        call = longer[min(len(first.calls), len(second.calls))]
        return f"{call.op.name} ({call.line}) was called only once of two times"
    for x, y in zip(_flat(first.result), _flat(second.result), strict=False):
        constants = [p.constants.get(getattr(v, "slot", -1)) for p, v in ((first, x), (second, y))]
        if None not in constants and not _same(*[c.array for c in constants]):  # type: ignore
            return "it returned a tensor that was computed outside of it, or in another thread"
    if not _are_alike(first.result, second.result):
        return f"it returned {_told(first.result)} first and {_told(second.result)} then"
    if [e[:3] for e in first.effects] != [e[:3] for e in second.effects]:
        return "it left other things behind"
    if _steps(first) != _steps(second):
        return "it computed with other Python numbers of optimizers"
    return None


def _of_calls(a: Call, b: Call, first: Program, second: Program) -> str | None:
    if a.op is not b.op:
        if a.op.name == b.op.name:
            return f"the op {a.op.name} ({a.line}) is made anew in each call; declare it outside"
        return f"{a.op.name} was called first ({a.line}), and then {b.op.name} ({b.line})"
    pairs = zip(
        _flat((a.inputs, dict(a.options))), _flat((b.inputs, dict(b.options))), strict=False
    )
    for x, y in pairs:
        told = f"an argument of {a.op.name} ({a.line})"
        if isinstance(x, Value) and isinstance(y, Value):
            one, other = (p.constants.get(v.slot) for p, v in ((first, x), (second, y)))
            if one is not None and other is not None:
                if one.array is not other.array and not _same(one.array, other.array):
                    return (
                        f"{told} is an array that was computed without tensors, or drawn by NumPy"
                    )
            elif x.slot != y.slot:
                return f"{told} was computed otherwise"
        elif not _alike(x, y):
            return f"{told} was {x!r:.40} first and {y!r:.40} then"
    if a.outputs != b.outputs:
        return f"{a.op.name} ({a.line}) gave something else"
    return None


def _flat(tree: Any) -> list[Any]:
    if isinstance(tree, Value):
        return [tree]
    if isinstance(tree, slice):
        tree = (tree.start, tree.stop, tree.step)
    if isinstance(tree, dict):
        return [leaf for name, part in tree.items() for leaf in (name, *_flat(part))]
    if isinstance(tree, tuple | list):
        return [leaf for part in tree for leaf in _flat(part)]
    return [tree]


def _alike(x: Any, y: Any) -> bool:
    """Whether two arguments that are no values are the same; functions, if their code is."""
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):
        return _same(x, y)
    codes = getattr(x, "__code__", None), getattr(y, "__code__", None)
    if codes[0] is not None:
        return codes[0] is codes[1]
    return bool(signature(x) == signature(y))


def _are_alike(first: Any, second: Any) -> bool:
    one, other = _flat(first), _flat(second)
    return len(one) == len(other) and all(map(_alike, one, other))


def _steps(program: Program) -> list[Any]:
    return [
        (type(step), getattr(getattr(step, "cell", None), "key", None)) for step in program.numbers
    ]


def _told(result: Any) -> str:
    return ", ".join("a tensor" if isinstance(x, Value) else f"{x!r:.40}" for x in _flat(result))


def _same(a: Array, b: Array) -> bool:
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")

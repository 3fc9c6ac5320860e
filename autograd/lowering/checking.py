"""Whether the C of a program computes what NumPy does: call by call, each on what C had there.

The same text, but that every value is written down, runs once. Then each call is run by NumPy on
what C has written for its arguments, and compared with what C has written for its result. A call
that NumPy ran itself must have been given what C has written; it is not run again, as BLAS may sum
in another order what lies in another one. Compilers
are allowed nothing that changes results, so that the text that is used gives the same bits as the
one that was looked at; and so it must.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from autograd.engine.tensor import Array
from autograd.lowering.bounds import SUMS, Off, agrees, bound_of
from autograd.lowering.c_backend import CompiledC
from autograd.lowering.indices import Affine, Axes, combined
from autograd.lowering.memory import Block
from autograd.lowering.nests import View, strides_of
from autograd.program.differing import gap, same_bits
from autograd.program.program import Call
from autograd.program.running import compute

# Every byte of what is not computed; as a float that is -6328.72 or -5.2e27, hardly a result.
_UNSET = 0xC5


def first_difference(
    compiled: CompiledC,
    watched: CompiledC,
    given: Sequence[Array],
    instead: Mapping[int, Array] | None = None,
) -> str | None:
    """In words, the first call of which C gives something else than NumPy; None if there is none.

    Args:
        watched: the same program, of whose values all are left for who looks on.
        given: an array for each input.
        instead: by slot, what calls that draw random numbers are to have given.
    """
    program, instead = compiled.program, instead or {}
    block = Block(watched.generated)
    for value in watched.generated.plan.inlined:
        block.flat[watched.generated.positions[value]].view(np.uint8)[...] = _UNSET
    with np.errstate(all="ignore"):
        watched.take = lambda: block  # type: ignore[method-assign]
        ends = watched.driven(instead)(*given)
        found = _Found(watched, block, given, ends, instead)
        for number in range(len(program.calls)):
            if told := found.difference(number):
                return told
            found.let_go(number)
        again = compiled.driven(instead)(*given)
    for slot, array in ends.items():
        # The bits of a NaN are nobody's to say.
        if not np.array_equal(again[slot], array, equal_nan=array.dtype.kind == "f"):
            return f"slot {slot}, which is otherwise when not all is written down"
    return None


class _Found:
    """What C has written down, by slot."""

    def __init__(
        self,
        watched: CompiledC,
        block: Block,
        given: Sequence[Array],
        ends: Mapping[int, Array],
        instead: Mapping[int, Array],
    ) -> None:
        self._made, self._program, self._block = watched.generated, watched.program, block
        self._called = watched.called
        self._arrays: dict[int, Array] = {s: c.array for s, c in self._program.constants.items()}
        self._arrays |= {i.slot: a for i, a in zip(self._program.inputs, given, strict=True)}
        self._arrays |= ends
        self._arrays |= instead
        self._instead = instead
        self._unmade: dict[int, Off] = {}  # by slot, how far what C never has may be off
        self._last = self._last_uses()

    def _last_uses(self) -> dict[int, list[int]]:
        """By the number of a call, the slots that nobody asks for after it."""
        last: dict[int, int] = {}
        for number, call in reversed([*enumerate(self._program.calls)]):
            # How far what C never has may be off is computed where its readers are looked at.
            in_c = number not in self._made.lowerer.why and not self._is_instead(call)
            values = {s: self._made.lowerer.view(s).value for s in call.outputs if in_c}
            unmade = [slot for slot in values if self._is_unmade(slot)]
            until = max([last.get(slot, number) for slot in unmade], default=number)
            shown = [value.slot for value in values.values() if value.slot is not None]
            for slot in (*call.reads(), *shown):
                last[slot] = max(last.get(slot, number), until)
            for slot in call.gives():
                last.setdefault(slot, number)
        slots: dict[int, list[int]] = {}
        for slot, number in last.items():
            slots.setdefault(number, []).append(slot)
        return slots

    def let_go(self, number: int) -> None:
        """Forget what is not needed after a call: memory that was never used takes long to get."""
        for slot in self._last.get(number, ()):
            self._arrays.pop(slot, None)
            self._unmade.pop(slot, None)

    def difference(self, number: int) -> str | None:
        """In words, how a call differs; None if it does not."""
        call = self._program.calls[number]
        if self._is_instead(call):
            return None
        if number in self._made.lowerer.why:
            return self._given_otherwise(number)
        wanted = compute(call, self._arrays)
        off = self._passed_on(call)
        for slot, want in zip(call.outputs, wanted, strict=True):
            if self._is_unmade(slot):
                self._arrays[slot] = want
                self._left_out(slot, want, call, off)
                continue
            made = self._made_of(slot, want)
            self._arrays[slot] = made
            if not agrees(made, want, call, self._program.slots, self._arrays, off):
                told = f"call {number}, {call.op.name} ({call.line})"
                told += f", by up to {gap(made, want):.3g}"
                declared = call.op.lowering
                more = f"; its lowering, {declared!r}, is not its forward" if declared else ""
                return told + more
        return None

    def _given_otherwise(self, number: int) -> str | None:
        """In words, that NumPy was given for a call what C has not written; None if it was not."""
        call = self._program.calls[number]
        got, gave = self._called.pop(number)
        for slot, array in got.items():
            if not _is_same(np.asarray(array), np.asarray(self._arrays[slot])):
                where = f"call {number}, {call.op.name} ({call.line})"
                return f"{where}, for which NumPy got another slot {slot} than C has"
        self._arrays |= gave
        return None

    def _is_instead(self, call: Call) -> bool:
        """Whether others have given what a call was to give."""
        return not self._instead.keys().isdisjoint(call.gives())

    def _is_unmade(self, slot: int) -> bool:
        """Whether C has nothing for a slot: nobody reads it, or its reader computes it too."""
        return self._made.lowerer.view(slot).value not in self._made.positions

    def _left_out(self, slot: int, want: Array, call: Call, off: Off | None) -> None:
        sums = want.dtype.kind == "f" and call.op.name in SUMS
        if not sums:
            if off is not None:
                self._unmade[slot] = off
            return

        def found(share: int) -> Array:
            bound = bound_of(want, want, call, self._program.slots, self._arrays, share)
            whole: Array = bound if off is None else bound + off(share)
            return np.broadcast_to(whole, want.shape)

        self._unmade[slot] = found

    def _passed_on(self, call: Call) -> Off | None:
        """How far the result may be off on account of arguments that C never has: of sums, and of
        what moves elements."""
        if not self._unmade.keys() & set(call.reads()):
            return None
        moves = call.op.kind not in ("elementwise", "contraction")
        if not moves or len(call.outputs) > 1 or len(set(call.reads())) > 1:
            return None

        def found(share: int) -> Array:
            unmade = {s: self._unmade[s](share) for s in call.reads() if s in self._unmade}
            (moved,) = compute(call, {**self._arrays, **unmade})
            return moved

        return found

    def _made_of(self, slot: int, want: Array) -> Array:
        """What C has for a slot; where it computed nothing, what NumPy has."""
        view = self._made.lowerer.view(slot)
        made, computed = self._seen(view)
        if computed is None or computed.all():
            # To reshape what is shown in another order would be to copy it.
            if made.shape != want.shape and want.flags.c_contiguous:
                return (
                    want if same_bits(made, want.reshape(made.shape)) else made.reshape(want.shape)
                )
            return made.reshape(want.shape)
        return np.where(computed.reshape(want.shape), made.reshape(want.shape), want)

    def _seen(self, view: View) -> tuple[Array, Array | None]:
        """The array of a view, and which of its elements were computed; None for all."""
        value = view.value
        if value.slot is not None and value.slot in self._arrays:
            flat = np.ascontiguousarray(self._arrays[value.slot]).reshape(-1)
            return _shown(view, flat, strides_of(value.shape)), None
        flat = self._block.flat[self._made.positions[value]]
        strides = self._made.plan.strides[value]
        made = _shown(view, flat, strides)
        if value not in self._made.plan.inlined:
            return made, None
        bits = flat.view(f"u{flat.itemsize}")
        known = bits != np.frombuffer(bytes([_UNSET]) * flat.itemsize, bits.dtype)[0]
        return made, _shown(replace(view, fill=1), known, strides)


def _is_same(a: Array, b: Array) -> bool:
    return same_bits(a, b) or np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")


def _shown(view: View, flat: Array, strides: Sequence[int]) -> Array:
    """A view of a value in memory, as NumPy sees it, with a dimension for each of its axes."""
    axes, place = view.axes, view.place(strides)
    shape = tuple([axis.size for axis in axes])
    if view.guards and (framed := _framed(view, flat, strides)) is not None:
        flat, place = framed
    elif view.guards:
        return _looked_up(view, flat, strides)
    stepped = [place.step(axis) * flat.itemsize for axis in axes]
    seen: Array = np.ndarray(shape, flat.dtype, flat.data, place.start * flat.itemsize, stepped)
    return seen


def _framed(view: View, flat: Array, strides: Sequence[int]) -> tuple[Array, Affine] | None:
    """The value with what is read around it, in a row, and where the view is in that, so that
    windows need no place for each element; None where guards are of something else than edges."""
    shape, guards = view.value.shape, list(view.guards)
    if view.flat or len(strides) != len(shape):
        return None
    ranges = []
    for index, size in zip(view.indices, shape, strict=True):
        edges = [g for g in guards if g.step == 1 and g.size == size and g.place == index]
        guards = [g for g in guards if g not in edges]
        low, high = index.bounds()
        ranges.append((min(low, 0), max(high, size - 1)) if edges else (0, size - 1))
    if guards:
        return None
    sizes = tuple([high - low + 1 for low, high in ranges])
    frame = np.full(sizes, np.asarray(view.fill).astype(flat.dtype))
    steps = [step * flat.itemsize for step in strides]
    inside = tuple([slice(-low, -low + n) for (low, _), n in zip(ranges, shape, strict=True)])
    frame[inside] = np.ndarray(shape, flat.dtype, flat.data, 0, steps)
    starts = [combined([(i, 1)], -low) for i, (low, _) in zip(view.indices, ranges, strict=True)]
    place = combined(list(zip(starts, strides_of(sizes), strict=True)))
    return frame.reshape(-1), place


def _looked_up(view: View, flat: Array, strides: Sequence[int]) -> Array:
    """The same, each element at its place."""
    axes, place = view.axes, view.place(strides)
    shape = tuple([axis.size for axis in axes])
    inside = np.ones(shape, bool)
    for guard in view.guards:
        at = _grid(guard.place, axes)
        inside &= (at >= 0) & (at < guard.size) & (at % guard.step == 0)
    at = np.where(inside, _grid(place, axes), 0)
    return np.where(inside, flat[at], np.asarray(view.fill).astype(flat.dtype))


def _grid(index: Affine, axes: Axes) -> Array:
    """An affine index at all places."""
    found = np.full((1,) * len(axes), index.start, np.int64)
    for position, axis in enumerate(axes):
        step = index.step(axis)
        if step:
            along = [1] * len(axes)
            along[position] = axis.size
            found = found + step * np.arange(axis.size).reshape(along)
    return found

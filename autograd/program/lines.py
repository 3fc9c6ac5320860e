"""A program in lines, as a person would write it: calls in calls, where a part is read once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from functools import partial
from itertools import groupby
from typing import Any

import numpy as np

from autograd import ops
from autograd.engine.conforming import broadcast_axes
from autograd.program.expressions import (
    Applied,
    Key,
    Line,
    Name,
    Over,
    full,
    ones,
    plainly,
    zeros,
)
from autograd.program.program import Call, Delivery, Part, Program, Value, replaced

LONGEST = 6  # calls in one expression; what is longer is cut where a part gets a name


def lines_of(
    program: Program,
    as_run: bool = True,
    kept: Collection[int] = (),
    forward: int | None = None,
    inputs: bool = True,
) -> list[Line]:
    """The lines of a program, sweeps after what they sweep.

    Args:
        forward: how many calls there are before the sweep, where that is known.
        as_run: whether gradients that are one have a line each. Otherwise only those of `inputs`
            do, and of the slots in `kept`.
    """
    kept = {*kept, *(i.slot for i in program.inputs if inputs)}
    return _Lines(program, as_run, kept, forward).lines


class _Lines:
    def __init__(
        self, program: Program, as_run: bool, kept: Collection[int], forward: int | None
    ) -> None:
        self._before = len(program.calls) if forward is None else forward
        self._program, self._as_run = program, as_run
        self._kept = set(kept)
        self.lines: list[Line] = []
        self._uses = Counter(slot for call in program.calls for slot in call.reads())
        self._uses.update(program.wanted())
        self._last_read = {s: n for n, call in enumerate(program.calls) for s in call.reads()}
        self._last_read |= dict.fromkeys(program.wanted(), len(program.calls))
        self._views: dict[int, Applied] = {}
        self._bound: dict[Key, int] = {}
        self._keys: dict[int, list[Key]] = {}  # of a slot, those that are or were bound to it
        last: dict[int, Delivery] = {d.to: d for d in program.deliveries}
        self._final = set(map(id, last.values()))
        waiting = iter(program.deliveries)
        delivery = next(waiting, None)
        self._number = 0
        for part, run in groupby(program.calls, key=lambda call: _rule(call.part)):
            calls = list(run)
            if part is None:
                for call in calls:
                    if self._number == forward and delivery is not None:
                        self._deliver(delivery, None)
                        delivery = next(waiting, None)
                    self._forward(call)
                continue
            while delivery is not None and _rule(delivery.part) != part:
                self._deliver(delivery, None)
                delivery = next(waiting, None)
            expression = self._rule_lines(part, calls, delivery)
            self._number += len(calls)
            if delivery is not None:
                self._deliver(delivery, expression, calls)
                delivery = next(waiting, None)
        while delivery is not None:
            self._deliver(delivery, None)
            delivery = next(waiting, None)

    # --- keys ----------------------------------------------------------------------------------

    def _bind(self, key: Key, slot: int) -> None:
        """Let a key stand for a slot from now on; what it stood for keeps a key, if it is read."""
        before = self._bound.get(key)
        if before is not None and before != slot and not self._has_other_key(before, key):
            spare = Key("t", before)
            name = Name(key, self._program.slots[before].shape)
            own = self.lines.pop()
            self.lines += [Line((spare,), (before,), name, own.of, own.scope), own]
            self._bound[spare] = before
            self._keys[before].append(spare)
        self._bound[key] = slot
        self._keys.setdefault(slot, []).append(key)

    def _has_other_key(self, slot: int, key: Key) -> bool:
        """Whether a slot is read no more, or has a key but this one."""
        if self._last_read.get(slot, -1) < self._number:
            return True
        return any(self._bound[k] == slot for k in self._keys[slot] if k != key)

    def _name(self, slot: int, of: int | None = None) -> Any:
        """What stands for a slot in the pullback of a call, whose gradient comes first."""
        shape = self._program.slots[slot].shape
        if slot in self._views:
            return self._views[slot]
        keys = [key for key in self._keys.get(slot, ()) if self._bound[key] == slot]
        if not keys:
            return self._given(slot)
        if of is not None:
            own = self._program.calls[of].outputs
            keys.sort(key=lambda key: not (key.letter == "d" and key.slot in own))
        return Name(keys[0], shape)

    def _given(self, slot: int) -> Any:
        """An input or a constant; one that is all one number, and nobody gave, is written down."""
        constant, kind = self._program.constants.get(slot), self._program.slots[slot]
        number = None if constant is None else constant.number
        if number is not None:
            filled = {"0.0": zeros, "1.0": ones}.get(str(float(number)), full)  # -0.0 is another
            args = (kind.shape,) if filled is not full else (kind.shape, plainly(number))
            dtype = () if kind.dtype == np.float64 else (Name(kind.dtype.name),)
            return Applied(filled, (*args, *dtype), {}, kind.shape)
        return Name(Key("v", slot), kind.shape)

    def _arguments(self, call: Call, name: Callable[[Value], Any]) -> tuple[Any, dict[str, Any]]:
        """The arguments and options of a call, by name. Constants within tuples and options stand
        for plain arrays: ops take no tensors there. In a sweep, 1 / n is written so."""

        def within(value: Value) -> Any:
            if value.slot in self._program.constants:
                return Name(Key("p", value.slot), self._program.slots[value.slot].shape)
            return name(value)

        args = tuple(name(a) if isinstance(a, Value) else replaced(a, within) for a in call.inputs)
        if call.part is not None:
            args = tuple(_as_fraction(a) if type(a) is float else a for a in args)
        return args, replaced(dict(call.options), within)

    # --- lines ---------------------------------------------------------------------------------

    def _forward(self, call: Call) -> None:
        args, options = self._arguments(call, lambda value: self._name(value.slot))
        shape = self._program.slots[call.outputs[0]].shape if call.outputs else None
        keys = tuple(Key("v", slot) for slot in call.outputs)
        expression = Applied(call.op, args, options, shape)
        several = call.several is not None
        self.lines.append(
            Line(
                keys,
                call.outputs,
                expression,
                scope=call.scope,
                several=several,
                again=self._number >= self._before,
            )
        )
        self._number += 1
        for key, slot in zip(keys, call.outputs, strict=True):
            self._bind(key, slot)

    def _rule_lines(self, part: Part, calls: list[Call], delivery: Delivery | None) -> Any:
        """The lines of parts that get a name, and the expression of what the rule gives."""
        made: dict[int, Any] = {}
        sizes: dict[int, int] = {}
        inside = Counter(slot for call in calls for slot in call.reads())
        result = delivery.gradient if delivery is not None else None
        total = Key("d", delivery.to) if delivery is not None else None

        def of(value: Value, adds: bool) -> Any:
            slot = value.slot
            if slot in made:
                return made[slot]
            if adds and total is not None and self._bound.get(total) == slot:
                return Name(total, self._program.slots[slot].shape)
            return self._name(slot, part.call)

        for call in calls:
            adds = call.part is not None and call.part.adds
            args, options = self._arguments(call, partial(of, adds=adds))
            slot = call.outputs[0]
            expression = Applied(call.op, args, options, self._program.slots[slot].shape)
            size = 1 + sum(sizes.get(read, 0) for read in call.reads())
            once = self._uses[slot] == inside[slot] == 1
            if self._is_view(call, expression) and slot != result:
                self._views[slot] = expression  # is written again wherever it is read
                continue
            if call.several is None and (slot == result or (once and size <= LONGEST)):
                made[slot], sizes[slot] = expression, size
                continue
            keys = tuple(Key("t", slot) for slot in call.outputs)
            scope = self._program.calls[part.call].scope
            several = call.several is not None
            line = Line(keys, call.outputs, expression, part.call, scope, "", several)
            self.lines.append(line)
            for key, output in zip(keys, call.outputs, strict=True):
                self._bind(key, output)
        return made.get(result) if result is not None else None

    def _is_view(self, call: Call, expression: Applied) -> bool:
        """Whether a call is a view of a value with a name of its own, as W.mT is."""
        x = expression.args[0] if call.op in (ops.transpose, ops.reshape) else None
        return isinstance(x, Name) and isinstance(x.name, Key) and x.name.letter == "v"

    def _deliver(self, delivery: Delivery, expression: Any, calls: Sequence[Call] = ()) -> None:
        part, to, slot = delivery
        if slot not in self._program.slots or to not in self._program.slots:
            return
        key = Key("d", to)
        if expression is None:
            final = id(delivery) in self._final and to in self._kept
            if not (self._as_run or final) or self._bound.get(key) == slot:
                return
            expression = self._name(slot, None if part is None else part.call)
        if part is None:
            note: Any = "the gradient of the result in itself"
            self.lines.append(Line((key,), (slot,), expression, -1, (), note))
        else:
            call = self._program.calls[part.call]
            note = self._note(call, to, calls)
            self.lines.append(Line((key,), (slot,), expression, part.call, call.scope, note))
        self._bind(key, slot)

    def _note(self, call: Call, to: int, calls: Sequence[Call]) -> Any:
        """Why a gradient was summed or cast, from the calls that gave it."""
        own = [c for c in calls if not (c.part is not None and c.part.adds)]
        slots, target, reasons = self._program.slots, self._program.slots[to], []
        summed: tuple[int, ...] = ()
        shape: tuple[int, ...] = ()
        for c in own:
            if c.op in (ops.sum, ops.sum_of_products) and isinstance(c.inputs[0], Value):
                third = 1 if c.op is ops.sum else 2
                axis = c.inputs[third] if len(c.inputs) > third else c.options.get("axis")
                shape = slots[c.inputs[0].slot].shape
                axes = tuple(range(len(shape))) if axis is None else axis
                summed = axes if isinstance(axes, tuple) else (axes,)
        fits = len(shape) >= len(target.shape) and summed
        broadcast = call.op.kind in ("elementwise", None) or call.op.broadcasts
        if fits and broadcast and _broadcast(shape, target.shape) == summed:
            word = "axis" if len(summed) == 1 else "axes"
            axes_text = ", ".join(map(str, summed))
            end = f"{target.shape} was broadcast to {shape}"
            reasons.append((f"summed over {word} {axes_text}: ", f" {end}"))
        last = own[-1] if own and own[-1].op is ops.astype else None
        if last is not None and slots[last.inputs[0].slot].dtype != target.dtype:
            reasons.append((f"cast to {target.dtype}, the dtype of ", ""))
        key = Key("v", to)
        return (lambda name: "; ".join(a + name(key) + b for a, b in reasons)) if reasons else ""


def _broadcast(long: tuple[int, ...], short: tuple[int, ...]) -> tuple[int, ...] | None:
    """The axes along which `short` is repeated in `long`; None where it does not broadcast."""
    try:
        fits = np.broadcast_shapes(long, short) == long
    except ValueError:
        return None
    return broadcast_axes(long, short) if fits else None


def _as_fraction(number: float) -> float:
    """1 / n where that is the shorter way to write it."""
    n = round(1 / number) if 1e-9 < abs(number) < 1 and len(repr(number)) > 6 else 1
    return Over(n) if abs(n) > 1 and 1 / n == number else number


def _rule(part: Part | None) -> Part | None:
    return part if part is None else part._replace(adds=False)

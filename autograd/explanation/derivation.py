"""The backward part: each record's pullbacks as they run, youngest record first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from heapq import heappop, heappush
from typing import Any

import numpy as np

from autograd import ops
from autograd.engine.conforming import broadcast_axes, conformed
from autograd.engine.primitives import Primitive
from autograd.engine.tape import Output, Place, Record, Refusal
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.explanation.expressions import (
    Call,
    Formula,
    Made,
    Name,
    Statement,
    Watcher,
    watching,
)
from autograd.explanation.formulas import Formulas, Step
from autograd.explanation.naming import ones, zeros
from autograd.program.recorded import Values


class PullAgain:
    """Stands in a program for the pullback of a record that is no formula: it runs it.

    A checkpoint is one: what it computes is recorded only while it runs again.
    """

    def __init__(self, record: Record, name: str, indices: list[int] | None) -> None:
        self.name = name
        self._record, self._indices = record, indices

    def __call__(self, *gradients: Tensor) -> tuple[Tensor, ...]:
        return tuple(g for _, g in self.pulled(*gradients))

    def pulled(self, *gradients: Tensor) -> list[tuple[Place, Tensor]]:
        """Gradients, each with the place it belongs to."""
        indices = self._indices
        g: Any = gradients[0] if indices is None else dict(zip(indices, gradients, strict=True))
        with watching(None):
            found: list[tuple[Place, Tensor]] = []
            self._record.op.pull(self._record, g, None, lambda *pair: found.append(pair))
            return found


class Derivation:
    """The steps from the leaves to `root`, and back.

    Args:
        root: a tensor of one element, on a tape that was not freed.
        given: names for tensors and arrays; see Names.
        with_values: whether each value is described by its numbers too.
    """

    def __init__(self, root: Tensor, given: Mapping[str, Any] | None, with_values: bool) -> None:
        assert root._place is not None
        values = self._values = Values(root)
        places = values.places
        self.formulas = Formulas(places, given, values, with_values)
        self.names, self.describe = self.formulas.names, self.formulas.describe
        self._steps = self.formulas.steps
        self._pending: dict[int, tuple[Place, Any]] = {}
        self._queue: list[int] = []
        with watching(None):
            self.seed = self._start(root._place, root.data)
            self._sweep()

    @property
    def steps(self) -> list[Step]:
        """One for each record, oldest first."""
        return list(self._steps.values())

    def _start(self, place: Place, data: Array) -> Statement:
        g = wrap(np.ones_like(data), None)
        filled = Call(ones, _shape_and_dtype(data), {}, data.shape)
        return self._deliver(place, g, filled, "the gradient of the result in itself")

    def _sweep(self) -> None:
        """As tape.sweep goes, but no hook is run, nothing is freed, and no leaf gets anything."""
        while self._queue:
            place, g = self._pending.pop(-heappop(self._queue))
            if isinstance(place, Record):
                lines = self._steps[place.serial].backward
                whole = self._values.full(place)
                pulled = self._pull if isinstance(place.op, Primitive) else self._pull_again
                lines.extend(pulled(place, whole, g))

    def _deliver(self, place: Place, g: Tensor, expression: Any, note: str = "") -> Statement:
        """Add a gradient to what has reached a place, and say so."""
        name = f"d_{self.names.of(place)}"
        record = place.record if isinstance(place, Output) else place
        if record.serial not in self._pending:
            heappush(self._queue, -record.serial)
            self._pending[record.serial] = (record, {} if isinstance(place, Output) else None)
        before = self._pending[record.serial][1]
        earlier = before.get(place.index) if isinstance(place, Output) else before
        if earlier is not None:
            g = earlier + g
            expression = Call(ops.add, (Name(name, g.shape), expression), {}, g.shape)
        if isinstance(place, Output):
            before[place.index] = g
        else:
            self._pending[record.serial] = (record, g)
        return Statement((self.describe(name, g.data),), expression, note)

    def _pull(self, record: Record, whole: Record, g: Any) -> Iterator[Statement]:
        op = whole.op
        assert isinstance(op, Primitive)
        assert whole.arrays is not None
        given, options = op.given(whole, g)
        names = self._known(record, whole, given)
        unused = _Unused(self.names.outputs(record), whole.out, g)
        count = 0

        def fresh() -> str:
            nonlocal count
            count += 1
            return self.names.temporary(count)

        def known(array: Array) -> Name:
            if id(array) in names:
                unused.read(names[id(array)].name)
                return names[id(array)]
            note = f"made within the rule of {op.name}, by no primitive"
            if any(array is part for part in _arrays_in(options.get("saved"))):
                note = f"kept by the forward of {op.name}"
            return Name(self.names.constant(array, note), array.shape)

        for position, parent in enumerate(whole.parents):
            rule = None if parent is None else op.rule(position)
            if parent is None or rule is None:
                continue
            if isinstance(parent, Refusal):
                raise RuntimeError(parent.reason)
            watcher = Watcher()
            array = whole.arrays[position]
            with watching(watcher):
                raw = rule(*given, **options)
                # Without a warning of a sum; the note says it here.
                gradient = conformed(raw, whole, position, True)
            formula = Formula(watcher, gradient.data, known, self.names.value, fresh, self.describe)
            yield from unused.statements(self.describe)
            yield from formula.statements
            note = self._reason(op, parent, array, raw.data, whole.out)
            yield self._deliver(parent, gradient, formula.expression, note)

    def _known(self, record: Record, whole: Record, given: list[Any]) -> dict[int, Name]:
        """The names of the arrays that a rule gets."""
        names: dict[int, Name] = {}
        outputs = self.names.outputs(record)
        g, out, *args = given
        several = isinstance(out, tuple)
        for position, arg in enumerate(args):
            if isinstance(arg, Tensor):
                names[id(arg.data)] = self.formulas.argument(record, position, arg.data)
        for name, o in zip(outputs, out if several else (out,), strict=True):
            names.setdefault(id(o.data), Name(name, o.shape))
        for name, part in zip(outputs, g if several else (g,), strict=True):
            names[id(part.data)] = Name(f"d_{name}", part.shape)
        return names

    def _reason(self, op: Primitive, parent: Place, array: Array, raw: Array, out: Any) -> str:
        reasons = []
        shape = raw.shape
        if shape == array.shape and op.kind == "elementwise" and not isinstance(out, tuple):
            shape = out.shape  # the rule may have summed by itself
        if shape != array.shape:
            axes = broadcast_axes(shape, array.shape)
            reasons.append(
                f"summed over {'axis' if len(axes) == 1 else 'axes'} {', '.join(map(str, axes))}: "
                f"{self.names.of(parent)} {array.shape} was broadcast to {shape}"
            )
        if raw.dtype != array.dtype:
            reasons.append(f"cast to {array.dtype}, the dtype of {self.names.of(parent)}")
        return "; ".join(reasons)

    def _pull_again(self, record: Record, whole: Record, g: Any) -> Iterator[Statement]:
        names = self.names.outputs(record)
        indices = sorted(g) if isinstance(g, dict) else None
        parts = [g[i] for i in indices] if indices is not None else [g]
        read = [names[i] for i in indices] if indices is not None else names
        again = PullAgain(whole, f"pull_{names[0]}", indices)
        pulled = again.pulled(*parts)
        temporaries = [self.names.temporary(k + 1) for k in range(len(pulled))]
        args = tuple(Name(f"d_{n}", p.shape) for n, p in zip(read, parts, strict=True))
        if not pulled:
            return
        made = tuple(
            self.describe(t, part.data) for t, (_, part) in zip(temporaries, pulled, strict=True)
        )
        yield Statement(made, Call(again, args), f"{record.op.name} is computed again", True)
        for name, (place, part) in zip(temporaries, pulled, strict=True):
            yield self._deliver(place, part, Name(name, part.shape))


class _Unused:
    """Gradients of outputs that nothing used: zeros, which are written down where a rule reads."""

    def __init__(self, names: list[str], out: Any, g: Any) -> None:
        several = isinstance(out, tuple)
        self._missing = (
            {f"d_{n}": o for i, (n, o) in enumerate(zip(names, out, strict=True)) if i not in g}
            if several
            else {}
        )
        self._read: list[str] = []

    def read(self, name: str) -> None:
        if name in self._missing and name not in self._read:
            self._read.append(name)

    def statements(self, describe: Callable[[str, Array], Made]) -> Iterator[Statement]:
        for name in self._read:
            out = self._missing.pop(name)
            filled = Call(zeros, _shape_and_dtype(out), {}, out.shape)
            yield Statement((describe(name, np.zeros_like(out)),), filled, "nothing used it")
        self._read = []


def _shape_and_dtype(array: Array) -> tuple[Any, ...]:
    if array.dtype == np.float64:
        return (array.shape,)
    return array.shape, Name(array.dtype.name)


def _arrays_in(value: Any) -> Iterator[Array]:
    if isinstance(value, tuple):
        for part in value:
            yield from _arrays_in(part)
    elif isinstance(value, Tensor):
        yield value.data

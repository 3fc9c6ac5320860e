"""The forward part of a tape in formulas: a name for every place, and one statement a record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from autograd.engine.keeping import Dropped
from autograd.engine.primitives import Primitive
from autograd.engine.tape import Leaf, Place, Record, Refusal
from autograd.engine.tensor import Array
from autograd.explanation.expressions import Call, Made, Name, Statement, short
from autograd.explanation.naming import Names
from autograd.program.recorded import Values


@dataclass(frozen=True)
class Step:
    """A record: what it computed, and the statements of its pullback."""

    number: int
    op: str
    scope: tuple[str, ...]
    forward: Statement
    backward: list[Statement] = field(default_factory=list)


class Formulas:
    """A statement for each record of a tape.

    Args:
        places: leaves and records, oldest first.
        given: names for tensors and arrays; see Names.
        values: the arrays of the tape. Without them, as little is known as the tape holds: nothing
            is computed again, and leaves are believed to hold what they held.
        with_values: whether each value is described by its numbers too.
    """

    def __init__(
        self,
        places: Iterable[Place],
        given: Mapping[str, Any] | None,
        values: Values | None = None,
        with_values: bool = False,
    ) -> None:
        places = list(places)
        self._values, self._with_values = values, with_values
        self.names = Names(places, given)
        self.leaves: dict[str, Array] = {}  # as the tape saw them
        self.steps: dict[int, Step] = {}  # by serial number, oldest first
        for place in places:
            if isinstance(place, Record):
                self.steps[place.serial] = self._forward(place)

    def describe(self, name: str, array: Any) -> Made:
        """What a name is bound to."""
        value = short(array) if self._with_values else ""
        return Made(name, str(array.dtype), array.shape, value)

    def _forward(self, record: Record) -> Step:
        out = record.out if self._values is None else self._values.out(record)
        several = isinstance(out, tuple)
        outs = out if several else (out,)
        named = zip(self.names.outputs(record), outs, strict=True)
        made = tuple(self.describe(n, o) for n, o in named if isinstance(o, np.ndarray | Dropped))
        assert record.arrays is not None
        arrays = record.arrays if self._values is None else self._values.arrays(record)
        args = tuple(self.argument(record, i, a) for i, a in enumerate(arrays))
        note = ""
        expression: Any
        if isinstance(record.op, Primitive):
            options = {k: self.names.value(v) for k, v in record.options.items()}
            expression = Call(record.op, args, options, outs[0].shape if outs else None)
        else:
            note = f"given by {record.op.name}, which runs again in the backward pass"
            constants = [
                Name(self.names.constant(o, f"an output of {record.op.name}"), o.shape)
                for o in outs
                if isinstance(o, np.ndarray)
            ]
            expression = tuple(constants) if several and len(constants) > 1 else constants[0]
        return Step(
            len(self.steps),
            record.op.name,
            record.scope,
            Statement(made, expression, note, several and isinstance(expression, Call)),
        )

    def argument(self, record: Record, position: int, array: Any) -> Any:
        """The argument at a position, by its name."""
        if not isinstance(array, np.ndarray | Dropped):
            return self.names.value(array)
        parent = record.parents[position]
        if isinstance(parent, Leaf):
            self.see_leaf(parent, array)
        if parent is None or isinstance(parent, Refusal) or not self._is_of(array, parent):
            return Name(self.names.constant(array), array.shape)
        return Name(self.names.of(parent), array.shape)

    def _is_of(self, array: Any, place: Place) -> bool:
        """Whether this is the array of a place: its tensor may have been bound to another one."""
        if isinstance(place, Leaf):
            return _same(array, self.leaves[self.names.of(place)])
        return self._values is None or _same(array, self._values.at(place))

    def see_leaf(self, place: Place, array: Any) -> None:
        """Note what array a leaf held when it was first used."""
        if isinstance(place, Leaf):
            self.leaves.setdefault(self.names.of(place), array)


def _same(a: Any, b: Any) -> bool:
    """Whether two arrays hold the same; what was computed again is another array."""
    if a is b:
        return True
    return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind in "fc")

"""What the tape knows about a tensor whose gradient is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from autograd.checking.diagnosis.roles import label_masks
from autograd.checking.flow import Flow
from autograd.checking.replaying import quietly
from autograd.engine.conforming import broadcast_axes
from autograd.engine.modes import no_grad
from autograd.engine.primitives import Primitive
from autograd.engine.tape import Output, Place, Record, reachable
from autograd.engine.tensor import Array, Tensor, wrap

# Ops whose derivative changes no number.
_HANDING_ON = {"add", "astype", "broadcast_to", "positive", "reshape", "sum", "transpose"}

Rewrite = Callable[[list[Any], dict[str, Any]], tuple[list[Any], dict[str, Any]]]


@dataclass(frozen=True)
class Use:
    """Argument `position` of `record` is what is at `place`."""

    record: Record
    position: int
    place: Place

    def __str__(self) -> str:
        return f"argument {self.position} of {described(self.record)}"


class Context:
    """A tape, one tensor on it, and quantities that a factor may be named by.

    Args:
        flow: the gradients of every place of the tape.
        place: that of the tensor.
        quantities: name -> number, such as {"lr": 0.1}.
        names: what tensors are called, by the serial numbers of their places.
        arrays: what constants are called.
        right: serial numbers of the places whose gradients were given, and are right.
        given: all gradients that were given, by the serial numbers of their places.
        lines: where what is at a place was made, "line 12".
    """

    def __init__(
        self,
        flow: Flow,
        place: Place,
        quantities: dict[str, float] | None = None,
        names: dict[int, str] | None = None,
        arrays: dict[str, Array] | None = None,
        right: frozenset[int] = frozenset(),
        given: dict[int, Array] | None = None,
        lines: dict[int, str] | None = None,
    ) -> None:
        self.flow, self.place = flow, place
        self.quantities = dict(quantities or {})
        self.names, self._arrays, self.right = names or {}, arrays or {}, right
        self._given, self._lines = given or {}, lines or {}
        self._after: dict[int, set[int]] = {}
        self._contributions: dict[tuple[int, int], Array | None] = {}
        self._parts: dict[tuple[int, int], Array | None] = {}

    @cached_property
    def value(self) -> Array:
        """The array of the tensor."""
        return self.array_of(self.place)

    @cached_property
    def uses(self) -> list[Use]:
        """Where the tensor is an argument, oldest record first."""
        return [use for use in self.path if use.place.serial == self.place.serial]

    @cached_property
    def path(self) -> list[Use]:
        """Every use of the tensor, and of what was computed from it; nearest first."""
        after = {self.place.serial}
        found: list[Use] = []
        for place in self.flow.places:
            if isinstance(place, Output) and place.record.serial in after:
                after.add(place.serial)
            if not isinstance(place, Record) or not isinstance(place.op, Primitive):
                continue
            for position, parent in enumerate(place.parents):
                if parent is not None and parent.serial in after:
                    after.add(place.serial)
                    found.append(Use(place, position, parent))
        return found

    @cached_property
    def near(self) -> list[Use]:
        """The uses on the way to what is known to be right; all, where nothing is."""
        after = {self.place.serial}
        found: list[Use] = []
        for use in self.path:
            if use.place.serial in after:
                found.append(use)
                if use.record.serial not in self.right:
                    after.add(use.record.serial)
                    after |= {
                        place.serial
                        for place in self.flow.places
                        if isinstance(place, Output)
                        and place.record is use.record
                        and place.serial not in self.right
                    }
        return found

    @cached_property
    def near_places(self) -> list[Place]:
        """The tensor, and what ops on the way to what is known to be right have made of it."""
        made = {use.record.serial: use.record for use in self.near}
        return [self.place, *made.values()]

    def elementwise_after(self, place: Place) -> list[Record]:
        """Elementwise ops on what was made of a place, oldest first."""
        after = self.after(place)
        return [
            record
            for record in self.flow.records
            if record.serial in after and getattr(record.op, "kind", None) == "elementwise"
        ]

    @cached_property
    def gradients(self) -> list[tuple[Place, Array]]:
        """The gradients of all places, those with names first, of these the nearest."""
        found = [
            (place, g.astype(np.float64, copy=False))
            for place in reversed(self.flow.places)
            if (g := self.flow.at(place)) is not None and g.size > 1
        ]
        return sorted(found, key=lambda pair: pair[0].serial not in self.names)

    def after(self, place: Place) -> set[int]:
        """Serial numbers of what was computed from a place."""
        if place.serial not in self._after:
            self._after[place.serial] = self.flow.computed_with(place)
        return self._after[place.serial]

    def ops_between(self, place: Place, other: Place) -> str:
        """The ops on the way from one place to another that do more than add or rearrange."""
        between = self.after(place) & ({p.serial for p in reachable([other])} | {other.serial})
        found = [
            self.op_named(record)
            for record in self.flow.records
            if record.serial in between and record.op.name not in _HANDING_ON
        ]
        return ", ".join(found[:3]) + (" and others" if len(found) > 3 else "")

    @cached_property
    def made_of(self) -> set[int]:
        """Serial numbers of what the tensor itself was computed from."""
        return {p.serial for p in reachable([self.place])} - {self.place.serial}

    def is_exchanged(self, other: Place, right: Array) -> bool:
        """Whether what is right for the tensor was given for another one."""
        theirs = self._given.get(other.serial)
        close = 1e-5 * float(np.abs(right).max(initial=0.0))
        return (
            theirs is not None
            and theirs.shape == right.shape
            and bool((np.abs(theirs - right) <= close).all())
        )

    # --- names -------------------------------------------------------------------------------

    def name_of(self, place: Place) -> str | None:
        """What the user calls the tensor at a place."""
        return self.names.get(place.serial)

    def place_named(self, place: Place) -> str:
        """A place by its name, or by what made it."""
        if place.serial == self.place.serial and place.serial not in self.names:
            return "the tensor"
        known = self.names.get(place.serial)
        if known is not None:
            line = self._lines.get(place.serial)
            return f"{known} ({line})" if line else known
        if isinstance(place, Output):
            return f"output {place.index} of {described(place.record)}"
        return described(place) if isinstance(place, Record) else "a leaf without a name"

    def op_named(self, record: Record) -> str:
        """An op, and what the user calls the result."""
        named = record.serial in self.names
        return f"'{record.op.name}'{self.giving(record)}" if named else described(record)

    def giving(self, record: Record) -> str:
        """ " (which gave z in line 12)"; empty where the user has no name for it."""
        name, line = self.names.get(record.serial), self._lines.get(record.serial)
        return f" (which gave {name}{f' in {line}' if line else ''})" if name else ""

    def array_named(self, array: Array) -> str | None:
        """What the user calls an array on the tape."""
        return self._called.get(id(array)) or next(
            (
                name
                for name, known in self._arrays.items()
                if known.shape == array.shape and np.array_equal(known, array)
            ),
            None,
        )

    @cached_property
    def _called(self) -> dict[int, str]:
        found: dict[int, str] = {}
        values = self.flow.values
        for record in self.flow.records:
            if record.serial in self.names and not isinstance(record.out, tuple):
                found[id(values.out(record))] = self.names[record.serial]
            for array, parent in zip(values.arrays(record), record.parents, strict=True):
                if parent is not None and parent.serial in self.names:
                    found[id(array)] = self.names[parent.serial]
        return found

    @cached_property
    def records(self) -> list[Record]:
        """The records computed from the tensor, nearest first."""
        return list({use.record.serial: use.record for use in self.path}.values())

    @cached_property
    def label_masks(self) -> list[Array]:
        """Where recorded indices pick one number of many, and where constants are one-hot."""
        return label_masks(self.flow.values)

    def array_of(self, place: Place) -> Array:
        """The array at a place."""
        for use in self.path if not isinstance(place, Record | Output) else ():
            if use.place.serial == place.serial:
                array = self.flow.values.arrays(use.record)[use.position]
                if isinstance(array, np.ndarray):
                    return array
        return np.asarray(self.flow.values.at(place))

    def upstream(self, record: Record) -> Array | None:
        """The gradient of a record's output; None where it has several, or none arrived."""
        return self.flow.at(record)

    def contribution(self, use: Use) -> Array | None:
        """What the use adds to the gradient of its place."""
        key = (use.record.serial, use.position)
        if key not in self._contributions:
            argument = self.flow.values.arrays(use.record)[use.position]
            self._contributions[key] = gradient_like(argument, self.pulled(use))
        return self._contributions[key]

    def part(self, use: Use) -> Array | None:
        """What the use adds to the gradient of the tensor; None where that is not known."""
        key = (use.record.serial, use.position)
        if key not in self._parts:
            contribution = self.contribution(use)
            part = None if contribution is None else self.carried(use.place, contribution)
            self._parts[key] = None if part is None else part.astype(np.float64, copy=False)
        return self._parts[key]

    def pulled(
        self, use: Use, instead: Mapping[int, Array] | None = None, rewrite: Rewrite | None = None
    ) -> Array | None:
        """What the rule of the use returns, before it is summed over broadcast axes.

        None where there is no rule, no gradient, or the rule refuses what it is given.

        Args:
            instead: what it gets in the place of its arguments, by number: 0 is the gradient, 1
                the output, and 2 the first argument of the op.
            rewrite: what changes its arguments and options otherwise.
        """
        g = self._gradient_of(use.record)
        op = use.record.op
        if g is None or not isinstance(op, Primitive):
            return None
        with no_grad(), quietly():
            rule = op.rule(use.position)
            if rule is None:
                return None
            given, options = op.given(self.flow.values.full(use.record), g)
            if not instead and rewrite is None:
                return rule(*given, **options).data
            for number, array in (instead or {}).items():
                given[number] = wrap(array, None)
            try:
                if rewrite is not None:
                    given, options = rewrite(given, options)
                return rule(*given, **options).data
            except (ValueError, TypeError, IndexError, ArithmeticError, AttributeError):
                return None  # not a mistake that one could have made here

    def carried(self, place: Place, g: Array) -> Array | None:
        """What a gradient g of a place contributes to the gradient of the tensor.

        g is carried in the dtype of the place: where dtypes change on the way, the rule of an op
        may have been run on numbers of another. None where nothing arrives, and where a rule on
        the way refuses what it is given.
        """
        g = as_gradient(g, self.array_of(place).dtype)
        if place.serial == self.place.serial:
            return g
        with quietly():
            try:
                return self.flow.carried(place, g, self.place)
            except (ValueError, TypeError, IndexError, ArithmeticError, AttributeError):
                return None  # a rule may count on properties that only the right gradient has

    def local_derivative(self, use: Use) -> Array | None:
        """The derivative of an elementwise op by its argument at each element; None of others."""
        record = use.record
        arrays = self.flow.values.arrays(record)
        argument, out = arrays[use.position], self.flow.values.out(record)
        if getattr(record.op, "kind", None) != "elementwise" or isinstance(out, tuple):
            return None
        if np.shape(argument) != out.shape:
            return None

        slope = self.pulled(use, {0: np.ones_like(out)})
        return None if slope is None else slope.astype(np.float64, copy=False)

    def arrays_like(self, shape: tuple[int, ...], most: int) -> list[tuple[str, Array]]:
        """Recorded floating arrays of a shape and what they are called, those with names first."""
        return self._found(lambda array: array.shape == shape, most)

    def named_like(self, place: Place, shape: tuple[int, ...]) -> list[tuple[str, Array]]:
        """What is at the place, and arrays of a shape that have names."""
        found = {id(v): (n, v) for n, v in self.arrays_like(shape, 16) if self.array_named(v)}
        if place.serial == self.place.serial:
            found.setdefault(id(self.value), (f"{self.place_named(place)} itself", self.value))
        return list(found.values())

    def arrays_within(self, shape: tuple[int, ...], most: int) -> list[tuple[str, Array]]:
        """Those that are no single number and broadcast to a shape without changing it."""
        return self._found(lambda array: broadcasts_to(array, shape), most)

    def _found(self, fits: Callable[[Array], bool], most: int) -> list[tuple[str, Array]]:
        return [(name, array) for name, array in self._recorded if fits(array)][:most]

    @cached_property
    def _recorded(self) -> list[tuple[str, Array]]:
        """Those of floats that are no single number, with names first."""
        found = [
            (self.array_named(array), what, array)
            for what, array in self.recorded()
            if array.size > 1 and array.dtype.kind == "f"
        ]
        found.sort(key=lambda entry: entry[0] is None)
        return [(name or what, array) for name, what, array in found]

    def recorded(self) -> list[tuple[str, Array]]:
        """The floating arrays near the tensor with what they are: arguments and outputs of ops."""
        seen: dict[int, tuple[str, Array]] = {id(self.value): ("its own value", self.value)}
        values = self.flow.values
        near = self.records + [r for r in reversed(self.flow.records) if r not in self.records]
        for record in near:
            for position, array in enumerate(values.arrays(record)):
                if isinstance(array, np.ndarray) and array.dtype.kind in "fbiu":
                    what = f"argument {position} of {described(record)}"
                    seen.setdefault(id(array), (what, array))
            outs = values.out(record)
            for out in outs if isinstance(outs, tuple) else (outs,):
                seen.setdefault(id(out), (f"the output of {described(record)}", out))
        return list(seen.values())

    def _gradient_of(self, record: Record) -> Any:
        if not isinstance(record.out, tuple):
            g = self.flow.at(record)
            return None if g is None else wrap(g, None)
        parts: dict[int, Tensor] = {}
        for place in self.flow.places:
            if isinstance(place, Output) and place.record is record:
                g = self.flow.at(place)
                if g is not None:
                    parts[place.index] = wrap(g, None)
        return parts or None


def described(record: Record) -> str:
    """An op and the shape of what it gave."""
    out = record.out[0] if isinstance(record.out, tuple) else record.out
    shape = f"shape {out.shape}" if out.ndim else "one number"
    line = f", {record.line}" if record.line else ""
    return f"'{record.op.name}' ({shape}{line})"


def as_gradient(g: Array, dtype: np.dtype[Any]) -> Array:
    """g in the dtype of what it is the gradient of; real where that is."""
    if g.dtype.kind == "c" and dtype.kind == "f":
        g = g.real
    with np.errstate(over="ignore", under="ignore"):
        return np.asarray(g.astype(dtype, copy=False))


def broadcasts_to(array: Array, shape: tuple[int, ...]) -> bool:
    """Whether an array broadcasts to a shape without changing it."""
    try:
        return np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        return False


def gradient_like(array: Array, g: Array | None) -> Array | None:
    """g summed and cast to what it is the gradient of; None where it cannot be."""
    try:
        return None if g is None else as_gradient(summed_to(g, array.shape), array.dtype)
    except ValueError:
        return None


def summed_to(g: Array, shape: tuple[int, ...]) -> Array:
    """g summed over the axes along which an array of `shape` was repeated."""
    if g.shape == shape:
        return g
    axes = broadcast_axes(g.shape, shape)
    return np.asarray(g.sum(axis=axes, keepdims=True)).reshape(shape)

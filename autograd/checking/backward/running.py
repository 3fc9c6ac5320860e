"""A forward run on tensors: what its variables were, by their names, and what it returned."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np

from autograd.checking.backward.holders import Holders, Named
from autograd.checking.backward.statements import Statement, Statements
from autograd.checking.backward.tracing import Call, Entry, Tracer
from autograd.checking.flow import computed_from
from autograd.engine.tape import Leaf, Place
from autograd.engine.tensor import Array, Tensor, wrap
from autograd.ops.shapes.indexing import index_update
from autograd.runtime.trees import flatten

OUTPUTS = ("out", "output", "outputs", "loss", "y", "y_hat", "y_pred", "logits", "scores", "a")


class Buffer(Tensor):
    """A tensor whose elements may be assigned to: it becomes the tensor with them in it. It takes
    what NumPy's arrays take."""

    __slots__ = ()

    def __setitem__(self, index: Any, value: Any) -> None:  # type: ignore[override]
        if isinstance(value, list | tuple):
            value = Tensor(value)
        if not isinstance(value, Tensor) and self._place is None:
            self.rebind(_written(self.data, index, value))
            return
        self._become(index_update(self, index, value))

    def astype(self, dtype: Any, *args: Any, copy: bool = True, **options: Any) -> Tensor:
        return super().astype(dtype, *args, **options) if copy or dtype != self.dtype else self

    def _become(self, made: Tensor) -> Buffer:
        self._place = None
        self.rebind(made.data)
        self._place = made._place
        return self

    def __iadd__(self, other: Any) -> Buffer:  # type: ignore[misc]
        return self._become(self + other)

    def __isub__(self, other: Any) -> Buffer:  # type: ignore[misc]
        return self._become(self - other)

    def __imul__(self, other: Any) -> Buffer:  # type: ignore[misc]
        return self._become(self * other)

    def __itruediv__(self, other: Any) -> Buffer:  # type: ignore[misc]
        return self._become(self / other)


def _written(array: Array, index: Any, value: Any) -> Array:
    array = array.copy()
    array[index.data if isinstance(index, Tensor) else index] = value
    return array


def buffered(value: Tensor | Array) -> Buffer:
    buffer = Buffer(value.data if isinstance(value, Tensor) else value.copy())
    buffer._place = value._place if isinstance(value, Tensor) else None
    return buffer


@dataclass(eq=False)
class Variable:
    """A value that a variable of the forward had."""

    name: str
    label: str
    group: str | None
    number: int | None
    tensor: Tensor
    scope: Any
    statement: Statement | None
    order: int

    @property
    def place(self) -> Place:
        assert self.tensor._place is not None
        return self.tensor._place

    @property
    def serial(self) -> int:
        return self.place.serial

    @property
    def is_leaf(self) -> bool:
        return isinstance(self.place, Leaf)


class Run:
    """A forward run on tensors made of its arguments and of what it reaches.

    Attributes:
        variables: in the order of their assignment, leaves first.
        returned: what it returned.
        names: of the parts of that, where its `return` gives them.
        arguments: names of its arguments -> the tensors.
        failure: why what it computed on tensors is of no use, None where it is.
    """

    def __init__(
        self, forward: Callable[..., Any], args: tuple[Any, ...], holders: Holders, both: bool
    ) -> None:
        self._statements = Statements()
        self.variables: list[Variable] = []
        self._last: dict[Any, Variable] = {}
        self._leaf: dict[int, Tensor] = {}
        self._kept: list[Any] = []
        self.failure: RuntimeError | None = None
        self.returned: Any = None
        self.names: tuple[str | None, ...] = ()
        given = self._tensors(args, not holders.slots)
        try:
            self.arguments = bound(forward, given)
        except TypeError as error:
            where = "check_backward: forward is called with the arguments"
            raise TypeError(f"{where}: {error}") from error
        with holders.kept():
            holders.put_tensors(self._of_array)
            named = Holders()
            for name, value in self.arguments.items():
                named.given(value, name)
            for leaf in [*named.leaves, *holders.leaves]:
                self._add(leaf)
            tracer = Tracer(self._statements, self._visit, forward)
            self._owners = tracer.owners
            try:
                self.returned = tracer.run(forward, *given)
                for variable in self.variables:
                    variable.scope = self._owners.get(variable.scope, variable.scope)
                self.names = tracer.last[1]
            except Exception as error:
                loss = self._loss_before(error) if both else None
                if loss is None:
                    self.failure = _explained(forward, error, tracer)
                    self.failure.__cause__ = error
                    return
                self.returned, self.names = loss.tensor, (loss.name,)

    def _loss_before(self, error: Exception) -> Variable | None:
        """Of a function that computes gradients too, which may fail on tensors: its loss."""
        named = [v for v in self.variables if v.name.lower() in ("loss", "cost", "l", "j", "error")]
        return named[-1] if named and named[-1].tensor.size == 1 else None

    def _tensors(self, args: tuple[Any, ...], numbers: bool) -> tuple[Any, ...]:
        parts, rebuild = flatten(args)
        numbers = numbers and not any(map(_floating, parts))
        made = [
            Tensor(p, requires_grad=True) if isinstance(p, float) and numbers else p for p in parts
        ]
        for at, part in enumerate(made):
            if _floating(parts[at]):
                made[at] = self._of_array(part.data if isinstance(part, Tensor) else part)
        whole: tuple[Any, ...] = rebuild(made)
        return whole

    def _of_array(self, array: Array) -> Tensor:
        if id(array) not in self._leaf:
            self._leaf[id(array)] = Tensor(array.copy(), requires_grad=True)
            self._kept.append(array)
        return self._leaf[id(array)]

    def array_of(self, tensor: Tensor) -> Array | None:
        """What a leaf was made of."""
        same = {at for at, leaf in self._leaf.items() if leaf._place is tensor._place}
        return next((kept for kept in self._kept if id(kept) in same), None)

    def without_tape(self) -> Tensor:
        """A loss of zeros on which all leaves are that were found."""
        total = Tensor(0.0)
        for leaf in {v.serial: v.tensor for v in self.variables if v.is_leaf}.values():
            total = total + (leaf * 0.0).sum()
        return total

    def _add(self, leaf: Named) -> None:
        name, number, tensor, owner, label, _ = leaf
        known = label.startswith("[") and any(v.tensor is tensor for v in self.variables)
        if tensor._place is not None and not known:  # in an argument, which has a name
            group = None if number is None else name
            self.variables.append(Variable(name, label, group, number, tensor, owner, None, 0))

    def _visit(self, call: Call, statement: Statement, entries: list[Entry]) -> None:
        written = self._statements.written(call.code)
        for entry in entries:
            value = entry.value
            changed = written is None or entry.name in written or entry.group in written
            tensor = isinstance(value, Tensor)
            if (changed or tensor) and not isinstance(value, Buffer) and _floating(value):
                value = buffered(value)
                entry.put(value)
            if not isinstance(value, Tensor) or value._place is None or value.dtype.kind != "f":
                continue
            before = self._last.get(entry.slot)
            if before is not None and before.serial == value._place.serial:
                continue
            held = wrap(value.data, value._place)
            self._kept.append(value)
            in_place = before is not None and isinstance(value, Buffer)
            if in_place and before is not None and call.known.get(entry.slot) is value:
                before.tensor, before.order = held, len(self._kept)
                continue
            call.known[entry.slot] = value
            scope = call.scope if entry.owner is None else entry.owner
            found = Variable(
                *(entry.name, entry.label, entry.group, entry.number, held),
                *(self._owners.get(scope, scope), statement),
                order=len(self._kept),
            )
            self._last[entry.slot] = found
            self.variables.append(found)

    def outputs(self, cotangents: list[str]) -> list[tuple[str | None, Tensor]]:
        """What gradients start from, with the names of it, in the order of `cotangents`, the names
        that the backward's arguments give to it, where these tell."""
        found = self._returned_tensors()
        by_name = {name: tensor for name, tensor in found if name is not None}
        if cotangents and all(name in by_name for name in cotangents):
            return [(name, by_name[name]) for name in cotangents]
        if len(cotangents) > 1 and len(found) >= len(cotangents):
            return found[: len(cotangents)]
        # Of several those from which no other was computed; of those the first.
        below = {id(t): computed_from([t._place]) for _, t in found if t._place}
        serials = {id(t): t._place.serial for _, t in found if t._place}
        last = [
            (name, t)
            for name, t in found
            if not any(t is not o and serials[id(t)] in below[id(o)] for _, o in found)
        ]
        return last[:1]

    def _returned_tensors(self) -> list[tuple[str | None, Tensor]]:
        parts = parts_of(self.returned, self.names)
        if self.returned is None:  # it keeps its result on its object
            kept = [v for v in self.variables if "." in v.label and v.order]
            likely = [v for v in kept if v.name.lower() in OUTPUTS][-1:]
            parts = [(v.name, v.tensor) for v in likely or kept]
        return [
            (name, part)
            for name, part in parts
            if isinstance(part, Tensor) and part._place is not None and part.dtype.kind == "f"
        ]


def _floating(value: Any) -> bool:
    return isinstance(value, Tensor | np.ndarray) and value.dtype.kind == "f"


def bound(function: Callable[..., Any], given: tuple[Any, ...]) -> dict[str, Any]:
    """Arguments by their names."""
    try:
        return dict(signature(function).bind(*given).arguments)
    except ValueError:  # written in C
        return {}


def parts_of(value: Any, names: tuple[str | None, ...]) -> list[tuple[str | None, Any]]:
    """The parts of what was returned, with their names where `return` gives them."""
    if isinstance(value, dict):
        return list(value.items())
    if isinstance(value, tuple | list):
        return list(
            zip(names if len(names) == len(value) else [None] * len(value), value, strict=True)
        )
    return [] if value is None else [(names[0] if len(names) == 1 else None, value)]


def _explained(forward: Any, error: Exception, tracer: Tracer) -> RuntimeError:
    where, at = "", error.__traceback__
    while at is not None:  # the innermost line of the user's
        if tracer._is_users(at.tb_frame.f_code):
            where = f" at {at.tb_frame.f_code.co_filename}:{at.tb_lineno}"
        at = at.tb_next
    name = getattr(forward, "__name__", "forward")
    return RuntimeError(
        f"{name} does not run on tensors: {type(error).__name__}{where}: {error}; "
        "give a function that computes the same with NumPy's or autograd's functions"
    )

"""The arrays that a backward assigned, version by version."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from autograd.checking.backward.naming import of_entry
from autograd.checking.backward.statements import Statement
from autograd.checking.backward.tracing import Call, Entry
from autograd.engine.tensor import Array, Tensor

HELD = ("data", "value", "val")  # what an object's attribute `grad` is the gradient of


@dataclass(eq=False)
class Version:
    """An array that a variable of the backward held, as one statement left it.

    Attributes:
        chain: number of the array object; versions of one chain are one array, changed in place.
        held: the array itself.
        at: how many statements had run before.
        place: the label that it had in the backward, where another is given to a result.
    """

    slot: Any
    label: str
    names: list[str]
    number: int | None
    value: Array
    scope: Any
    statement: Statement
    order: int
    chain: int
    held: Any = None
    at: int = 0
    place: str = ""


class Versions:
    """Collects them while a backward runs: each statement's latest, of every array."""

    def __init__(self) -> None:
        self.all: list[Version] = []
        self.names: list[str] = []
        self.ran: list[tuple[Call, Statement | None]] = []  # None where a call begins
        self.made: dict[int, tuple[Any, Statement]] = {}
        self.owners: dict[Any, int] = {}  # the objects of the forward
        self._last: dict[Any, tuple[Any, Version]] = {}
        self._of_chain: dict[tuple[Any, int, Statement], Version] = {}
        self._order = self._chain = 0
        self._outermost: Call | None = None
        self._begun = False

    def visit(self, call: Call, statement: Statement, entries: list[Entry]) -> None:
        if self._outermost is None:
            self._outermost = call
        else:
            self._begun = True
        begins = not call.entered
        self.ran.append((call, None if begins else statement))
        call.entered = True
        for entry in entries:
            names = of_entry(entry.name, entry.group)
            if entry.owner is not None and entry.name in ("grad", "gradient"):
                names = [*HELD, *names]
            if entry.label not in self.names:
                self.names.append(entry.label)
            if not (names or entry.owner) or isinstance(entry.value, Tensor):
                continue
            value = np.asarray(entry.value)
            if value.dtype.kind not in "fiu":
                continue
            held, before = self._last.get(entry.slot, (None, None))
            is_it = before is not None and held is entry.value
            if before is not None and is_it and same(before.value, value):
                continue
            self._order += 1
            writes = root(entry.label) in statement.binds | statement.changes
            chain = self._chain + 1
            if before is not None and (
                (is_it and isinstance(held, np.ndarray))
                or (statement.adds and writes and before.value.shape == value.shape)
            ):
                chain = before.chain
            again = self._of_chain.get((entry.slot, chain, statement))
            if again is not None:
                again.value, again.order, again.at = value.copy(), self._order, len(self.ran)
                again.held = entry.value
                self._last[entry.slot] = entry.value, again
                continue
            made = self.made.pop(id(entry.value), None) if chain > self._chain else None
            self._chain = max(chain, self._chain)
            scope = call.scope if entry.owner is None else entry.owner
            found = Version(
                *(entry.slot, entry.label, names, entry.number, value.copy()),
                *(self.owners.get(scope, scope), statement if made is None else made[1]),
                *(self._order, chain, entry.value),
                len(self.ran),
                entry.label,
            )
            self._last[entry.slot] = entry.value, found
            within = "." in entry.label or "[" in entry.label
            there = before is None and within and (begins or not writes)
            if there or (call is self._outermost and not self._begun):  # what it was given
                continue
            self.all.append(found)
            self._of_chain[entry.slot, chain, statement] = found


def root(label: str) -> str:
    """The variable, or the ".attribute" with that before it, that a place is in."""
    owner, dot, name = re.sub(r"(\[[^]]*\])+$", "", label).rpartition(".")
    _, nested, inner = owner.rpartition(".")
    return f".{inner}.{name}" if nested and "[" not in inner else dot + name


def same(one: Array, other: Array) -> bool:
    nan = one.dtype.kind == "f" and other.dtype.kind == "f"
    return one.shape == other.shape and np.array_equal(one, other, equal_nan=nan)

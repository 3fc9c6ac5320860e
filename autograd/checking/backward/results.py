"""The gradients that a backward returned, or left on its object, and of what each is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.backward.naming import of_entry, of_gradient
from autograd.checking.backward.pairing import Pair, Pairing
from autograd.checking.backward.running import Run, Variable
from autograd.checking.backward.statements import Statement
from autograd.checking.backward.tracing import attributes, is_numeric, is_object
from autograd.checking.backward.versions import Version, Versions, same
from autograd.engine.tensor import Array, Tensor


class Hand(NamedTuple):
    """What a backward did.

    Attributes:
        names: of the parts of what it returned.
        last: the statement that returned it.
        both: whether it is the forward too.
        arrive: names of its arguments that are gradients of more than one number.
    """

    versions: Versions
    result: Any
    names: tuple[str | None, ...]
    last: Statement | None
    both: bool = False
    arrive: frozenset[str] = frozenset()


class Results:
    """What a backward returned, and what else it has of the gradients of leaves.

    Attributes:
        pairs: those of which it is known what they are the gradients of.
        unjudged: how the others are called.
        missing: the leaves without a gradient.
    """

    def __init__(self, run: Run, pairing: Pairing, hand: Hand, pairs: list[Pair]) -> None:
        self._pairing, self._hand = pairing, hand
        self._used: set[int] = set()
        self._values = [v.tensor.data for v in run.variables]
        self.pairs: list[Pair] = []
        parts = returned(hand.result, hand.names)
        left: list[tuple[int, Version]] = []
        for at, part in enumerate(parts):
            version = self._version(part)
            if variables := pairing.meant(version):
                leaves = [v for v in variables if v.is_leaf]
                self._add(version, (self._right(version, variables) or leaves or variables)[0])
            else:
                left.append((at, version))
        arguments = [v for v in run.arguments.values() if isinstance(v, Tensor) and v._place]
        ordered = [v for t in arguments for v in pairing.variables if v.tensor is t]
        every = len(parts) == len(ordered)
        unnamed = len(left) == len(parts) <= len(ordered)
        rest: list[Version] = []
        for at, version in left:
            judged = [p.value for p in [*pairs, *self.pairs]]
            if not every and _is_among(version.value, [*judged, *self._values]):
                continue  # it is what it has given already, or a value of the forward
            free = [v for v in ordered if v.serial not in self._used]
            own = [v for v in free if every and v is ordered[at]]
            if not (unnamed and every):
                own = self._right(version, self._leaves()) + own
            if unnamed and not every:  # the next argument of its shape
                own += [v for v in free if v.tensor.shape == version.value.shape]
            rest += [] if self._add(version, *own[:1]) else [version]
        for pair in pairs[::-1]:  # the last of each leaf
            of = pair.variable
            if of.serial not in self._used and of.is_leaf and not pair.part:
                self._used.add(of.serial)
                pair.result = True
                self.pairs.append(pair)
        self.unjudged = [v.label for v in rest if not self._add(v, *self._only(v, self._leaves()))]
        # What was left on an object under a name that means nothing.
        labels = {v.label for v in pairing.variables}
        for version in {v.slot: v for v in hand.versions.all if "." in v.label}.values():
            known = version.label in labels or pairing.meant(version)
            if not known and not _is_among(version.value, self._values):
                own = [v for v in self._leaves() if v.scope == version.scope]
                self._add(version, *(self._right(version, own) or self._only(version, own))[:1])
        lost = run.failure is not None
        self.missing = [v.label for v in self._leaves() if lost or pairing.expected(v).any()]

    def _add(self, version: Version, variable: Variable | None = None) -> bool:
        """Take a version for the gradient of a variable, if there is one."""
        if variable is not None:
            right = bool(self._right(version, [variable]))
            self._used.add(variable.serial)
            self.pairs.append(Pair(version, variable, version.value, right, result=True))
        return variable is not None

    def _right(self, version: Version, variables: list[Variable]) -> list[Variable]:
        close, expected = self._pairing.close, self._pairing.expected
        return [v for v in variables if close(version.value, expected(v), v)]

    def _leaves(self) -> list[Variable]:
        """Those without a gradient so far."""
        free = [v for v in self._pairing.variables if v.serial not in self._used]
        return list({v.serial: v for v in free[::-1] if v.is_leaf}.values())[::-1]

    def _only(self, version: Version, leaves: list[Variable]) -> list[Variable]:
        """The one that is of its shape."""
        same = [v for v in leaves if v.tensor.shape == version.value.shape]
        return same if len(same) == 1 and version.value.ndim else []

    def _version(self, part: Part) -> Version:
        """What was returned, with the statement that made it."""
        label, name, group, number, value = part
        default = self._hand.last or Statement("<unknown>", 0)
        every = self._hand.versions.all
        again = name in self._hand.arrive  # an argument that was used for something else
        names = [] if name is None or again else of_entry(name, group)
        found = Version(
            None, label, names, number, value, None, default, len(every) + 10**9, -1, place=label
        )
        alike = [version for version in every if same(version.value, value)]
        named = [version for version in alike if set(version.names) & set(names)]
        named = named or [version for version in alike if version.label == label]
        if named and not value.any():  # zeros are what it began with, too
            named = named[-1:]
        elif not names:
            named = [version for version in alike if version.names] or alike
        if not named and not self._hand.both and every:  # the statement that returned it
            found.at = len(self._hand.versions.ran)
        if named:  # where a function that it calls made it, there
            made = next(version for version in alike if version.held is named[0].held)
            made = made if value.any() else named[0]
            found.slot, found.scope, found.statement = made.slot, made.scope, made.statement
            found.order, found.at, found.place = made.order, made.at, made.label
            found.held = named[0].held
            if name is None:  # the source is not known
                found.label, found.names = made.label, made.names
        return found


def _is_among(value: Array, others: list[Array]) -> bool:
    return any(v.shape == value.shape and np.array_equal(v, value) for v in others)


class Part(NamedTuple):
    """An array in what a backward returned, how it is called, and its name, group and number."""

    label: str
    name: str | None
    group: str | None
    number: int | None
    value: Array


def returned(value: Any, names: tuple[str | None, ...]) -> list[Part]:
    """The arrays in what a backward returned, at any depth; `names` are those of its parts."""
    one = names[0] if len(names) == 1 else None
    if isinstance(value, tuple | list) and not _fields(value) and not (one and len(value) != 1):
        own = names if len(names) == len(value) else (None,) * len(value)
        pairs = enumerate(zip(own, value, strict=True))
        return [p for at, (n, v) in pairs for p in _within(v, n or f"result {at + 1}", n)]
    return list(_within(value, one or "result", one))


def _within(
    value: Any, label: str, name: str | None, group: str | None = None, number: int | None = None
) -> Iterator[Part]:
    if fields := _fields(value):
        for key, part in fields.items():
            own = key if isinstance(key, str) else name
            plain = label == "result" and bool(own) and bool(of_gradient(str(own)))
            place = f"[{key!r}]" if isinstance(value, dict) else f".{key}"
            inner = str(own) if plain else label + place
            yield from _within(part, inner, own, "grads", key if isinstance(key, int) else None)
    elif isinstance(value, list | tuple) and not _is_of_numbers(value):
        for at, part in enumerate(value):
            yield from _within(part, f"{label}[{at}]", name, name, at)
    elif is_numeric(value) or isinstance(value, list | tuple):
        yield Part(label, name, group, number, np.asarray(value))


def _fields(value: Any) -> dict[Any, Any]:
    """The parts of what has names for them."""
    if isinstance(value, dict):
        return value
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return dict(value._asdict())
    return attributes(value) if is_object(value) else {}


def _is_of_numbers(value: list[Any] | tuple[Any, ...]) -> bool:
    return bool(value) and all(isinstance(v, int | float) for v in value)

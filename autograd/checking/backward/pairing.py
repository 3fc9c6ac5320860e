"""Of which variable of the forward an array of the backward is the gradient."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations, permutations
from typing import Any

import numpy as np

from autograd.checking.backward.naming import looked_up, without_number
from autograd.checking.backward.running import Variable
from autograd.checking.backward.versions import HELD, Version, same
from autograd.checking.diagnosis import Context
from autograd.checking.flow import Flow
from autograd.engine.tape import Place, Record, parents_of
from autograd.engine.tensor import Array, Tensor, wrap

_CLOSE = {2: 2e-2, 4: 1e-3, 8: 1e-7}  # of the largest element, by the narrowest dtype's bytes
_SMALL = 1e-6  # of what is added before a logarithm
_ALIKE = 1 - 1e-6  # of a cosine
_MOST_PARTS, _MOST_COMBINED = 32, 5


@dataclass(eq=False)
class Pair:
    """A gradient of the backward, and the variable of the forward that it is of.

    Attributes:
        value: in the layout of the variable; of a part of a gradient, with the rest of it.
        right: whether it is the tape's at the first look.
        result: whether it is what the backward returned or left on its object.
        part: whether it is one of several parts that are added up.
        layout: how it was transposed, None where it was not.
        step: which of several of its name, counted from 1, and how many there are.
        again: which of several gradients of that name, of other functions or objects.
    """

    version: Version
    variable: Variable
    value: Array
    right: bool
    result: bool = False
    part: bool = False
    layout: tuple[int, ...] | None = None
    step: tuple[int, int] = (1, 1)
    again: int = 1

    @property
    def name(self) -> str:
        at, count = self.step
        name = self.version.label if count == 1 else f"{self.version.label} ({at} of {count})"
        return name if self.again == 1 else f"{name}, {self.again}"


class Pairing:
    """Finds of which variable each version is the gradient.

    Where a name stands for several, as in loops, the numbers decide where they can; the others are
    paired in order, the first assigned with the last computed.
    """

    def __init__(self, loss: Tensor, variables: list[Variable]) -> None:
        self.flow, self._loss = Flow(loss), loss
        self.serials = {place.serial for place in self.flow.places}
        self.variables = [v for v in variables if v.serial in self.serials]
        self.known = list(dict.fromkeys(n for v in self.variables for n in (v.name, v.group) if n))
        self.times = 1.0  # of a convention by which gradients on the way are that too large
        self._parts: dict[int, list[Array]] = {}
        self._oldest: dict[int, int] = {}  # uses of places
        for record in self.flow.records[::-1]:
            self._oldest |= {p.serial: record.serial for p in parents_of(record) if p is not None}
        sizes = [np.abs(g).max(initial=0.0) for g in self.flow.gradients.values() if g.size]
        self._scale = float(max((s for s in sizes if np.isfinite(s)), default=1.0)) or 1.0

    def expected(self, variable: Variable) -> Array:
        g = self.flow.at(variable.place)
        return np.zeros(variable.tensor.shape) if g is None else np.asarray(g, np.float64)

    @cached_property
    def called(self) -> dict[str, Variable]:
        """The variables by their labels, which are numbered where several places have one."""
        first = {v.serial: v for v in self.variables[::-1]}
        same: dict[str, list[Variable]] = defaultdict(list)
        for variable in sorted(first.values(), key=lambda v: v.serial):
            same[variable.label].append(variable)
        return {
            label if len(some) == 1 else f"{label} ({at} of {len(some)})": variable
            for label, some in same.items()
            for at, variable in enumerate(some, 1)
        }

    def is_local(self, pair: Pair) -> bool:
        """Whether an array is the derivative of what was made of a variable, not of the loss."""
        place, values = pair.variable.place, self.flow.values
        after = self.flow.computed_with(place)
        for user in [r for r in self.flow.records if r.serial in after][:_MOST_COMBINED]:
            out = values.out(user)
            if np.shape(out) == pair.value.shape:
                slope = self.flow.carried(user, np.ones_like(out), place)
                if slope is not None and self.close(pair.value, slope, pair.variable):
                    return True
        return False

    @cached_property
    def left_out(self) -> tuple[float, float]:
        """A small number that is added before a logarithm, which derivations leave out, and what
        gradients may be off by, of their largest element, because of it."""
        found = [0.0]
        for record in self.flow.records:
            for parent in parents_of(record) if record.op.name == "log" else ():
                if isinstance(parent, Record) and parent.op.name in ("add", "clip", "maximum"):
                    parts = [a for a in self.flow.values.arrays(parent) if np.size(a) == 1]
                    found += [float(a) for a in map(np.asarray, parts) if 0 < abs(a) <= _SMALL]
        return max(found), min(1e-4, 1e3 * max(found))

    def order(self, pair: Pair) -> tuple[float, int]:
        """Sorts by when a sweep has the whole gradient, nearest the loss first."""
        serial = pair.variable.serial
        return -self._oldest.get(serial, np.inf), -serial

    def close(self, value: Array, expected: Array, variable: Variable) -> bool:
        if value.shape != expected.shape:
            return False
        widths = [d.itemsize for d in (value.dtype, variable.tensor.dtype) if d.kind == "f"]
        close = max(_CLOSE.get(min(widths, default=8), _CLOSE[8]), self.left_out[1])
        with np.errstate(all="ignore"):
            error = np.abs(value - expected).max(initial=0.0)
            size = np.abs(expected).max(initial=0.0)
        return bool(error <= close * size + 1e-6 * close * self._scale)

    def equal(self, pair: Pair) -> bool:
        """Whether a gradient is so close to the tape's that `compare` always takes it for right."""
        expected = self.expected(pair.variable)
        width = min(pair.value.dtype.itemsize, pair.variable.tensor.dtype.itemsize)
        close = {2: 2e-2, 4: 3e-5}.get(width, 1e-9) * np.abs(expected).max(initial=0.0)
        same = pair.value.shape == expected.shape
        return same and bool((np.abs(pair.value - expected) <= close).all())

    def meant(self, version: Version) -> list[Variable]:
        """The variables that a version may be the gradient of, in the order of the forward."""
        for name in version.names:
            for known in looked_up(name, self.known):
                found = self._named(known, version)
                if found:
                    return found
        return []

    def _named(self, name: str, version: Version) -> list[Variable]:
        found = [v for v in self.variables if name in (v.name, v.group)]
        if version.number is not None:
            numbered = [v for v in found if v.number == version.number]
            found = numbered or found
        here = [v for v in found if v.scope == version.scope and v.scope is not None]
        if name in HELD and version.names[: len(HELD)] == list(HELD):
            return here[:1]
        leaves = [v for v in found if v.is_leaf]
        chosen = here or found
        if leaves and not any(v.serial == o.serial for v in chosen for o in leaves) and not here:
            chosen = [*leaves, *chosen]
        return list({v.serial: v for v in chosen}.values())

    def pairs(self, versions: Iterable[Version]) -> list[Pair]:
        """Those of all versions whose name means something, in the order of their assignment."""
        groups: dict[Any, tuple[list[Version], list[Variable]]] = {}
        partial: list[tuple[Version, str]] = []
        for version in versions:
            variables = self.meant(version)
            if variables:
                key = (version.label, str(version.scope), *(v.serial for v in variables))
                groups.setdefault(key, ([], variables))[0].append(version)
            else:
                bases = [without_number(name) for name in version.names]
                partial += [(version, base) for base in bases if base in self.known][:1]
        found: list[Pair] = []
        held: dict[int, Version] = {}
        for group, variables in groups.values():
            if not all(o.is_leaf for o in variables):
                # Zeros are what it begins with.
                group[:] = [v for v in group if v.value.any() or v.statement.computes]
        ordered = sorted(groups.values(), key=lambda g: len({v.chain for v in g[0]}) != len(g[1]))
        for group, variables in ordered:
            known = {v.chain for v in group if _known(v, held)}  # an array is judged once
            group = self._assembled([v for v in group if v.chain not in known], variables)
            for pair in self._aligned(group, variables[::-1]):
                held[id(pair.version.held)] = pair.version
                found.append(pair)
        for version, base in partial:
            found += self.part(version, self._named(base, version))
        return sorted(found, key=lambda pair: pair.version.order)

    def _assembled(self, group: list[Version], variables: list[Variable]) -> list[Version]:
        """The same, with one array in the place of the numbers or rows of it that a loop gave one
        after the other; without such of what is no argument where they do not make one."""
        variable = variables[-1]
        shape, size = variable.tensor.shape, variable.tensor.size
        small = [v for v in group if v.value.ndim < len(shape) and v.value.size < size]
        if not small or any(v.value.ndim == o.tensor.ndim for v in small for o in variables):
            return group
        inner = small[0].value.shape
        count = len(shape) - len(inner)
        lead = shape[:count]
        alike = all(v.value.shape == inner for v in small) and shape[count:] == inner
        if not alike or len(small) < len(group):
            leaf = any(v.is_leaf for v in variables)
            return group if leaf else [v for v in group if v not in small]
        if len(small) != np.prod(lead):
            return []
        values, found = np.stack([v.value for v in small]), []
        for axes in permutations(range(count)):  # whichever loop was the outer one
            made = values.reshape([*[lead[a] for a in axes], *inner])
            back = [*np.argsort(axes), *range(count, len(shape))]
            found += [m.transpose(back) for m in (made, made[(slice(None, None, -1),) * count])]
        best = max(found, key=lambda value: _cosine(value, self.expected(variable)))
        return [replace(small[-1], value=best)]

    def _aligned(self, versions: list[Version], variables: list[Variable]) -> list[Pair]:
        """Versions beside variables, both in the order of the backward pass."""
        pairs: list[Pair] = []
        gaps: list[tuple[list[Version], list[Variable]]] = []
        before = 0
        waiting: list[Variable] = []
        for variable in variables:
            expected = self.expected(variable)
            tried = (
                (at + 1, pair)
                for at, version in enumerate(versions[before:], before)
                if (pair := self._placed(version, variable, expected)) is not None
            )
            after, found = next(tried, (before, None))
            if found is None:
                waiting.append(variable)
                continue
            pairs.append(found)
            gaps.append((versions[before : after - 1], waiting))
            waiting, before = [], after
        gaps.append((versions[before:], waiting))
        taken = {p.version.chain for p in pairs}
        for some, places in gaps:
            pairs += self._by_order([v for v in some if v.chain not in taken], places)
        for number, pair in enumerate(sorted(pairs, key=lambda p: p.version.order)):
            pair.step = (number + 1, len(pairs))
        return pairs

    def _placed(self, version: Version, variable: Variable, expected: Array) -> Pair | None:
        """A pair, where the version is right, also in another layout of what is no argument."""
        value = version.value
        if self.close(value, expected, variable):
            return Pair(version, variable, value, True)
        if variable.is_leaf:
            return None
        for earlier in self.before(variable):
            if self.close(value, self.expected(earlier), earlier):
                return Pair(version, earlier, value, True)
        for axes in _layouts(value.shape, expected.shape):
            if self.close(value.transpose(axes), expected, variable):
                return Pair(version, variable, value.transpose(axes), True, layout=axes)
        return None

    def _by_order(self, versions: list[Version], variables: list[Variable]) -> list[Pair]:
        if not variables:
            return []
        fitting = [v for v in versions if any(v.value.shape == o.tensor.shape for o in variables)]
        chains: dict[int, list[Version]] = defaultdict(list)
        for version in fitting or versions:
            chains[version.chain].append(version)
        judged = [self._judged(chain, variables) for chain in chains.values()]
        judged = [v for v in judged if v.value.any()] or judged  # zeros are what it begins with
        if len(variables) == 1:
            judged = judged[-1:]
        by_line: dict[Any, list[Variable]] = defaultdict(list)
        for variable in variables:
            by_line[variable.statement].append(variable)
        as_many = [some for some in by_line.values() if len(some) == len(judged)]
        if len(variables) > len(judged) > 1 and len(as_many) == 1:  # those of one loop
            variables = as_many[0]
        first, last = self._fitted(judged, variables), self._fitted(judged[::-1], variables[::-1])
        return max(first, last, key=lambda pairs: sum(map(self._likeness, pairs)))

    def _likeness(self, pair: Pair) -> float:
        return _cosine(pair.value, self.expected(pair.variable))

    def _fitted(self, versions: list[Version], variables: list[Variable]) -> list[Pair]:
        """Each version beside the next variable of its shape."""
        pairs: list[Pair] = []
        rest = list(variables)
        for version in versions:
            value, layout = version.value, None
            same = [o for o in rest if o.tensor.shape == value.shape]
            alike = [o for o in rest if list(_layouts(value.shape, o.tensor.shape))]
            if not same and alike and not alike[0].is_leaf:
                layout = next(iter(_layouts(value.shape, alike[0].tensor.shape)))
                same, value = alike, value.transpose(layout)
            if same or len(variables) == 1:
                variable = (same or rest)[0]
                rest = rest[rest.index(variable) + 1 :]
                pairs.append(Pair(version, variable, value, False, layout=layout))
        return pairs

    def _judged(self, chain: list[Version], variables: list[Variable]) -> Version:
        """The version of one array that is meant: the last, but for elements set to zero since that
        belong to the gradient, as where an array is used again for what comes before a ReLU."""
        cleared = any(version.statement.clears for version in chain)
        for version in chain[::-1] if cleared else ():
            expected = [self.expected(v) for v in variables]
            if any(_cosine(version.value, g) >= _ALIKE for g in expected):
                return version
        return chain[-1]

    def part(self, version: Version, variables: list[Variable]) -> list[Pair]:
        """A part of the gradient of a variable that is used in several places."""
        for variable in variables[::-1]:
            parts = self.contributions(variable)
            whole = self.expected(variable)
            if len(parts) < 2 or version.value.shape != whole.shape:
                continue
            if self.adds_up(version.value, variable):
                return [Pair(version, variable, whole, True, part=True)]
            nearest = max(parts, key=lambda part: _cosine(part, version.value))
            return [Pair(version, variable, version.value + whole - nearest, False, part=True)]
        return []

    def adds_up(self, value: Array, variable: Variable) -> bool:
        """Whether an array is the sum of what some uses of a variable add to its gradient."""
        parts = self.contributions(variable)
        if not parts or value.shape != parts[0].shape:
            return False
        if len(parts) <= _MOST_COMBINED:
            sums = [
                np.sum(some, axis=0)
                for count in range(1, len(parts) + 1)
                for some in combinations(parts, count)
            ]
        else:
            columns = np.stack([part.ravel() for part in parts], axis=1)
            if not (np.isfinite(columns).all() and np.isfinite(value).all()):
                return False
            times = np.linalg.lstsq(columns, value.ravel().astype(np.float64))[0].round().clip(0, 1)
            sums = [(columns @ times).reshape(value.shape)] if times.any() else []
        return any(self.close(value, some, variable) for some in sums)

    def before(self, variable: Variable) -> list[Variable]:
        """What ops on each number have made a variable of, under no name of its own."""
        named = {v.serial for v in self.variables}
        place: Place = variable.place
        ops, found = list[str](), list[Variable]()
        while (
            isinstance(place, Record)
            and getattr(place.op, "kind", None) == "elementwise"
            and len(ops) < 4
        ):
            ops.insert(0, f"'{place.op.name}'")
            shape = self.flow.values.at(place).shape
            parents = [p for p in place.parents if p is not None]
            same = [p for p in parents if np.shape(self.flow.values.at(p)) == shape]
            if len(same) != 1 or same[0].serial in named:
                break
            place = same[0]
            label = f"{variable.label} before {', '.join(ops)}"
            held = wrap(self.flow.values.at(place), place)
            found.append(replace(variable, label=label, tensor=held))
        return found

    def anywhere(self, value: Array) -> bool:
        """Whether an array is the gradient of anything on the tape."""
        value = value / self.times
        found = [g for g in self.flow.gradients.values() if g.shape == value.shape and value.any()]
        size = np.abs(value).max(initial=0.0)
        return any(np.abs(g - value).max(initial=0.0) <= 1e-7 * size for g in found)

    def contributions(self, variable: Variable) -> list[Array]:
        """What each use of a variable adds to its gradient."""
        place = variable.place
        if place.serial not in self._parts:
            context = Context(self.flow, place)
            found = [context.contribution(use) for use in context.uses[: _MOST_PARTS + 1]]
            simple = 1 < len(found) <= _MOST_PARTS and all(part is not None for part in found)
            self._parts[place.serial] = [np.asarray(g, np.float64) for g in found if simple]
        return self._parts[place.serial]


def _known(version: Version, held: dict[int, Version]) -> bool:
    before = held.get(id(version.held))
    is_array = isinstance(version.held, np.ndarray)
    return is_array and before is not None and same(before.value, version.value)


def _layouts(given: tuple[int, ...], wanted: tuple[int, ...]) -> Iterable[tuple[int, ...]]:
    """The orders of axes that make one shape of another."""
    if len(given) != len(wanted) or not 2 <= len(given) <= 5 or given == wanted:
        return ()
    orders = permutations(range(len(given)))
    return [axes for axes in orders if tuple([given[a] for a in axes]) == wanted]


def _cosine(one: Array, other: Array) -> float:
    if one.shape != other.shape:
        return -1.0
    with np.errstate(all="ignore"):
        size = float(np.linalg.norm(one) * np.linalg.norm(other))
        return float(np.vdot(one, other)) / size if size and np.isfinite(size) else -1.0

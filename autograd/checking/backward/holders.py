"""What functions reach, put back after each of their runs, and the slopes of what they return.

The tape knows nothing of what a forward does with a number that it took out of a tensor:
central differences of the forward in plain NumPy are what it is held against.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from operator import setitem
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.backward.tracing import attributes, is_object, is_users_class
from autograd.engine.tape import Leaf
from autograd.engine.tensor import Array, Tensor
from autograd.runtime.trees import flatten

_DEEPEST = 6
_DIRECTIONS = 3
_CLOSE = 1e-5
_KINK = 1e-3
_STEP = float(np.cbrt(np.finfo(np.float64).eps))
_LARGEST = 2000  # of arrays that are differentiated element by element
_METHODS = (FunctionType, staticmethod, classmethod, property)


class Named(NamedTuple):
    """A leaf, or an array: the name it has, its number where it is in a list, the id of the object
    whose attribute it is, how the user writes it, and what puts another in its place."""

    name: str
    number: int | None
    tensor: Any
    owner: int | None = None
    label: str = ""
    put: Callable[[Any], Any] = id


class Holders:
    """What some functions reach, to be put back as it was.

    Objects and classes of the user's, dicts, lists, sets and deques are walked, from what the
    functions are bound to, close over, have by default, and name among their globals.
    """

    def __init__(self, *functions: Any) -> None:
        self._alive: dict[int, Any] = {}
        self._undo: list[Callable[[], Any]] = []
        self.slots: list[Named] = []
        self.leaves: list[Named] = []
        for function in functions:
            self._function(function)

    def given(self, value: Any, name: str = "") -> None:
        """Walk an argument too, to put it back; it is replaced by whoever passes it."""
        self._value(value, name=name)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Within, anything may be done to what is held, and random numbers be drawn; all that is
        undone."""
        states = (np.random.get_state(), random.getstate())
        try:
            yield
        finally:
            for undo in self._undo:
                undo()
            np.random.set_state(states[0])
            random.setstate(states[1])

    def put_tensors(self, leaf: Callable[[Any], Tensor]) -> None:
        """Put a leaf in the place of every floating array."""
        for slot in self.slots:
            self.leaves.append(slot._replace(tensor=leaf(slot.tensor)))
            slot.put(self.leaves[-1].tensor)

    def put(self, array: Array, other: Array) -> None:
        """Put another array in the place of one."""
        for slot in self.slots:
            if slot.tensor is array:
                slot.put(other)

    def _function(self, function: Any, depth: int = 0) -> None:
        if isinstance(function, MethodType):
            self._value(function.__self__, label="self")
            function = function.__func__
        function = getattr(function, "__func__", function)
        if not isinstance(function, FunctionType):
            self._value(function, label="self")
            return
        if id(function) in self._alive or depth > _DEEPEST:
            return
        self._alive[id(function)] = function
        for held in (function.__dict__, function.__kwdefaults__, function.__defaults__):
            self._value(held)
        names = function.__code__.co_freevars
        for name, cell in zip(names, function.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # not bound yet
                continue
            self._undo.append(partial(setattr, cell, "cell_contents", value))
            self._value(value, name=name)
            self._function(value, depth + 1)
        there = function.__globals__
        for name in sorted(_names(function.__code__)):
            if name not in there:
                self._undo.append(partial(there.pop, name, None))
                continue
            value = there[name]
            self._undo.append(partial(there.__setitem__, name, value))
            if isinstance(value, FunctionType):
                if value.__module__ == function.__module__:
                    self._function(value, depth + 1)
            else:
                self._value(value, partial(there.__setitem__, name), name)

    def _value(
        self,
        value: Any,
        put: Callable[[Any], Any] | None = None,
        name: str = "",
        number: int | None = None,
        owner: int | None = None,
        label: str = "",
        depth: int = 0,
    ) -> None:
        label = label or name
        if isinstance(value, np.ndarray):
            if id(value) not in self._alive:
                self._alive[id(value)] = value
                self._undo.append(partial(_fill, value, value.copy()))
            if value.dtype.kind == "f" and put is not None:
                self.slots.append(Named(name, number, value, owner, label, put))
        elif isinstance(value, Tensor):
            if isinstance(value._place, Leaf):
                self.leaves.append(Named(name, number, value, owner, label))
        elif isinstance(value, np.random.Generator):
            bits = value.bit_generator
            self._undo.append(partial(setattr, bits, "state", bits.state))
        elif isinstance(value, np.random.RandomState):
            self._undo.append(partial(value.set_state, value.get_state()))
        elif isinstance(value, random.Random):
            self._undo.append(partial(value.setstate, value.getstate()))
        elif isinstance(value, tuple):
            for at, part in enumerate(value):
                self._value(part, None, name, at, label=f"{label}[{at}]", depth=depth + 1)
        elif depth <= _DEEPEST and id(value) not in self._alive:
            self._parts(value, name, label, depth)

    def _parts(self, value: Any, name: str, label: str, depth: int) -> None:
        """What is in a container, or is an attribute."""
        self._alive[id(value)] = value
        pairs: Iterable[tuple[Any, Any]]
        items: Any
        if isinstance(value, dict):
            pairs = (items := dict(value)).items()
            self._undo.append(partial(_refill, value, value.update, items))
        elif isinstance(value, list | deque):
            pairs = enumerate(items := list(value))
            self._undo.append(partial(_refill, value, value.extend, items))
        elif isinstance(value, set):
            self._undo.append(partial(_refill, value, value.update, set(value)))
            return
        elif is_object(value) or is_users_class(value):
            pairs = (items := _held(value)).items()
            self._undo.append(partial(_set, value, items))
        else:
            return
        kind = type if isinstance(value, type) else object
        for key, part in pairs:
            owner: int | None = id(value)
            put, inner = partial(kind.__setattr__, value, str(key)), f"{label}.{key}"
            if isinstance(value, dict | list | deque):
                put, owner, inner = partial(setitem, value, key), None, f"{label}[{key!r}]"
            own, at = (name, key) if isinstance(key, int) else (str(key), None)
            self._value(part, put, own, at, owner, inner, depth + 1)
        for parent in (value if isinstance(value, type) else type(value)).__mro__:
            if is_users_class(parent):
                self._value(parent, label=parent.__name__, depth=depth + 1)
                for method in vars(parent).values():
                    if isinstance(method, _METHODS):
                        self._function(method, _DEEPEST)  # for its globals


def _fill(array: Array, values: Array) -> None:
    if array.flags.writeable:
        array[...] = values


def _refill(container: Any, fill: Callable[[Any], Any], items: Any) -> None:
    container.clear()
    fill(items)


def _held(value: Any) -> dict[str, Any]:
    """The attributes of an object, or what a class has beside methods."""
    if not isinstance(value, type):
        return attributes(value)
    return {
        key: part
        for key, part in vars(value).items()
        if not (
            key[:2] == key[-2:] == "__" or isinstance(part, _METHODS) or hasattr(part, "__get__")
        )
    }


def _set(value: Any, items: dict[str, Any]) -> None:
    now, kind = _held(value), type if isinstance(value, type) else object
    for key in now.keys() - items.keys():
        kind.__delattr__(value, key)
    for key, part in items.items():
        if key not in now or now[key] is not part:
            kind.__setattr__(value, key, part)


def _names(code: CodeType) -> set[str]:
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return set(code.co_names).union(*map(_names, inner))


def plain(tree: Any) -> Any:
    """The same tree with arrays for its tensors."""
    parts, rebuild = flatten(tree)
    return rebuild([part.data if isinstance(part, Tensor) else part for part in parts])


def copied(tree: Any) -> Any:
    """The same tree with copies of its arrays."""
    parts, rebuild = flatten(plain(tree))
    return rebuild([part.copy() if isinstance(part, np.ndarray) else part for part in parts])


class Differences:
    """Slopes of the sum of some results, each times its cotangent.

    Args:
        cotangents: place in what the forward returned -> the gradient of that.
    """

    def __init__(
        self,
        forward: Callable[..., Any],
        args: tuple[Any, ...],
        holders: Holders,
        cotangents: dict[int, Array],
    ) -> None:
        self._forward, self._holders, self._cotangents = forward, holders, cotangents
        self._args, self._rebuild = flatten(args)

    def agree(self, array: Array, g: Array) -> bool:
        """Whether the slopes along a few directions at an array are those of a gradient."""
        rng = np.random.default_rng(0)
        size = float(np.linalg.norm(g))
        for _ in range(_DIRECTIONS if g.shape == array.shape else 0):
            along = rng.standard_normal(array.shape)
            slope, given = self._slope(array, along), float(np.vdot(g, along))
            if not abs(slope - given) <= _CLOSE * (size + abs(slope)):
                here, step = self._value(array, array), self._step(array)
                ahead = (self._value(array, array + step * along) - here) / step
                apart = abs(ahead - slope)  # at a kink any slope between is right
                if not _KINK * abs(slope) < apart >= abs(slope - given):
                    return False
        return g.shape == array.shape

    def gradient(self, array: Array) -> Array | None:
        """That of every element; None where there are too many, or slopes do not add up."""
        if array.size > _LARGEST:
            return None
        found = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            along = np.zeros(array.shape)
            along[index] = 1.0
            found[index] = self._slope(array, along)
        return found if self.agree(array, found) else None

    def _slope(self, array: Array, along: Array) -> float:
        step = self._step(array)
        values = [self._value(array, array + side * step * along) for side in (1, -1)]
        return (values[0] - values[1]) / (2 * step)

    def _step(self, array: Array) -> float:
        return _STEP * max(1.0, float(np.abs(array).max(initial=0.0)))

    def _value(self, array: Array, other: Array) -> float:
        def there(part: Any) -> Any:
            if part is array:
                return other
            return part.copy() if isinstance(part, np.ndarray) else part

        with self._holders.kept(), np.errstate(all="ignore"):
            self._holders.put(array, other)
            parts = whole(plain(self._forward(*self._rebuild(list(map(there, self._args))))))
            return sum(float(np.vdot(g, parts[at])) for at, g in self._cotangents.items())


def whole(value: Any) -> list[Any]:
    """The parts of what a function returned."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, tuple | list) else [value]

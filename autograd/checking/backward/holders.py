"""What functions reach: their arguments, what their objects and classes hold, and globals."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.backward.tracing import attributes, is_object, is_users_class
from autograd.engine.tape import Leaf
from autograd.engine.tensor import Array, Tensor
from autograd.runtime.trees import flatten

_DEEPEST = 6
_METHODS = FunctionType | staticmethod | classmethod | property


class Named(NamedTuple):
    """A leaf: the name it has, its number where it is in a list, the id of the object whose
    attribute it is, and how the user writes it."""

    name: str
    number: int | None
    tensor: Tensor
    owner: int | None = None
    label: str = ""


class _Slot(NamedTuple):
    """Where an array is, and how another is put there."""

    put: Callable[[Any], Any]
    array: Array
    name: str
    number: int | None
    owner: int | None
    label: str


class Holders:
    """What some functions reach, to be put back as it was.

    Objects and classes of the user's, dicts, lists, sets and deques are walked, from what the
    functions are bound to, close over, have by default, and name among their globals.
    """

    def __init__(self, *functions: Any) -> None:
        self._alive: dict[int, Any] = {}
        self._undo: list[Callable[[], Any]] = []
        self.slots: list[_Slot] = []
        self.leaves: list[Named] = []
        for function in functions:
            self._function(function)

    def given(self, value: Any) -> None:
        """Walk an argument too, to put it back; it is replaced by whoever passes it."""
        self._value(value)

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
        for put, array, name, number, owner, label in self.slots:
            tensor = leaf(array)
            put(tensor)
            self.leaves.append(Named(name, number, tensor, owner, label))

    def put(self, array: Array, other: Array) -> None:
        """Put another array in the place of one."""
        for slot in self.slots:
            if slot.array is array:
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
                self.slots.append(_Slot(put, value, name, number, owner, label))
        elif isinstance(value, Tensor):
            if isinstance(value._place, Leaf):
                self.leaves.append(Named(name, number, value, owner, label))
        elif isinstance(value, np.random.Generator):
            self._undo.append(partial(setattr, value.bit_generator, "state", _state(value)))
        elif isinstance(value, np.random.RandomState):
            self._undo.append(partial(value.set_state, value.get_state()))
        elif isinstance(value, random.Random):
            self._undo.append(partial(value.setstate, value.getstate()))
        elif isinstance(value, tuple):
            for part in value:
                self._value(part, None, name, depth=depth + 1)
        elif depth <= _DEEPEST and id(value) not in self._alive:
            self._parts(value, name, label, depth)

    def _parts(self, value: Any, name: str, label: str, depth: int) -> None:
        """What is in a container, or is an attribute."""
        self._alive[id(value)] = value
        pairs: Iterable[tuple[Any, Any]]
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
        for key, part in pairs:
            if isinstance(value, dict | list | deque):
                put, owner, inner = partial(value.__setitem__, key), None, f"{label}[{key!r}]"
            else:
                put, owner, inner = partial(_setter(value), value, key), id(value), f"{label}.{key}"
            number = key if isinstance(key, int) else None
            own = key if isinstance(key, str) else name
            self._value(part, put, own, number, owner, inner, depth + 1)
        for kind in (value if isinstance(value, type) else type(value)).__mro__:
            if is_users_class(kind):
                self._value(kind, label=kind.__name__, depth=depth + 1)
                for method in vars(kind).values():
                    if isinstance(method, _METHODS):
                        self._function(method, _DEEPEST)  # for its globals


def _state(generator: np.random.Generator) -> Any:
    return generator.bit_generator.state


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
    own = {k: v for k, v in vars(value).items() if not (k[:2] == k[-2:] == "__")}
    return {
        k: v for k, v in own.items() if not isinstance(v, _METHODS) and not hasattr(v, "__get__")
    }


def _setter(value: Any) -> Callable[..., None]:
    return type.__setattr__ if isinstance(value, type) else object.__setattr__


def _set(value: Any, items: dict[str, Any]) -> None:
    now, put = _held(value), _setter(value)
    for key in now.keys() - items.keys():
        (type if isinstance(value, type) else object).__delattr__(value, key)
    for key, part in items.items():
        if key not in now or now[key] is not part:
            put(value, key, part)


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

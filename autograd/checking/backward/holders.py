"""The arrays that functions reach: their arguments, what their objects hold, and globals."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType, MethodType
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.backward.tracing import is_object
from autograd.engine.tape import Leaf
from autograd.engine.tensor import Array, Tensor
from autograd.runtime.trees import flatten

_DEEPEST = 6


class Named(NamedTuple):
    """A leaf: the name it has, its number where it is in a list, and the id of the object whose
    attribute it is."""

    name: str
    number: int | None
    tensor: Tensor
    owner: int | None = None


class Holders:
    """What some functions reach, to be put back as it was.

    Objects of the user's classes, dicts and lists are walked, from what the functions are bound to,
    close over, and name among their globals.
    """

    def __init__(self, *functions: Any) -> None:
        self._stores: dict[int, tuple[Any, Any]] = {}
        self._slots: list[tuple[Any, Any, str, Array]] = []
        self._arrays: dict[int, tuple[Array, Array]] = {}
        self._generators: list[tuple[Any, Any]] = []
        self._seen: set[Any] = set()
        self.leaves: list[Named] = []
        for function in functions:
            self._function(function)

    def given(self, value: Any) -> None:
        """Walk an argument too, to put it back; it is replaced by whoever passes it."""
        self._value(value, None, None, "", 0)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Within, anything may be done to what is held, and random numbers be drawn; all that is
        undone."""
        states = (np.random.get_state(), random.getstate())
        try:
            yield
        finally:
            for store, items in self._stores.values():
                if isinstance(store, list):
                    store[:] = items
                else:
                    store.clear()
                    store.update(items)
            for container, key, _, array in self._slots:
                container[key] = array
            for array, copy in self._arrays.values():
                if array.flags.writeable:
                    array[...] = copy
            np.random.set_state(states[0])
            random.setstate(states[1])
            for generator, state in self._generators:
                generator.bit_generator.state = state

    def put_tensors(self, leaf: Callable[[Any], Tensor]) -> None:
        """Put a leaf in the place of every floating array."""
        owners = {id(store): owner for owner, (store, _) in self._stores.items()}
        for container, key, name, array in self._slots:
            container[key] = tensor = leaf(array)
            owner = owners.get(id(container))
            number = key if isinstance(key, int) else None
            self.leaves.append(Named(name, number, tensor, owner))

    def put(self, array: Array, other: Array) -> None:
        """Put another array in the place of one."""
        for container, key, _, held in self._slots:
            if held is array:
                container[key] = other

    def _function(self, function: Any, depth: int = 0) -> None:
        if isinstance(function, MethodType):
            self._value(function.__self__, None, None, "", 0)
            function = function.__func__
        elif is_object(function):
            self._value(function, None, None, "", 0)
            return
        if not isinstance(function, FunctionType) or function in self._seen or depth > _DEEPEST:
            return
        self._seen.add(function)
        names = function.__code__.co_freevars
        for name, cell in zip(names, function.__closure__ or (), strict=True):
            try:
                value = cell.cell_contents
            except ValueError:  # not bound yet
                continue
            self._value(value, None, None, name, 0)
            self._function(value, depth + 1)
        for name in sorted(_names(function.__code__)):
            value = function.__globals__.get(name)
            if isinstance(value, FunctionType):
                if value.__module__ == function.__module__:
                    self._function(value, depth + 1)
            else:
                self._value(value, function.__globals__, name, name, 0)

    def _value(self, value: Any, container: Any, key: Any, name: str, depth: int) -> None:
        if isinstance(value, np.ndarray):
            self._arrays.setdefault(id(value), (value, value.copy()))
            if value.dtype.kind == "f" and container is not None:
                self._slots.append((container, key, name, value))
        elif isinstance(value, Tensor):
            if isinstance(value._place, Leaf):
                self.leaves.append(Named(name, key if isinstance(key, int) else None, value))
        elif isinstance(value, np.random.Generator):
            self._generators.append((value, value.bit_generator.state))
        elif isinstance(value, dict | list) or is_object(value):
            if id(value) in self._stores or depth > _DEEPEST:
                return
            store = value if isinstance(value, dict | list) else value.__dict__
            items = list(store) if isinstance(store, list) else dict(store)
            self._stores[id(value)] = store, items
            pairs = enumerate(items) if isinstance(items, list) else items.items()
            for inner, part in pairs:
                own = inner if isinstance(inner, str) else name
                self._value(part, store, inner, own, depth + 1)
            for method in vars(type(value)).values() if is_object(value) else ():
                self._function(method, _DEEPEST)  # for its globals
        elif isinstance(value, tuple):
            for part in value:
                self._value(part, None, None, name, depth + 1)


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

"""Signatures of values: the same for two between which no function could tell; the leaves of
arguments; and the states of generators of random numbers."""

from __future__ import annotations

import sys
import types
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import fields, is_dataclass
from datetime import date, time, timedelta, tzinfo
from functools import partial
from numbers import Number
from pathlib import PurePath
from typing import Any
from uuid import UUID

import numpy as np

from autograd.engine.modes import array_of
from autograd.engine.tape import Leaf
from autograd.engine.tensor import Tensor

SIMPLE = (int, float, complex, bool, str, bytes, type(None), np.dtype, np.generic, range)
CONTAINERS = (list, tuple, dict, set, frozenset, deque)
OPAQUE = (types.ModuleType, np.ndarray)
METHODS = (types.MethodType, types.BuiltinMethodType, types.MethodWrapperType)
_VALUES = (Number, date, time, timedelta, tzinfo, PurePath, UUID)


class Same:
    """An object as itself, which it keeps: equal to nothing else."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


def signature(value: Any) -> Any:
    """The same for two values between which no function could tell by looking at them."""
    kind = type(value)
    if isinstance(value, float):
        return kind, float.hex(value)  # minus zero is another, and NaN is NaN
    if isinstance(value, complex):
        return kind, signature(value.real), signature(value.imag)
    if isinstance(value, np.generic):
        return kind, value.tobytes()
    if isinstance(value, SIMPLE):
        return kind, value
    if isinstance(value, dict):
        pairs = [(signature(k), signature(v)) for k, v in value.items()]
        factory = value.default_factory if isinstance(value, defaultdict) else None
        return kind, tuple(pairs), Same(factory)
    if isinstance(value, set | frozenset):
        return kind, frozenset(map(signature, value))
    if isinstance(value, list | tuple | deque):
        return kind, tuple(map(signature, value))
    if isinstance(value, slice):
        return kind, tuple(map(signature, (value.start, value.stop, value.step)))
    if isinstance(value, partial):
        return kind, tuple(map(signature, (value.func, value.args, value.keywords)))
    if isinstance(value, METHODS):  # made anew whenever they are looked up
        own = value.__self__
        held = signature(own) if isinstance(own, CONTAINERS) else Same(own)
        return kind, value.__name__, Same(getattr(value, "__func__", None)), held
    if isinstance(value, _VALUES):
        return kind, value
    return Same(value)


def _of_argument(value: Any) -> Any:
    """As `signature`, but for dataclasses, which are often made anew: by all that they hold."""
    if is_dataclass(value) and not isinstance(value, type):
        held = [getattr(value, field.name, None) for field in fields(value)]
        more = getattr(value, "__dict__", {})
        return type(value), tuple(map(_of_argument, held)), signature(more)
    return signature(value)


def is_source(value: Any) -> bool:
    """Whether a value is a generator of random numbers, of NumPy's or of Python's."""
    random = sys.modules.get("numpy.random")
    kinds: tuple[Any, ...] = () if random is None else (random.Generator, random.RandomState)
    own = sys.modules.get("random")
    return isinstance(value, kinds if own is None else (*kinds, own.Random))


def states(sources: Iterable[Any]) -> list[Any]:
    """What decides the numbers to come of each, and of those of the whole program."""
    # Imported here, so that what a function draws is seen where it is the first to import them.
    import random

    found = [_state(source) for source in sources]
    return [*found, random.getstate(), _frozen_state(np.random.get_state())]


def _state(source: Any) -> Any:
    if hasattr(source, "bit_generator"):
        return _frozen_state(source.bit_generator.state)
    if hasattr(source, "get_state"):
        return _frozen_state(source.get_state())
    return source.getstate()


def _frozen_state(state: Any) -> Any:
    """A state of NumPy's, which has arrays in it, to be compared."""
    if isinstance(state, dict):
        return [(name, _frozen_state(part)) for name, part in state.items()]
    if isinstance(state, tuple):
        return [*map(_frozen_state, state)]
    return state.tobytes() if isinstance(state, np.ndarray) else state


class Leaves:
    """The leaves of arguments, and what they have in common with those that a program fits.

    Attributes:
        numeric: tensors, arrays and NumPy's numbers, in their order.
        objects: all others that are not simply compared.
        identities: those of the numeric leaves.
        hooked: whether hooks are on one of the tensors, that is a leaf.
        key: the same for two calls of one structure, with numeric leaves of the same shapes and
            dtypes, and other leaves that are the same.
    """

    __slots__ = ("hooked", "identities", "key", "numeric", "objects")

    def __init__(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.hooked = False
        self.numeric: list[Any] = []
        self.objects: list[Any] = []
        key = tuple([self._key(arg) for arg in args])
        if options:
            key += (tuple([(name, self._key(value)) for name, value in options.items()]),)
        self.identities = set(map(id, self.numeric))
        if len(self.identities) < len(self.numeric):  # one is given twice
            first: dict[int, int] = {}
            key += (tuple([first.setdefault(id(x), i) for i, x in enumerate(self.numeric)]),)
        self.key = key

    def _key(self, tree: Any) -> Any:
        kind = type(tree)
        if kind is np.ndarray and tree.dtype.kind in "biufc":
            self.numeric.append(tree)
            return kind, tree.shape, tree.dtype
        if isinstance(tree, Tensor):
            self.numeric.append(tree)
            place, array = tree._place, array_of(tree)
            how = 0 if place is None else 1 if isinstance(place, Leaf) else 2
            if how == 1 and place.hooks:  # type: ignore[union-attr]
                self.hooked = True
            return kind, array.shape, array.dtype, how
        if isinstance(tree, np.ndarray) and tree.dtype.kind in "biufc":  # of a class of its own
            self.numeric.append(tree)
            return kind, tree.shape, tree.dtype
        if isinstance(tree, list | tuple):
            kinds = set(map(type, tree))
            if len(kinds) == 1 and issubclass(kinds.pop(), Tensor):
                return kind, self._key_of_tensors(tree)
            return kind, tuple([self._key(part) for part in tree])
        if isinstance(tree, dict):
            return kind, tuple([(signature(k), self._key(part)) for k, part in tree.items()])
        if not isinstance(tree, SIMPLE):
            self.objects.append(tree)
        return _of_argument(tree)

    def _key_of_tensors(self, tensors: Sequence[Tensor]) -> Any:
        """The key of tensors of one kind: what there is to know of each as lists, which takes half
        the time where there are many."""
        self.numeric += tensors
        arrays = list(map(array_of, tensors))
        shapes, dtypes = [a.shape for a in arrays], [a.dtype for a in arrays]
        hows = [0]
        places = [tensor._place for tensor in tensors]
        if places.count(None) < len(places):
            hows = [0 if p is None else 1 if isinstance(p, Leaf) else 2 for p in places]
            self.hooked |= any(isinstance(p, Leaf) and bool(p.hooks) for p in places)
        return type(tensors[0]), len(tensors), _column(shapes), _column(dtypes), _column(hows)


def _column(values: list[Any]) -> Any:
    """What there are in a list; one, where all are the same."""
    return (values[0],) if values.count(values[0]) == len(values) else tuple(values)

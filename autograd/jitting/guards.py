"""What a program holds for: its arguments, and the Python values that the function reads.

A function's own closure and globals, and the attributes of objects that are found there, among its
arguments, or that said so while it ran, are looked at before each call. What they hold is compared
by identity at first, which takes next to no time, and by value where that differs.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Iterator
from operator import is_
from typing import Any

import numpy as np

from autograd.engine.modes import array_of
from autograd.engine.tape import Leaf
from autograd.engine.tensor import Tensor

_SIMPLE = (int, float, complex, bool, str, bytes, type(None), np.dtype, np.generic)
_CONTAINERS = (list, tuple, dict, set, frozenset)
_OPAQUE = (type, types.ModuleType, types.BuiltinFunctionType, np.ndarray, np.random.Generator)
_MOST = 10_000  # objects that are looked into


def signature(value: Any) -> Any:
    """The same for two values between which no function could tell by looking at them."""
    if isinstance(value, float):
        return type(value), value.hex()  # minus zero is another, and NaN is NaN
    if isinstance(value, _SIMPLE):
        return type(value), value
    if isinstance(value, dict):
        return type(value), tuple([(signature(k), signature(v)) for k, v in value.items()])
    if isinstance(value, set | frozenset):
        return type(value), frozenset(map(signature, value))
    if isinstance(value, list | tuple):
        return type(value), tuple(map(signature, value))
    return id(value)


class Leaves:
    """The leaves of arguments, and what they have in common with those that a program fits.

    Attributes:
        numeric: tensors, arrays and NumPy's numbers, in their order.
        objects: all others that are not simply compared.
        hooked: whether hooks are on one of the tensors, that is a leaf.
        key: the same for two calls of one structure, with numeric leaves of the same shapes and
            dtypes, and other leaves that are the same.
    """

    __slots__ = ("hooked", "key", "numeric", "objects")

    def __init__(self, args: tuple[Any, ...], options: dict[str, Any]) -> None:
        self.hooked = False
        self.numeric: list[Any] = []
        self.objects: list[Any] = []
        key = tuple([self._key(arg) for arg in args])
        if options:
            key += (tuple([(name, self._key(value)) for name, value in options.items()]),)
        identities = [id(leaf) for leaf in self.numeric if isinstance(leaf, Tensor)]
        if len(set(identities)) < len(identities):  # one is given twice
            key += (tuple(map(identities.index, identities)),)
        self.key = key

    def _key(self, tree: Any) -> Any:
        kind = type(tree)
        if kind is np.ndarray:
            self.numeric.append(tree)
            return kind, tree.shape, tree.dtype
        if isinstance(tree, Tensor):
            self.numeric.append(tree)
            place, array = tree._place, array_of(tree)
            how = 0 if place is None else 1 if isinstance(place, Leaf) else 2
            if how == 1 and place.hooks:  # type: ignore[union-attr]
                self.hooked = True
            return kind, array.shape, array.dtype, how
        if isinstance(tree, list | tuple):
            return kind, tuple([self._key(part) for part in tree])
        if isinstance(tree, dict):
            return kind, tuple([(signature(k), self._key(part)) for k, part in tree.items()])
        if isinstance(tree, np.generic):
            self.numeric.append(tree)
            return kind, (), tree.dtype
        if not isinstance(tree, _SIMPLE):
            self.objects.append(tree)
        return signature(tree)


class Guard:
    """Values that must stay what they are: those that `read` gives, in a list.

    Attributes:
        what: in words, for each.
        told: whether a trace is told what a function changes there.
    """

    def __init__(
        self, read: Callable[[], list[Any]], what: Callable[[int], str], told: bool = False
    ) -> None:
        self._read, self.what, self.told = read, what, told
        self._values = read()
        self._signatures = [*map(signature, self._values)]
        self._open = [i for i, v in enumerate(self._values) if isinstance(v, _CONTAINERS)]

    def holds(self) -> bool:
        """Whether all are as they were."""
        now, values = self._read(), self._values
        if len(now) != len(values):
            return False
        if all(map(is_, now, values)):
            return all(signature(now[i]) == self._signatures[i] for i in self._open)
        if self.changed() is not None:
            return False
        self._values = now
        return True

    def changed(self) -> str | None:
        """In words, the first that is another; None where there is none."""
        now = self._read()
        if len(now) != len(self._values):
            return self.what(-1)
        for i, value in enumerate(now):
            unlike = value is not self._values[i] or i in self._open
            if unlike and signature(value) != self._signatures[i]:
                return f"{self.what(i)}: {_short(value)}"
        return None


def _short(value: Any) -> str:
    return f"{value!r:.40}" if isinstance(value, _SIMPLE) else f"another {type(value).__name__}"


class Surroundings:
    """The objects that a function can read without being given them, and what they hold now.

    Args:
        f: the function.
        given: leaves of its arguments.

    Attributes:
        tensors: by their identities, those that are found.
    """

    def __init__(self, f: Any, given: Iterable[Any]) -> None:
        self._guards: list[Guard] = []
        self.tensors: dict[int, Tensor] = {}
        self._seen: dict[int, Any] = {}
        for value in (f, *given):
            self.add(value)

    def add(self, value: Any) -> None:
        """Look at an object too, and all that is found in it."""
        waiting = [value]
        while waiting and len(self._seen) < _MOST:
            waiting += self._found_in(waiting.pop())

    def hold(self) -> bool:
        """Whether everything is as it was."""
        for guard in self._guards:  # noqa: SIM110  # it runs before each call
            if not guard.holds():
                return False
        return True

    def changed(self, told: bool = True) -> str | None:
        """In words, the first that is another; without what a trace is `told`."""
        guards = [guard for guard in self._guards if told or not guard.told]
        return next((c for guard in guards if (c := guard.changed()) is not None), None)

    def _found_in(self, value: Any) -> Iterator[Any]:
        """The values in an object; it is guarded."""
        if isinstance(value, (*_SIMPLE, *_OPAQUE)) or id(value) in self._seen:
            return
        self._seen[id(value)] = value
        if isinstance(value, Tensor):
            self.tensors[id(value)] = value
        elif isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, _CONTAINERS):
            yield from value
        elif isinstance(value, types.MethodType):
            yield from (value.__self__, value.__func__)
        elif isinstance(value, types.FunctionType):
            yield from self._function(value)
        elif hasattr(value, "_program_guard"):
            own = f"options or state of {type(value).__name__}"
            self._guards.append(Guard(value._program_guard, lambda i: own, told=True))
        elif hasattr(value, "__wrapped__") or hasattr(value, "func"):  # of jit; a partial
            yield getattr(value, "__wrapped__", None) or value.func
            yield from (getattr(value, "args", ()), getattr(value, "keywords", {}))
        elif hasattr(value, "__dict__"):
            yield from self._attributes(value)

    def _attributes(self, value: Any) -> Iterator[Any]:
        if str(type(value).__module__).partition(".")[0] in _FOREIGN:
            return
        held, kind = vars(value), type(value).__name__
        if held:
            self._guards.append(
                Guard(lambda: [*held.values()], lambda i: f"{[*held][i]} of {kind}")
            )
            yield from held.values()

    def _function(self, f: types.FunctionType) -> Iterator[Any]:
        if str(f.__module__).partition(".")[0] in _FOREIGN:
            return
        pairs = zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)
        full = [(name, cell) for name, cell in pairs if _is_full(cell)]
        if full:
            self._guards.append(
                Guard(lambda: [cell.cell_contents for _, cell in full], lambda i: f"'{full[i][0]}'")
            )
            yield from [cell.cell_contents for _, cell in full]
        space = f.__globals__
        globals_ = [name for name in _names(f.__code__) if name in space]
        globals_ = [name for name in globals_ if not isinstance(space[name], types.ModuleType)]
        if globals_:
            self._guards.append(
                Guard(lambda: [space.get(n) for n in globals_], lambda i: f"'{globals_[i]}'")
            )
            yield from [space[name] for name in globals_]
        yield from (f.__defaults__ or (), f.__kwdefaults__ or {})


# Of these no attribute is looked at: what they hold that matters, they tell themselves.
_FOREIGN = frozenset({"autograd", "numpy", "builtins", "threading", "tqdm", "scipy", "torch"})


def _is_full(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018
    except ValueError:
        return False
    return True


def _names(code: types.CodeType) -> list[str]:
    """The names of globals, and attributes, that code and the functions within it look up."""
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return [*dict.fromkeys([*code.co_names, *(n for c in inner for n in _names(c))])]

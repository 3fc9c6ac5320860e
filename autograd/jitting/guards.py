"""What a program holds for: its arguments, and the Python values that the function reads.

A function's own closure and globals, and the attributes of objects that are found there, among its
arguments, or that said so while it ran, are looked at before each call. What they hold is compared
by identity at first, which takes next to no time, of all objects at once; and by value where that
differs.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from functools import partial
from itertools import chain
from operator import is_
from typing import Any

from autograd.engine.primitives import Primitive
from autograd.engine.tensor import Tensor
from autograd.jitting.signatures import CONTAINERS, METHODS, OPAQUE, SIMPLE, is_source, signature

_MISSING = object()
_PLAIN = frozenset(SIMPLE)
_MOST = 100_000  # objects that are looked into


class Guard:
    """Values that must stay what they are: those that `read` gives, in a list.

    Attributes:
        what: in words, for each.
        told: whether a trace is told what a function changes there.
        owner: the object whose class and `__dict__` the values are, where they are no others.
    """

    def __init__(
        self,
        read: Callable[[], list[Any]],
        what: Callable[[int], str],
        told: bool = False,
        owner: Any = None,
    ) -> None:
        self._read, self.what, self.told, self.owner = read, what, told, owner
        self._values = read()
        self._signatures = [*map(signature, self._values)]
        self._open = [i for i, v in enumerate(self._values) if not _is_closed(v)]

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

    @property
    def values(self) -> list[Any]:
        """What they are, as far as that is known."""
        return self._values

    def contents(self) -> list[tuple[Any, Any]]:
        """Those of the values that can change in place, and what was in them."""
        return [(self._values[i], self._signatures[i]) for i in self._open]


def _is_closed(value: Any) -> bool:
    """Whether nothing in a value can become another."""
    if type(value) in (tuple, frozenset):
        return all(type(part) in _PLAIN for part in value)
    return not isinstance(value, CONTAINERS)


class _Together:
    """The attributes of many objects, which are looked at in one pass: so that takes a fifth of the
    time that one guard after the other does.

    Args:
        guards: theirs.
    """

    def __init__(self, guards: Sequence[Guard]) -> None:
        self.guards = guards
        self._owners = [guard.owner for guard in guards]
        self._classes = [guard.values[0] for guard in guards]
        self._names = [tuple(guard.values[1::2]) for guard in guards]
        self._values = [value for guard in guards for value in guard.values[2::2]]
        self._contents = [pair for guard in guards for pair in guard.contents()]

    def holds(self) -> bool:
        """Whether all are the same objects by the same names, and as they were. False says nothing:
        they may be others that are equal."""
        if not all(map(is_, map(type, self._owners), self._classes)):
            return False
        held: list[dict[str, Any]] = list(map(vars, self._owners))
        return (
            list(map(tuple, held)) == self._names
            and all(map(is_, chain.from_iterable(map(dict.values, held)), self._values))
            and all(signature(value) == had for value, had in self._contents)
        )


def _short(value: Any) -> str:
    return f"{value!r:.40}" if isinstance(value, SIMPLE) else f"another {type(value).__name__}"


class Surroundings:
    """The objects that a function can read without being given them, and what they hold now.

    Args:
        f: the function.
        given: leaves of its arguments.

    Attributes:
        tensors: by their identities, those that are found.
        sources: generators of random numbers that are none of autograd's, by their identities.
        iterates: whether an iterator is at hand, which the function may take from.
        ends_early: whether there were too many to look at all.
    """

    def __init__(self, f: Any, given: Iterable[Any]) -> None:
        self._guards: list[Guard] = []
        # How many they were when they were sorted; those that are looked at together, and others.
        self._sorted: tuple[int, _Together, list[Guard]] | None = None
        self.tensors: dict[int, Tensor] = {}
        self.sources: dict[int, Any] = {}
        self.iterates = False
        self._seen: dict[int, Any] = {}
        self.ends_early = False
        self._reads_options = False  # whether a function looks into `param_groups` itself
        self._reads_steps = False  # whether one may look at the step of a schedule
        self._optimizers: list[tuple[Any, list[Any]]] = []
        for value in (f, *given):
            self.add(value)
        if self._reads_options:
            for optimizer, _ in self._optimizers:
                self._guards.append(Guard(optimizer._program_options, lambda i: "an option"))

    def add(self, value: Any) -> None:
        """Look at an object too, and all that is found in it."""
        waiting = [value]
        while waiting and not self.ends_early:
            waiting += self._found_in(waiting.pop())
            self.ends_early = len(self._seen) > _MOST

    @property
    def reads_steps(self) -> bool:
        """Whether a function may look at the step of a schedule that is found."""
        schedules = (owner for owner, _ in self._optimizers if hasattr(owner, "last_epoch"))
        return self._reads_steps and any(True for _ in schedules)

    def hold(self) -> bool:
        """Whether everything is as it was."""
        known = self._sorted
        if known is None or known[0] != len(self._guards):
            owned = [guard for guard in self._guards if guard.owner is not None]
            known = self._sorted = self._apart(owned)
        _, together, alone = known
        for guard in alone:
            if not guard.holds():
                return False
        if together.holds():
            return True
        before = [guard.values for guard in together.guards]
        for guard in together.guards:
            if not guard.holds():
                return False
        # Where other objects are that are equal, as they may be at each call, one looks by itself.
        pairs = zip(together.guards, before, strict=True)
        self._sorted = self._apart([guard for guard, had in pairs if guard.values is had])
        return True

    def _apart(self, together: list[Guard]) -> tuple[int, _Together, list[Guard]]:
        """Guards that are looked at together, and all others."""
        chosen = {*together}
        alone = [guard for guard in self._guards if guard not in chosen]
        return len(self._guards), _Together(together), alone

    def changed(self) -> str | None:
        """In words, the first that is another, of which no trace is told."""
        guards = [guard for guard in self._guards if not guard.told]
        return next((c for guard in guards if (c := guard.changed()) is not None), None)

    def changed_options(self) -> bool:
        """Whether numbers among the options of an optimizer are others."""
        return any(
            signature(optimizer._program_options()) != signature(before)
            for optimizer, before in self._optimizers
        )

    def _found_in(self, value: Any) -> Iterator[Any]:
        """The values in an object; it is guarded."""
        if type(value) in _PLAIN or id(value) in self._seen:
            return
        if is_source(value):
            self.sources[id(value)] = value
            return
        if isinstance(value, OPAQUE):
            return
        self._seen[id(value)] = value
        if isinstance(value, (*SIMPLE, *CONTAINERS)) and not _is_foreign(type(value), _CLOSED):
            yield from self._attributes(value)  # of a class of somebody's own
        if isinstance(value, SIMPLE):
            return
        if isinstance(value, Tensor):
            self.tensors[id(value)] = value
        elif isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, CONTAINERS):
            yield from value
        elif isinstance(value, types.FunctionType):
            yield from self._function(value)
        elif isinstance(value, type):
            yield from self._class(value)
        elif isinstance(value, METHODS):
            yield from (value.__self__, getattr(value, "__func__", None))
        elif isinstance(value, partial):
            self._note(lambda: [value.func, value.args, value.keywords], ["part of a partial"] * 3)
            yield from (value.func, value.args, value.keywords)
        elif hasattr(value, "_program_guard"):
            own = f"options or state of {type(value).__name__}"
            self._guards.append(Guard(value._program_guard, lambda i: own, told=True))
            self._optimizers.append((value, value._program_options()))
            yield from self._attributes(value, value._program_told)
        elif hasattr(value, "__wrapped__"):  # a jitted function, an op
            yield value.__wrapped__
            if isinstance(value, Primitive):
                self._note(lambda: [*value.rules], ["a rule"])
                yield from (value.rules, value.rule_for_each)
        elif not _is_foreign(type(value), _CLOSED):
            yield from self._attributes(value)

    def _note(self, read: Callable[[], list[Any]], names: list[str], owner: Any = None) -> None:
        what = lambda i: names[i] if i < len(names) else "something"  # noqa: E731
        self._guards.append(Guard(read, what, owner=owner))

    def _attributes(self, value: Any, told: Container[str] = ()) -> Iterator[Any]:
        """The attributes of an object, but for those of which a trace is told."""
        kind = type(value)
        yield kind
        held = getattr(value, "__dict__", None)
        if held is not None:

            def read() -> list[Any]:
                now = [(name, v) for name, v in vars(value).items() if name not in told]
                return [type(value), *[part for pair in now for part in pair]]

            names = [name for name in held if name not in told for _ in range(2)]
            texts = [f"'{name}' of {kind.__name__}" for name in ("__class__", *names)]
            self._note(read, texts, value if not told and isinstance(held, dict) else None)
            yield from read()
        slots = [slot for each in kind.__mro__ for slot in _slots(each)]
        if slots:
            self._note(
                lambda: [getattr(value, slot, None) for slot in slots],
                [f"'{slot}' of {kind.__name__}" for slot in slots],
            )
            yield from [getattr(value, slot, None) for slot in slots]

    def _class(self, kind: type) -> Iterator[Any]:
        """What is in a class, and in those that it is derived from."""
        if _is_foreign(kind):
            return
        names = [name for name in vars(kind) if name not in _OF_EVERY_CLASS]
        self._note(
            lambda: [v for name, v in vars(kind).items() if name not in _OF_EVERY_CLASS],
            [f"'{name}' of class {kind.__name__}" for name in names],
        )
        for name in names:
            found = vars(kind)[name]
            yield getattr(found, "__func__", getattr(found, "fget", found))
        yield from kind.__mro__[1:]

    def _function(self, f: types.FunctionType) -> Iterator[Any]:
        if _is_foreign(f):
            return
        parts = ["code", "a default", "a default", *["an attribute"] * (2 * len(vars(f)))]
        self._note(
            lambda: [f.__code__, f.__defaults__, f.__kwdefaults__, *vars(f), *vars(f).values()],
            [f"{part} of {f.__name__}" for part in parts],
        )
        yield from vars(f).values()
        yield from (f.__defaults__, f.__kwdefaults__, getattr(f, "__wrapped__", None))
        cells = f.__closure__ or ()
        if cells:
            free = [f"'{name}'" for name in f.__code__.co_freevars]
            self._note(lambda: [*map(_content, cells)], free)
            self._look_for_iterators(map(_content, cells))
            yield from map(_content, cells)
        space, names = f.__globals__, _names(f.__code__)
        self._reads_options |= "param_groups" in names
        self._reads_steps |= not {"last_epoch", "base_lrs"}.isdisjoint(names)
        found = [name for name in names if not isinstance(space.get(name), types.ModuleType)]
        if found:
            self._note(
                lambda: [space.get(name, _MISSING) for name in found],
                [f"'{name}'" for name in found],
            )
            held = [space[name] for name in found if name in space]
            self._look_for_iterators(held)
            yield from held
        for file in [space[n] for n in names if isinstance(space.get(n), types.ModuleType)]:
            yield from self._file(file, names)

    def _look_for_iterators(self, values: Iterable[Any]) -> None:
        self.iterates |= any(
            isinstance(v, Iterator) and not isinstance(v, type | Tensor) for v in values
        )

    def _file(self, file: types.ModuleType, names: list[str]) -> Iterator[Any]:
        """What has one of these names in a file of somebody's own, which is a module of Python."""
        held = vars(file)
        found = [name for name in names if name in held]
        found = [name for name in found if not isinstance(held[name], types.ModuleType)]
        if found and file.__name__.partition(".")[0] not in _FOREIGN:
            self._note(
                lambda: [held.get(name) for name in found],
                [f"'{name}' of {file.__name__}" for name in found],
            )
            code = (type, types.FunctionType)  # which would lead through whole files
            yield from [held[name] for name in found if not isinstance(held[name], code)]


# Of what these have no attribute is looked at: what matters of it, it tells itself.
_FOREIGN = frozenset(
    {"autograd", "nn", "numpy", "tqdm", "scipy", "torch", "pytest", *sys.stdlib_module_names}
)
# Of other objects of Python's own, such as namespaces, attributes are what somebody has put there.
_CLOSED = _FOREIGN - {"nn", "types", "argparse", "functools", "collections", "configparser"}
_OF_EVERY_CLASS = frozenset({"__module__", "__dict__", "__weakref__", "__doc__", "__qualname__"})


def _is_foreign(kind: Any, foreign: Container[str] = _FOREIGN) -> bool:
    return str(kind.__module__).partition(".")[0] in foreign and kind.__module__ != "__main__"


def _slots(kind: type) -> list[str]:
    given = vars(kind).get("__slots__", ())
    names = [given] if isinstance(given, str) else list(given)
    return [name for name in names if not name.startswith("__")]


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # it has none yet
        return _MISSING


def _names(code: types.CodeType) -> list[str]:
    """The names of globals, and attributes, that code and the functions within it look up."""
    inner = [c for c in code.co_consts if isinstance(c, types.CodeType)]
    return [*dict.fromkeys([*code.co_names, *(n for c in inner for n in _names(c))])]

"""Functions of the user's watched as they run: what each statement has left in their variables.

It is `sys.settrace`, set while a function runs and given back afterwards, whatever happens: what
traced before, a debugger or a measurement of coverage, goes on.
"""

from __future__ import annotations

import sys
import sysconfig
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from operator import setitem
from pathlib import Path
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any

import numpy as np

from autograd.checking.backward.statements import Statement, Statements
from autograd.engine.tensor import Tensor

_OWN = Path(__file__).parents[3]
_OURS = tuple(str(_OWN / package) + "/" for package in ("autograd", "nn", "mnist"))
_LIBRARIES = tuple({sysconfig.get_path(p) for p in ("stdlib", "platstdlib", "purelib", "platlib")})
_INNER = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}  # their names are nobody's steps
_NOT_USERS = frozenset({"numpy", "autograd", "builtins"})
_LONGEST_LIST = 1000


@dataclass(eq=False)
class Call:
    """A call of one of the user's functions.

    Attributes:
        scope: what tells it from other functions: its object, or its name without `forward` and
            the like.
        statement: the last that has run, or runs.
        caller, called_at: the call that made it, and the statement there.
    """

    code: CodeType
    scope: Any
    statement: Statement
    known: dict[Any, Any] = field(default_factory=dict)
    caller: Call | None = None
    called_at: Statement | None = None
    entered: bool = False


@dataclass(frozen=True)
class Entry:
    """A variable, or a place in a container, and what is there.

    Attributes:
        slot: what tells it from every other.
        label: as the user writes it.
        name: of the variable, the attribute or the key that is a string.
        group: name of the dict or list that it is in, if it is in one.
        number: its number or key in a list or dict.
        owner: the id of the object whose attribute it is, or is in.
    """

    slot: Any
    label: str
    name: str
    group: str | None
    number: int | None
    owner: int | None
    value: Any
    put: Callable[[Any], None]


Visit = Callable[[Call, Statement, "list[Entry]"], None]


class Tracer:
    """Runs functions, and shows `visit` the variables that each statement of theirs names.

    Args:
        visit: gets the call, the statement that has just run, and entries.
        functions: whose files are the user's, wherever they lie.
    """

    def __init__(self, statements: Statements, visit: Visit, *functions: Any) -> None:
        self._statements, self._visit = statements, visit
        self._files = {code.co_filename for code in map(code_of, functions) if code is not None}
        self._calls: dict[FrameType, Call] = {}
        self._alive: dict[int, Any] = {}  # so that an id means one object
        self.outermost: Call | None = None
        self.locals: dict[str, Any] = {}
        self.made: dict[int, tuple[Any, Statement]] = {}  # what was returned without a name
        self.owners: dict[Any, int] = {}  # ids of objects, in the order in which they were met

    def run(self, function: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """What the function returns; `outermost` is its call then, `locals` its variables."""
        before = sys.gettrace()
        sys.settrace(self._called)
        try:
            return function(*args, **named)
        finally:
            sys.settrace(before)
            self._calls.clear()

    @property
    def last(self) -> tuple[Statement | None, tuple[str | None, ...]]:
        """The statement that returned, and the names of what it returned."""
        last = self.outermost.statement if self.outermost else None
        return last, last.returns if last is not None else ()

    def _is_users(self, code: CodeType) -> bool:
        file = code.co_filename
        if file in self._files:
            return True
        return not (file.startswith((*_OURS, *_LIBRARIES, "<frozen")) or "site-packages" in file)

    def _called(self, frame: FrameType, event: str, arg: Any) -> Any:
        code = frame.f_code
        if code.co_name in _INNER or not self._is_users(code):
            return None
        call = self._calls.get(frame)
        if call is None:
            caller = frame.f_back and self._calls.get(frame.f_back)
            here = self._statements.at(code, code.co_firstlineno)
            frame.f_trace_opcodes = bool(self._statements.shared(code))
            variables = frame.f_locals
            call = self._calls[frame] = Call(code, _scope(code, variables), here)
            if self.outermost is None:
                self.outermost = call
            call.caller, call.called_at = caller, caller.statement if caller else None
            self._show(call, call.called_at or here, variables, whole=True)
        return self._local

    def _local(self, frame: FrameType, event: str, arg: Any) -> Any:
        call = self._calls.get(frame)
        if call is None or event == "exception":
            return self._local
        ends = event == "return"
        code, line = frame.f_code, frame.f_lineno
        then = call.statement if ends else self._statements.at(code, line, frame.f_lasti)
        if event == "opcode" and then is call.statement:
            return self._local
        variables = frame.f_locals  # asked for once: again, it would forget what is put there
        self._show(call, call.statement, variables)
        call.statement = then
        if not ends:
            return self._local
        parts = arg if isinstance(arg, tuple) else (arg,)
        for name, part in zip(call.statement.returns, parts, strict=False):
            if name is None and isinstance(part, np.ndarray):
                self.made[id(part)] = part, call.statement
        if call is self.outermost:
            self.locals = dict(variables)
        return self._local

    def _show(
        self, call: Call, statement: Statement, variables: dict[str, Any], whole: bool = False
    ) -> None:
        names = None if whole else statement.names
        entries = list(self._entries(call, variables, names))
        if names is not None:  # what shares memory with those may have changed as well
            owners = {_owner(e.value) for e in entries if isinstance(e.value, np.ndarray)}
            others = [
                name
                for name, value in variables.items()
                if name not in names and isinstance(value, np.ndarray) and _owner(value) in owners
            ]
            entries += self._entries(call, variables, others)
        self._visit(call, statement, entries)

    def _entries(self, call: Call, variables: dict[str, Any], names: Any) -> Iterator[Entry]:
        for name in list(variables) if names is None else names:
            if name in variables:
                value = variables[name]
                put = partial(variables.__setitem__, name)
                if is_numeric(value):
                    yield Entry((id(call), name), name, name, None, None, None, value, put)
                else:
                    yield from self._within(value, name, name, 0)
        self._alive[id(call)] = call

    def _within(
        self, value: Any, label: str, name: str, depth: int, owner: int | None = None
    ) -> Iterator[Entry]:
        """What is in a dict, a list, or an object of the user's, and in those that it holds."""
        if depth == 3:
            return
        parts: Mapping[Any, Any] = {}
        if isinstance(value, dict):
            parts = value
        elif isinstance(value, list | deque) and len(value) <= _LONGEST_LIST:
            parts = dict(enumerate(value))
        elif is_object(value):
            parts, owner = attributes(value), id(value)
            self.owners.setdefault(owner, len(self.owners))
        self._alive[id(value)] = value
        contains = isinstance(value, dict | list | deque)
        for key, part in list(parts.items()):
            inner = f"{label}[{key!r}]" if contains else f"{label}.{key}"
            own, number = (name, key) if isinstance(key, int) else (str(key), None)
            if is_numeric(part):
                group = name if contains else None
                put = partial(setitem if contains else object.__setattr__, value, key)
                yield Entry((id(value), key), inner, own, group, number, owner, part, put)
            else:
                yield from self._within(part, inner, own, depth + 1, owner)


def is_numeric(value: Any) -> bool:
    return isinstance(value, np.ndarray | Tensor | np.floating | float)


def is_object(value: Any) -> bool:
    """Whether a value is an object of a class of the user's, which has attributes."""
    if isinstance(value, ModuleType | FunctionType | type | Tensor | np.ndarray | tuple):
        return False
    if hasattr(value, "__dict__"):
        return type(value).__module__.partition(".")[0] not in _NOT_USERS
    return is_users_class(type(value)) and hasattr(type(value), "__slots__")


def is_users_class(value: Any) -> bool:
    module = getattr(value, "__module__", None) or ""
    top = module.partition(".")[0]
    return isinstance(value, type) and top not in _NOT_USERS | sys.stdlib_module_names


def attributes(value: Any) -> dict[str, Any]:
    """Those of an object, whether it has a dict for them or slots."""
    kinds = [getattr(kind, "__slots__", ()) for kind in type(value).__mro__]
    names = [n for slots in kinds for n in ([slots] if isinstance(slots, str) else slots)]
    slots = {n: getattr(value, n) for n in names if n[:2] != "__" and hasattr(value, n)}
    return slots | getattr(value, "__dict__", {})


def code_of(function: Any) -> CodeType | None:
    """The code of a function, a method, or an object that can be called; None for one in C."""
    function = getattr(function, "__func__", function)
    if not isinstance(function, FunctionType):
        function = getattr(type(function).__call__, "__wrapped__", type(function).__call__)
    return getattr(function, "__code__", None)


def _owner(array: np.ndarray[Any, Any]) -> int:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return id(array)


_DIRECTIONS = (
    *("forward", "backward", "forwards", "backwards", "backpropagation", "backprop", "feedforward"),
    *("propagation", "propagate", "propagation", "fwd", "bwd", "gradients", "gradient", "grads"),
    *("grad", "prop", "pass", "deriv", "back"),
)


def _scope(code: CodeType, variables: Mapping[str, Any]) -> Any:
    if code.co_argcount and is_object(owner := variables.get(code.co_varnames[0])):
        return id(owner)
    words = [word for word in code.co_name.lower().split("_") if word not in _DIRECTIONS]
    return "_".join(words)

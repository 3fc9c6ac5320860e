"""The text of a program: `print(program)`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from autograd.program.expressions import Applied, At, Key, Line, Made, Name, Statement
from autograd.program.lines import lines_of
from autograd.program.program import Program, Value, mapped
from autograd.program.python_text import expression, statement

COLUMN = 46  # at which comments start, where the code leaves room


def text(program: Program) -> str:
    """The inputs and constants of a program, then a line for each call, or for several in one."""
    names = Numbered(program)
    lines = []
    for i in program.inputs:
        kind = program.slots[i.slot]
        what = "input" if i.is_argument else "read from outside"
        said = f"{kind.dtype} {kind.shape}" if i.number is None else "a number"
        lines.append(f"# {names(Key('v', i.slot))}: {said}, {what}")
    body = [
        to_statement(program, line, names) for line in lines_of(program, as_run=False, inputs=False)
    ]
    for effect in program.effects:
        if effect.slot is not None:
            names.of_slot(effect.slot)
    for slot, constant in program.constants.items():
        if Key("v", slot) in names.used:
            note = f", {constant.note}" if constant.note else ""
            kind = program.slots[slot]
            lines.append(f"# {names(Key('v', slot))}: {kind.dtype} {kind.shape}, constant{note}")
    lines += [with_comment(statement(line, _op_name), comment(line)) for line in body]
    result = mapped(program.result, lambda leaf: _result(leaf, names))
    for effect in program.effects:
        target = f"{names(Key('v', effect.input))}.{effect.kind}"
        if effect.cell is not None:
            target = effect.cell.name
        value = "None" if effect.slot is None else names.of_slot(effect.slot)
        lines.append(f"{target} = {value}")
    return "\n".join([*lines, f"return {expression(result, _op_name)}"])


def _result(leaf: Any, names: Numbered) -> Any:
    return Name(names.of_slot(leaf.slot)) if isinstance(leaf, Value) else leaf


def _op_name(op: Any) -> str:
    return str(op.name)


class Numbered:
    """Names for keys: those of inputs, v1, v2 ... for values, c1 ... for constants, t1 ... for
    parts of rules; the gradient of x is d_x."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._names: dict[Key, str] = {}
        self._counts: dict[str, int] = {}
        self.used: set[Key] = set()
        for i in program.inputs:
            self._names[Key("v", i.slot)] = i.name or self._next("p")
        self._bound: dict[int, str] = {}

    def __call__(self, key: Key) -> str:
        self.used.add(key)
        if key.letter == "d":
            return f"d_{self(Key('v', key.slot))}"
        key = Key("v", key.slot) if key.letter == "p" else key
        if key not in self._names:
            constant = key.slot in self._program.constants
            self._names[key] = self._next("c" if constant else key.letter)
        return self._names[key]

    def value(self, value: Any) -> Any:
        """What is no key, as it stands in the text."""
        return value

    def bind(self, key: Key, slot: int) -> None:
        """Note what last stood for a slot."""
        self._bound[slot] = self(key)

    def of_slot(self, slot: int) -> str:
        """The name of a value at the end."""
        return self._bound.get(slot) or self(Key("v", slot))

    def _next(self, letter: str) -> str:
        number = self._counts[letter] = self._counts.get(letter, 0) + 1
        return f"{letter}{number}"


def to_statement(
    program: Program, line: Line, names: Any, value: Callable[[int], str] = lambda slot: ""
) -> Statement:
    """A line with names in the places of its keys, which get theirs in the order of the text."""
    expression = named(line.expression, names)
    made = []
    for key, slot in zip(line.keys, line.slots, strict=True):
        kind = program.slots[slot]
        made.append(Made(names(key), str(kind.dtype), kind.shape, value(slot)))
        if isinstance(key, Key):
            names.bind(key, slot)
    note = line.note if isinstance(line.note, str) else line.note(names)
    return Statement(tuple(made), expression, note, line.several)


def named(e: Any, names: Any) -> Any:
    """An expression with names in the places of its keys."""
    if isinstance(e, Name):
        return Name(names(e.name), e.shape) if isinstance(e.name, Key | At) else e
    if isinstance(e, Applied):
        args = tuple(named(arg, names) for arg in e.args)
        options = {name: named(value, names) for name, value in e.options.items()}
        return Applied(e.op, args, options, e.shape)
    if isinstance(e, tuple | list):
        return type(e)(named(part, names) for part in e)
    if isinstance(e, dict):
        return {name: named(part, names) for name, part in e.items()}
    if isinstance(e, slice):
        return slice(*[named(part, names) for part in (e.start, e.stop, e.step)])
    return names.value(e)


def shapes_of(line: Statement) -> str:
    """Arguments' shapes -> outputs' shapes."""
    out = ", ".join(str(made.shape) for made in line.made)
    args = getattr(line.expression, "args", ())
    shapes = [str(arg.shape) for arg in args if getattr(arg, "shape", None) is not None]
    return f"{', '.join(shapes)} -> {out}" if shapes else out


def comment(line: Statement, shapes: str = "") -> str:
    """What stands behind a line: shapes, values, and why."""
    shapes = shapes or shapes_of(line)
    values = "; ".join(made.value for made in line.made if made.value)
    return shapes + (f" = {values}" if values else "") + (f"; {line.note}" if line.note else "")


def with_comment(code: str, said: str) -> str:
    """Code and comment in two columns."""
    return f"{code:<{COLUMN - 2}}  # {said}"

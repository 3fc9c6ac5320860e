"""Expressions as Python: infix operators with as few parentheses as their precedence allows."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, isnan
from typing import Any

from autograd import ops
from autograd.program.expressions import Applied, Name, Over, Statement

Text = tuple[str, int]  # with its precedence

_COMPARISON, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(1, 7)

_INFIX = {
    ops.add: ("+", _SUM),
    ops.subtract: ("-", _SUM),
    ops.multiply: ("*", _PRODUCT),
    ops.divide: ("/", _PRODUCT),
    ops.matmul: ("@", _PRODUCT),
    ops.floor_divide: ("//", _PRODUCT),
    ops.remainder: ("%", _PRODUCT),
    ops.less: ("<", _COMPARISON),
    ops.less_equal: ("<=", _COMPARISON),
    ops.greater: (">", _COMPARISON),
    ops.greater_equal: (">=", _COMPARISON),
    ops.equal: ("==", _COMPARISON),
    ops.not_equal: ("!=", _COMPARISON),
}

OpName = Callable[[Any], str]


def statement(line: Statement, op_name: OpName) -> str:
    """A line of Python, without its comment."""
    names = ", ".join(made.name for made in line.made)
    comma = "," if line.several and len(line.made) == 1 else ""
    return f"{names}{comma} = {expression(line.expression, op_name)}"


def expression(e: Any, op_name: OpName) -> str:
    """An expression as Python."""
    return _text(e, op_name)[0]


def is_transposed(e: Applied) -> bool:
    """Whether a call of transpose exchanges the last two axes and no others."""
    axes = e.args[1] if len(e.args) == 2 else None
    if e.op is not ops.transpose or e.options or not isinstance(axes, tuple | list):
        return False
    n = len(axes)
    return n > 1 and tuple(axes) == (*range(n - 2), n - 1, n - 2)


def _text(e: Any, op_name: OpName) -> Text:
    if isinstance(e, Name):
        return e.name, _ATOM
    if not isinstance(e, Applied):
        return literal(e)
    if not e.options and len(e.args) == 2:
        left, right = e.args
        if e.op in _INFIX:
            sign, level = _INFIX[e.op]
            # Comparisons do not group to the left: a < b < c is a chain.
            first = _within(left, level + (level == _COMPARISON), op_name)
            return f"{first} {sign} {_within(right, level + 1, op_name)}", level
        if e.op is ops.power:
            text = f"{_within(left, _ATOM, op_name)} ** {_within(right, _SIGN, op_name)}"
            return text, _POWER
        if e.op is ops.getitem:
            return f"{_within(left, _ATOM, op_name)}[{index(right, op_name)}]", _ATOM
        if is_transposed(e):
            return f"{_within(left, _ATOM, op_name)}.mT", _ATOM
    if e.op is ops.negative and not e.options:
        return f"-{_within(e.args[0], _SIGN, op_name)}", _SIGN
    if e.op is ops.transpose and not e.options and e.args[1:] in ((), (None,)):
        return f"{_within(e.args[0], _ATOM, op_name)}.T", _ATOM
    args = [_text(arg, op_name)[0] for arg in e.args]
    args += [f"{name}={_text(value, op_name)[0]}" for name, value in e.options.items()]
    return f"{op_name(e.op)}({', '.join(args)})", _ATOM


def _within(e: Any, least: int, op_name: OpName) -> str:
    text, level = _text(e, op_name)
    return text if level >= least else f"({text})"


def index(e: Any, op_name: OpName) -> str:
    """What stands between the brackets of x[...]."""
    if isinstance(e, tuple) and e:
        return ", ".join(_part(part, op_name) for part in e) + ("," if len(e) == 1 else "")
    return _part(e, op_name)


def _part(e: Any, op_name: OpName) -> str:
    if not isinstance(e, slice):
        return _text(e, op_name)[0]
    start, stop, step = (
        "" if bound is None else _text(bound, op_name)[0] for bound in (e.start, e.stop, e.step)
    )
    return f"{start}:{stop}" + (f":{step}" if step else "")


def literal(value: Any) -> Text:
    """A Python value, in which names may stand."""

    def inside(part: Any) -> str:
        return part.name if isinstance(part, Name) else literal(part)[0]

    if isinstance(value, tuple):
        comma = "," if len(value) == 1 else ""
        return f"({', '.join(map(inside, value))}{comma})", _ATOM
    if isinstance(value, list):
        return f"[{', '.join(map(inside, value))}]", _ATOM
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k!r}: {inside(v)}" for k, v in value.items()) + "}", _ATOM
    if isinstance(value, slice):
        return f"slice({', '.join(map(inside, (value.start, value.stop, value.step)))})", _ATOM
    if value is ...:
        return "...", _ATOM
    if isinstance(value, float) and not isfinite(value):
        text = "nan" if isnan(value) else "inf" if value > 0 else "-inf"
        return text, _SIGN if text[0] == "-" else _ATOM
    if isinstance(value, Over):
        return f"{'-' if value.n < 0 else ''}1 / {abs(value.n)}", _PRODUCT
    text = repr(value)
    return text, _SIGN if text[0] == "-" else _ATOM

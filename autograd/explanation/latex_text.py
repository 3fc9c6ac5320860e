r"""Expressions as LaTeX, for amsmath: fractions, roots, sums, transposes; else \operatorname."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from math import isfinite, isnan
from typing import Any

from autograd import ops
from autograd.program.expressions import Applied, Name, Over, Statement
from autograd.program.python_text import index as python_index
from autograd.program.python_text import is_transposed

OpName = Callable[[Any], str]
Text = tuple[str, int]  # with its precedence

_RELATION, _SUM, _PRODUCT, _SIGN, _POWER, _ATOM = range(1, 7)

_RELATIONS = {
    ops.less: "<",
    ops.less_equal: r"\leq",
    ops.greater: ">",
    ops.greater_equal: r"\geq",
    ops.equal: "=",
    ops.not_equal: r"\neq",
}
_NAMED = {
    ops.log: r"\log",
    ops.sin: r"\sin",
    ops.cos: r"\cos",
    ops.tan: r"\tan",
    ops.sinh: r"\sinh",
    ops.cosh: r"\cosh",
    ops.tanh: r"\tanh",
    ops.arcsin: r"\arcsin",
    ops.arccos: r"\arccos",
    ops.arctan: r"\arctan",
    ops.det: r"\det",
    ops.expit: r"\sigma",
}
_FENCED = {
    ops.absolute: (r"\left|", r"\right|"),
    ops.floor: (r"\left\lfloor ", r" \right\rfloor"),
    ops.ceil: (r"\left\lceil ", r" \right\rceil"),
}
_OVER_AXES = {
    ops.sum: r"\sum",
    ops.prod: r"\prod",
    ops.max: r"\max",
    ops.min: r"\min",
    ops.mean: r"\operatorname{mean}",
}


def environment(lines: Sequence[Statement], op_name: OpName) -> list[str]:
    """The statements as one align* environment, in lines."""
    rows = []
    for line in lines:
        left = ", ".join(symbol(made.name) for made in line.made)
        row = f"  {left} &= {_text(line.expression, op_name)[0]}"
        if line.note:
            row += rf" && \text{{{escaped(line.note)}}}"
        rows.append(row)
    return [r"\begin{align*}", *(row + r" \\" for row in rows[:-1]), rows[-1], r"\end{align*}"]


def symbol(name: str) -> str:
    """A name as a symbol: d_x1 is x_1 with a bar, and v2[t] is v_2 with the step above it."""
    name, _, step = name.partition("[")
    if step:
        return rf"{{{symbol(name)}}}^{{({escaped(step[:-1])})}}"
    if name.startswith("d_"):
        return rf"\overline{{{symbol(name[2:])}}}"
    letter = re.fullmatch(r"([^\W\d_])(\d*)", name)
    if letter:
        return letter[1] + (f"_{{{letter[2]}}}" if letter[2] else "")
    return rf"\mathit{{{escaped(name)}}}"


def escaped(text: str) -> str:
    """Text with the characters that LaTeX reads as commands made harmless."""
    special = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    return "".join(
        special.get(c, rf"\{c}" if c in "{}_%$&#" else c) for c in text.replace("\n", " ")
    )


def _text(e: Any, op_name: OpName) -> Text:
    if isinstance(e, Name):
        return symbol(e.name), _ATOM
    if not isinstance(e, Applied):
        return _literal(e)
    if len(e.args) == 2 and not e.options:
        infix = _infix(e, op_name)
        if infix is not None:
            return infix
    if len(e.args) == 1 and not e.options:
        unary = _unary(e, op_name)
        if unary is not None:
            return unary
    if e.op in _OVER_AXES and len(e.args) < 3:
        return _over_axes(e, op_name)
    name = _NAMED.get(e.op) or rf"\operatorname{{{escaped(op_name(e.op))}}}"
    args = [_text(arg, op_name)[0] for arg in e.args]
    args += [
        rf"\text{{{escaped(option)}}} = {_text(value, op_name)[0]}"
        for option, value in e.options.items()
    ]
    return rf"{name}\left({', '.join(args)}\right)", _ATOM


def _infix(e: Applied, op_name: OpName) -> Text | None:
    left, right = e.args
    if e.op is ops.add:
        return f"{_within(left, _SUM, op_name)} + {_within(right, _SUM, op_name)}", _SUM
    if e.op is ops.subtract:
        return f"{_within(left, _SUM, op_name)} - {_within(right, _PRODUCT, op_name)}", _SUM
    if e.op is ops.multiply:
        # Numbers stand beside what they scale; arrays are multiplied element by element.
        scaled = _is_number(left) or _is_number(right)
        sign = r"\cdot" if scaled else r"\odot"
        return (
            rf"{_within(left, _PRODUCT, op_name)} {sign} {_within(right, _SIGN, op_name)}",
            _PRODUCT,
        )
    if e.op is ops.divide:
        return rf"\frac{{{_text(left, op_name)[0]}}}{{{_text(right, op_name)[0]}}}", _PRODUCT
    if e.op is ops.matmul:
        return rf"{_within(left, _PRODUCT, op_name)} \, {_within(right, _SIGN, op_name)}", _PRODUCT
    if e.op is ops.power:
        return f"{{{_within(left, _ATOM, op_name)}}}^{{{_text(right, op_name)[0]}}}", _POWER
    if e.op in _RELATIONS:
        left, right = (_within(side, _SUM, op_name) for side in e.args)
        return f"{left} {_RELATIONS[e.op]} {right}", _RELATION
    if e.op is ops.getitem:
        inside = escaped(python_index(right, op_name))
        return rf"{_within(left, _ATOM, op_name)}\left[\texttt{{{inside}}}\right]", _ATOM
    if is_transposed(e):
        return _transposed(left, op_name)
    return None


def _unary(e: Applied, op_name: OpName) -> Text | None:
    (x,) = e.args
    if e.op is ops.negative:
        return f"-{_within(x, _SIGN, op_name)}", _SIGN
    if e.op is ops.sqrt:
        return rf"\sqrt{{{_text(x, op_name)[0]}}}", _ATOM
    if e.op is ops.exp:
        return f"e^{{{_text(x, op_name)[0]}}}", _POWER
    if e.op is ops.square:
        return f"{{{_within(x, _ATOM, op_name)}}}^{{2}}", _POWER
    if e.op is ops.reciprocal:
        return rf"\frac{{1}}{{{_text(x, op_name)[0]}}}", _PRODUCT
    if e.op is ops.inv:
        return f"{{{_within(x, _ATOM, op_name)}}}^{{-1}}", _POWER
    if e.op is ops.transpose:
        return _transposed(x, op_name)
    if e.op in _FENCED:
        opening, closing = _FENCED[e.op]
        return f"{opening}{_text(x, op_name)[0]}{closing}", _ATOM
    return None


def _over_axes(e: Applied, op_name: OpName) -> Text:
    axis = e.args[1] if len(e.args) == 2 else e.options.get("axis")
    axes = axis if isinstance(axis, tuple) else () if axis is None else (axis,)
    under = ""
    if axis is not None:
        names = ", ".join(_literal(a)[0] for a in axes)
        word = "axis" if len(axes) == 1 else "axes"
        under = rf"_{{\text{{{word} }} {names}}}"
    return rf"{_OVER_AXES[e.op]}{under} {_within(e.args[0], _PRODUCT, op_name)}", _PRODUCT


def _transposed(x: Any, op_name: OpName) -> Text:
    return rf"{{{_within(x, _ATOM, op_name)}}}^{{\top}}", _POWER


def _within(e: Any, least: int, op_name: OpName) -> str:
    text, level = _text(e, op_name)
    return text if level >= least else rf"\left({text}\right)"


def _is_number(e: Any) -> bool:
    return not isinstance(e, Name | Applied) or e.shape == ()


def _literal(value: Any) -> Text:
    if isinstance(value, Name):
        return symbol(value.name), _ATOM
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return rf"\texttt{{{escaped(repr(value))}}}", _ATOM
    if value is ...:
        return r"\ldots", _ATOM
    if isinstance(value, Over):
        return rf"{'-' if value.n < 0 else ''}\frac{{1}}{{{abs(value.n)}}}", _PRODUCT
    if isinstance(value, float) and not isfinite(value):
        return r"\mathrm{NaN}" if isnan(value) else r"\infty" if value > 0 else r"-\infty", _SIGN
    if isinstance(value, int | float):
        mantissa, _, exponent = repr(value).partition("e")
        if not exponent:
            return mantissa, _SIGN if value < 0 else _ATOM
        return rf"{mantissa} \cdot 10^{{{int(exponent)}}}", _PRODUCT
    if isinstance(value, tuple | list):
        inside = ", ".join(_literal(part)[0] for part in value)
        left, right = ("(", ")") if isinstance(value, tuple) else ("[", "]")
        return rf"\left{left}{inside}\right{right}", _ATOM
    return rf"\texttt{{{escaped(repr(value))}}}", _ATOM

"""What people take for the derivative of an elementary function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from autograd.engine.tape import Record
from autograd.engine.tensor import Array

# The right derivatives, of the input x or the output y.
_RIGHT = {
    "absolute": "sign({x})",
    "arctan": "1 / (1 + {x}**2)",
    "arctanh": "1 / (1 - {x}**2)",
    "cos": "-sin({x})",
    "cosh": "sinh({x})",
    "exp": "{y}",
    "expit": "{y} (1 - {y})",
    "expm1": "{y} + 1",
    "log": "1 / {x}",
    "log1p": "1 / (1 + {x})",
    "reciprocal": "-1 / {x}**2",
    "sin": "cos({x})",
    "sinh": "cosh({x})",
    "softplus": "expit({x})",
    "sqrt": "1 / (2 {y})",
    "square": "2 {x}",
    "tan": "1 + {y}**2",
    "tanh": "1 - {y}**2",
}


# The same as functions of one array, for those whose derivative is written in either.
_AT_INPUT = {
    "expit": "expit({v}) (1 - expit({v}))",
    "tanh": "1 - tanh({v})**2",
    "exp": "exp({v})",
    "sqrt": "1 / (2 sqrt({v}))",
}
_AT_OUTPUT = {"expit": "{v} (1 - {v})", "tanh": "1 - {v}**2", "exp": "{v}"}

# Ops whose derivative is the other argument, or none at all.
ARITHMETIC = frozenset(
    {"add", "astype", "chosen", "divide", "multiply", "negative", "positive", "subtract", "where"}
)


class Form(NamedTuple):
    """A function of one array, as it is written: `text` has {v} for the array."""

    text: str
    of: Callable[[Array], Array]
    plain: bool  # whether people multiply by it on purpose, so that it may be one factor too many


def _expit(v: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * v)))


FORMS = (
    Form("{v}", lambda v: v, True),
    Form("1 - {v}", lambda v: 1 - v, True),
    Form("1 - {v}**2", lambda v: 1 - v * v, True),
    Form("{v} (1 - {v})", lambda v: v * (1 - v), True),
    Form("({v} > 0)", lambda v: (v > 0) * 1.0, True),
    Form("{v}**2", lambda v: v * v, True),
    Form("1 / {v}", lambda v: 1 / v, True),
    Form("expit({v}) (1 - expit({v}))", lambda v: _expit(v) * (1 - _expit(v)), True),
    Form("1 - tanh({v})**2", lambda v: 1 - np.tanh(v) ** 2, True),
    Form("exp({v})", np.exp, True),
    Form("log({v})", np.log, True),
    Form("1 / {v}**2", lambda v: 1 / (v * v), False),
    Form("1 + {v}", lambda v: 1 + v, False),
    Form("1 + {v}**2", lambda v: 1 + v * v, False),
    Form("-{v}**2", lambda v: -v * v, False),
    Form("2 {v}", lambda v: 2 * v, False),
    Form("expit({v})", _expit, False),
    Form("1 - expit({v})", lambda v: 1 - _expit(v), False),
    Form("tanh({v})", np.tanh, False),
    Form("1 - tanh({v})", lambda v: 1 - np.tanh(v), False),
    Form("1 / (1 + {v}**2)", lambda v: 1 / (1 + v * v), False),
    Form("1 / (1 - {v}**2)", lambda v: 1 / (1 - v * v), False),
    Form("1 / (1 + {v})", lambda v: 1 / (1 + v), False),
    Form("({v} >= 0)", lambda v: (v >= 0) * 1.0, False),
    Form("({v} < 0)", lambda v: (v < 0) * 1.0, False),
    Form("max({v}, 0)", lambda v: np.maximum(v, 0), False),
    Form("sign({v})", np.sign, False),
    Form("abs({v})", np.abs, False),
    Form("sqrt({v})", np.sqrt, False),
    Form("1 / sqrt({v})", lambda v: 1 / np.sqrt(v), False),
    Form("{v}**3", lambda v: v**3, False),
    Form("3 {v}**2", lambda v: 3 * v * v, False),
    Form("cos({v})", np.cos, False),
    Form("sin({v})", np.sin, False),
    Form("-sin({v})", lambda v: -np.sin(v), False),
    Form("-exp(-{v})", lambda v: -np.exp(-v), False),
    Form("exp(-{v})", lambda v: np.exp(-v), False),
    Form("log({v}) + 1", lambda v: np.log(v) + 1, False),
    Form("{v} exp({v})", lambda v: v * np.exp(v), False),
)


def is_at_the_other(op: str, form: Form, at_output: bool) -> bool:
    """Whether a form is the right derivative, had it been taken at the input (or output)."""
    return form.text == (_AT_INPUT if at_output else _AT_OUTPUT).get(op)


def right_derivative(record: Record, x: str, y: str) -> str:
    """The derivative of an elementwise op as one writes it, of its input and output by name."""
    name = record.op.name
    if name in _RIGHT:
        return _RIGHT[name].format(x=x, y=y)
    arrays: Any = record.arrays
    other: Any = arrays[1] if len(arrays) > 1 else None
    if other is None or np.ndim(other):
        return ""
    if name == "maximum" and other == 0:
        return f"1 where {x} > 0, else 0"
    if name == "power":
        n = float(other)
        return f"{n:g} {x}**{n - 1:g}" if n != 2 else f"2 {x}"
    return ""


def wrong_derivatives(
    right: Array, named: list[tuple[str, Array]]
) -> Iterator[tuple[str, str, Array, float]]:
    """What stands in place of the right derivative: text, kind of slip, array, added to the rank.

    Args:
        right: the right one.
        named: the output, the input and other arrays of its shape, with their names.
    """
    yield "the derivative twice, which is once too many", "twice", right * right, 0.0
    yield "1 / the derivative: divided by it in place of multiplied", "inverse", 1 / right, 0.1
    for number, (name, v) in enumerate(named):
        for order, form in enumerate(FORMS):
            yield form.text.format(v=name), "", form.of(v), number / 10 + order / 1000
    (first, y), (second, x) = named[:2]
    for text, values in (
        (f"{first} {second}", y * x),
        (f"{first} + {second}", y + x),
        (f"{first} (1 - {second})", y * (1 - x)),
        (f"{second} (1 - {first})", x * (1 - y)),
        (f"{first} / {second}", y / x),
    ):
        yield text, "", values, 0.5


def wrong_monomials(a: Array, b: Array, first: str, second: str) -> Iterator[tuple[str, Array]]:
    """Products of powers of two arguments, such as stand in the derivatives of their quotient."""
    for i in range(-2, 3):
        for j in range(-3, 4):
            if (i, j) == (0, 0):
                continue
            over = [_power(n, e) for n, e in ((first, i), (second, j)) if e > 0]
            under = [_power(n, -e) for n, e in ((first, i), (second, j)) if e < 0]
            text = " ".join(over) or "1"
            if under:
                text += f" / {under[0]}" if len(under) == 1 else f" / ({' '.join(under)})"
            for sign in (1, -1):
                yield ("-" if sign < 0 else "") + text, sign * a**i * b**j


def _power(name: str, exponent: int) -> str:
    return name if exponent == 1 else f"{name}**{exponent}"

"""What people take for the derivative of an elementary function."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from autograd.checking.diagnosis.context import Context, Use
from autograd.checking.diagnosis.evidence import fitted_factor, largest
from autograd.engine.tape import Place, Record
from autograd.engine.tensor import Array

Look = Callable[[Array], Array]

_MOST_ARRAYS = 16
_SMALL = 100_000  # elements of what is compared with the right derivative
_ONE = np.ones(())

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

    @property
    def is_mask(self) -> bool:
        """Whether it only says where: that is better told by which elements are wrong."""
        return ">" in self.text or "<" in self.text or "sign" in self.text


def _expit(v: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * v)))


FORMS = (
    Form("{v}", lambda v: v),
    Form("1 - {v}", lambda v: 1 - v),
    Form("1 - {v}**2", lambda v: 1 - v * v),
    Form("{v} (1 - {v})", lambda v: v * (1 - v)),
    Form("({v} > 0)", lambda v: (v > 0) * 1.0),
    Form("{v}**2", lambda v: v * v),
    Form("1 / {v}", lambda v: 1 / v),
    Form("expit({v}) (1 - expit({v}))", lambda v: _expit(v) * (1 - _expit(v))),
    Form("1 - tanh({v})**2", lambda v: 1 - np.tanh(v) ** 2),
    Form("exp({v})", np.exp),
    Form("log({v})", np.log),
    Form("1 / {v}**2", lambda v: 1 / (v * v)),
    Form("1 + {v}", lambda v: 1 + v),
    Form("1 + {v}**2", lambda v: 1 + v * v),
    Form("-{v}**2", lambda v: -v * v),
    Form("2 {v}", lambda v: 2 * v),
    Form("expit({v})", _expit),
    Form("1 - expit({v})", lambda v: 1 - _expit(v)),
    Form("tanh({v})", np.tanh),
    Form("1 - tanh({v})", lambda v: 1 - np.tanh(v)),
    Form("1 / (1 + {v}**2)", lambda v: 1 / (1 + v * v)),
    Form("1 / (1 - {v}**2)", lambda v: 1 / (1 - v * v)),
    Form("1 / (1 + {v})", lambda v: 1 / (1 + v)),
    Form("({v} >= 0)", lambda v: (v >= 0) * 1.0),
    Form("({v} < 0)", lambda v: (v < 0) * 1.0),
    Form("max({v}, 0)", lambda v: np.maximum(v, 0)),
    Form("sign({v})", np.sign),
    Form("abs({v})", np.abs),
    Form("sqrt({v})", np.sqrt),
    Form("1 / sqrt({v})", lambda v: 1 / np.sqrt(v)),
    Form("{v}**3", lambda v: v**3),
    Form("3 {v}**2", lambda v: 3 * v * v),
    Form("cos({v})", np.cos),
    Form("sin({v})", np.sin),
    Form("-sin({v})", lambda v: -np.sin(v)),
    Form("-exp(-{v})", lambda v: -np.exp(-v)),
    Form("exp(-{v})", lambda v: np.exp(-v)),
    Form("log({v}) + 1", lambda v: np.log(v) + 1),
    Form("{v} exp({v})", lambda v: v * np.exp(v)),
)

PLAIN = FORMS[:9]  # what people multiply by on purpose, so that it may be one factor too many


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


def _of_both(x: Array, y: Array, first: str, second: str) -> list[tuple[str, Array]]:
    """What is made of the input and the output of a function, `second` and `first`."""
    return [
        (f"{first} {second}", y * x),
        (f"{first} + {second}", y + x),
        (f"{first} (1 - {second})", y * (1 - x)),
        (f"{second} (1 - {first})", x * (1 - y)),
        (f"{first} / {second}", y / x),
    ]


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


class Try(NamedTuple):
    """A candidate for what arrived at a place.

    Attributes:
        kind, text, rank: as of Candidate.
        make: makes it of arrays that are looked at through a function: all of them, or a sample.
        base: what it stands for; all that arrives, or what arrives through one use.
        tried: how many there are like it.
        slope, right: the factor in it that stands for another, and that one.
    """

    kind: str
    text: str
    rank: float
    make: Callable[[Look], Array]
    base: Array
    tried: int
    slope: Callable[[], Array] | None = None
    right: Array = _ONE


def of_form(
    form: Form,
    v: Array,
    g: Array,
    base: Array,
    text: str,
    rank: float,
    right: Array = _ONE,
    tried: int = 400,
) -> Try:
    """g times a function of v, in place of g times what is right."""
    slope = partial(form.of, v.astype(np.float64, copy=False)) if v.size < _SMALL else None
    make = times_function(g, form.of, v)
    return Try("wrong factor", text, rank, make, base, tried, slope, right)


def of_values(
    values: Array, g: Array, base: Array, text: str, rank: float, right: Array, tried: int = 400
) -> Try:
    """g times these values, in place of g times what is right."""
    make = times_function(g, same, np.broadcast_to(values, g.shape))
    return Try("wrong factor", text, rank, make, base, tried, partial(same, values), right)


def of_one_op(context: Context, use: Use) -> Iterator[Try]:
    """Other derivatives of an elementwise op than its own."""
    record = use.record
    base, g = context.contribution(use), context.upstream(record)
    right = context.local_derivative(use)
    if base is None or g is None or right is None:
        return
    if record.op.name in ("multiply", "divide"):
        yield from _monomials(context, use, g, base, right)
    if record.op.name in ARITHMETIC:
        return
    x, y = context.flow.values.arrays(record)[use.position], context.flow.values.out(record)
    called = [context.name_of(record) or "y", context.name_of(use.place) or "x"]
    named = [(called[0], y), (called[1], x)]
    for name, array in context.arrays_like(y.shape, _MOST_ARRAYS):
        if array is not x and array is not y:
            named.append((name, array))
    op = context.op_named(record)
    legend = f" ({called[1]}: its input, {called[0]}: its output)"
    proper = right_derivative(record, called[1], called[0])
    is_right = f"; it must be {proper}{legend}" if proper else legend
    wide = g.astype(np.float64, copy=False)
    base = base.astype(np.float64, copy=False)
    for order, (name, v) in enumerate(named):
        for number, form in enumerate(FORMS if order < 2 else PLAIN):
            text = f"the derivative of {op} is wrong: you have {form.text.format(v=name)}"
            if order < 2 and is_at_the_other(record.op.name, form, order == 0):
                one, other = ("output", "input") if order == 0 else ("input", "output")
                text += f", which is taken at the {one} in place of the {other}"
            rank = 2.6 + 0.2 * order + number / 1000 + 2.6 * form.is_mask
            yield of_form(form, v, wide, base, text + is_right, rank, right)
    twice = f"the derivative of {op} is multiplied in twice, which is once too many"
    inverse = f"divided by the derivative of {op} in place of multiplied by it{is_right}"
    others = [(twice, right * right, 2.6), (inverse, 1 / right, 2.7)]
    for words, values in _of_both(x, y, *called):
        text = f"the derivative of {op} is wrong: you have {words}{is_right}"
        others.append((text, values, 3.1))
    for text, values, rank in others:
        yield of_values(values, wide, base, text, rank, right)


def _monomials(context: Context, use: Use, g: Array, base: Array, right: Array) -> Iterator[Try]:
    """Other products and quotients of the two arguments of a product or quotient."""
    record = use.record
    a, b = (np.asarray(v) for v in context.flow.values.arrays(record)[:2])
    if a.dtype.kind != "f" or b.dtype.kind != "f" or a.size < 2 or b.size < 2:
        return
    called = [context.array_named(v) or n for v, n in ((a, "a"), (b, "b"))]
    proper = {
        ("multiply", 0): called[1],
        ("multiply", 1): called[0],
        ("divide", 0): f"1 / {called[1]}",
        ("divide", 1): f"-{called[0]} / {called[1]}**2",
    }[record.op.name, use.position]
    wide, a, b = (x.astype(np.float64, copy=False) for x in (g, a, b))
    sign = "*" if record.op.name == "multiply" else "/"
    exchanged = _exchanged(record.op.name, use.position, *called) if a.shape == b.shape else ()
    for number, (words, values) in enumerate(wrong_monomials(a, b, *called)):
        if words in exchanged:
            continue  # told as arguments swapped
        text = (
            f"the derivative of {context.op_named(record)} is wrong: you have {words}; of "
            f"{called[0]} {sign} {called[1]} it must be {proper}"
        )
        yield of_values(values, wide, base, text, 3.3 + number / 1000, right)


def _exchanged(op: str, position: int, a: str, b: str) -> tuple[str, ...]:
    """The derivative by the other argument, and the one of a rule with the two exchanged."""
    if op == "multiply":
        return ((a, b)[position],)
    return ((f"-{a} / {b}**2", f"1 / {a}"), (f"1 / {b}", f"-{b} / {a}**2"))[position]


def too_many(context: Context, place: Place, g: Array) -> Iterator[Try]:
    """The gradient of the place times the derivative of what made it, or of what it is in."""
    where = context.place_named(place)
    for use in context.path:
        if use.place.serial == place.serial or use.record.serial == place.serial:
            right = context.local_derivative(use)
            if right is not None and right.shape == g.shape:
                op = context.op_named(use.record)
                text = (
                    f"the derivative of {op} is multiplied into the gradient of {where} once "
                    "too often: twice, or where it is in what arrives already"
                )
                # What it is in has multiplied by it: then twice stands in the place of once.
                once = right if use.place.serial == place.serial else _ONE
                make, slope = times_function(g, same, right), partial(np.multiply, right, once)
                yield Try("wrong factor", text, 2.7, make, g, 100, slope, once)


def is_multiple(slope: Array, right: Array) -> bool:
    """Whether one is a multiple of the other, or of one number; where that can be seen."""
    if slope.size < 2:
        return False
    wide = np.broadcast_to(right, slope.shape) if right.ndim == 0 else right
    tiny = 1e-5 * largest(slope)  # 1 + v is 1, where v is small
    return bool(np.ptp(slope) <= tiny) or (
        wide.shape == slope.shape and largest(slope - fitted_factor(slope, wide) * wide) <= tiny
    )


def same(v: Array) -> Array:
    return v


def times_function(g: Array, of: Callable[[Array], Array], v: Array) -> Callable[[Look], Array]:
    def make(look: Look) -> Array:
        return look(g) * of(look(v.astype(np.float64, copy=False)))

    return make


def looked_at(values: Array) -> Callable[[Look], Array]:
    return lambda look: look(values)

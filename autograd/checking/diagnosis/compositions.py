"""Functions that several elementary ops make up, taken as one: the sigmoid 1 / (1 + exp(-x))."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from autograd.checking.diagnosis.context import Context
from autograd.checking.diagnosis.derivatives import FORMS, Try, looked_at, of_form, of_values
from autograd.checking.diagnosis.evidence import largest
from autograd.engine.tape import Place, Record
from autograd.engine.tensor import Array

_DEEPEST = 8  # ops that make up one function
_SAMPLE = 64  # elements by which a function is recognised
_CLOSE = 1e-6


def _expit(x: Array) -> Array:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


def _gelu(x: Array) -> Array:
    return np.asarray(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))


# What they are called, and their derivatives of the input x and the output y.
_KNOWN: tuple[tuple[str, str, Callable[[Array], Array]], ...] = (
    ("the sigmoid", "{y} (1 - {y})", _expit),
    ("tanh", "1 - {y}**2", np.tanh),
    ("the ReLU", "1 where {x} > 0, else 0", lambda x: np.maximum(x, 0)),
    ("softplus", "the sigmoid of {x}", lambda x: np.logaddexp(0, x)),
    ("the logarithm of the sigmoid", "1 - the sigmoid of {x}", lambda x: -np.logaddexp(0, -x)),
    ("SiLU", "s + {y} (1 - s) with the sigmoid s of {x}", lambda x: x * _expit(x)),
    ("GELU", "", _gelu),
    ("ELU", "1 where {x} > 0, else {y} + 1", lambda x: np.where(x > 0, x, np.expm1(x))),
)


class Unit(NamedTuple):
    """A function of one place that several ops make up.

    Attributes:
        x, y: where it begins, and where it ends.
        name: what it is called; empty where it has none.
        derivative: how one writes it, with {x} and {y}; empty where that is not known.
    """

    x: Place
    y: Record
    name: str
    derivative: str


def units_of(context: Context, place: Place) -> list[Unit]:
    """The functions that begin at a place, known ones first; of the others those with names, or
    the longest ones. None whose inside has a gradient that is known to be right."""
    x = context.array_of(place)
    found: list[Unit] = []
    if x.size < 2 or x.dtype.kind != "f":
        return found
    reached = {place.serial: 0}
    for record in context.elementwise_after(place):
        parents = {p.serial for p in record.parents if p is not None}
        if not parents <= reached.keys() or np.shape(record.out) != x.shape:
            continue
        constants = [
            a
            for a, p in zip(context.flow.values.arrays(record), record.parents, strict=True)
            if p is None and isinstance(a, np.ndarray) and a.size > 1
        ]
        depth = 1 + max(reached[s] for s in parents)
        if depth > _DEEPEST or (parents - {place.serial}) & context.right:
            continue
        if len(constants) > 1 or (constants and not _is_mask(constants[0])):
            continue
        reached[record.serial] = depth
        if (depth < 2 and not constants) or context.flow.at(record) is None:
            continue
        name, derivative = _known(x, np.asarray(context.flow.values.out(record)))
        if name or not constants:
            found.append(Unit(place, record, name, derivative))
    known = [unit for unit in found if unit.name]
    others = [unit for unit in found if not unit.name]
    return known + ([u for u in others if u.y.serial in context.names] or others[-2:])


def _is_mask(array: Array) -> bool:
    return bool(np.isin(array, (0, 1)).all())


def _known(x: Array, y: Array) -> tuple[str, str]:
    """The name of the function that makes y of x, and its derivative; empty where it has none."""
    few = slice(None) if x.size <= 4 * _SAMPLE else slice(None, None, x.size // _SAMPLE)
    for some in (few, slice(None)):
        a, b = (v.ravel()[some].astype(np.float64) for v in (x, y))
        close = [
            (name, text)
            for name, text, of in _KNOWN
            if largest(of(a) - b) <= _CLOSE * largest(b) and np.ptp(b) > 0
        ]
        if len(close) != 1:  # on few numbers, or far from 0, several are the same
            return "", ""
    return close[0]


def of_units(context: Context, place: Place, *, known: bool) -> Iterator[Try]:
    """Other derivatives of the functions that begin at a place: those that have names, or the
    others."""
    x = context.array_of(place)
    for unit in units_of(context, place):
        g = context.flow.at(unit.y)
        if g is None or bool(unit.name) != known:
            continue
        base = context.flow.carried(unit.y, g, place)
        right = context.flow.carried(unit.y, np.ones(x.shape, x.dtype), place)
        if base is None or right is None:
            continue
        yield from _of_unit(context, unit, g, base, right, x)


def _of_unit(
    context: Context, unit: Unit, g: Array, base: Array, right: Array, x: Array
) -> Iterator[Try]:
    y = context.array_of(unit.y)
    called = [context.name_of(unit.y) or "y", context.name_of(unit.x) or "x"]
    what, rank = f"what makes {context.place_named(unit.y)} of {context.place_named(unit.x)}", 3.6
    if unit.name:
        what, rank = f"{unit.name}{context.giving(unit.y)}", 2.4
    legend = f" ({called[1]}: its input, {called[0]}: its output)"
    proper = unit.derivative.format(x=called[1], y=called[0]) or next(
        (
            form.text.format(v=name)
            for form in FORMS
            for name, v in zip(called, (y, x), strict=True)
            if largest(form.of(v.astype(np.float64)) - right) <= 1e-6 * largest(right)
        ),
        "",
    )
    end = f"; it must be {proper}{legend}" if proper else legend
    wide, base, right = (a.astype(np.float64, copy=False) for a in (g, base, right))
    for name, v in zip(called, (y, x), strict=True):
        for number, form in enumerate(FORMS):
            text = f"the derivative of {what} is wrong: you have {form.text.format(v=name)}{end}"
            extra = number / 1000 + 2.6 * form.is_mask
            yield of_form(form, v, wide, base, text, rank + extra, right)
    for factor, words in (
        (right * right, "is multiplied in twice, which is once too many"),
        (1 / right, "is divided by, in place of multiplied by it"),
    ):
        text = f"the derivative of {what} {words}{legend}"
        yield of_values(factor, wide, base, text, rank, right)
    if unit.name:
        text = f"the derivative of {what} is forgotten: what arrives is handed on as it is{end}"
        yield Try("local factor forgotten", text, rank - 0.05, looked_at(wide), base, 20)

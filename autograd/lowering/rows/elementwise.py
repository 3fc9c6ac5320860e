"""Lowerings of elementwise ops: a line of C for each element.

The names of the forward's parameters stand for their elements, numbers with a point have the type
of the result, and a function, `exp(x)`, is that of `autograd.lowering.functions` for this type.
What is needed twice gets a name before: "e = exp(-x); e / (1.0 + e)".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from autograd.lowering.functions import SUFFIXES, is_function
from autograd.lowering.lowerer import Arguments, Lowerer, NotLoweredError
from autograd.lowering.nests import Apply, DType, Expression, Number, View
from autograd.lowering.types import C_TYPES

_NUMBER = r"(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+"
_WORD = re.compile(rf"(?<![\w.])(?:(?P<name>[A-Za-z_]\w*)|(?P<number>{_NUMBER})[fFlL]?)")
_LINE = re.compile(r"(?:[\w\s.,;:?()+\-*%<>=!&|^~]|/(?![/*]))+")  # without braces and comments

_OF_C = frozenset({"INFINITY", "NAN"})


class Elementwise:
    """A lowering that is a line of C.

    Args:
        text: the line.
        ufunc: the function of NumPy's whose types it has; without it arguments have the type of
            the result, but those of `conditions`.
        conditions: parameters that are true or false.
        integers: whether it is right for integers too.
    """

    def __init__(
        self,
        text: str,
        ufunc: np.ufunc | None = None,
        *,
        conditions: Sequence[str] = (),
        integers: bool = False,
    ) -> None:
        self.text, self._ufunc, self._integers = text, ufunc, integers
        self._conditions = conditions
        self._words = [m["name"] for m in _WORD.finditer(text) if m["name"]]

    def __call__(self, lowerer: Lowerer, given: Arguments) -> View:
        if not _LINE.fullmatch(self.text):
            raise NotLoweredError(f"its lowering is no line of C: {self.text!r}")
        names = [name for name in given.given if name in self._words]
        if left := [name for name in given.given if name not in self._words]:
            raise NotLoweredError(f"its lowering does not say what {left[0]} is")
        types, dtype = self._types(given, names)
        if not self._integers and dtype.kind != "f" and "f" not in {t.kind for t in types}:
            raise NotLoweredError("integers")
        operands = [cast(given.operand(n), t) for n, t in zip(names, types, strict=True)]
        working = next((t for t in types if t.kind == "f"), dtype)
        return mapped(lowerer, given, self.text, names, operands, working, dtype)

    def _types(self, given: Arguments, names: Sequence[str]) -> tuple[list[DType], DType]:
        """Those of the operands, and that of the result."""
        if self._ufunc is None:
            dtype = given.slot.dtype
            return [np.dtype(bool) if n in self._conditions else dtype for n in names], dtype
        try:
            *types, dtype = self._ufunc.resolve_dtypes((*map(given.kind, names), None))
        except TypeError as error:
            raise NotLoweredError(str(error)) from error
        if any(t.char not in "?bBhHiIlLqQfd" for t in (*types, dtype)):
            raise NotLoweredError(f"NumPy computes it in {dtype}")
        if dtype.kind == "b" and self._ufunc not in _OF_TRUTH:
            raise NotLoweredError("sums and products of truth")
        if {"i", "u"} <= {t.kind for t in types}:  # C would take negative numbers for large ones
            raise NotLoweredError("int64 beside uint64")
        return types, dtype


_COMPARISONS = (np.greater, np.greater_equal, np.less, np.less_equal, np.equal, np.not_equal)
_TESTS = (np.logical_and, np.logical_or, np.logical_not, np.isnan, np.isinf, np.isfinite)
_OF_TRUTH = frozenset([*_COMPARISONS, *_TESTS])


def written(text: str, names: Sequence[str], dtype: DType) -> str:
    """A line of C with {0}, {1} for the parameters, for numbers of this type."""

    def word(match: re.Match[str]) -> str:
        name = match["name"]
        if name is None:
            return match["number"] + ("f" if dtype == np.float32 else "")
        if name in names:
            return f"{{{list(names).index(name)}}}"
        if name in _OF_C:
            return name
        if dtype not in SUFFIXES or not is_function(name):
            raise NotLoweredError(f"{name} of {dtype} is not there in C")
        return f"pb_{name}_{SUFFIXES[dtype]}"

    return _WORD.sub(word, text)


def cast(operand: View | Number, dtype: DType) -> Number | tuple[View, DType]:
    """An operand that is to have a type: a number has it then."""
    if not isinstance(operand, Number):
        return operand, dtype
    number = operand.number
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not limits.min <= number <= limits.max:  # nor is NaN
            raise NotLoweredError(f"{number} is no {dtype}")
        return Number(int(number), dtype)
    try:
        with np.errstate(all="ignore"):
            return Number(np.array(number).astype(dtype).item(), dtype)
    except OverflowError as error:
        raise NotLoweredError(str(error)) from error


def mapped(
    lowerer: Lowerer,
    given: Arguments,
    text: str,
    names: Sequence[str],
    operands: Sequence[Number | tuple[View, DType]],
    working: DType,
    dtype: DType | None = None,
) -> View:
    """The view of what a text gives of operands that broadcast.

    Args:
        text: see the module.
        names: of the operands.
        operands: numbers, and views with the types that they have in the text.
        working: the type of its numbers and names.
        dtype: of the result; without it `working`.
    """
    views = [operand[0] for operand in operands if not isinstance(operand, Number)]
    dims, loads = lowerer.aligned(views, given.slot.shape)
    found = iter(loads)
    parts = [o if isinstance(o, Number) else converted(next(found), o[1]) for o in operands]
    result = composed(text, dict(zip(names, parts, strict=True)), working, dtype or working)
    return lowerer.computed(dims, converted(result, given.slot.dtype), given.slot.dtype)


def composed(
    text: str, known: Mapping[str, Expression], working: DType, dtype: DType | None = None
) -> Expression:
    """The expression that a text is, of those that its names stand for; see `mapped`."""
    known = dict(known)
    *before, last = text.split(";")
    for statement in before:
        name, _, value = statement.partition("=")
        name = name.strip()
        if not name.isidentifier() or value.startswith("="):
            raise NotLoweredError(f"{statement.strip()!r} gives nothing a name")
        known[name] = composed(value, known, working)
    line = last.strip()
    used = [name for name in known if re.search(rf"(?<![\w.]){name}\b", line)]
    return Apply(written(line, used, working), tuple([known[n] for n in used]), dtype or working)


def converted(expression: Expression, dtype: DType) -> Expression:
    """The same in another type."""
    old = expression.dtype
    if old == dtype:
        return expression
    if dtype.kind == "b":
        return Apply("{0} != 0", (expression,), dtype)
    if old.kind == "f" and dtype.kind != "f":
        # Of a float that is out of range C says nothing.
        raise NotLoweredError(f"{old} becomes {dtype}")
    if isinstance(expression, Number):
        return Number(expression.number, dtype)
    return Apply(f"({C_TYPES[dtype]}){{0}}", (expression,), dtype)

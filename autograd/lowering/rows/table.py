"""The table of lowerings: one row an op. What is not in it is called as NumPy."""

from __future__ import annotations

import functools
import math
from typing import Any

import numpy as np

from autograd import ops
from autograd.lowering.lowerer import Arguments, Lowerer, NotLoweredError, Row
from autograd.lowering.nests import View
from autograd.lowering.rows import indexing, joining, rearranging, reducing, subscripts
from autograd.lowering.rows.elementwise import Elementwise, cast, mapped
from autograd.ops.elementwise.exponential import expit_slope, shares, tanh_of_half
from autograd.ops.elementwise.selection import chosen
from autograd.ops.elementwise.special import bell
from autograd.ops.elementwise.trigonometric import one_minus_square, over_one_and_square
from autograd.ops.reductions.extremum import gather_first_max, scatter_first_max
from autograd.ops.reductions.moments import deviations
from autograd.ops.reductions.norms import kinked
from autograd.ops.reductions.reduction import shared, sum_of_products, sum_of_squares
from autograd.ops.shapes.indexing import scatter
from autograd.ops.shapes.joining import concatenate_all, stack_all
from autograd.ops.shapes.padding import pad_constant
from autograd.ops.shapes.windows import fold_windows


def clip(lowerer: Lowerer, given: Arguments) -> View:
    """minimum(maximum(x, a_min), a_max), of the bounds that there are."""
    names, text = ["x"], ""
    for name, beyond, within in (("a_min", "<", ">="), ("a_max", ">", "<=")):
        if given.given[name] is None:
            continue
        names.append(name)
        number = given.number(name)
        if number is not None and not math.isnan(number):  # nor is one that NaN would be beyond
            text += f"; y = y {beyond} {name} ? {name} : y"
        else:
            text += f"; y = (y {within} {name}) | (y != y) ? y : {name}"
    dtype = given.slot.dtype
    if dtype.kind == "b":
        raise NotLoweredError("truth")
    operands = [cast(given.operand(name), dtype) for name in names]
    return mapped(lowerer, given, f"y = x{text}; y", names, operands, dtype)


def bell_of(lowerer: Lowerer, given: Arguments) -> View:
    """e ** -x**2 times the Hermite polynomial of n, by its recurrence."""
    text, before, hermite = "e = exp(-x * x)", "0.0", "1.0"
    for k in range(given["n"]):
        text += f"; h{k} = -2.0 * (x * {hermite} + {k}.0 * {before})"
        before, hermite = hermite, f"h{k}"
    text += f"; e == 0.0 ? 0.0 : e * {hermite}" if given["n"] else "; e"
    return _of_floats(lowerer, given, text, "x")


def _of_floats(lowerer: Lowerer, given: Arguments, text: str, *names: str) -> View:
    dtype = given.floating()
    operands = [cast(given.operand(name), dtype) for name in names]
    return mapped(lowerer, given, text, names, operands, dtype)


def over_one_and_square_of(lowerer: Lowerer, given: Arguments) -> View:
    """g / (1 + x**2), without the 1 where it is lost in rounding."""
    far = 2 * float(np.finfo(given.floating()).eps) ** -0.5
    return _of_floats(
        lowerer, given, f"absolute(x) > {far:.1f} ? g / x / x : g / (1.0 + x * x)", "g", "x"
    )


def power(lowerer: Lowerer, given: Arguments) -> View:
    """x ** y; for exponents that NumPy's operator knows, what that computes."""
    known = _POWERS.get(given.number("y")) if given.slot.dtype.kind == "f" else None
    if known is None or given.kind("x") != given.slot.dtype:
        return _POWER(lowerer, given)
    return _of_floats(lowerer, given, known, "x")


_POWER = Elementwise("power(x, y)", np.power)
_POWERS: dict[Any, str] = {1: "x", 2: "x * x", 0.5: "sqrt(x)", -1: "1.0 / x"}


def cast_to(lowerer: Lowerer, given: Arguments) -> View:
    """Another type; of floats only floats."""
    view = given.view("x")
    if view.value.dtype == given.slot.dtype:
        return view
    return mapped(lowerer, given, "x", ["x"], [(view, view.value.dtype)], view.value.dtype)


def rounded(lowerer: Lowerer, given: Arguments) -> View:
    """To whole numbers; to others as NumPy."""
    if given["decimals"] != 0:
        raise NotLoweredError("decimals")
    return _of_floats(lowerer, given, "rint(x)", "x")


_LARGER = "(x >= y) | (x != x) ? x : y"
_SMALLER = "(x <= y) | (x != x) ? x : y"

ROWS: dict[Any, Row] = {
    # Arithmetic.
    ops.add: Elementwise("x + y", np.add, integers=True),
    ops.subtract: Elementwise("x - y", np.subtract, integers=True),
    ops.multiply: Elementwise("x * y", np.multiply, integers=True),
    ops.divide: Elementwise("x / y", np.divide),
    ops.negative: Elementwise("-x", np.negative, integers=True),
    ops.positive: Elementwise("x", np.positive, integers=True),
    ops.absolute: Elementwise("absolute(x)", np.absolute),
    ops.square: Elementwise("x * x", np.square, integers=True),
    ops.sqrt: Elementwise("sqrt(x)", np.sqrt),
    ops.cbrt: Elementwise("cbrt(x)", np.cbrt),
    ops.reciprocal: Elementwise("1.0 / x", np.reciprocal),
    ops.power: power,
    ops.remainder: Elementwise("remainder(x, y)", np.remainder),
    ops.hypot: Elementwise("hypot(x, y)", np.hypot),
    kinked: Elementwise("x", np.positive),
    # Exponentials and logarithms.
    ops.exp: Elementwise("exp(x)", np.exp),
    ops.exp2: Elementwise("exp2(x)", np.exp2),
    ops.expm1: Elementwise("expm1(x)", np.expm1),
    ops.log: Elementwise("log(x)", np.log),
    ops.log2: Elementwise("log2(x)", np.log2),
    ops.log10: Elementwise("log10(x)", np.log10),
    ops.log1p: Elementwise("log1p(x)", np.log1p),
    ops.logaddexp: Elementwise("logaddexp(x, y)", np.logaddexp),
    ops.logaddexp2: Elementwise("logaddexp2(x, y)", np.logaddexp2),
    ops.expit: Elementwise("expit(x)"),
    expit_slope: Elementwise("expit_slope(x)"),
    tanh_of_half: Elementwise("tanh(x / 2.0)"),
    ops.softplus: Elementwise("softplus(x)"),
    ops.logit: Elementwise("logit(x)"),
    ops.xlogy: Elementwise("xlogy(x, y)"),
    # Trigonometry.
    ops.sin: Elementwise("sin(x)", np.sin),
    ops.cos: Elementwise("cos(x)", np.cos),
    ops.tan: Elementwise("tan(x)", np.tan),
    ops.arcsin: Elementwise("arcsin(x)", np.arcsin),
    ops.arccos: Elementwise("arccos(x)", np.arccos),
    ops.arctan: Elementwise("arctan(x)", np.arctan),
    ops.arctan2: Elementwise("arctan2(y, x)", np.arctan2),
    ops.sinh: Elementwise("sinh(x)", np.sinh),
    ops.cosh: Elementwise("cosh(x)", np.cosh),
    ops.tanh: Elementwise("tanh(x)", np.tanh),
    ops.arcsinh: Elementwise("arcsinh(x)", np.arcsinh),
    ops.arccosh: Elementwise("arccosh(x)", np.arccosh),
    ops.arctanh: Elementwise("arctanh(x)", np.arctanh),
    ops.sinc: Elementwise("sinc(x)"),
    ops.deg2rad: Elementwise(f"x * {math.pi / 180!r}"),
    ops.rad2deg: Elementwise(f"x * {180 / math.pi!r}"),
    one_minus_square: Elementwise("(1.0 - x) * (1.0 + x)"),
    over_one_and_square: over_one_and_square_of,
    # Special functions.
    ops.erf: Elementwise("erf(x)"),
    ops.erfc: Elementwise("erfc(x)"),
    bell: bell_of,
    # Choices.
    ops.where: Elementwise("condition ? x : y", conditions=["condition"], integers=True),
    chosen: Elementwise("condition ? value : x", conditions=["condition"], integers=True),
    ops.maximum: Elementwise(_LARGER, np.maximum, integers=True),
    ops.minimum: Elementwise(_SMALLER, np.minimum, integers=True),
    ops.fmax: Elementwise("(x >= y) | (y != y) ? x : y", np.fmax, integers=True),
    ops.fmin: Elementwise("(x <= y) | (y != y) ? x : y", np.fmin, integers=True),
    ops.clip: clip,
    # Steps and comparisons.
    ops.floor: Elementwise("floor(x)", np.floor),
    ops.ceil: Elementwise("ceil(x)", np.ceil),
    ops.trunc: Elementwise("trunc(x)", np.trunc),
    ops.round: rounded,
    ops.sign: Elementwise("sign(x)", np.sign),
    ops.floor_divide: Elementwise("floor_divide(x, y)", np.floor_divide),
    ops.greater: Elementwise("x > y", np.greater, integers=True),
    ops.greater_equal: Elementwise("x >= y", np.greater_equal, integers=True),
    ops.less: Elementwise("x < y", np.less, integers=True),
    ops.less_equal: Elementwise("x <= y", np.less_equal, integers=True),
    ops.equal: Elementwise("x == y", np.equal, integers=True),
    ops.not_equal: Elementwise("x != y", np.not_equal, integers=True),
    ops.isnan: Elementwise("x != x", np.isnan),
    ops.isinf: Elementwise("absolute(x) == INFINITY", np.isinf),
    ops.isfinite: Elementwise("absolute(x) < INFINITY", np.isfinite),
    ops.logical_and: Elementwise("(x != 0) & (y != 0)", np.logical_and, integers=True),
    ops.logical_or: Elementwise("(x != 0) | (y != 0)", np.logical_or, integers=True),
    ops.logical_not: Elementwise("x == 0", np.logical_not, integers=True),
    ops.astype: cast_to,
    # The array in another way.
    ops.copy: rearranging.same,
    ops.ascontiguousarray: rearranging.same,
    ops.transpose: rearranging.transpose,
    ops.reshape: rearranging.reshape,
    ops.broadcast_to: rearranging.broadcast_to,
    ops.flip: rearranging.flip,
    ops.sliding_windows: rearranging.sliding_windows,
    fold_windows: rearranging.fold_windows,
    pad_constant: rearranging.pad_constant,
    # Reductions.
    ops.sum: reducing.plain("sum"),
    ops.max: reducing.plain("max"),
    ops.min: reducing.plain("min"),
    ops.prod: reducing.plain("prod", floats=True),
    ops.mean: reducing.mean,
    shared: reducing.shared,
    sum_of_squares: reducing.sum_of_squares,
    sum_of_products: reducing.sum_of_products,
    ops.var: reducing.var,
    deviations: reducing.deviations,
    ops.logsumexp: reducing.logsumexp,
    shares: reducing.shares,
    ops.argmax: reducing.first_extremum("argmax"),
    ops.argmin: reducing.first_extremum("argmin"),
    scatter_first_max: reducing.scatter_first_max,
    gather_first_max: reducing.gather_first_max,
    ops.matmul: reducing.matmul,
    ops.einsum: subscripts.einsum,
    # Several arrays.
    concatenate_all: joining.concatenate,
    stack_all: joining.stack,
    ops.split: joining.split,
    ops.roll: joining.roll,
    ops.outer: joining.outer,
    ops.vecdot: joining.vecdot,
    # Indices.
    ops.getitem: indexing.getitem,
    ops.index_add: indexing.index_add,
    ops.index_update: indexing.index_update,
    scatter: indexing.scatter,
}


def row_of(op: Any) -> Row | None:
    """The lowering of an op; None where it has none."""
    row = ROWS.get(op)
    if row is None and op.lowering:
        return _declared(op)
    return row


@functools.cache
def _declared(op: Any) -> Row:
    from autograd.lowering.declared import Declared

    return Declared(op.lowering)

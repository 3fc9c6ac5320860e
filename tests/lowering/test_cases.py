"""Calls that C has once computed otherwise than NumPy, or of which that was said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from support.in_c.beside_numpy import expect_alike
from support.in_c.joining import Joined, Part

from autograd import ops
from autograd.engine.primitives import primitive
from autograd.lowering.lowerer import Lowerer
from autograd.lowering.rows.table import row_of
from autograd.ops.elementwise.exponential import shares
from autograd.ops.reductions.moments import deviations
from autograd.ops.shapes.windows import fold_windows
from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]
FLOATS = (np.float64, np.float32)

pytestmark = pytest.mark.usefixtures("in_c")


def part(f: Callable[..., Any], *xs: Array) -> Part:
    with np.errstate(all="ignore"):
        return Part("the function", program_of(f, *xs), xs)


def expect_same(f: Callable[..., Any], *xs: Array) -> Joined:
    """C gives what NumPy gives."""
    return expect_alike([part(f, *xs)])


def expect_all_same(*calls: tuple[Callable[..., Any], Array]) -> None:
    """As above, of functions of an array, for which a compiler is started once."""
    parts = [replace(part(f, x), name=f"function {number}") for number, (f, x) in enumerate(calls)]
    expect_alike(parts)


def expect_in_numpy(f: Callable[..., Any], *xs: Array) -> None:
    """It is one of those that NumPy runs."""
    assert Lowerer(part(f, *xs).program, row_of).why
    expect_same(f, *xs)


def test_an_ellipsis_of_no_dimension_separates_arrays_in_an_index() -> None:
    x, i, j = np.arange(60.0).reshape(3, 4, 5), np.array([0, 3]), np.array([4, 1])
    assert x[:, i, ..., j].shape != x[:, i, j].shape
    expect_same(lambda x, i, j: ops.getitem(x, (slice(None), i, ..., j)), x, i, j)
    expect_same(lambda x, i, j: ops.getitem(x, (slice(None), i, j)), x, i, j)
    expect_same(lambda x, j: ops.getitem(x, (slice(None), 1, ..., j)), x, j)


@pytest.mark.parametrize("op", [ops.greater, ops.less_equal, ops.equal, ops.not_equal])
def test_negative_integers_beside_uint64(op: Any) -> None:
    x = np.array([-1, 5, -(2**63), 2**63 - 1])
    y = np.array([2**64 - 1, 5, 2**63, 2**63 - 1], np.uint64)
    expect_in_numpy(op, x, y)
    expect_in_numpy(op, y, x.astype(np.int8))
    expect_same(op, x, y.astype(np.uint32))


@pytest.mark.parametrize("op", [ops.logaddexp, ops.logaddexp2])
def test_sums_of_exponentials_that_cancel(op: Any, rng: np.random.Generator) -> None:
    """Near 0 both round as the arguments do, and neither is wrong."""
    x = rng.normal(size=300)
    y = np.log1p(-np.exp(-np.abs(x))) if op is ops.logaddexp else np.log2(1 - np.exp2(-np.abs(x)))
    for dtype in (np.float64, np.float32):
        expect_same(op, (-np.abs(x)).astype(dtype), y.astype(dtype))


def test_logsumexp_that_cancels() -> None:
    x = np.log(np.array([[0.25, 0.75], [0.5, 0.5], [0.9, 0.1]]))
    expect_all_same(
        *((lambda x: ops.logsumexp(x, axis=1), x.astype(dtype)) for dtype in FLOATS),
        *((ops.logsumexp, x[:1].astype(dtype)) for dtype in FLOATS),
    )


def test_functions_whose_own_bound_is_wide(rng: np.random.Generator) -> None:
    expect_all_same((ops.erfc, rng.uniform(-2, 2, 3000)), (ops.logit, rng.uniform(0, 1, 3000)))


def test_results_of_many_terms_in_an_array_as_large(rng: np.random.Generator) -> None:
    """What rounds is the mean, or the sum, of the many."""
    arrays = [rng.normal(size=(4, 300, 65)).astype(dtype) for dtype in FLOATS]
    expect_all_same(
        *((lambda x: deviations(x, (0, 1)), x) for x in arrays),
        *((lambda x: shares(x, (0, 1)), x) for x in arrays),
    )


def test_not_a_number_has_no_bits_of_its_own() -> None:
    expect_all_same(*((ops.erfc, np.array([np.nan, -np.nan, 1.0], dtype)) for dtype in FLOATS))


def test_a_declared_lowering_that_cancels(rng: np.random.Generator) -> None:
    """Its steps are the user's own: C and NumPy lose as many digits, but not the same."""

    @primitive(lowering="0.5 * x * (1.0 + erf(x * 0.7071067811865476))")
    def gelu(x: Array) -> Array:
        return 0.5 * x * (1.0 + ops.erf.forward(x * 0.7071067811865476))

    expect_all_same(*((gelu, rng.uniform(-6, 6, 300).astype(dtype)) for dtype in FLOATS))


def test_what_numpy_is_given_for_a_slot_is_not_the_result(rng: np.random.Generator) -> None:
    """It lay in the block of the program, where later values are written."""

    def f(x: Any) -> Any:
        seen = ops.sliding_windows(ops.maximum(x, x), (2,), (2,), (1,))
        return seen, ops.cumsum(seen, axis=0) * 0.25

    made = expect_same(f, rng.normal(size=2))
    first = [a.copy() for a in made.results()["the function"]]
    made.compiled.run(*[2 * a for a in made.given])
    for a, b in zip(first, made.results()["the function"], strict=True):
        assert a.tobytes() == b.tobytes()


def test_windows_of_borders_that_are_not_zero(rng: np.random.Generator) -> None:
    def filled(fill: float) -> Callable[[Any], Any]:
        return lambda x: fold_windows(ops.pad(x, 1, constant_values=fill), (9,), (5,), (1,), (1,))

    expect_all_same(*((filled(fill), rng.normal(size=(3, 3))) for fill in (-1.5, np.nan, 0.0)))


@primitive(differentiable=False)
def foreign(x: Array) -> Array:
    """An op of somebody else, which might keep what it is given."""
    return np.ascontiguousarray(x) * 0.5


def test_an_array_in_another_order_for_an_op_of_somebody_else(rng: np.random.Generator) -> None:
    def f(x: Any) -> Any:
        return foreign(ops.transpose(x) * 2.0), foreign(ops.sum(ops.transpose(x), 1) + 1.0)

    expect_same(f, rng.normal(size=(5, 17)))

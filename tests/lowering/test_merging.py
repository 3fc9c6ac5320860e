"""Nests that share their loops: which do, what stays in registers, and that numbers are right."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor, program_of
from autograd.lowering.c_backend import CompiledC
from autograd.lowering.checking import first_difference
from autograd.lowering.generating import generated
from autograd.lowering.rows.table import row_of

pytestmark = pytest.mark.usefixtures("in_c")

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]

RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 75)).astype(np.float32)
G = RNG.standard_normal((6, 75)).astype(np.float32)


def with_slope(f: Function) -> Function:
    def both(x: Tensor, g: Tensor) -> Any:
        y, back = ag.vjp(f, x)
        return y, back(g)

    return both


def text_of(f: Function, *arguments: Array) -> str:
    source = generated(program_of(f, *arguments), row_of).source
    return source[source.index("static APART") : source.index("void run0")]


def loops_in(text: str) -> int:
    """The blocks of loops, each with a comment that says what calls they stand for."""
    return text.count("/*")


def run(f: Function, arguments: Sequence[Array]) -> list[Array]:
    """The results, after each call was looked at beside NumPy's."""
    program = program_of(f, *arguments)
    compiled = CompiledC(program)
    assert first_difference(compiled, CompiledC(program, watched=True), arguments) is None
    found = compiled.run(*arguments)
    return [found[slot] for slot in program.wanted()]


def test_gelu_and_its_slope_are_one_loop() -> None:
    text = text_of(with_slope(nn.functional.gelu), X, G)
    assert loops_in(text) == 1
    assert not re.search(r"\bt\d", text)  # nothing is written for the loop itself
    assert text.count("pb_erfc_f32") == 1


def test_a_sum_is_fed_where_its_terms_are_computed() -> None:
    text = text_of(lambda x: nn.functional.softmax(x, 1), X)
    assert loops_in(text) == 4  # the maximum; e ** x and its sum; 1 by the sum; the products
    assert re.search(r"t\d+\[i\d+\] = (x\d+);\s+acc\[l\] \+= \1;", text)


def test_a_maximum_and_its_place_have_the_same_accumulators() -> None:
    text = text_of(lambda x: ag.logsumexp(x, axis=1), X)
    assert text.count("float acc[") == 2  # and those of the sum
    assert "acc2" not in text


def test_other_places_are_other_loops() -> None:
    def steps(x: Tensor) -> Any:
        e = ag.exp(x) * 2
        return e, e[:, 1:] - e[:, :-1], e[:, ::-1] + 1

    e, steps_, turned = run(steps, [X])
    np.testing.assert_array_equal(steps_, e[:, 1:] - e[:, :-1])
    np.testing.assert_array_equal(turned, e[:, ::-1] + 1)


def test_what_a_sum_gives_is_not_read_in_its_loop() -> None:
    def f(x: Tensor) -> Any:
        mean = x.sum(axis=1, keepdims=True) / 75
        far = ((x - mean) ** 2).sum(axis=1, keepdims=True)
        return (x - mean) / far, x.max(axis=1), x.argmax(axis=1), (x * x).sum(axis=1)

    found = run(f, [X])
    for got, want in zip(found, f(Tensor(X)), strict=True):
        np.testing.assert_allclose(got, np.asarray(getattr(want, "data", want)), rtol=2e-5)


LENGTHS = [1, 2, 15, 31, 32, 33, 64, 75]


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
def test_extrema_and_sums_of_one_loop_at_all_lengths(dtype: type[Any]) -> None:
    def f(*many: Tensor) -> Any:
        found = []
        for x in many:
            y = x * 2
            found += [y, y.max(axis=1), y.argmax(axis=1), y.min(axis=1), y.argmin(axis=1)]
            found.append(y.sum(axis=1))
        return found

    given = [special(length, dtype) for length in LENGTHS]
    with np.errstate(invalid="ignore"):
        found = run(f, given)
        for x, (_, high, first, low, last, total) in zip(given, batched(found, 6), strict=True):
            np.testing.assert_array_equal(high, (2 * x).max(axis=1))
            np.testing.assert_array_equal(first, x.argmax(axis=1))
            np.testing.assert_array_equal(low, (2 * x).min(axis=1))
            np.testing.assert_array_equal(last, x.argmin(axis=1))
            np.testing.assert_allclose(total, (2 * x).sum(axis=1), rtol=1e-4, atol=1e-5)


def special(length: int, dtype: type[Any]) -> Array:
    """Rows of numbers, with a NaN, with an infinity, of both zeros, and with ties."""
    x = np.random.default_rng(length).standard_normal((5, length)).astype(dtype)
    x[1, length // 2] = np.nan
    x[2, -1] = np.inf
    x[3] = np.where(np.arange(length) % 2, -0.0, 0.0)
    x[4] = np.round(x[4])
    return x


def batched(found: Sequence[Array], count: int) -> list[Sequence[Array]]:
    return [found[i : i + count] for i in range(0, len(found), count)]


@pytest.mark.parametrize("shape", [(6, 75), (3, 1)])
def test_activations_with_their_slopes(shape: tuple[int, int]) -> None:
    functions: list[Function] = [
        nn.functional.gelu,
        lambda x: nn.functional.softmax(x, 1),
        lambda x: nn.functional.layer_norm(x, (shape[1],)),
        lambda x: ag.logsumexp(x, axis=1, keepdims=True) * x,
    ]

    def step(x: Tensor, g: Tensor) -> Any:
        made = [with_slope(f)(x, g) for f in functions]
        return [part for y, (slope,) in made for part in (y, slope)]

    x, g = RNG.standard_normal(shape), RNG.standard_normal(shape)
    for got, want in zip(run(step, [x, g]), step(Tensor(x), Tensor(g)), strict=True):
        np.testing.assert_allclose(got, want.data, rtol=1e-12, atol=1e-13)


def test_what_is_no_vector_leaves_others_theirs() -> None:
    def f(x: Tensor, y: Tensor) -> Any:
        return ag.exp(x) + 1, ag.remainder(x, y), x * y

    text = text_of(f, X, G)
    assert loops_in(text) == 2
    run(f, [X, G])


def test_large_arrays_are_asked_for_in_advance() -> None:
    large = np.zeros((4096, 64), np.float32)

    def text(x: Array) -> str:
        return text_of(lambda x: nn.functional.softmax(x, 1), x)

    assert text(large).count("ahead(") == 1
    assert "(s + 1) * 64, 256);" in text(large)
    assert "ahead(" not in text(X)
    [found] = run(lambda x: nn.functional.softmax(x, 1), [large])
    np.testing.assert_array_equal(found, np.float32(1 / 64))

"""What is done for arrays that no cache holds: sums along rows are taken a few rows at a time, in
the loops that have them at hand, and results are written past the cache."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from support.in_c.beside_numpy import expect_alike, expect_same_bytes
from support.in_c.joining import Joined, Part
from support.in_c.together import share_all, shared_loops

import autograd as ag
from autograd import Tensor, program_of
from autograd.lowering import generating
from autograd.lowering import partial as partial_sums
from autograd.lowering.c_backend import CompiledC
from nn import functional as F

pytestmark = pytest.mark.usefixtures("in_c")

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]

# Lengths around powers of two, and shapes of which several axes are summed.
SHAPES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    *[((rows, 24), (0,)) for rows in (32, 33, 63, 64, 65, 100, 127, 500, 1027)],
    ((8, 40, 16), (0, 1)),
    ((3, 50, 16), (0, 1)),
    ((40, 5, 16), (0,)),
    ((70, 9, 1, 16), (0, 2)),
]


def numbers(shape: tuple[int, ...], dtype: str = "f4") -> Array:
    return np.random.default_rng(sum(shape)).standard_normal(shape).astype(dtype)


def parts_of(f: Function, shapes: list[tuple[int, ...]], dtype: str = "f4") -> list[Part]:
    given = [numbers(shape, dtype) for shape in shapes]
    return [Part(str(x.shape), program_of(f, x), (x,)) for x in given]


@pytest.fixture
def small_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that the same happens to arrays of which tests can take many."""
    monkeypatch.setattr(partial_sums, "_LEAST", 1)
    monkeypatch.setattr(generating, "_STREAMED", 64)
    share_all(monkeypatch)


@pytest.mark.usefixtures("small_is_large")
@pytest.mark.parametrize("dtype", ["f4", pytest.param("f8", marks=pytest.mark.slow)])
def test_sums_along_rows(dtype: str) -> None:
    def f(x: Tensor, axes: tuple[int, ...]) -> Any:
        y = ag.exp(x)
        return y, y.sum(axis=axes), (x * y).sum(axis=axes, keepdims=True), (x * 0 - 0.0).sum(0)

    parts = []
    for shape, axes in SHAPES:
        x = numbers(shape, dtype)
        parts.append(Part(str(shape), program_of(partial(f, axes=axes), x), (x,)))
    made = expect_alike(parts)
    nests = [nest for group in made.compiled.generated.loops for nest in group.nests]
    assert sum(nest.kind == "running" for nest in nests) > 2 * len(SHAPES)


@pytest.mark.usefixtures("small_is_large")
def test_integers_and_special_numbers_are_summed_as_ever() -> None:
    x = np.arange(100 * 16).reshape(100, 16)
    compiled = CompiledC(program_of(lambda x: ((x * 3).sum(axis=0), x + 1), x))
    assert any(nest.kind == "running" for g in compiled.generated.loops for nest in g.nests)
    total, more = compiled.run(x).values()
    np.testing.assert_array_equal(total, (x * 3).sum(axis=0))
    np.testing.assert_array_equal(more, x + 1)
    y = np.full((100, 16), -0.0, np.float32)
    y[3, 1], y[4, 2], y[5, 2], y[6, 3] = np.nan, np.inf, -np.inf, np.inf
    with np.errstate(invalid="ignore"):
        compiled = CompiledC(program_of(lambda y: (y * 1).sum(axis=0), y))
        want = y.sum(axis=0)
    [found] = compiled.run(y).values()
    np.testing.assert_array_equal(found, want)
    assert np.signbit(found[5])  # a sum of -0 is -0


def layer_norm(x: Tensor, weight: Tensor, bias: Tensor, g: Tensor) -> Any:
    y, back = ag.vjp(lambda x, w, b: F.layer_norm(x, (64,), w, b), x, weight, bias)
    return y, *back(g)


def test_gradients_of_weights_are_summed_where_the_rows_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    share_all(monkeypatch)
    given = [numbers(shape) for shape in [(4096, 64), (64,), (64,), (4096, 64)]]
    compiled = CompiledC(program_of(layer_norm, *given))
    [rows] = [group for group in compiled.generated.loops if group.size == 4096]
    assert [nest.kind for nest in rows.nests].count("running") == 2
    [loop] = [loop for loop in shared_loops(compiled) if rows in loop.groups]
    assert loop.together == 64


@pytest.mark.usefixtures("small_is_large")
def test_any_number_of_threads_gives_the_same_sums() -> None:
    def f(x: Tensor) -> Any:
        y = ag.tanh(x)
        return y, y.sum(axis=0), (x * y).sum(axis=0)

    made = Joined(parts_of(f, [(100, 16), (333, 32), (64, 48), (1000, 16), (37, 16)]))
    loops = shared_loops(made.compiled)
    assert any(loop.together > 1 for loop in loops)
    assert any(loop.slices % loop.together for loop in loops)
    assert made.difference() is None
    expect_same_bytes(made)


LONG: list[tuple[tuple[int, ...], tuple[int, ...] | None]] = [
    *[((5_000,), None), ((131_072,), None), ((2_000_003,), None), ((40, 3, 50, 50), None)],
    *[((300_001, 1), (0,)), ((30_000, 24), (0,)), ((7, 100_003), (1,)), ((3, 500, 200), (1,))],
    *[((16, 8, 30, 31), (1, 2, 3)), ((16, 8, 30, 31), (0, 2, 3)), ((2, 300, 17, 33), (1, 3))],
    ((300_001, 9), (0,)),  # of which a few partial sums would be too long
]


@pytest.mark.slow
def test_long_sums_are_as_close_as_ever() -> None:
    """Of one number again and again, each rounding is to the same side."""
    parts = []
    for shape, axes in LONG:
        x = np.full(shape, 0.1, np.float32)

        def f(x: Tensor, axes: tuple[int, ...] | None = axes) -> Any:
            return x.sum(axis=axes), (x * x).mean(axis=axes), (x * 2).sum(axis=axes), x.max()

        parts.append(Part(str((shape, axes)), program_of(f, x), (x,)))
    results = Joined(parts).results()
    for (shape, axes), part in zip(LONG, parts, strict=True):
        wide = part.given[0].astype(np.float64)
        total, squares, twice, _ = results[part.name]
        wanted = wide.sum(axis=axes), (wide * wide).mean(axis=axes), 2 * wide.sum(axis=axes)
        for got, want in zip((total, squares, twice), wanted, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-5, err_msg=str((shape, axes)))


# --- results that are written past the cache -----------------------------------------------------


def is_streamed(compiled: CompiledC) -> bool:
    return "past(v" in compiled.source


@pytest.mark.usefixtures("small_is_large")
def test_results_past_the_cache() -> None:
    def f(x: Tensor) -> Any:
        y = ag.exp(x) / (1 + ag.exp(x).sum(axis=-1, keepdims=True))
        return y, y * 2 - x

    shapes = list(itertools.product([3, 64, 100], [16, 32, 80, 512]))
    made = Joined(parts_of(f, shapes))
    assert is_streamed(made.compiled)
    assert made.difference() is None
    expect_same_bytes(made)


@pytest.mark.slow
def test_large_results_are_past_the_cache_and_small_ones_are_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generating, "_STREAMED", 1 << 22)  # as where the cache is small

    def f(x: Tensor) -> Any:
        return ag.exp(x) - x.max(axis=1, keepdims=True)

    for rows, columns, streamed in [(4096, 512, True), (256, 512, False), (4096, 511, False)]:
        x = numbers((rows, columns))
        compiled = CompiledC(program_of(f, x))
        assert is_streamed(compiled) is streamed
        [found] = compiled.run(x).values()
        np.testing.assert_allclose(found, f(Tensor(x)).data, rtol=1e-5, atol=1e-6)
        assert found.flags.writeable and found.flags.c_contiguous
        assert found.ctypes.data % 64 == 0 or not streamed


@pytest.mark.usefixtures("small_is_large")
def test_what_numpy_reads_too_is_not_written_past_it() -> None:
    def alone(x: Tensor) -> Any:
        return ag.exp(x) - x.max(axis=1, keepdims=True)

    def f(x: Tensor) -> Any:
        y = alone(x)
        return y, ag.cumsum(y, axis=1)

    x = numbers((32, 64))
    assert is_streamed(CompiledC(program_of(alone, x)))
    compiled = CompiledC(program_of(f, x))
    assert not is_streamed(compiled)
    y, sums = compiled.run(x).values()
    np.testing.assert_array_equal(sums, np.cumsum(y, axis=1))

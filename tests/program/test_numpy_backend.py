"""Large arrays in the NumPy backend: chains in blocks, results over operands, memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
from autograd import Tensor
from autograd.program.numpy_backend import compiled
from autograd.program.passes import simplified
from autograd.program.watching import program_of

Array = np.ndarray[Any, Any]


def expect_same(f: Callable[..., Any], *xs: Array) -> str:
    """The backend gives what f gives, twice, and changes none of the arguments; its source."""
    before = [x.copy() for x in xs]
    program = program_of(f, *xs)
    wanted = f(*map(Tensor, xs))
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for run in (compiled(program), compiled(simplified(program))):
        for _ in range(2):
            results = run(xs)
            for a, b in zip(
                results if isinstance(results, tuple) else (results,), wanted, strict=True
            ):
                assert a.dtype == b.dtype
                assert np.array_equal(a, b.data, equal_nan=True)
        assert all(np.array_equal(x, y, equal_nan=True) for x, y in zip(xs, before, strict=True))
    return str(compiled(program).source)  # type: ignore[attr-defined]


def chain(x: Tensor, y: Tensor) -> Tensor:
    return ag.exp(ag.tanh(x * 2 + y) - x) / (y * y + 1.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_elementwise_chains_are_one_call(dtype: Any, rng: np.random.Generator) -> None:
    x, y = (rng.normal(size=(300, 200)).astype(dtype) for _ in range(2))
    source = expect_same(chain, x, y)
    assert source.count("in_slabs") == 1
    assert "elementwise" not in source


def test_operands_that_broadcast(rng: np.random.Generator) -> None:
    x, row, one = rng.normal(size=(300, 200)), rng.normal(size=200), rng.normal(size=(300, 1))
    expect_same(lambda x, r, o: ag.sin(x * r - o) * o + r * 3, x, row, one)
    expect_same(lambda x, r, o: (r + o) * x - r, x, row, one)


def test_other_orders_of_memory(rng: np.random.Generator) -> None:
    x = rng.normal(size=(20, 30, 100)).transpose(2, 0, 1)
    y = rng.normal(size=(40, 30, 200))[::2, :, ::2].transpose(2, 0, 1)
    expect_same(chain, x, y)
    expect_same(lambda x: chain(x, ag.broadcast_to(x[:1], x.shape)), x)


def test_values_that_are_read_again_and_returned(rng: np.random.Generator) -> None:
    x = rng.normal(size=(300, 200))

    def f(x: Tensor) -> Any:
        a = ag.exp(x)
        b = a * 2
        c = b + a
        d = ag.sqrt(ag.square(c) + b)
        return b, d.sum(), (a[5] * d[5]).sum(), c.T @ x

    expect_same(f, x)


def test_what_a_view_shows_is_not_written_over(rng: np.random.Generator) -> None:
    x = rng.normal(size=(300, 200))

    def f(x: Tensor) -> Any:
        a = ag.exp(x)
        view = a.T
        b = ag.sin(a)  # a is read no more, but for its view
        return b, view @ b, x.reshape(200, 300)

    expect_same(f, x)


def test_masks_integers_and_bad_numbers(rng: np.random.Generator) -> None:
    x = rng.normal(size=(300, 200))
    x[::7, ::5] = np.nan  # what is compared with it is false
    x[3::7] = np.inf
    expect_same(lambda x: ag.where((x * 2 > x + 1) == (x < 3), x * np.nan, x / 0.5), x)
    numbers = rng.integers(-5, 5, (300, 200))
    expect_same(lambda n: (n * 2 + n, n < n * n), numbers)
    expect_same(lambda n, x: n * 2 + x.astype(np.float32) * n, numbers, rng.normal(size=(300, 200)))


@pytest.mark.parametrize("threads", [1, 2])
def test_a_training_step(threads: int, rng: np.random.Generator) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 4, 3, padding=1, rng=rng),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(4 * 14 * 14, 10, rng=rng),
    )
    images = rng.random((32, 1, 28, 28), dtype=np.float32)
    labels = rng.integers(0, 10, 32)
    parameters = list(model.parameters())

    def step(images: Tensor, labels: Tensor) -> Any:
        loss = nn.functional.cross_entropy(model(images), labels)
        for parameter in parameters:
            parameter.grad = None
        loss.backward()
        return loss, *[parameter.grad for parameter in parameters]

    before = ag.get_num_threads()
    ag.set_num_threads(threads)
    try:
        program = program_of(step, images, labels)
        run = compiled(simplified(program))
        wanted = step(Tensor(images), labels)
        for got, b in zip(run([images, labels]), wanted, strict=True):
            np.testing.assert_allclose(got, b.data, rtol=2e-5, atol=1e-7)
    finally:
        ag.set_num_threads(before)

    def peak(f: Callable[[], Any]) -> int:
        f()
        tracemalloc.start()
        f()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    tape = peak(lambda: step(Tensor(images), labels))
    assert peak(lambda: compiled(run.program)([images, labels])) <= tape  # which plans nothing yet
    block = run.arenas.size
    assert block is not None
    assert peak(lambda: run([images, labels])) + block <= tape


def test_earlier_results_survive_later_calls(rng: np.random.Generator) -> None:
    run = compiled(program_of(chain, *rng.normal(size=(2, 300, 200))))
    first = run(list(rng.normal(size=(2, 300, 200))))
    kept = first.copy()
    run(list(rng.normal(size=(2, 300, 200))))
    assert np.array_equal(first, kept)

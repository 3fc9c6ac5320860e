"""What a checkpoint holds, and what its function keeps: gradients go back from there too."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad, leaf

import autograd as ag
from autograd import Tensor, checkpoint, no_grad


class Keeping:
    """What keeps something of its first run, by how."""

    def __init__(self, keep: Callable[[Tensor], Any]) -> None:
        self.keep, self.kept = keep, None

    def __call__(self, x: Tensor) -> Any:
        if self.kept is None:
            self.kept = self.keep(x)
        return self.kept


@pytest.mark.parametrize("wraps", [1, 2])
@pytest.mark.parametrize(
    ("keep", "use"),
    [
        (lambda w: w * 3.0, lambda x, kept: x * kept),
        (lambda w: w[0], lambda x, kept: x + kept),
        (lambda w: ag.exp(w) @ w, lambda x, kept: ag.stack([x.sum(), kept])),
        (lambda w: ag.split(w, 2, axis=0), lambda x, kept: x * kept[1][0]),
        (lambda w: ag.sum([w[0], w[1]]), lambda x, kept: ag.where(x > 0, kept, x)),
        (lambda w: w + 1.0, lambda x, kept: kept),
    ],
    ids=["product", "index", "matmul", "one of several", "list", "returned"],
)
def test_what_it_keeps_of_a_call_leads_back(
    keep: Callable[[Tensor], Any], use: Callable[[Tensor, Any], Tensor], wraps: int
) -> None:
    found = []
    for times in (0, wraps):
        w, x = leaf(np.array([1.0, 2.0])), leaf(np.array([0.5, -0.5]))
        keeping = Keeping(keep)

        def f(x: Tensor, keeping: Keeping = keeping, w: Tensor = w) -> Tensor:
            return use(x, keeping(w))

        for _ in range(times):
            f = checkpoint(f)
        (f(x).sum() + (f(x) ** 2).sum()).backward()  # the second call has what the first kept
        found.append([t.grad.data if t.grad is not None else None for t in (w, x)])
    for expected, got in zip(*found, strict=True):
        assert (expected is None) == (got is None)
        if expected is not None:
            assert_allclose(got, expected, rtol=1e-14)


def test_a_state_goes_on_from_call_to_call() -> None:
    found = []
    for way in (lambda f: f, checkpoint):
        state, x = [Tensor(np.zeros(2))], leaf(np.ones(2))

        def step(x: Tensor, state: list[Tensor] = state) -> Tensor:
            state[0] = ag.tanh(state[0] + x)
            return state[0] * 2.0

        total = way(step)(x).sum() + way(step)(x).sum()
        (total + state[0].sum()).backward()
        found.append(grad(x))
    assert_allclose(found[1], found[0], rtol=1e-14)


@pytest.mark.parametrize("keep", [lambda x: x.detach() * 2.0, lambda x: Tensor(x.data * 2.0)])
def test_constants_may_be_kept(keep: Callable[[Tensor], Any]) -> None:
    keeping, x = Keeping(keep), leaf(np.array([0.5, -0.5]))
    (checkpoint(lambda x: keeping(x) * x)(x)).sum().backward()
    assert_array_equal(grad(x), 2.0 * x.data)


def test_what_is_kept_without_a_gradient_is_a_constant() -> None:
    x, seen = leaf(np.array([0.5, -0.5])), [Tensor(np.zeros(2))]

    def f(x: Tensor) -> Tensor:
        with no_grad():
            seen[0] = 0.5 * seen[0] + x
        return x * x + seen[0] * 0.0

    checkpoint(f)(x).sum().backward()
    assert_array_equal(grad(x), 2.0 * x.data)


def held_after(calls: int, size: int) -> int:
    """The bytes that a checkpoint holds whose function had so many results at a time."""

    def f(x: Tensor) -> Tensor:
        made = [x]
        for _ in range(calls):
            made.append(made[-1] * 1.5)
        return made[-1]

    x, wrapped = leaf(np.ones(size)), checkpoint(f)
    wrapped(x)
    gc.collect()
    tracemalloc.start()
    y = wrapped(x)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert y.requires_grad
    return held


def peak_of_a_step(wrap: Callable[..., Any], inner: Callable[..., Any]) -> int:
    """The most bytes at a time of a step through 64 calls on 80,000 bytes each."""

    def eight(x: Tensor) -> Tensor:
        for _ in range(8):
            x = ag.sin(x)
        return x

    def whole(x: Tensor) -> Tensor:
        for _ in range(8):
            x = inner(eight)(x)
        return x

    x = leaf(np.ones(10_000))
    gc.collect()
    tracemalloc.start()
    wrap(whole)(x).sum().backward()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_checkpoints_within_checkpoints_hold_as_little() -> None:
    plainly = peak_of_a_step(lambda f: f, lambda f: f)
    once = peak_of_a_step(lambda f: f, checkpoint)
    nested = peak_of_a_step(checkpoint, checkpoint)
    assert plainly > 64 * 80_000
    assert once < 22 * 80_000
    assert nested < 22 * 80_000


def test_what_is_held_is_a_line_for_each_call_and_no_array() -> None:
    few, many = held_after(10, 10_000), held_after(1000, 10_000)
    assert many < few + 1000 * 1000  # not 80,000 bytes for each

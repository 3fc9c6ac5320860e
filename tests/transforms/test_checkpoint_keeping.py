"""What a checkpoint keeps from the first run, and what its function does: told where a gradient
would be lost."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from support.leaves import grad, leaf

import autograd as ag
from autograd import Tensor, checkpoint, no_grad
from autograd.engine.modes import Watcher
from autograd.runtime.scopes import watched_by


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
def test_what_it_keeps_of_its_first_run_is_told(
    keep: Callable[[Tensor], Any], use: Callable[[Tensor, Any], Tensor], wraps: int
) -> None:
    w, x = leaf(np.array([1.0, 2.0])), leaf(np.array([0.5, -0.5]))
    keeping = Keeping(keep)

    def f(x: Tensor) -> Tensor:
        return use(x, keeping(w))

    for _ in range(wraps):
        f = checkpoint(f)
    with pytest.raises(RuntimeError, match="that it kept from its first run"):
        f(x).sum().backward()


def test_a_state_that_goes_on_is_told() -> None:
    state = [Tensor(np.zeros(2))]

    def step(x: Tensor) -> Tensor:
        state[0] = ag.tanh(state[0] + x)
        return state[0] * 2.0

    with pytest.raises(RuntimeError, match="that it kept from its first run"):
        checkpoint(step)(leaf(np.ones(2))).sum().backward()


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


def held_after(calls: int) -> int:
    """The bytes that a checkpoint holds whose function had so many results at a time."""

    def f(x: Tensor) -> Tensor:
        made = [x]
        for _ in range(calls):
            made.append(made[-1] * 1.5)
        return made[-1]

    x, wrapped = leaf(1.0), checkpoint(f)
    wrapped(x)
    gc.collect()
    tracemalloc.start()
    y = wrapped(x)
    held, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert y.requires_grad
    return held


def test_what_is_held_does_not_grow_with_what_was_computed() -> None:
    assert held_after(1000) < held_after(10) + 10_000


class Counting(Watcher):
    """Notes how many results there were that are not recorded."""

    def __init__(self) -> None:
        self.results = 0

    def made(self, results: tuple[Tensor, ...], args: tuple[Any, ...]) -> None:
        self.results += len(results)


@pytest.mark.parametrize("wraps", [1, 2])
def test_who_watches_from_outside_sees_what_is_made_within(wraps: int) -> None:
    f: Callable[[Tensor], Any] = lambda x: ag.split(ag.exp(x) * x, 2)  # noqa: E731
    for _ in range(wraps):
        f = checkpoint(f)
    counting = Counting()
    with watched_by(counting):
        f(leaf(np.array([0.5, 1.0])))
    assert counting.results == 4

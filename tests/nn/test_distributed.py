"""Processes that compute together give what one process does with all their rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.layers.ranks import gap, on_ranks

import autograd as ag
from autograd import Tensor, checkpoint, sweep_hook
from nn.distributed import (
    GradientSum,
    Group,
)

ROOT = Path(__file__).parents[2]
Array = np.ndarray[Any, Any]


def leaf(array: Any) -> Tensor:
    return Tensor(array, requires_grad=True)


# --- sums of gradients ---------------------------------------------------------------------------


class Mixed:
    """Parameters of two dtypes in turn, one of them in no loss."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.a = leaf(rng.normal(size=(4, 6)).astype(np.float32))
        self.b = leaf(rng.normal(size=6))
        self.c = leaf(rng.normal(size=(6, 3)))
        self.unused = leaf(rng.normal(size=2))
        self.d = leaf(rng.normal(size=3).astype(np.float32))
        self.e = leaf(np.float32(rng.normal()))

    @property
    def every(self) -> list[Tensor]:
        return list(vars(self).values())

    @property
    def nbytes(self) -> int:
        return sum(p.data.nbytes for p in self.every)

    def loss(self, x: Array) -> Tensor:
        h = ag.tanh(Tensor(x.astype(np.float32)) @ self.a).astype(np.float64)
        scores = (h * self.b) @ self.c
        return (scores**2).sum() + (scores.astype(np.float32) * self.d * self.e).sum()

    def gradients(self) -> list[Array | None]:
        return [None if p.grad is None else p.grad.numpy() for p in self.every]


def expect_gradients(got: list[Array | None], expected: list[Array | None]) -> None:
    for g, e in zip(got, expected, strict=True):
        assert (g is None) == (e is None)
        if g is not None and e is not None:
            assert gap(g, e) < 1e-5  # float32 takes part in all of them


def seeded(rng: np.random.Generator) -> Callable[[], Mixed]:
    seed = int(rng.integers(1 << 30))
    return lambda: Mixed(np.random.default_rng(seed))


@pytest.mark.parametrize("size", [1, 2, 4])
# By dtype: e and d; unused, c and b; a. Of these, unused and c together have 160 bytes.
@pytest.mark.parametrize(
    ("options", "calls"), [((1,), 6), ((1 << 30,), 3), ((), 3), ((160,), 4), ((159,), 5)]
)
def test_gradients_add_up_to_those_of_the_whole_batch(
    size: int, options: tuple[int, ...], calls: int, rng: np.random.Generator
) -> None:
    make, x = seeded(rng), rng.normal(size=(7, 4))
    whole = make()
    whole.loss(x).backward()

    def program(group: Group) -> list[Array | None]:
        own = make()
        gradients = GradientSum(own.every, group, *options)
        for step in (1, 2):
            for p in own.every:
                p.grad = None
            gradients.backward(own.loss(x[group.rank :: size]))
            assert group.traffic["gradients"].calls == step * calls
            assert group.traffic["gradients"].nbytes == step * own.nbytes
        return own.gradients()

    every = on_ranks(size, program)
    assert every[0][3] is None
    expect_gradients(every[0], whole.gradients())
    for other in every[1:]:
        for g, first in zip(other, every[0], strict=True):
            assert (g is None and first is None) or g.tobytes() == first.tobytes()


def test_gradients_of_earlier_parts_are_summed_too(rng: np.random.Generator) -> None:
    make, x = seeded(rng), rng.normal(size=(9, 4))
    whole = make()
    (whole.loss(x) + (whole.unused**2).sum() * 2).backward()

    def program(group: Group) -> list[Array | None]:
        own, rows = make(), x[group.rank :: 2]
        (own.loss(rows[:3]) + (own.unused**2).sum()).backward()
        GradientSum(own.every, group).backward(own.loss(rows[3:]))
        return own.gradients()

    for got in on_ranks(2, program):
        expect_gradients(got, whole.gradients())


def test_gradients_of_one_step_stay_when_the_next_comes(rng: np.random.Generator) -> None:
    make, x = seeded(rng), rng.normal(size=(4, 4))

    def program(group: Group) -> None:
        own = make()
        gradients = GradientSum(own.every, group)
        gradients.backward(own.loss(x[group.rank :: 2]))
        kept = [g for g in own.gradients() if g is not None]
        copies = [g.copy() for g in kept]
        for p in own.every:
            p.grad = None
        gradients.backward(own.loss(2 * x[group.rank :: 2]))
        for g, copy, now in zip(
            kept, copies, [g for g in own.gradients() if g is not None], strict=True
        ):
            assert np.array_equal(g, copy)
            assert not np.shares_memory(g, now)
            assert not np.array_equal(g, now)

    on_ranks(2, program)


def test_buckets_leave_in_one_order_while_the_sweep_goes_on(rng: np.random.Generator) -> None:
    shapes = [(4, 4), (4, 5), (5, 2)]
    arrays = [rng.normal(size=shape) for shape in shapes]
    x, y = rng.normal(size=(2, 6, 4))
    reference = [leaf(a) for a in arrays]

    def loss(a: Tensor, b: Tensor, c: Tensor, x: Array, y: Array, turned: bool) -> Tensor:
        # Which of a and b has its gradient first depends on which is read first.
        if turned:
            second = Tensor(y) @ b
            return ((ag.tanh(Tensor(x) @ a) @ b + second) @ c).sum()
        first = ag.tanh(Tensor(x) @ a)
        return ((first @ b + Tensor(y) @ b) @ c).sum()

    for rank in range(2):
        loss(*reference, x[rank::2], y[rank::2], rank == 1).backward()

    def program(group: Group) -> list[tuple[int, int, int]]:
        parameters = [leaf(a) for a in arrays]
        swept, sent = 0, []

        def count(record: Any, g: Any) -> None:
            nonlocal swept
            swept += 1

        original = group.start_sum

        def noted(buffer: Array, name: str) -> Any:
            sent.append((buffer.size, swept))
            return original(buffer, name)

        group.start_sum = noted  # type: ignore[method-assign]
        with sweep_hook(count):
            GradientSum(parameters, group, 1).backward(
                loss(*parameters, x[group.rank :: 2], y[group.rank :: 2], group.rank == 1)
            )
        for p, expected in zip(parameters, reference, strict=True):
            assert gap(p.grad.numpy(), expected.grad.numpy()) < 1e-13
        return [(size, at, swept) for size, at in sent]

    straight, turned = on_ranks(2, program)
    # sum, matmul (c), add, two matmuls (b) and in between, read the other way round, tanh and
    # matmul (a), which then has to wait for b.
    assert straight == [(10, 2, 7), (20, 5, 7), (16, 7, 7)]
    assert turned == [(10, 2, 7), (20, 7, 7), (16, 7, 7)]


def test_gradients_without_a_group_are_those_of_backward(rng: np.random.Generator) -> None:
    make, x = seeded(rng), rng.normal(size=(4, 4))
    one, other = make(), make()
    one.loss(x).backward()
    GradientSum(other.every, None).backward(other.loss(x))
    for g, expected in zip(other.gradients(), one.gradients(), strict=True):
        assert (g is None and expected is None) or g.tobytes() == expected.tobytes()


def test_hooks_are_gone_after_a_sweep_and_after_one_that_fails(rng: np.random.Generator) -> None:
    make, x = seeded(rng), rng.normal(size=(4, 4))

    def program(group: Group) -> None:
        own = make()
        gradients = GradientSum(own.every, group)
        gradients.backward(own.loss(x))
        loss = own.loss(x)
        loss.backward()
        with pytest.raises(RuntimeError, match="a second time"):
            gradients.backward(loss)
        before = group.traffic["gradients"].calls
        own.loss(x).backward()
        assert group.traffic["gradients"].calls == before
        assert all(not p._place.hooks for p in own.every)

    on_ranks(1, program)


def test_a_parameter_that_came_to_require_a_gradient_after_a_checkpoint_is_a_constant_in_it(
    rng: np.random.Generator,
) -> None:
    w, x = Tensor(rng.normal(size=3)), leaf(rng.normal(size=3))
    h = checkpoint(lambda x: x * w)(x)
    w.requires_grad = True
    loss = (h * w).sum()
    on_ranks(1, lambda group: GradientSum([w], group).backward(loss))
    assert w.grad is not None and x.grad is not None
    assert gap(w.grad.numpy(), h.numpy()) < 1e-15
    assert gap(x.grad.numpy(), (w * w).numpy()) < 1e-15


def closed_over(x: Tensor, a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    """Two checkpointed calls that read b and c without being given them."""
    inner = checkpoint(lambda h: ag.tanh(h @ b) @ c[:, None])
    return (inner(x @ a) * (inner(x) + a.sum()) * c.sum()).sum()


def test_checkpoint_that_closes_over_parameters_waits_for_them(rng: np.random.Generator) -> None:
    arrays, x = [rng.normal(size=(4, 4)), rng.normal(size=(4, 4)), rng.normal(size=4)], np.eye(4)
    reference = [leaf(a) for a in arrays]
    (2 * closed_over(Tensor(x), *reference)).backward()

    def program(group: Group) -> None:
        parameters = [leaf(a) for a in arrays]
        GradientSum(parameters, group, 1).backward(closed_over(Tensor(x), *parameters))
        for p, expected in zip(parameters, reference, strict=True):
            assert gap(p.grad.numpy(), expected.grad.numpy()) < 1e-14

    on_ranks(2, program)


def test_bucket_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="bucket_bytes 0 given, 1 or more expected"):
        GradientSum([], None, bucket_bytes=0)

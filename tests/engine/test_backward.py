"""The order in which backward visits records, and the .grad that it leaves."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from support.leaves import grad, leaf

from autograd import Tensor, exp, log, reshape
from autograd.engine.primitives import Primitive
from autograd.engine.tape import Record

# --- order ---------------------------------------------------------------------------------------


def test_a_tensor_used_many_times_gets_the_sum(rng: np.random.Generator) -> None:
    x = leaf(rng.normal(size=3))
    (x * x * x + x * x - x / 2 + x).sum().backward()
    assert_allclose(grad(x), 3 * x.data**2 + 2 * x.data + 0.5, rtol=1e-15)


def test_a_diamond_waits_for_both_sides() -> None:
    x = leaf(0.7)
    top = exp(x)
    long_side = log(top * 3) * 2  # 2x + const, several records long
    (top * long_side + top).backward()
    u = 2 * (0.7 + np.log(3))
    assert_allclose(grad(x), np.exp(0.7) * (u + 2 + 1), rtol=1e-15)


def test_doublings_visit_each_record_once(monkeypatch: pytest.MonkeyPatch) -> None:
    visited: list[Record] = []
    pull = Primitive.pull

    def counting(self: Primitive, record: Record, *rest: Any) -> Any:
        visited.append(record)
        return pull(self, record, *rest)

    monkeypatch.setattr(Primitive, "pull", counting)
    x = leaf(1.0)
    y = x
    for _ in range(60):
        y = y + y
    y.backward()
    assert grad(x) == 2.0**60
    assert len(visited) == 60


def test_a_constant_that_wants_a_gradient_later_gets_it_from_later_uses() -> None:
    x = Tensor(3.0)
    early = x * x
    x.requires_grad = True
    (early * x).backward()
    assert grad(x) == 9


def test_rebinding_data_does_not_change_what_was_recorded() -> None:
    w = leaf(1.0, 2.0)
    loss = (w * w * w).sum()
    w.data = w.data * 100
    loss.backward()
    assert_array_equal(grad(w), [3, 12])


# --- .grad ---------------------------------------------------------------------------------------


def test_grad_accumulates() -> None:
    x = leaf(1.0, 2.0)
    (x * x).sum().backward()
    (x * 3).sum().backward()
    assert_array_equal(grad(x), [5, 7])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(), (1,), (3, 1), (2, 3), (0, 2)])
def test_grad_is_a_tensor_like_its_leaf(shape: tuple[int, ...], dtype: Any) -> None:
    x = Tensor(np.ones(shape, dtype), requires_grad=True)
    (x * np.ones((2, 1, 1))).sum().backward()
    assert isinstance(x.grad, Tensor)
    assert (x.grad.shape, x.grad.dtype) == (shape, dtype)
    assert not x.grad.requires_grad
    assert_array_equal(grad(x), np.full(shape, 2))


def test_only_leaves_get_a_grad() -> None:
    x, c = leaf(2.0), Tensor(5.0)
    y = x * c
    z = y * y
    z.backward()
    assert (y.grad, z.grad, c.grad) == (None, None, None)
    assert grad(x) == 100


@pytest.mark.parametrize("create_graph", [False, True])
def test_grad_shares_memory_with_nothing(create_graph: bool) -> None:
    a, b, c = leaf(1.0, 2.0), leaf(3.0, 4.0), leaf([[5.0], [6.0]])
    v = Tensor([7.0, 8.0], requires_grad=create_graph)
    total = a + b + reshape(c, 2)
    total.retain_grad()
    total.backward(v, create_graph=create_graph)
    holders = [a.grad, b.grad, c.grad, total.grad, v, a, b, c, total]
    for one, other in combinations(holders, 2):
        assert one is not None and other is not None
        assert not np.shares_memory(one.data, other.data)


def test_grad_shares_no_memory_with_a_cotangent_array() -> None:
    x, v = leaf(1.0, 2.0), np.array([3.0, 4.0])
    (+x).backward(v)
    v[:] = 0
    assert_array_equal(grad(x), [3, 4])


def test_a_grad_that_was_broadcast_can_be_written() -> None:
    x = leaf(1.0, 2.0, 3.0)
    x.sum().backward()
    grad(x)[0] = 5
    assert_array_equal(grad(x), [5, 1, 1])


def test_retain_grad() -> None:
    x = leaf(3.0)
    y = x * 2
    y.retain_grad()
    (y * y + y).backward()
    assert grad(y) == 13
    assert grad(x) == 26


def test_a_leaf_that_is_asked_to_retain_its_gradient_has_it_once() -> None:
    x = leaf(3.0)
    x.retain_grad()
    (x * x).backward()
    assert grad(x) == 6


def test_a_retained_tensor_may_be_the_root_or_gone() -> None:
    x = leaf(3.0)
    y = x * 2
    y.retain_grad()
    y.backward()
    assert grad(y) == 1
    gone = x * 5
    gone.retain_grad()
    z = gone * 7
    del gone
    z.backward()
    assert grad(x) == 2 + 35

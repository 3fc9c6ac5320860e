"""float16: what is summed, squared or divided by counts is computed in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor
from autograd.ops.kernels import blocks
from nn import functional as F

# Fewer than 65,504 elements in all, of which float16 can hold the sum.
X = (1 + np.arange(40_000).reshape(200, 200) % 3 / 64).astype(np.float16)

REDUCTIONS: dict[str, Callable[[Any], Any]] = {
    "sum": lambda x: ag.sum(x, 0),
    "sum of all": ag.sum,
    "mean": ag.mean,
    "var": ag.var,
    "std along": lambda x: ag.std(x, 0, ddof=1),
    "norm": lambda x: ag.norm(x * 100, axis=1),
    "p-norm": lambda x: ag.norm(x, 1.5),
    "cumsum": lambda x: ag.cumsum(x, 0),
    "cumsum of all": ag.cumsum,
    "prod": lambda x: ag.prod(x, 0),
    "cumprod": lambda x: ag.cumprod(x, 0),
    "logsumexp": ag.logsumexp,
    "einsum": lambda x: ag.einsum("ij,ij->j", x, x),
    "matmul": lambda x: x @ x[0],
    "tensordot": lambda x: ag.tensordot(x, x[:, :2], (0, 0)),
    "squares": lambda x: ag.sum_of_squares(x, 0),
    "recurrence": lambda x: ag.ops.linear_recurrence(1 - x / 8, x, 0),
}


@pytest.mark.parametrize("name", REDUCTIONS)
def test_value_and_gradient_are_those_of_float64(name: str, rng: np.random.Generator) -> None:
    f, wide = REDUCTIONS[name], X.astype(np.float64)
    out, pull = ag.vjp(f, Tensor(X))
    expected, exact_pull = ag.vjp(f, Tensor(wide))
    assert out.dtype == np.float16
    largest = np.abs(expected.data).max()
    np.testing.assert_allclose(out.data, expected.data, 2e-3, 1e-3 * largest)
    u = rng.uniform(0.5, 1, out.shape).astype(np.float16)
    (g,), (exact,) = pull(Tensor(u)), exact_pull(Tensor(u.astype(np.float64)))
    assert g.dtype == np.float16
    denormal = float(np.finfo(np.float16).smallest_subnormal)
    np.testing.assert_allclose(g.data, exact.data, 4e-3, 2e-3 * np.abs(exact.data).max() + denormal)


def test_slopes_of_a_mean_over_more_than_float16_can_count() -> None:
    g = ag.grad(ag.mean)(Tensor(np.ones(65_520, np.float16))).data
    np.testing.assert_allclose(g, 1 / 65_520, 0, 6e-8)
    scaled = ag.grad(lambda x: 1024 * x.mean())(Tensor(np.ones(1 << 22, np.float16))).data
    np.testing.assert_array_equal(scaled, np.float16(1024 / (1 << 22)))
    curved = ag.hessian(lambda x: ag.mean(x) ** 2)(Tensor(np.ones(3, np.float16))).data
    np.testing.assert_allclose(curved, 2 / 9, 1e-3)


BROADCAST: dict[str, Callable[[Any, Any], Any]] = {
    "product": lambda w, x: w * x,
    "sum": lambda w, x: x + w,
    "difference": lambda w, x: x - w,
    "quotient": lambda w, x: w / x,
    "larger": lambda w, x: ag.maximum(w, x - 2),
    "broadcast_to": lambda w, x: ag.broadcast_to(w, x.shape),
    "indexed": lambda w, x: w[np.zeros(x.shape, int)],
    "matmul": lambda w, x: x[:, None] @ w[:, None],
}


@pytest.mark.parametrize("name", BROADCAST)
def test_sums_over_axes_along_which_an_argument_was_repeated(name: str) -> None:
    """In float16, 2048 + 1 is 2048."""
    x, w = Tensor(np.ones(10_000, np.float16)), Tensor(np.ones(1, np.float16))
    g = ag.grad(lambda w: BROADCAST[name](w, x).sum())(w).data
    assert abs(g.item()) == 10_000


def test_a_deviation_whose_squares_leave_float16() -> None:
    x = Tensor((X * 300 * np.where(np.arange(200) % 2, 1, -1)).astype(np.float16))
    with np.errstate(over="ignore"):
        assert np.isinf(ag.var(x).data)
    assert ag.std(x).item() == pytest.approx(np.std(x.data.astype(float)), rel=1e-3)
    g = ag.grad(lambda x: 16 * ag.std(x))(x).data
    exact = ag.grad(lambda x: 16 * ag.std(x))(x.data.astype(float)).data
    np.testing.assert_allclose(g, exact, 2e-3)


def _in_a_loop(x: Tensor) -> Tensor:
    total = x * 0
    for _ in range(3000):
        total = total + x * 1
    return total


MEETING: dict[str, tuple[Callable[[Tensor], Any], int]] = {
    "a list": (lambda x: ag.sum([x] * 3000), 3000),
    "stack": (lambda x: ag.stack([x] * 3000, 1), 3000),
    "concatenate": (lambda x: ag.concatenate([x] * 3000), 3000),
    "concatenate, computed": (lambda x: ag.concatenate([x * 1] * 3000), 3000),
    "a loop": (_in_a_loop, 3000),
    "pad": (lambda x: ag.pad(x, 3000, mode="edge"), 3001),
    "max_pool2d": (lambda x: F.max_pool2d(ag.pad(x.reshape(1, 1, 1, 2), BORDER), 55, 1), 55 * 55),
    "windows": (lambda x: ag.sliding_windows(ag.pad(x, 2999), (3000,), (1,), (1,)), 3000),
    "convolution": (
        lambda x: F.conv2d(x.reshape(1, 1, 1, 2), np.ones((1, 1, 55, 55), np.float16), padding=54),
        55 * 55,
    ),
}
BORDER = ((0, 0), (0, 0), (54, 54), (54, 54))


@pytest.mark.parametrize("name", MEETING)
def test_gradients_that_meet_are_added_in_float32(name: str) -> None:
    f, right = MEETING[name]
    x = Tensor(np.array([3.0, 2.0], np.float16), requires_grad=True)
    f(x).sum().backward()
    assert x.grad is not None and x.grad.dtype == np.float16
    assert x.grad.data[0] == np.float16(right)


def test_sums_in_flight_may_leave_float16_and_come_back() -> None:
    x = Tensor(np.ones(3, np.float16), requires_grad=True)
    with np.errstate(over="ignore"):
        ag.stack([x * c for c in (30000, 30000, 30000, -30000, -30000)]).sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, 30000)
    assert not blocks._wide

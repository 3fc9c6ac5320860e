"""What is said of gradients holds of jitted functions in C, and beside them; calls of one program
from several threads, and from within itself."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import autograd as ag
from autograd import Tensor, jit, ops, primitive
from autograd.lowering.c_backend import CompiledC
from autograd.program.watching import program_of
from nn import functional as F

Array = np.ndarray[Any, Any]

pytestmark = pytest.mark.usefixtures("in_c")

X = np.random.default_rng(3).normal(size=(5, 17))
W = np.random.default_rng(4).normal(size=(17, 4))
LABELS = np.arange(5) % 4


def loss_of(x: Any, w: Any) -> Any:
    z = ag.tanh(x) @ w
    return ag.mean(ag.logsumexp(z, axis=1) - z[np.arange(5), LABELS]) + 0.1 * ag.sum(w * w)


def in_c() -> Any:
    f = jit(loss_of, backend="c")
    for _ in range(2):
        f(Tensor(X, requires_grad=True), Tensor(W, requires_grad=True))
    assert "static APART void" in f.source
    return f


@pytest.mark.slow
def test_gradcheck() -> None:
    assert ag.gradcheck(in_c(), X, W)


def test_second_derivatives() -> None:
    assert ag.gradcheck(in_c(), X, W, order=2)


def test_gradients_of_transforms() -> None:
    f = in_c()
    for argument in (0, 1):
        got, want = (ag.grad(g, argument)(X, W) for g in (f, loss_of))
        np.testing.assert_allclose(got, want, 1e-9, 1e-12)


def test_check_tape_and_explain() -> None:
    x, w = Tensor(X, requires_grad=True), Tensor(W, requires_grad=True)
    f = in_c()
    report = ag.check_tape(f(x, w), raise_exception=False)
    assert not report.wrong
    assert len(report.unclear) == 1  # the whole program, which is one record
    assert "logsumexp" in str(ag.explain(f(x, w)))


def test_compare() -> None:
    f = in_c()
    x, w = Tensor(X, requires_grad=True), Tensor(W, requires_grad=True)
    by_hand = ag.grad(loss_of, 1)(X, W)
    assert ag.compare(f(x, w), w=(w, by_hand)).ok
    assert not ag.compare(f(x, w), w=(w, by_hand * 1.01)).ok


def test_results_and_gradients_survive_later_calls() -> None:
    f = in_c()
    kept: list[tuple[Array, bytes]] = []
    for k in range(4):
        x, w = Tensor(X * (k + 1), requires_grad=True), Tensor(W / (k + 1), requires_grad=True)
        loss = f(x, w)
        loss.backward()
        for tensor in (loss, x.grad, w.grad):
            assert tensor is not None
            kept.append((tensor.data, tensor.data.tobytes()))
    assert all(array.tobytes() == before for array, before in kept)


# --- one program, called at once ----------------------------------------------------------------


def _several(x: Any) -> Any:
    y = ops.tanh(x) * 2.0
    z = ops.cumsum(y, 0) - ops.max(y, 1, keepdims=True)
    return ops.sum(z * y, 0), ops.logsumexp(z, 1), z


def test_calls_from_several_threads_of_python() -> None:
    made = CompiledC(program_of(_several, X))
    given = [X * (1 + k / 50) for k in range(50)]
    alone = [[a.tobytes() for a in made.run(x).values()] for x in given]
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda x: [a.tobytes() for a in made.run(x).values()], given * 4))
    assert together == alone * 4


def test_a_call_from_within_itself() -> None:
    """By an op of somebody else, between two runs of C."""
    within: list[CompiledC] = []

    @primitive(differentiable=False)
    def again(x: Array) -> Array:
        if within and x[0, 0] > 0.25:
            return next(iter(within[0].run(x / 2).values())) + x
        return x * 1.0

    def f(x: Any) -> Any:
        y = ops.exp(x) - 1.0
        return again(ops.log(y + 1.0)) * y + ops.sum(y, 0)

    def by_hand(x: Array) -> Array:
        y = np.exp(x) - 1.0
        inner = np.log(y + 1.0)
        deeper = by_hand(inner / 2) + inner if inner[0, 0] > 0.25 else inner
        return deeper * y + y.sum(0)

    x = np.abs(X) + 0.5
    made = CompiledC(program_of(f, x))
    within.append(made)
    (found,) = made.run(x * 2).values()
    np.testing.assert_allclose(found, by_hand(x * 2), 1e-12)
    assert len(made._blocks) > 1


# Which weights the calls are given: the finite one, or one with an infinite number.
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("calls", ["infinite", "finite, infinite", "finite, finite, infinite"])
@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("swept", ["inside", "outside"])
def test_an_infinite_weight_that_meets_a_border(calls: str, verify: bool, swept: str) -> None:
    rng = np.random.default_rng(0)
    x, finite, g = (rng.normal(size=s) for s in ((2, 3, 8, 8), (4, 3, 3, 3), (2, 4, 8, 8)))
    infinite = finite.copy()
    infinite[0, 0, 0, 0] = np.inf

    def convolved(x: Any, w: Any) -> Any:
        return F.conv2d(x, w, None, padding=1)

    def gradient(convolved: Any, x: Any, w: Any) -> Any:
        return ag.grad(lambda x: ag.sum(convolved(x, w) * g))(x)

    inside = jit(lambda x, w: gradient(convolved, x, w), backend="c", verify=verify)
    jitted = jit(convolved, backend="c", verify=verify)
    for name in calls.split(", "):
        w = infinite if name == "infinite" else finite
        got = inside(x, w) if swept == "inside" else gradient(jitted, x, w)
        want = gradient(convolved, x, w)
        np.testing.assert_allclose(np.asarray(got), np.asarray(want), rtol=1e-10, atol=1e-12)

"""Derivatives of derivatives by create_graph, beside their closed forms."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.testing import assert_allclose
from support.leaves import grad, leaf

from autograd import Tensor, exp, log, matmul


def derivatives(f: Callable[[Tensor], Tensor], at: float, order: int) -> list[float]:
    x = leaf(at)
    y = f(x)
    found: list[float] = []
    for _ in range(order):
        x.grad = None
        y.backward(create_graph=True)
        assert x.grad is not None
        y = x.grad
        found.append(y.item())
    return found


def test_derivatives_of_a_power() -> None:
    assert_allclose(
        derivatives(lambda x: x**4, 1.3, 4), [4 * 1.3**3, 12 * 1.3**2, 24 * 1.3, 24], rtol=1e-14
    )


def test_derivatives_of_softplus() -> None:
    s = 1 / (1 + np.exp(-0.4))  # softplus' = s, s' = s (1 - s)
    expected = [s, s * (1 - s), s * (1 - s) * (1 - 2 * s)]
    assert_allclose(derivatives(lambda x: log(1 + exp(x)), 0.4, 3), expected, rtol=1e-13)


def test_derivatives_of_a_gaussian() -> None:
    x, y = 0.8, np.exp(-0.8 * 0.8)
    hermite = [-2 * x, 4 * x**2 - 2, -8 * x**3 + 12 * x]  # Rodrigues: (-1)^n H_n(x) exp(-x^2)
    expected = [h * y for h in hermite]
    assert_allclose(derivatives(lambda x: exp(-x * x), 0.8, 3), expected, rtol=1e-13)


def test_a_gradient_can_be_part_of_a_loss(rng: np.random.Generator) -> None:
    """The gradient of the squared norm of X^T (X w), which is 2 (X^T X)^2 w."""
    X, w = rng.normal(size=(4, 3)), Tensor(rng.normal(size=3), requires_grad=True)
    r = matmul(X, w)
    ((r * r).sum() / 2).backward(create_graph=True)
    g, w.grad = w.grad, None
    assert g is not None
    (g * g).sum().backward()
    gram = X.T @ X
    assert_allclose(grad(w), 2 * gram @ gram @ w.data, rtol=1e-12)

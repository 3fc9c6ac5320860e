"""Options and targets that are tensors, beside x of integers and of floats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose
from support.leaves import grad, leaf

import autograd as ag
from autograd import Tensor, no_grad
from nn import functional as F

LABELS = np.array([0, 1])
# Of an option: the function of x and it, a value, and integers for x.
OPTIONS: dict[str, tuple[Callable[[Any, Any], Tensor], float, Any]] = {
    "leaky_relu": (F.leaky_relu, 0.1, [-3, 2]),
    "elu": (F.elu, 1.5, [-3, 2]),
    "softplus": (F.softplus, 1.5, [1, -2]),
    "huber_loss": (lambda x, d: F.huber_loss(x, Tensor([0, 0]), delta=d), 0.5, [3, 5]),
    "smooth_l1_loss": (lambda x, b: F.smooth_l1_loss(x, Tensor([0, 5]), beta=b), 2.5, [3, 5]),
    "cross_entropy": (
        lambda x, s: F.cross_entropy(x, LABELS, label_smoothing=s),
        0.3,
        [[0, 1], [2, 1]],
    ),
}


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_the_same_as_a_number_and_as_a_tensor(name: str, dtype: Any) -> None:
    f, value, x = OPTIONS[name]
    given = Tensor(np.array(x, dtype))
    right = f(Tensor(np.array(x, float)), value)
    option = leaf(value)
    tight = 1e-6 if dtype == np.float32 else 1e-13
    for out in f(given, value), f(given, Tensor(value)), f(given, option):
        assert_allclose(out.data, right.data, tight)
        assert out.dtype == (np.float32 if dtype == np.float32 else np.float64)
    f(given, option).sum().backward()
    sides = [f(Tensor(np.array(x, float)), value + h).sum().item() for h in (1e-6, -1e-6)]
    assert_allclose(grad(option), (sides[0] - sides[1]) / 2e-6, 1e-5)
    with no_grad():
        assert_allclose(f(given, option).data, right.data, tight)


def test_slopes_for_each_channel_are_slopes_without_gradients_too() -> None:
    w, x = leaf([0.1, 0.2]), Tensor([-1.0, -2.0])
    for f in F.leaky_relu, F.elu:
        tracked = f(x, w * 2)
        with no_grad():
            assert_allclose(f(x, w * 2).data, tracked.data)


@pytest.mark.parametrize(
    "loss",
    [F.mse_loss, F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.binary_cross_entropy_with_logits],
)
@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
def test_targets_of_integers_keep_their_digits(loss: Any, dtype: Any) -> None:
    x, y = np.array([0, 1, 2], dtype), np.array([0.5, 0.9, 0.25])
    assert_allclose(loss(Tensor(x), y).data, loss(Tensor(x.astype(float)), y).data, 1e-15)
    slopes = [ag.grad(lambda y, x=x: loss(Tensor(x), y))(y) for x in (x, x.astype(float))]
    assert_allclose(slopes[0], slopes[1], 1e-15)


def test_small_integers_do_not_wrap_around() -> None:
    x = np.array([[-128, 127]], np.int8)
    assert_allclose(F.log_softmax(Tensor(x)).data, [[-255, 0]])
    assert_allclose(F.cross_entropy(Tensor(x), np.array([0])).data, 255)
    assert_allclose(F.softmax(Tensor(np.array([0, 200], np.uint8))).data, [0, 1], atol=1e-80)
    loss = F.smooth_l1_loss(Tensor(np.array([3, 1], np.uint8)), Tensor(np.array([5, 1], np.uint8)))
    assert loss.item() == 0.75


def test_huber_without_a_bound_is_half_the_square() -> None:
    x = leaf([2.0, -3.0])
    for delta in (np.inf, Tensor(np.inf), 1e308):
        x.grad = None
        loss = F.huber_loss(x, Tensor([0.0, 0.0]), reduction="sum", delta=delta)
        loss.backward()
        assert loss.item() == 6.5
        assert_allclose(grad(x), [2, -3])


def test_the_slope_by_a_beta_of_zero() -> None:
    """The limit from above, -1/2 for each error that is not 0."""
    slope = ag.grad(lambda b: F.smooth_l1_loss(Tensor([2.0, -1.0]), Tensor([0.0, 0.0]), "sum", b))
    assert slope(0.0) == -1
    assert slope(1e-9) == pytest.approx(-1, rel=1e-6)

"""Losses against their formulas."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from support.layers.nn_loops import assert_gradients, distinct, softmax_by_loops

import nn
from autograd import Tensor
from nn import functional as F

Array = NDArray[Any]
Generator = np.random.Generator
Pair = tuple[int, int]


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("dtype", [np.int64, np.uint8])
def test_cross_entropy(reduction: Any, dtype: Any, rng: Generator) -> None:
    x, classes = 3 * rng.standard_normal((6, 4)), np.array([0, 3, 1, 1, 2, 0], dtype)
    losses = np.zeros(6)
    for n, c in enumerate(classes):
        losses[n] = -np.log(softmax_by_loops(x)[n, c])
    reduced: dict[str, Any] = {"mean": sum(losses) / 6, "sum": sum(losses), "none": losses}
    y = F.cross_entropy(Tensor(x), classes, reduction=reduction).data
    np.testing.assert_allclose(y, reduced[reduction], rtol=1e-12)
    assert y.shape == np.shape(reduced[reduction])
    assert_gradients(lambda x: F.cross_entropy(x, Tensor(classes), reduction=reduction), rng, x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_extreme_scores_stay_finite(dtype: Any) -> None:
    scores = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e4, 1e4, -1e4]], dtype)
    x = Tensor(scores, requires_grad=True)
    losses = F.cross_entropy(x, [1, 0, 0], reduction="none")
    np.testing.assert_allclose(losses.data, [2e4, np.log(3), np.log(2)], rtol=1e-6)
    losses.sum().backward()
    # softmax - one-hot, whose softmax is known here
    expected = np.array([[1, -1, 0], [1 / 3 - 1, 1 / 3, 1 / 3], [-0.5, 0.5, 0]])
    assert x.grad is not None
    np.testing.assert_allclose(x.grad.data, expected, rtol=1e-6, atol=1e-30)
    y = Tensor(scores, requires_grad=True)
    probabilities = F.softmax(y)
    np.testing.assert_allclose(probabilities.data[0], [1, 0, 0], atol=1e-30)
    probabilities.backward(np.eye(3, dtype=dtype))
    assert y.grad is not None
    assert np.isfinite(y.grad.data).all()


@pytest.mark.parametrize(("reduction", "expected"), [("sum", 0.0), ("none", [])])
def test_cross_entropy_of_a_batch_of_none(reduction: Any, expected: Any) -> None:
    x = Tensor(np.zeros((0, 3)), requires_grad=True)
    loss = F.cross_entropy(x, np.zeros(0, np.int64), reduction=reduction)
    np.testing.assert_array_equal(loss.data, expected)
    loss.sum().backward()
    assert x.grad is not None
    assert x.grad.shape == (0, 3)


def test_cross_entropy_of_a_batch_of_none_has_no_mean() -> None:
    # Like batch_norm: an error of its own, not NumPy's warning about an empty slice.
    with pytest.raises(ValueError, match=r"cross_entropy: .*\(0, 3\)"):
        F.cross_entropy(Tensor(np.zeros((0, 3))), np.zeros(0, np.int64))


# --- weights, classes that are ignored, smoothed labels -------------------------------------------


def smoothed_by_loops(
    logs: Array, classes: Array, weight: Array | None, ignored: int, smoothing: float
) -> tuple[Array, float]:
    """Losses of (N, C) logarithms of probabilities, and what their sum is divided by for the mean:
    the sum of the weights of the classes that count."""
    N, C = logs.shape
    losses, total = np.zeros(N), 0.0
    for n, right in enumerate(classes):
        if right == ignored:
            continue
        for c in range(C):
            share = (1 - smoothing) * (c == right) + smoothing / C
            losses[n] -= share * logs[n, c] * (1 if weight is None else weight[c])
        total += 1 if weight is None else weight[right]
    return losses, total


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("ignored", [-100, 2])
@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_cross_entropy_in_full(
    reduction: Any, weighted: bool, ignored: int, smoothing: float, rng: Generator
) -> None:
    x, classes = rng.standard_normal((5, 3)), np.array([0, 2, 1, ignored, 2])
    weight = np.array([0.5, 2.0, 1.5]) if weighted else None
    given = None if weight is None else Tensor(weight)
    logs = np.log(softmax_by_loops(x))
    losses, total = smoothed_by_loops(logs, classes, weight, ignored, smoothing)
    expected: Any = {"mean": losses.sum() / total, "sum": losses.sum(), "none": losses}[reduction]

    def loss(x: Tensor) -> Tensor:
        return F.cross_entropy(x, classes, given, ignored, reduction, smoothing)

    np.testing.assert_allclose(loss(Tensor(x)).data, expected, rtol=1e-12)
    assert_gradients(loss, rng, x)
    # The layer is the function.
    layer = nn.CrossEntropyLoss(weight, ignored, reduction, smoothing)
    np.testing.assert_array_equal(layer(Tensor(x), classes).data, loss(Tensor(x)).data)
    if not smoothing:
        nll = nn.NLLLoss(weight, ignored, reduction)(Tensor(logs), classes)
        np.testing.assert_allclose(nll.data, expected, rtol=1e-12)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_images_is_that_of_their_pixels(smoothing: float, rng: Generator) -> None:
    x, classes = rng.standard_normal((2, 3, 4, 5)), rng.integers(0, 3, (2, 4, 5))
    weight = Tensor(rng.random(3))
    pixels = x.transpose(0, 2, 3, 1).reshape(-1, 3)
    for reduction in ("none", "sum", "mean"):
        options: Any = {"reduction": reduction, "label_smoothing": smoothing}
        y = F.cross_entropy(Tensor(x), classes, weight, **options).data
        expected = F.cross_entropy(Tensor(pixels), classes.ravel(), weight, **options).data
        np.testing.assert_allclose(y, expected.reshape(y.shape), rtol=1e-12)
    assert F.cross_entropy(Tensor(x), classes, reduction="none").shape == (2, 4, 5)


def test_where_all_are_ignored_there_is_no_mean(rng: Generator) -> None:
    x = Tensor(rng.standard_normal((2, 3)), requires_grad=True)
    with pytest.raises(ValueError, match=r"cross_entropy: of scores \(2, 3\) no target counts"):
        F.cross_entropy(x, [-100, -100])
    F.cross_entropy(x, [-100, -100], reduction="sum").backward()
    assert x.grad is not None
    assert not x.grad.data.any()


# --- losses between numbers ----------------------------------------------------------------------

# The function, and its formula for one error.
REGRESSION: dict[str, tuple[Callable[..., Tensor], nn.Module, Callable[[float], float]]] = {
    "mse": (F.mse_loss, nn.MSELoss("none"), lambda e: e * e),
    "l1": (F.l1_loss, nn.L1Loss("none"), abs),
    "huber": (
        F.huber_loss,
        nn.HuberLoss("none"),
        lambda e: e * e / 2 if abs(e) < 1 else abs(e) - 0.5,
    ),
    "huber-2": (
        partial(F.huber_loss, delta=2.0),
        nn.HuberLoss("none", 2.0),
        lambda e: e * e / 2 if abs(e) < 2 else 2 * (abs(e) - 1),
    ),
    "smooth": (
        F.smooth_l1_loss,
        nn.SmoothL1Loss("none"),
        lambda e: e * e / 2 if abs(e) < 1 else abs(e) - 0.5,
    ),
    "smooth-0.5": (
        partial(F.smooth_l1_loss, beta=0.5),
        nn.SmoothL1Loss("none", 0.5),
        lambda e: e * e if abs(e) < 0.5 else abs(e) - 0.25,
    ),
    "smooth-0": (partial(F.smooth_l1_loss, beta=0), nn.SmoothL1Loss("none", 0.0), abs),
}


@pytest.mark.parametrize("name", REGRESSION)
def test_losses_between_numbers(name: str, rng: Generator) -> None:
    f, layer, formula = REGRESSION[name]
    target = rng.standard_normal((4, 5))
    x = target + distinct(rng, 4, 5) - 2.375  # no error within a step of 0, 0.5, 1 or 2
    losses = np.vectorize(formula)(x - target)
    expected = {"none": losses, "sum": losses.sum(), "mean": losses.sum() / 20}
    for reduction, value in expected.items():
        y = f(Tensor(x), Tensor(target), reduction)
        np.testing.assert_allclose(y.data, value, rtol=1e-12)
        assert_gradients(lambda x, t, r=reduction: f(x, t, r), rng, x, target)
    np.testing.assert_array_equal(layer(Tensor(x), target).data, f(Tensor(x), target, "none").data)


@pytest.mark.parametrize("name", REGRESSION)
def test_targets_do_not_decide_the_dtype(name: str) -> None:
    f, layer, _ = REGRESSION[name]
    x = Tensor(np.array([1.0, 2.0], np.float32), requires_grad=True)
    for target in ([0, 1], np.array([0.5, 1.5]), Tensor([0.5, 1.5])):
        assert layer(x, target).dtype == np.float32
        assert f(x, target).dtype == np.float32


@pytest.mark.parametrize("f", [F.huber_loss, F.smooth_l1_loss])
def test_an_outlier_is_not_squared(f: Callable[..., Tensor]) -> None:
    x = Tensor(np.array([1e30, -np.inf], np.float32), requires_grad=True)
    y = f(x, np.zeros(2), "none")
    np.testing.assert_array_equal(y.data, np.array([1e30, np.inf], np.float32))
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, [1, -1])


def test_l1_loss_has_slope_0_where_it_is_0() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    F.l1_loss(x, [1.0, 3.0], "sum").backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, [0, -1])


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("weights", [None, (2,), (3, 2), (3, 1)], ids=str)
@pytest.mark.parametrize("positive", [None, (2,)], ids=str)
def test_binary_cross_entropy(reduction: Any, weights: Any, positive: Any, rng: Generator) -> None:
    x, target = rng.standard_normal((3, 2)), rng.random((3, 2))
    weight = None if weights is None else rng.random(weights)
    q = None if positive is None else 2 * rng.random(positive)
    probability = 1 / (1 + np.exp(-x))
    losses = -(
        (1 if q is None else q) * target * np.log(probability)
        + (1 - target) * np.log(1 - probability)
    ) * (1 if weight is None else weight)
    expected = {"mean": losses.mean(), "sum": losses.sum(), "none": losses}[reduction]
    layer = nn.BCEWithLogitsLoss(weight, reduction, q)

    np.testing.assert_allclose(layer(Tensor(x), target).data, expected, rtol=1e-12)
    assert_gradients(layer, rng, x, target)


def test_binary_cross_entropy_stays_finite() -> None:
    x = Tensor(np.array([1e4, -1e4, 1e4, -1e4], np.float32), requires_grad=True)
    y = F.binary_cross_entropy_with_logits(x, [1, 0, 0, 1], reduction="none")
    np.testing.assert_array_equal(y.data, np.array([0, 0, 1e4, 1e4], np.float32))
    y.sum().backward()
    assert x.grad is not None
    np.testing.assert_array_equal(x.grad.data, [0, 0, 1, -1])


def test_weights_of_losses_are_buffers() -> None:
    loss = nn.CrossEntropyLoss(np.ones(3)).to(np.float32)
    assert {name: array.dtype for name, array in loss.state_dict().items()} == {
        "weight": np.dtype(np.float32)
    }
    both = nn.BCEWithLogitsLoss([1.0], pos_weight=[2.0]).state_dict()
    assert list(both) == ["weight", "pos_weight"]
    assert nn.NLLLoss().state_dict() == {}

"""Options that are tensors: differentiated where that means something, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import nn.functional as F
from autograd import Tensor

X = np.array([-1.5, -0.2, 0.3, 2.0])
OPTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "softplus": F.softplus,
    "huber_loss": lambda x, t: F.huber_loss(x, np.zeros(4), "sum", t),
    "smooth_l1_loss": lambda x, t: F.smooth_l1_loss(x, np.zeros(4), "sum", t),
    "LeakyReLU": lambda x, t: nn.LeakyReLU(t)(x),
    "ELU": lambda x, t: nn.ELU(t)(x),
    "Softplus": lambda x, t: nn.Softplus(t)(x),
    "HuberLoss": lambda x, t: nn.HuberLoss("sum", t)(x, np.zeros(4)),
    "SmoothL1Loss": lambda x, t: nn.SmoothL1Loss("sum", t)(x, np.zeros(4)),
    "CrossEntropyLoss": lambda x, t: nn.CrossEntropyLoss(label_smoothing=t)(x.reshape(1, 4), [2]),
    "layer_norm": lambda x, t: F.layer_norm(x, 4, eps=t),
}


@pytest.mark.parametrize("f", OPTIONS.values(), ids=OPTIONS)
def test_an_option_that_is_a_tensor_has_its_gradient(f: Callable[[Any, Any], Any]) -> None:
    value, step = 0.7, 1e-6
    x, t = Tensor(X, requires_grad=True), Tensor(value, requires_grad=True)
    f(x, t).sum().backward()
    ends = [f(Tensor(X), value + s).sum().item() for s in (step, -step)]
    assert t.grad is not None
    assert t.grad.item() == pytest.approx((ends[0] - ends[1]) / (2 * step), rel=1e-7)
    assert x.grad is not None


@pytest.mark.parametrize("f", OPTIONS.values(), ids=OPTIONS)
def test_an_option_does_not_widen(f: Callable[[Any, Any], Any]) -> None:
    x = Tensor(X.astype(np.float32), requires_grad=True)
    wanted = f(x, 0.7)
    for t in (Tensor(0.7, requires_grad=True), Tensor(0.7), np.float64(0.7), np.array(0.7)):
        if f is OPTIONS["layer_norm"] and isinstance(t, np.ndarray | Tensor):
            continue  # var + eps takes the dtype that NumPy gives it
        result = f(x, t)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result.data, wanted.data, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, t: F.dropout(x, t), "dropout: p "),
        (lambda x, t: nn.Dropout(t)(x), "p "),
        (lambda x, t: F.softplus(x, 1.0, t), "softplus: threshold "),
        (lambda x, t: F.batch_norm(x, None, None, momentum=t), "batch_norm: momentum "),
        (lambda x, t: nn.BatchNorm1d(4, momentum=t)(x), "batch_norm: momentum "),
        (lambda x, t: F.leaky_relu(x, "a"), "leaky_relu: negative_slope='a' given"),
        (lambda x, t: F.huber_loss(x, x, "sum", None), "huber_loss: delta=None given"),
    ],
)
def test_an_option_without_a_gradient_is_refused_by_name(call: Any, words: str) -> None:
    x, t = Tensor(np.ones((3, 4)), requires_grad=True), Tensor(0.5, requires_grad=True)
    with pytest.raises(TypeError, match=words):
        call(x, t)


@pytest.mark.parametrize("loss", [nn.CrossEntropyLoss, nn.NLLLoss, nn.BCEWithLogitsLoss])
def test_weights_of_losses_are_buffers_and_so_without_gradient(loss: Any) -> None:
    w = Tensor([1.0, 2.0], requires_grad=True)
    for weight in (w, w * 2, [w[0], w[1]]):
        with pytest.raises(ValueError, match=r"Buffer: .* detach\(\)"):
            loss(weight)
    assert not loss(w.detach()).weight.requires_grad


def test_weights_given_to_functions_have_a_gradient() -> None:
    x, w = Tensor(X.reshape(2, 2), requires_grad=True), Tensor([1.0, 2.0], requires_grad=True)
    for weight in (w, [w[0], w[1]], (w[0], w[1])):
        w.grad = None
        F.cross_entropy(x, [0, 1], weight, reduction="sum").backward()
        logs = X.reshape(2, 2) - np.log(np.exp(X.reshape(2, 2)).sum(1, keepdims=True))
        assert w.grad is not None
        np.testing.assert_allclose(w.grad.data, -np.diag(logs), rtol=1e-12)

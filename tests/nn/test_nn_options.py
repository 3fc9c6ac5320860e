"""Options that are tensors: differentiated where that means something, or refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import nn
import nn.functional as F
from autograd import Tensor, no_grad

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
        result = f(x, t)
        assert result.dtype == np.float32
        np.testing.assert_allclose(result.data, wanted.data, rtol=1e-6)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, t: F.dropout(x, t), "dropout: the option 'p'"),
        (lambda x, t: nn.Dropout(t), "Dropout: the option 'p'"),
        (lambda x, t: F.softplus(x, 1.0, t), "softplus: the option 'threshold'"),
        (
            lambda x, t: F.batch_norm(x, None, None, momentum=t),
            "batch_norm: the option 'momentum'",
        ),
        (
            lambda x, t: nn.BatchNorm1d(4, momentum=t),
            "BatchNorm1d: the option 'momentum'",
        ),
        (
            lambda x, t: nn.BatchNorm2d(4, momentum=t),
            "BatchNorm2d: the option 'momentum'",
        ),
        (lambda x, t: nn.Softplus(1.0, t), "Softplus: the option 'threshold'"),
        (
            lambda x, t: nn.utils.clip_grad_norm_([x], t),
            "clip_grad_norm_: the option 'max_norm'",
        ),
        (
            lambda x, t: nn.utils.clip_grad_norm_([x], 1, t),
            "clip_grad_norm_: the option 'norm_type'",
        ),
        (
            lambda x, t: nn.utils.clip_grad_value_([x], t),
            "clip_grad_value_: the option 'clip_value'",
        ),
        (lambda x, t: nn.optim.SGD([x], lr=t), "SGD: the option 'lr'"),
        (lambda x, t: nn.optim.SGD([x], momentum=t * 1), "SGD: the option 'momentum'"),
        (lambda x, t: nn.optim.Adam([x], betas=(t, 0.9)), "Adam: the option 'betas'"),
        (lambda x, t: nn.optim.AdamW([x], eps=t), "AdamW: the option 'eps'"),
        (
            lambda x, t: nn.optim.RMSprop([{"params": [x], "alpha": t}]),
            "RMSprop: the option 'alpha'",
        ),
        (lambda x, t: setattr(nn.optim.SGD([x]), "lr", t), "SGD: the option 'lr'"),
        (
            lambda x, t: nn.optim.SGD([x]).add_param_group({"params": [nn.Parameter(X)], "lr": t}),
            "SGD: the option 'lr'",
        ),
        (
            lambda x, t: nn.schedule.StepLR(nn.optim.SGD([x]), 3, t),
            "StepLR: the option 'gamma'",
        ),
        (
            lambda x, t: nn.schedule.CosineAnnealingLR(nn.optim.SGD([x]), 3, t),
            "CosineAnnealingLR: the option 'eta_min'",
        ),
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


INTEGERS: dict[str, Callable[[Any], Any]] = {
    "leaky_relu": lambda x: F.leaky_relu(x, 0.3),
    "elu": lambda x: F.elu(x, 0.3),
    "gelu": F.gelu,
    "sigmoid": F.sigmoid,
    "silu": F.silu,
    "tanh": F.tanh,
    "softplus": F.softplus,
    "softmax": F.softmax,
    "log_softmax": F.log_softmax,
    "cross_entropy": lambda x: F.cross_entropy(x.reshape(1, 3), [1], label_smoothing=0.1),
    "nll_loss": lambda x: F.nll_loss(x.reshape(1, 3), [1]),
    "bce": lambda x: F.binary_cross_entropy_with_logits(x, [0.5, 0.0, 1.0]),
    "mse_loss": lambda x: F.mse_loss(x, [0.5, 7, 300]),
    "l1_loss": lambda x: F.l1_loss(x, [0.5, 7, 300]),
    "huber_loss": lambda x: F.huber_loss(x, [0.5, 7, 300]),
    "smooth_l1_loss": lambda x: F.smooth_l1_loss(x, [0.5, 7, 300]),
    "layer_norm": lambda x: F.layer_norm(x, 3),
    "batch_norm": lambda x: F.batch_norm(x.reshape(3, 1), None, None, training=True),
    "avg_pool1d": lambda x: F.avg_pool1d(x.reshape(1, 1, 3), 2),
}


@pytest.mark.parametrize("f", INTEGERS.values(), ids=INTEGERS)
@pytest.mark.parametrize("x", [np.array([0, 200, 255], "u1"), np.array([-128, 127, 1], "i1")])
def test_integers_are_taken_as_floats(f: Callable[[Any], Any], x: Any) -> None:
    result = f(Tensor(x))
    assert result.dtype == np.float64
    np.testing.assert_array_equal(result.data, f(Tensor(x.astype(float))).data)


@pytest.mark.parametrize("dtype", ["?", "i1", "u1", "i8"])
@pytest.mark.parametrize("f", [f for n, f in OPTIONS.items() if n != "layer_norm"])
def test_an_option_keeps_its_numbers_beside_integers(f: Any, dtype: str) -> None:
    x = np.array([0, 1, 1, 3], dtype)
    t, same = (Tensor(0.7, requires_grad=True) for _ in range(2))
    result, expected = f(Tensor(x), t).sum(), f(Tensor(x.astype(float)), same).sum()
    for y in (result, expected):
        y.backward()
    assert result.dtype == np.float64 and t.grad is not None and same.grad is not None
    assert (result.item(), t.grad.item()) == (expected.item(), same.grad.item())


def test_a_target_keeps_its_numbers_beside_integers() -> None:
    x, half = Tensor(np.array([0, 1, 2])), np.full(3, 0.5)
    assert F.mse_loss(x, half).item() == pytest.approx(2.75 / 3)
    assert F.l1_loss(x, half).item() == pytest.approx(2.5 / 3)
    target = Tensor(half, requires_grad=True)
    F.mse_loss(x, target, "sum").backward()
    F.binary_cross_entropy_with_logits(x, target, reduction="sum").backward()
    assert target.grad is not None  # 2 (t - x), and -x
    np.testing.assert_allclose(target.grad.data, [1, -1 - 1, -3 - 2], rtol=1e-14)


PER_ELEMENT = {
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "softplus": F.softplus,
    "huber_loss": lambda x, t: F.huber_loss(x, np.zeros(4), "none", t),
    "smooth_l1_loss": lambda x, t: F.smooth_l1_loss(x, np.zeros(4), "none", t),
}


@pytest.mark.parametrize("f", PER_ELEMENT.values(), ids=PER_ELEMENT)
def test_options_broadcast_whether_or_not_they_want_a_gradient(f: Any) -> None:
    values = np.array([0.1, 0.7, 1.5, 3.0])
    wanted = [f(Tensor(X), v).data[i] for i, v in enumerate(values)]
    for t in (Tensor(values), Tensor(values, requires_grad=True), values):
        np.testing.assert_allclose(f(Tensor(X), t).data, wanted, rtol=1e-14)
        np.testing.assert_allclose(f(Tensor(X, requires_grad=True), t).data, wanted, rtol=1e-14)
        with no_grad():
            np.testing.assert_allclose(f(Tensor(X), t * 1).data, wanted, rtol=1e-14)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda x, t: F.leaky_relu(x, t), r"leaky_relu: negative_slope of shape \(2,\) given"),
        (lambda x, t: F.elu(x, t.reshape(2, 1, 1)), r"elu: alpha of shape \(2, 1, 1\) given"),
        (lambda x, t: F.softplus(x, t), r"softplus: beta of shape \(2,\) given"),
        (lambda x, t: F.softplus(x, 1, t.detach()), r"softplus: threshold of shape .* one number"),
        (lambda x, t: F.huber_loss(x, x, delta=t.data), r"huber_loss: delta of shape"),
        (lambda x, t: F.huber_loss(x, x, delta=t[0] - 1), r"huber_loss: delta=.* above 0"),
        (lambda x, t: F.cross_entropy(x, [0] * 3, label_smoothing=t), r"label_smoothing of shape"),
        (lambda x, t: F.dropout(x, t.detach()), r"dropout: p of shape \(2,\) given, one number"),
    ],
)
def test_shapes_and_numbers_that_do_not_fit_are_refused_by_name(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call(Tensor(np.ones((3, 4))), Tensor([0.5, 2.0], requires_grad=True))


def test_the_limit_of_smooth_l1_loss_at_beta_zero() -> None:
    e = Tensor([2.0, 0.0, -0.5], requires_grad=True)
    for zero in (Tensor(0.0, requires_grad=True), Tensor(np.zeros(3), requires_grad=True)):
        e.grad = None
        loss = F.smooth_l1_loss(e, np.zeros(3), "sum", zero)
        loss.backward()
        assert loss.item() == 2.5 and zero.grad is not None and e.grad is not None
        assert zero.grad.data.sum() == -1  # the difference (f(1e-3) - f(0)) / 1e-3
        np.testing.assert_array_equal(e.grad.data, [1, 0, -1])
    mixed = Tensor([0.0, 1.0, 1.0], requires_grad=True)
    F.smooth_l1_loss(e, np.zeros(3), "sum", mixed).backward()
    assert mixed.grad is not None
    np.testing.assert_array_equal(mixed.grad.data, [-0.5, 0, -0.125])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_losses_up_to_an_infinite_bound_are_squares(dtype: Any) -> None:
    for delta in (np.inf, 1e300, Tensor(np.inf, requires_grad=True)):
        e = Tensor(np.array([2.0, -1.0], dtype), requires_grad=True)
        loss = F.huber_loss(e, np.zeros(2), "none", delta)
        loss.sum().backward()
        assert e.grad is not None
        np.testing.assert_array_equal(loss.data, [2, 0.5])
        np.testing.assert_array_equal(e.grad.data, [2, -1])
        flat = F.smooth_l1_loss(e, np.zeros(2), "none", delta)
        np.testing.assert_allclose(flat.data, [0, 0], atol=1e-299)
    assert isinstance(delta, Tensor) and delta.grad is not None and delta.grad.item() == 0

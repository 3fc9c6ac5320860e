"""float16: normalisations, losses and optimizers compute in float32."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import autograd as ag
import nn
import nn.functional as F
from autograd import Tensor
from nn.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop

SHAPE = (64, 8, 28, 28)
IMAGES: dict[str, Callable[[Any], Any]] = {
    "batch norm": lambda x: F.batch_norm(x, None, None, training=True),
    "layer norm": lambda x: F.layer_norm(x, SHAPE[1:]),
    "group norm": lambda x: F.group_norm(x, 2),
    "softmax": lambda x: F.softmax(x.reshape(64, -1)),
    "log_softmax": lambda x: F.log_softmax(x.reshape(8, -1)),
    "pooling": lambda x: F.avg_pool2d(x * 100, 28),
    "adaptive pooling": lambda x: F.adaptive_avg_pool2d(x * 100, 3),
}


@pytest.mark.parametrize("name", IMAGES)
def test_values_and_gradients_are_those_of_float64(name: str, rng: np.random.Generator) -> None:
    x = rng.normal(3, 20, SHAPE).astype(np.float16)
    u = rng.normal(size=IMAGES[name](Tensor(x)).shape).astype(np.float16)
    found = []
    for dtype in (np.float16, np.float64):
        out, pull = ag.vjp(IMAGES[name], Tensor(x.astype(dtype)))
        found.append((out.data, pull(Tensor(u.astype(dtype)))[0].data))
    (out, g), (expected, exact) = found
    assert out.dtype == g.dtype == np.float16
    np.testing.assert_allclose(out, expected, 2e-3, 1e-3 * np.abs(expected).max())
    np.testing.assert_allclose(g, exact, 2e-3, 1e-3 * np.abs(exact).max())


def test_a_layer_of_float16_keeps_its_dtype(rng: np.random.Generator) -> None:
    layer = nn.BatchNorm2d(8)
    for p in layer.parameters():
        p.rebind(p.data.astype(np.float16))
    y = layer(Tensor(rng.normal(3, 20, SHAPE).astype(np.float16)))
    assert y.dtype == np.float16
    assert y.data.std(dtype=float) == pytest.approx(1, rel=1e-2)
    np.testing.assert_allclose(layer.running_var.data, 0.9 + 0.1 * 400, 0.05)


N = 70_000  # more than float16 can count
LOSSES: dict[str, Callable[[Any], Any]] = {
    "mse": lambda x: F.mse_loss(200 * x, np.zeros(x.shape)),
    "l1": lambda x: F.l1_loss(x, np.zeros(x.shape)),
    "huber": lambda x: F.huber_loss(x, np.zeros(x.shape)),
    "smooth l1": lambda x: F.smooth_l1_loss(x, np.zeros(x.shape)),
    "binary": lambda x: F.binary_cross_entropy_with_logits(x, np.zeros(x.shape)),
    "classes": lambda x: F.cross_entropy(x, np.arange(N) % 2),
    "some ignored": lambda x: F.cross_entropy(x, np.arange(N) % 3, ignore_index=2),
    "smoothed": lambda x: F.cross_entropy(x, np.arange(N) % 2, label_smoothing=0.1),
    "weighted": lambda x: F.cross_entropy(
        x, np.arange(N) % 2, Tensor(np.array([2, 1], x.dtype)), reduction="mean"
    ),
    "logarithms": lambda x: F.nll_loss(x, np.arange(N) % 2),
}


@pytest.mark.parametrize("name", LOSSES)
def test_means_of_many_losses(name: str, rng: np.random.Generator) -> None:
    x = rng.uniform(0.5, 1.5, (N, 2)).astype(np.float16)
    losses = [ag.value_and_grad(LOSSES[name])(Tensor(x.astype(t))) for t in (np.float16, float)]
    (out, g), (expected, exact) = ((value.data, slope.data) for value, slope in losses)
    assert out.dtype == g.dtype == np.float16
    np.testing.assert_allclose(out, expected, 2e-3)
    np.testing.assert_allclose(g, exact, 2e-3, 6e-8)
    assert g.any()


@pytest.mark.parametrize(
    "made",
    [
        lambda p: Adam(p, 0.25),
        lambda p: Adam(p, 0.25, amsgrad=True, weight_decay=1e-4),
        lambda p: AdamW(p, 0.25),
        lambda p: RMSprop(p, 0.25, momentum=0.9, centered=True),
        lambda p: Adagrad(p, 0.25),
        lambda p: SGD(p, 0.25, momentum=0.9),
    ],
)
def test_steps_are_those_of_float32(made: Callable[[Any], Optimizer]) -> None:
    """Squares of gradients below 2e-4, and Adam's eps, are 0 in float16."""
    slopes = np.array([1e-4, -3e-5, 0.5, 0.0])
    moved = {}
    for dtype in (np.float16, np.float32):
        p = nn.Parameter(np.ones(4, dtype))
        optimizer = made([p])
        for step in range(6):
            p.grad = Tensor((slopes * (1 + step % 3)).astype(np.float16).astype(dtype))
            optimizer.step()
            if step == 2:  # goes on from what was stored
                state = optimizer.state_dict()
                optimizer = made([p])
                optimizer.load_state_dict(state)
        assert p.dtype == dtype
        kept = [v for v in optimizer.state[p].values() if isinstance(v, np.ndarray)]
        assert {v.dtype for v in kept} == {np.dtype(np.float32)}
        moved[dtype] = p.data
    np.testing.assert_allclose(moved[np.float16], moved[np.float32], 5e-3, 5e-3)
    assert np.abs(moved[np.float32][0] - 1) > 1e-5

"""MyGrad's side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mygrad
import numpy as np
from benchmarks import networks
from mygrad.nnet.activations import relu
from mygrad.nnet.layers import batchnorm, conv_nd, max_pool
from mygrad.nnet.losses import softmax_crossentropy

VERSION = mygrad.__version__


class Layers(networks.Plain):
    """The layers of `networks` as functions."""

    relu = staticmethod(relu)

    @staticmethod
    def conv(x: Any, weight: Any, bias: Any) -> Any:
        return conv_nd(x, weight, stride=1, padding=1) + bias.reshape(-1, 1, 1)

    @staticmethod
    def norm(x: Any, weight: Any, bias: Any) -> Any:
        return batchnorm(x, gamma=weight, beta=bias, eps=1e-5)

    @staticmethod
    def pool(x: Any, window: int) -> Any:
        return max_pool(x, (window, window), window)


def step(network: str, batch: int = 64) -> Callable[[], list[float]]:
    layers = networks.NETWORKS[network]()
    weights = {name: mygrad.tensor(w) for name, w in networks.parameters(layers).items()}
    velocity = {name: np.zeros_like(w.data) for name, w in weights.items()}
    images, labels = networks.data(network, batch)

    def run() -> list[float]:
        scores = networks.forward(Layers, layers, weights, images)
        loss = softmax_crossentropy(scores, labels)
        loss.backward()
        for name, weight in weights.items():
            velocity[name] = networks.MOMENTUM * velocity[name] + weight.grad
            weight.data -= networks.LEARNING_RATE * velocity[name]
        return [float(loss)]

    return run


def chain(length: int, shape: tuple[int, ...]) -> Callable[[], list[float]]:
    start, factor, term = networks.links(shape)

    def run() -> list[float]:
        x = mygrad.tensor(start)
        y = x
        for _ in range(length):
            y = y * factor + term
        loss = y.sum()
        loss.backward()
        return [float(loss), float(x.grad.sum())]

    return run


TASKS = {"step": step, "chain": chain}

"""HIPS autograd's side. It has no convolution: the windows of the images are given to it."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from benchmarks import networks

import autograd.numpy as anp
from autograd import value_and_grad

VERSION = version("autograd")


class Layers:
    """The layers of `networks` as functions; `conv` of windows (9 C, N, H, W)."""

    @staticmethod
    def conv(windows: Any, weight: Any, bias: Any) -> Any:
        flat = anp.dot(anp.reshape(weight, (len(weight), -1)), windows.reshape(len(windows), -1))
        y = anp.reshape(flat, (len(weight), *windows.shape[1:]))
        return anp.transpose(y, (1, 0, 2, 3)) + bias[:, None, None]

    @staticmethod
    def norm(x: Any, weight: Any, bias: Any) -> Any:
        centred = x - anp.mean(x, axis=(0, 2, 3), keepdims=True)
        variance = anp.mean(centred * centred, axis=(0, 2, 3), keepdims=True)
        return centred / anp.sqrt(variance + 1e-5) * weight[:, None, None] + bias[:, None, None]

    @staticmethod
    def relu(x: Any) -> Any:
        return anp.maximum(x, 0)

    @staticmethod
    def pool(x: Any, window: int) -> Any:
        n, c, height, width = x.shape
        cells = anp.reshape(x, (n, c, height // window, window, width // window, window))
        return anp.max(cells, axis=(3, 5))

    @staticmethod
    def flatten(x: Any) -> Any:
        return anp.reshape(x, (len(x), -1))

    @staticmethod
    def linear(x: Any, weight: Any, bias: Any) -> Any:
        return anp.dot(x, weight.T) + bias


def step(network: str, batch: int = 64) -> Callable[[], list[float]]:
    if network != "w1":
        raise NotImplementedError("only a first convolution can be given its windows")
    layers = networks.NETWORKS[network]()
    weights = networks.parameters(layers)
    velocity = {name: np.zeros_like(w) for name, w in weights.items()}
    images, labels = networks.data(network, batch)
    windows = _windows(images)

    def loss_of(weights: dict[str, Any]) -> Any:
        scores = networks.forward(Layers, layers, weights, windows)
        shifted = scores - anp.max(scores, axis=1, keepdims=True)
        log_sums = anp.log(anp.sum(anp.exp(shifted), axis=1))
        return anp.mean(log_sums - shifted[np.arange(batch), labels])

    gradient = value_and_grad(loss_of)

    def run() -> list[float]:
        loss, gradients = gradient(weights)
        for name, weight in weights.items():
            velocity[name] = networks.MOMENTUM * velocity[name] + gradients[name]
            weight -= networks.LEARNING_RATE * velocity[name]
        return [float(loss)]

    return run


def _windows(images: networks.Array) -> networks.Array:
    """(9 C, N, H, W): for each of nine places in a 3x3 window, what a convolution sees there."""
    padded = np.pad(images, ((0, 0), (0, 0), (1, 1), (1, 1)))
    views = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
    n, c, height, width = images.shape
    return views.transpose(1, 4, 5, 0, 2, 3).reshape(9 * c, n, height, width)


def chain(length: int, shape: tuple[int, ...]) -> Callable[[], list[float]]:
    start, factor, term = networks.links(shape)

    def linked(x: Any) -> Any:
        for _ in range(length):
            x = x * factor + term
        return anp.sum(x)

    gradient = value_and_grad(linked)

    def run() -> list[float]:
        loss, g = gradient(start)
        return [float(loss), float(np.sum(g))]

    return run


TASKS = {"step": step, "chain": chain}

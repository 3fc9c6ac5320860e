"""tinygrad's side: the whole step under its jit, on the processor (0.14 or later)."""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import version
from typing import Any

from benchmarks import networks
from tinygrad import Context, Tensor, TinyJit
from tinygrad.nn.optim import SGD

VERSION = version("tinygrad")


class Layers:
    """The layers of `networks` as functions."""

    @staticmethod
    def conv(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return x.conv2d(weight, bias, padding=1)

    @staticmethod
    def norm(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        mean = x.mean((0, 2, 3))
        centred = x - mean.reshape(1, -1, 1, 1)
        inverse = (centred.square().mean((0, 2, 3)) + 1e-5).rsqrt()
        return x.batchnorm(weight, bias, mean, inverse)

    @staticmethod
    def relu(x: Tensor) -> Tensor:
        return x.relu()

    @staticmethod
    def pool(x: Tensor, window: int) -> Tensor:
        return x.max_pool2d((window, window))

    @staticmethod
    def flatten(x: Tensor) -> Tensor:
        return x.flatten(1)

    @staticmethod
    def linear(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        return x.linear(weight.T, bias)


def step(network: str, batch: int = 64) -> Callable[[], list[float]]:
    layers = networks.NETWORKS[network]()
    initial = networks.parameters(layers)
    weights: dict[str, Any] = {name: Tensor(w).realize() for name, w in initial.items()}
    for weight in weights.values():
        weight.requires_grad = True
    optimizer = SGD(list(weights.values()), lr=networks.LEARNING_RATE, momentum=networks.MOMENTUM)
    x, y = (Tensor(array).realize() for array in networks.data(network, batch))

    @TinyJit
    def update() -> Tensor:
        optimizer.zero_grad()
        scores = networks.forward(Layers, layers, weights, x)
        loss = scores.sparse_categorical_crossentropy(y).backward()
        return loss.realize(*optimizer.schedule_step())

    def run() -> list[float]:
        with Context(TRAINING=1):  # the optimizer insists on it
            return [float(update().item())]

    return run


TASKS = {"step": step}

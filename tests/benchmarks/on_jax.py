"""JAX's side: the whole step under one jit, on the processor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from benchmarks import networks
from jax import lax

VERSION = jax.__version__


class Layers(networks.Plain):
    """The layers of `networks` as functions."""

    @staticmethod
    def conv(x: Any, weight: Any, bias: Any) -> Any:
        layout = ("NCHW", "OIHW", "NCHW")
        y = lax.conv_general_dilated(x, weight, (1, 1), "SAME", dimension_numbers=layout)
        return y + bias[:, None, None]

    @staticmethod
    def norm(x: Any, weight: Any, bias: Any) -> Any:
        mean = x.mean((0, 2, 3), keepdims=True)
        variance = x.var((0, 2, 3), keepdims=True)
        scale = weight[:, None, None] * lax.rsqrt(variance + 1e-5)
        return (x - mean) * scale + bias[:, None, None]

    @staticmethod
    def relu(x: Any) -> Any:
        return jax.nn.relu(x)

    @staticmethod
    def pool(x: Any, window: int) -> Any:
        size = (1, 1, window, window)
        return lax.reduce_window(x, -jnp.inf, lax.max, size, size, "VALID")


def step(network: str, batch: int = 64) -> Callable[[], list[float]]:
    layers = networks.NETWORKS[network]()
    weights = {name: jnp.asarray(w) for name, w in networks.parameters(layers).items()}
    state = [weights, {name: jnp.zeros_like(w) for name, w in weights.items()}]
    x, y = (jnp.asarray(array) for array in networks.data(network, batch))

    def loss_of(weights: dict[str, Any], x: Any, y: Any) -> Any:
        scores = jax.nn.log_softmax(networks.forward(Layers, layers, weights, x))
        return -jnp.take_along_axis(scores, y[:, None], 1).mean()

    @partial(jax.jit, donate_argnums=(0, 1))
    def update(
        weights: dict[str, Any], velocity: dict[str, Any], x: Any, y: Any
    ) -> tuple[Any, Any, Any]:
        loss, gradients = jax.value_and_grad(loss_of)(weights, x, y)
        velocity = {n: networks.MOMENTUM * v + gradients[n] for n, v in velocity.items()}
        weights = {n: w - networks.LEARNING_RATE * velocity[n] for n, w in weights.items()}
        return loss, weights, velocity

    compiled = update.lower(*state, x, y).compile()

    def run() -> list[float]:
        loss, *state[:] = compiled(*state, x, y)
        jax.block_until_ready(state)
        return [float(loss)]

    return run


def whole(network: str, batch: int, jitted: bool) -> Callable[[], list[float]]:
    """The same, which is one program in any case."""
    return step(network, batch)


TASKS = {"step": step, "whole": whole}

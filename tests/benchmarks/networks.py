"""The networks that are timed, their weights and their data: the same numbers for every side.

A network is a list of layers, ("conv", inputs, outputs), ("norm", channels), ("relu",), ("pool",
window), ("average", window), ("flatten",) or ("linear", inputs, outputs), so that a library with
layers can build it and one without can interpret it. Needs nothing but NumPy: the interpreters of
the peers have no more.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Layers = list[tuple[Any, ...]]

CLASSES = 10
LEARNING_RATE, MOMENTUM = 0.01, 0.9


def w1(width: int = 16) -> Layers:
    """The basic net with 3x3 filters, for images (1, 28, 28)."""
    return [*_block(1, width), ("pool", 2), ("flatten",), ("linear", width * 14 * 14, CLASSES)]


def w2() -> Layers:
    """Four convolutions and two linear layers, 468,202 parameters, for images (1, 28, 28)."""
    return [
        *_block(1, 32),
        *_block(32, 32),
        ("pool", 2),
        *_block(32, 64),
        *_block(64, 64),
        ("pool", 2),
        ("flatten",),
        ("linear", 64 * 7 * 7, 128),
        ("relu",),
        ("linear", 128, CLASSES),
    ]


def mlp() -> Layers:
    """Two small linear layers, for vectors of 8."""
    return [("linear", 8, 16), ("relu",), ("linear", 16, CLASSES)]


def stack(depth: int = 1) -> Layers:
    """`depth` equal blocks for images (16, 14, 14), and next to nothing besides."""
    blocks = [layer for _ in range(depth) for layer in _block(16, 16)]
    return [*blocks, ("average", 14), ("flatten",)]


def deep() -> Layers:
    """The deep model of mnist.models, whose convolutions have no bias."""
    layers: Layers = []
    sizes = [(1, 16), (16, 16), (16, 32), (32, 32), (32, 64)]
    for position, (inputs, outputs) in enumerate(sizes):
        layers += [("conv", inputs, outputs, False), *_block(inputs, outputs)[1:]]
        if position in (1, 3, 4):
            layers.append(("pool", 2))
    return [*layers, ("flatten",), ("linear", 64 * 3 * 3, CLASSES)]


def _block(inputs: int, outputs: int) -> Layers:
    return [("conv", inputs, outputs), ("norm", outputs), ("relu",)]


NETWORKS = {"w1": w1, "w2": w2, "mlp": mlp, "stack": stack, "deep": deep}
_IMAGES: dict[str, tuple[int, ...]] = {"stack": (16, 14, 14), "mlp": (8,)}


class Plain:
    """Layers that any library has whose arrays know reshape, T and @; the others are its own."""

    @staticmethod
    def flatten(x: Any) -> Any:
        return x.reshape(len(x), -1)

    @staticmethod
    def linear(x: Any, weight: Any, bias: Any) -> Any:
        return x @ weight.T + bias


def images_of(network: str) -> tuple[int, ...]:
    """The shape of one image that the network takes."""
    return _IMAGES.get(network, (1, 28, 28))


def build(nn: Any, layers: Layers) -> Any:
    """The network out of a library's layers, which have PyTorch's names and arguments."""
    make = {
        "conv": lambda i, o, bias=True: nn.Conv2d(i, o, 3, padding=1, bias=bias),
        "norm": nn.BatchNorm2d,
        "relu": nn.ReLU,
        "pool": nn.MaxPool2d,
        "average": nn.AvgPool2d,
        "flatten": nn.Flatten,
        "linear": nn.Linear,
    }
    return nn.Sequential(*[make[kind](*sizes) for kind, *sizes in layers])


def parameters(layers: Layers) -> dict[str, Array]:
    """Weights and biases by PyTorch's names, for a side that has no layers of its own."""
    shapes: dict[str, tuple[int, ...]] = {}
    for index, (kind, *sizes) in enumerate(layers):
        if kind in ("conv", "linear"):
            window = (3, 3) if kind == "conv" else ()
            shapes[f"{index}.weight"] = (sizes[1], sizes[0], *window)
            shapes[f"{index}.bias"] = (sizes[1],)
        elif kind == "norm":
            shapes |= {f"{index}.{name}": (sizes[0],) for name in ("weight", "bias")}
    return {name: initial(name, shape) for name, shape in shapes.items()}


def initial(name: str, shape: tuple[int, ...]) -> Array:
    """Where an entry of a state dict starts, float32: by its name alone, in whatever order."""
    if len(shape) > 1:
        rng = np.random.default_rng(zlib.crc32(name.encode()))
        bound = 1 / np.sqrt(np.prod(shape[1:]))
        return rng.uniform(-bound, bound, shape).astype(np.float32)
    ones = name.endswith(("weight", "running_var"))
    return np.full(shape, 1 if ones else 0, np.float32)


def initial_in_stack(name: str, shape: tuple[int, ...]) -> Array:
    """The same for the stack, where every block does little: filters near the identity, few ReLUs
    at 0. Otherwise 64 blocks magnify the rounding of the first until no two libraries agree."""
    start = initial(name, shape)
    if len(shape) == 4:
        start *= 0.1
        start[..., 1, 1] += np.eye(*shape[:2], dtype=np.float32)
    norm = int(name.partition(".")[0]) % 3 == 1  # of conv, norm, relu
    return start + 2 if norm and name.endswith("bias") else start


def forward(ops: Any, layers: Layers, weights: Mapping[str, Any], x: Any) -> Any:
    """Scores of x by a side's functions `ops.conv(x, weight, bias)`, `ops.pool(x, 2)` and so on."""
    for index, (kind, *sizes) in enumerate(layers):
        names = [f"{index}.weight", f"{index}.bias"]
        given = [weights[name] for name in names if name in weights]
        x = getattr(ops, kind)(x, *(given or sizes))
    return x


def data(network: str, batch: int) -> tuple[Array, Array]:
    """Images float32 (batch, C, H, W) of noise and labels int64 (batch,)."""
    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch, *images_of(network)), dtype=np.float32)
    return images, rng.integers(0, CLASSES, batch)


def links(shape: tuple[int, ...]) -> tuple[Array, Array, Array]:
    """Start, factor and term of a chain. The factor's powers neither vanish nor overflow."""
    rng = np.random.default_rng(0)
    start = np.asarray(rng.standard_normal(shape), np.float32)
    term = np.asarray(1e-3 * rng.standard_normal(shape), np.float32)
    return start, np.full(shape, 1 - 2**-18, np.float32), term

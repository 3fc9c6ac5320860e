"""The networks that are timed, their weights and their data: the same numbers for every side.

A network is a list of layers, ("conv", inputs, outputs), ("norm", channels), ("relu",), ("pool",
window), ("average", window), ("flatten",), ("dropout", p) or ("linear", inputs, outputs), so that a
library with layers can build it and one without can interpret it. A convolution may go on with
whether it has a bias, the side of its window, its stride and its groups: (True, 3, 1, 1). Needs
nothing but NumPy: the interpreters of the peers have no more.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
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


def blocks(filters: tuple[int, ...], dropout: float = 0.0) -> Layers:
    """Blocks of 3x3 filters for images (1, 28, 28), halved after the second, the fourth and the
    last: the larger models of mnist.models, whose convolutions have no bias."""
    layers: Layers = []
    for position, (inputs, outputs) in enumerate(pairwise((1, *filters)), start=1):
        layers += [("conv", inputs, outputs, False), *_block(inputs, outputs)[1:]]
        if position in (2, 4, len(filters)):
            layers.append(("pool", 2))
    layers += [("flatten",), *([("dropout", dropout)] if dropout else [])]
    return [*layers, ("linear", filters[-1] * 3 * 3, CLASSES)]


def _block(inputs: int, outputs: int) -> Layers:
    return [("conv", inputs, outputs), ("norm", outputs), ("relu",)]


@dataclass(frozen=True)
class Drawn:
    """A network drawn at random: its layers, the shape of an image, and how many are a batch."""

    layers: Layers
    images: tuple[int, int, int]
    batch: int

    def __str__(self) -> str:
        """Such as "24 of 3x32x32: 5x5/2 12 norm, 3x3 24 in 3 norm, max"."""
        told = []
        for kind, *sizes in self.layers:
            if kind == "conv":
                _, outputs, _, side, stride, groups = sizes
                by = f"/{stride}" * (stride > 1)
                told.append(f"{side}x{side}{by} {outputs}" + f" in {groups}" * (groups > 1))
            elif kind == "norm":
                told[-1] += " norm"
            elif kind in ("pool", "average"):
                told.append("max" if kind == "pool" else "mean")
        return f"{self.batch} of {'x'.join(map(str, self.images))}: {', '.join(told)}"


COUNT, SEED = 12, 20
WORK = 7e6, 1.2e9  # least and most multiply-adds of a forward pass: those of W1 and of W2


def draw() -> list[Drawn]:
    """COUNT networks whose widths, depths, windows, strides and batches are those of no other row.

    One has convolutions in groups, one depthwise ones with one of 1x1 behind each.
    """
    rng = np.random.default_rng(SEED)
    kinds = rng.permutation(["grouped", "depthwise", *["full"] * (COUNT - 2)])
    found: list[Drawn] = []
    while len(found) < COUNT:
        drawn, work = _draw(rng, kinds[len(found)])
        if WORK[0] <= work <= WORK[1]:
            found.append(drawn)
    return found


def _draw(rng: np.random.Generator, kind: str) -> tuple[Drawn, int]:
    """A network, and the multiply-adds of its forward pass."""
    channels, side = int(rng.choice([1, 3])), int(rng.integers(16, 41))
    images, batch = (channels, side, side), int(2 ** rng.uniform(4, 7))
    norm, bias, pool = (bool(rng.integers(2)) for _ in range(3))
    layers: Layers = []
    work = 0

    def convolve(outputs: int, window: int, stride: int = 1, groups: int = 1) -> None:
        nonlocal channels, side, work
        layers.append(("conv", channels, outputs, bias, window, stride, groups))
        layers.extend([("norm", outputs)] * norm + [("relu",)])
        side = (side - 1) // stride + 1
        work += batch * side * side * window * window * outputs * channels // groups
        channels = outputs

    for position in range(int(rng.integers(1, 6)) + (kind != "full")):
        outputs, window = int(rng.integers(5, 65)), int(rng.choice([1, 3, 5, 7]))
        stride = 2 if side >= 8 and rng.random() < 0.25 else 1
        if kind == "full" or position == 0:
            groups = int(rng.integers(2, 5))  # of what follows, where it is grouped
            convolve(outputs - outputs % groups if kind == "grouped" else outputs, window, stride)
        elif kind == "grouped":
            convolve(outputs - outputs % groups, window, stride, groups)
        else:
            convolve(channels, window, stride, channels)
            convolve(outputs, 1)
        if side >= 4 and rng.random() < 0.5:
            layers.append(("pool" if pool else "average", 2))
            side //= 2
    layers += [("flatten",), ("linear", channels * side * side, CLASSES)]
    return Drawn(layers, images, batch), work


DRAWN = {f"drawn-{number}": drawn for number, drawn in enumerate(draw(), start=1)}
NETWORKS: dict[str, Callable[..., Layers]] = {
    "w1": w1,
    "w2": w2,
    "mlp": mlp,
    "stack": stack,
    # The models of mnist.models by their names.
    "deep": partial(blocks, (16, 16, 32, 32, 64)),
    "small": partial(blocks, (12, 12, 24, 24, 32)),
    "best": partial(blocks, (24, 24, 48, 48, 72), 0.1),
    **{name: partial(list, drawn.layers) for name, drawn in DRAWN.items()},
}
_IMAGES: dict[str, tuple[int, ...]] = {
    "stack": (16, 14, 14),
    "mlp": (8,),
    **{name: drawn.images for name, drawn in DRAWN.items()},
}


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

    def conv(
        inputs: int,
        outputs: int,
        bias: bool = True,
        side: int = 3,
        stride: int = 1,
        groups: int = 1,
    ) -> Any:
        around = {"padding": side // 2, "stride": stride, "groups": groups}
        return nn.Conv2d(inputs, outputs, side, bias=bias, **around)

    make = {
        "conv": conv,
        "norm": nn.BatchNorm2d,
        "relu": nn.ReLU,
        "pool": nn.MaxPool2d,
        "average": nn.AvgPool2d,
        "flatten": nn.Flatten,
        "dropout": nn.Dropout,
        "linear": nn.Linear,
    }
    return nn.Sequential(*[make[kind](*sizes) for kind, *sizes in layers])


def parameters(layers: Layers) -> dict[str, Array]:
    """Weights and biases by PyTorch's names, for a side that has no layers of its own.

    Raises ValueError for convolutions other than those of `forward`: 3x3, with a bias.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for index, (kind, *sizes) in enumerate(layers):
        if kind == "conv" and len(sizes) > 2:
            raise ValueError(
                f"layer {index}: a convolution {sizes} given, (inputs, outputs) expected"
            )
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

"""The networks, each readable at a glance as a list. All take (N, 1, 28, 28) and give 10 scores;
the softmax is in the loss, where it is stable, and in `nn.Softmax` for probabilities."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.engine.tensor import Array
from nn import (
    BatchNorm2d,
    Conv2d,
    Dropout,
    Flatten,
    Linear,
    MaxPool2d,
    Module,
    ModuleList,
    ReLU,
    Sequential,
)
from nn import functional as F

Generator = np.random.Generator


def basic(rng: Generator | None = None) -> Sequential:
    """One convolution, 31,802 parameters. Its bias would be taken away by the normalisation."""
    return Sequential(
        Conv2d(1, 16, 5, padding=2, bias=False, rng=rng),
        BatchNorm2d(16),
        ReLU(),
        MaxPool2d(2),
        Flatten(),
        Linear(16 * 14 * 14, 10, rng=rng),
    )


def deep(rng: Generator | None = None) -> Sequential:
    """Five blocks of 3x3 filters, 40,794 parameters."""
    return _blocks((16, 16, 32, 32, 64), rng)


def small(rng: Generator | None = None) -> Sequential:
    """The same shape with fewer filters, 19,190 parameters."""
    return _blocks((12, 12, 24, 24, 32), rng)


def best(rng: Generator | None = None) -> Sequential:
    """The same shape with more filters, 74,530 parameters, a tenth of the features left out at
    random in training."""
    return _blocks((24, 24, 48, 48, 72), rng, dropout=0.1)


def _blocks(filters: tuple[int, ...], rng: Generator | None, dropout: float = 0.0) -> Sequential:
    """Blocks of 3x3 filters, the image halved after the second, the fourth and the last."""
    layers: list[Module] = []
    for position, (inputs, outputs) in enumerate(pairwise((1, *filters)), start=1):
        layers += [
            Conv2d(inputs, outputs, 3, padding=1, bias=False, rng=rng),
            BatchNorm2d(outputs),
            ReLU(),
        ]
        if position in (2, 4, len(filters)):
            layers.append(MaxPool2d(2))
    layers.append(Flatten())
    if dropout:
        layers.append(Dropout(dropout))
    return Sequential(*layers, Linear(filters[-1] * 3 * 3, 10, rng=rng))


class Vote(Module):
    """Several networks as one: its scores are the logarithm of the mean of their probabilities."""

    def __init__(self, members: Iterable[Module]) -> None:
        self.members = ModuleList(members)

    def forward(self, x: Tensor) -> Tensor:
        """x (N, 1, 28, 28) -> (N, 10)."""
        each = ag.stack([F.log_softmax(member(x), dim=1) for member in self.members])
        return ag.logsumexp(each, axis=0) - math.log(len(self.members))


def unsound(state: Mapping[str, Array]) -> str | None:
    """The first array of a network that no training leaves so: one with a NaN, an infinity or a
    negative variance."""
    wrong = (
        name
        for name, value in state.items()
        if not np.isfinite(value).all()
        or (name.rpartition(".")[2] == "running_var" and (value < 0).any())
    )
    return next(wrong, None)


MODELS: dict[str, Callable[[Generator | None], Sequential]] = {
    "basic": basic,
    "deep": deep,
    "small": small,
    "best": best,
}

# The peak of the one-cycle schedule that suits each model at batch size 64.
PEAK_LR = {"basic": 0.05, "deep": 0.1, "small": 0.1, "best": 0.1}

"""The networks, each readable at a glance as a list. All take (N, 1, 28, 28) and give 10 scores;
the softmax is in the loss, where it is stable, and in `nn.Softmax` for probabilities."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nn import BatchNorm2d, Conv2d, Flatten, Linear, MaxPool2d, Module, ReLU, Sequential

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
    """Five such blocks of 3x3 filters, the image halved after the second, fourth and fifth."""
    return Sequential(
        *_block(1, 16, rng),
        *_block(16, 16, rng),
        MaxPool2d(2),
        *_block(16, 32, rng),
        *_block(32, 32, rng),
        MaxPool2d(2),
        *_block(32, 64, rng),
        MaxPool2d(2),
        Flatten(),
        Linear(64 * 3 * 3, 10, rng=rng),
    )


def _block(inputs: int, outputs: int, rng: Generator | None) -> list[Module]:
    return [
        Conv2d(inputs, outputs, 3, padding=1, bias=False, rng=rng),
        BatchNorm2d(outputs),
        ReLU(),
    ]


MODELS: dict[str, Callable[[Generator | None], Sequential]] = {"basic": basic, "deep": deep}

# The peak of the one-cycle schedule that suits each model at batch size 64.
PEAK_LR = {"basic": 0.05, "deep": 0.1}

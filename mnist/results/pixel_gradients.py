"""Which pixels a guess hangs on: the gradient of its score, by the engine."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor
from nn import Module


def saliency(
    model: Module, images: NDArray[np.uint8], *, mean: float, std: float
) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """Gradients of the highest score by the pixels, and the digit that has that score.

    After Simonyan, Vedaldi, Zisserman 2013, "Deep Inside Convolutional Networks", section 3, but
    with the sign kept.

    Args:
        model: a network in evaluation mode.
        images: (N, 28, 28), 0 black to 255 white.
        mean, std: of the pixels, scaled to [0, 1], that the network was trained on.

    Returns:
        float32 (N, 28, 28): by how much the score rises when a pixel goes from black (0) to
        white (1), if it rose evenly; and the guesses (N,). The parameters' `.grad` stay as they
        are.
    """
    guesses = np.empty(0, np.intp)

    def highest(pixels: Tensor) -> Tensor:
        nonlocal guesses
        scores: Tensor = model((pixels - mean) / std)
        guesses = scores.data.argmax(axis=1)
        return scores[np.arange(len(guesses)), guesses].sum()

    pixels = images[:, None].astype(np.float32) / np.float32(255)
    gradient = ag.grad(highest)(Tensor(pixels))
    return gradient.data[:, 0], guesses

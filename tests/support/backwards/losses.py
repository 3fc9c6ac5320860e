"""Losses that return their gradients too."""

import numpy as np

MISTAKES = [
    ("dx[np.arange(N), y] -= num_positive", "dx[np.arange(N), y] -= 1"),
    ("dx /= N", "dx /= N * N"),
]
# Judged when it is whole.
LINES = {0: "dx /= N"}


def svm_loss(x, y):
    N = x.shape[0]
    correct = x[np.arange(N), y]
    margins = np.maximum(0, x - correct[:, np.newaxis] + 1.0)
    margins[np.arange(N), y] = 0
    loss = np.sum(margins) / N
    num_positive = np.sum(margins > 0, axis=1)
    dx = np.zeros_like(x)
    dx[margins > 0] = 1
    dx[np.arange(N), y] -= num_positive
    dx /= N
    return loss, dx


def case(rng):
    return svm_loss, None, rng.standard_normal((5, 4)), rng.integers(0, 4, 5)

"""Maxima of windows that overlap, in loops."""

import numpy as np

MISTAKES = [
    (
        "dx[n, c, i : i + size, j : j + size] += mask * dout[n, c, i, j]",
        "dx[n, c, i : i + size, j : j + size] = mask * dout[n, c, i, j]",
    ),
    ("mask = window == np.max(window)", "mask = window == np.min(window)"),
]
LINES = {1: "dx[n, c, i : i + size, j : j + size] += mask * dout[n, c, i, j]"}


def max_pool_forward(x, size):
    N, C, H, W = x.shape
    out = np.zeros((N, C, H - size + 1, W - size + 1))
    for i in range(H - size + 1):
        for j in range(W - size + 1):
            out[:, :, i, j] = np.max(x[:, :, i : i + size, j : j + size], axis=(2, 3))
    return out, (x, size)


def max_pool_backward(dout, cache):
    x, size = cache
    dx = np.zeros(x.shape)
    N, C, rows, columns = dout.shape
    for n in range(N):
        for c in range(C):
            for i in range(rows):
                for j in range(columns):
                    window = x[n, c, i : i + size, j : j + size]
                    mask = window == np.max(window)
                    dx[n, c, i : i + size, j : j + size] += mask * dout[n, c, i, j]
    return dx


def case(rng):
    return max_pool_forward, max_pool_backward, rng.standard_normal((2, 2, 4, 4)), 2

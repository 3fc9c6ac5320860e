"""Max pooling in loops, with a stride and parameters in a dict."""

import numpy as np

MISTAKES = [
    (
        "dx[n, c, top : top + ph, left : left + pw] += mask * dout[n, c, i, j]",
        "dx[n, c, i : i + ph, j : j + pw] += mask * dout[n, c, i, j]",
    ),
    (
        "dx[n, c, top : top + ph, left : left + pw] += mask * dout[n, c, i, j]",
        "dx[n, c, top : top + ph, left : left + pw] += dout[n, c, i, j]",
    ),
]


def max_pool_forward_naive(x, pool_param):
    N, C, H, W = x.shape
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    H_out, W_out = 1 + (H - ph) // s, 1 + (W - pw) // s
    out = np.zeros((N, C, H_out, W_out))
    for n in range(N):
        for i in range(H_out):
            for j in range(W_out):
                window = x[n, :, i * s : i * s + ph, j * s : j * s + pw]
                out[n, :, i, j] = window.reshape(C, -1).max(axis=1)
    cache = (x, pool_param)
    return out, cache


def max_pool_backward_naive(dout, cache):
    x, pool_param = cache
    ph, pw, s = pool_param["pool_height"], pool_param["pool_width"], pool_param["stride"]
    N, C, H_out, W_out = dout.shape
    dx = np.zeros_like(x)
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    top, left = i * s, j * s
                    window = x[n, c, top : top + ph, left : left + pw]
                    mask = window == window.max()
                    dx[n, c, top : top + ph, left : left + pw] += mask * dout[n, c, i, j]
    return dx


def case(rng):
    param = {"pool_height": 2, "pool_width": 2, "stride": 2}
    return max_pool_forward_naive, max_pool_backward_naive, rng.standard_normal((2, 3, 4, 4)), param

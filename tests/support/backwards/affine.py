"""A layer of weights as two functions with a cache."""

import numpy as np

MISTAKES = [
    ("dw = x.reshape(N, -1).T.dot(dout)", "dw = x.reshape(N, -1).T.dot(dout) / N"),
    ("dx = dout.dot(w.T).reshape(x.shape)", "dx = dout.dot(w.T).reshape(x.shape) * 2"),
    ("db = np.sum(dout, axis=0)", "db = np.mean(dout, axis=0)"),
]


def affine_forward(x, w, b):
    N = x.shape[0]
    out = x.reshape(N, -1).dot(w) + b
    cache = (x, w, b)
    return out, cache


def affine_backward(dout, cache):
    x, w, b = cache
    N = x.shape[0]
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(N, -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def case(rng):
    return (
        affine_forward,
        affine_backward,
        rng.standard_normal((4, 2, 3)),
        rng.standard_normal((6, 5)),
        rng.standard_normal(5),
    )

"""A normalisation layer for L2 and L1, the L1 case derived from the L2 one.
In the L1 backward the squared data stand where the sign of the data belongs."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/happynear/caffe-windows/issues/205; NormalizeLayer L1 backward; 2017"
KIND = "norm"
FIRST = "x"
CAUSE = "the derivative of |x| is sign(x): the squares of x are in its place"
WORDS = [["sign", "abs", "square"]]


def forward(rng):
    s = Tensor(rng.standard_normal((5, 3)))
    W = Tensor(rng.standard_normal((3, 4)), requires_grad=True)
    target = Tensor(rng.dirichlet(np.ones(4), 5))
    x = s @ W
    norm = ag.abs(x).sum(axis=1, keepdims=True)
    y = x / norm
    return {
        "s": s,
        "W": W,
        "target": target,
        "x": x,
        "norm": norm,
        "y": y,
        "loss": ((y - target) ** 2).sum(),
    }


def _back(t, of_data):
    y, norm = t["y"].data, t["norm"].data
    dy = 2 * (y - t["target"].data)
    dx = np.zeros_like(dy)
    for n in range(5):
        a = y[n] @ dy[n]
        dx[n] = (dy[n] - a * of_data(t["x"].data[n])) / norm[n]
    return {"y": dy, "x": dx, "W": t["s"].data.T @ dx}


def gradients(t):
    return _back(t, np.square)


def right(t):
    return _back(t, np.sign)

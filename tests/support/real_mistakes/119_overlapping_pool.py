"""Max pooling by loops, windows 3 x 3 with stride 1, which overlap (CS231n, assignment 2).
The backward assigns to the position of the maximum: a later window overwrites an earlier one."""

import numpy as np

from autograd import Tensor
from nn import functional as F

SOURCE = "https://github.com/0809zheng/CS231n-assignment2019/issues/19; CS231n-assignment2019 answer wrong; 2020"
KIND = "pooling"
FIRST = "x"
CAUSE = "= in place of +=: a pixel that is the maximum of several windows gets the gradient of the last alone"
WORDS = [["overwrit", "accumulat", "several", "last", "overlap", "window", "+="]]


def forward(rng):
    x = Tensor(rng.standard_normal((3, 2, 5, 6)), requires_grad=True)
    target = Tensor(rng.standard_normal((3, 2, 3, 4)))
    out = F.max_pool2d(x, 3, stride=1)
    return {"x": x, "target": target, "out": out, "loss": ((out - target) ** 2).mean()}


def _back(t, add):
    x, stride = t["x"].data, 1
    dout = 2 * (t["out"].data - t["target"].data) / t["out"].size
    dx = np.zeros_like(x)
    N, C, H_out, W_out = dout.shape
    for n in range(N):
        for c in range(C):
            for i in range(H_out):
                for j in range(W_out):
                    window = x[n, c, i * stride : i * stride + 3, j * stride : j * stride + 3]
                    row, col = np.unravel_index(window.argmax(), window.shape)
                    if add:
                        dx[n, c, i * stride + row, j * stride + col] += dout[n, c, i, j]
                    else:
                        dx[n, c, i * stride + row, j * stride + col] = dout[n, c, i, j]
    return {"out": dout, "x": dx}


def gradients(t):
    return _back(t, add=False)


def right(t):
    return _back(t, add=True)

"""Average pooling with ceil_mode: the last window hangs over the edge and holds fewer elements.
The forward divides by what is in the window, the backward by the kernel size everywhere."""

import numpy as np

import autograd as ag
from autograd import Tensor
from nn import functional as F

SOURCE = (
    "https://github.com/tracel-ai/burn/issues/5604; burn-flex: avg_pool2d_backward divisor "
    "disagrees with forward in ceil_mode with count_include_pad; 2026"
)
KIND = "pooling"
FIRST = "x"
CAUSE = (
    "the last window holds one element and its gradient must be divided by 1, not by the kernel's 2"
)
WORDS = [["divi", "window", "edge", "last", "1/2", "2 times", "0.5"]]


def forward(rng):
    s = Tensor(rng.standard_normal((3, 2, 5)))
    w = Tensor(rng.standard_normal((2, 1)), requires_grad=True)
    x = ag.tanh(s * w)
    out = F.avg_pool1d(x, 2, stride=2, ceil_mode=True)
    target = Tensor(rng.standard_normal((3, 2, 3)))
    return {
        "s": s,
        "w": w,
        "x": x,
        "out": out,
        "target": target,
        "loss": ((out - target) ** 2).sum(),
    }


def _back(t, clipped):
    x, dout = t["x"].data, 2 * (t["out"].data - t["target"].data)
    dx = np.zeros_like(x)
    for j in range(3):
        start, end = 2 * j, min(2 * j + 2, x.shape[2])
        count = end - start if clipped else 2
        for k in range(start, end):
            dx[:, :, k] += dout[:, :, j] / count
    dw = (dx * (1 - x**2) * t["s"].data).sum(axis=(0, 2)).reshape(2, 1)
    return {"out": dout, "x": dx, "w": dw}


def gradients(t):
    return _back(t, clipped=False)


def right(t):
    return _back(t, clipped=True)

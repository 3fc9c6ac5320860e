"""One kernel on two signals, cross-correlation, the second gradient added to what is in the buffer:
the buffer is filled flipped and turned round at the end, and what had been in it is turned round too."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/FluxML/NNlib.jl/issues/518; conv_filter_direct! nonzero beta + flipkernel bug; 2023"
KIND = "buffer"
FIRST = "w"
CAUSE = "what the buffer held, the first signal's gradient, was flipped when the second was added"
WORDS = [
    ["flip", "revers", "mirror", "order of", "accumulat", "buffer", "turned round", "backwards"]
]


def forward(rng):
    t = {"x1": Tensor(rng.standard_normal((3, 7))), "x2": Tensor(rng.standard_normal((3, 6)))}
    t["w"] = Tensor(rng.standard_normal(4), requires_grad=True)
    for i in "12":
        t["y" + i] = ag.sliding_windows(t["x" + i], (4,), (1,), (1,)) @ t["w"]
    t["loss"] = 0.5 * (t["y1"] ** 2).sum() + 0.5 * ((t["y2"] - 1) ** 2).sum()
    return t


def filter_gradient(dw, x, dy, beta):
    for k in range(4):
        place = 3 - k  # as for a convolution, whose kernel is flipped
        dw[place] = beta * dw[place] + (x[:, k : k + dy.shape[1]] * dy).sum()
    dw[:] = dw[::-1].copy()


def gradients(t):
    dy1, dy2 = t["y1"].data, t["y2"].data - 1
    dw = np.zeros(4)
    filter_gradient(dw, t["x1"].data, dy1, beta=0.0)
    filter_gradient(dw, t["x2"].data, dy2, beta=1.0)
    return {"y1": dy1, "y2": dy2, "w": dw}


def right(t):
    dy1, dy2 = t["y1"].data, t["y2"].data - 1
    first, second = np.zeros(4), np.zeros(4)
    filter_gradient(first, t["x1"].data, dy1, beta=0.0)
    filter_gradient(second, t["x2"].data, dy2, beta=0.0)
    return {"y1": dy1, "y2": dy2, "w": first + second}

"""A leaky ReLU whose backward takes its mask from the output, y >= 0, to save memory.
With slope 0 all outputs are >= 0, and the gradient passes everywhere."""

import numpy as np

from autograd import Tensor
from nn import functional as F

SOURCE = "https://github.com/chainer/chainer/pull/5898; Fix broken F.leaky_relu grad when slope = 0; 2018"
KIND = "activation derivative"
FIRST = "z1"
CAUSE = "the mask is of the output, y >= 0, which holds everywhere at slope 0: the mask x >= 0 is missing"
WORDS = [["mask", "relu", "slope", "local factor", "kink", "negative side", "where"]]

SLOPE = 0.0


def forward(rng):
    x = Tensor(rng.standard_normal((6, 4)))
    W1 = Tensor(rng.standard_normal((4, 5)), requires_grad=True)
    W2 = Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    y = Tensor(rng.standard_normal((6, 3)))
    z1 = x @ W1
    a1 = F.leaky_relu(z1, SLOPE)
    out = a1 @ W2
    return {
        "x": x,
        "W1": W1,
        "W2": W2,
        "y": y,
        "z1": z1,
        "a1": a1,
        "out": out,
        "loss": ((out - y) ** 2).mean(),
    }


def gradients(t):
    a1 = t["a1"].data
    dout = 2 * (t["out"].data - t["y"].data) / t["out"].size
    da1 = dout @ t["W2"].data.T
    dz1 = np.where(a1 >= 0, da1, SLOPE * da1)
    return {"out": dout, "W2": a1.T @ dout, "a1": da1, "z1": dz1, "W1": t["x"].data.T @ dz1}


def right(t):
    g = gradients(t)
    dz1 = np.where(t["z1"].data >= 0, g["a1"], SLOPE * g["a1"])
    return {**g, "z1": dz1, "W1": t["x"].data.T @ dz1}

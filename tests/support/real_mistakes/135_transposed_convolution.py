"""A transposed convolution with kernel 1 and stride 2: x's gradient reads the output's gradient at
0, 1, 2 ..., where x went to 0, 2, 4 ..."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/pytorch/pytorch/issues/63314; Incorrect computation of gradients for transposed 2d convolution when stride=2 on CPU; 2021"
KIND = "convolution"
FIRST = "x"
CAUSE = "dx reads dy at consecutive places: the stride of 2 is missing"
WORDS = [
    [
        "stride",
        "every second",
        "every other",
        "place",
        "position",
        "index",
        "shift",
        "moved",
        "elsewhere",
        "spread",
    ],
]
stride = 2


def forward(rng):
    t = {"x": Tensor(rng.standard_normal((3, 2, 5)), requires_grad=True)}
    t["weight"] = Tensor(rng.standard_normal((2, 4)), requires_grad=True)
    t["target"] = Tensor(rng.standard_normal((3, 4, 9)))
    at = ag.einsum("nil,io->nol", t["x"], t["weight"])
    between = Tensor(np.zeros(at.shape))
    t["y"] = ag.stack([at, between], axis=-1).reshape(3, 4, 10)[:, :, :9]
    t["loss"] = 0.5 * ((t["y"] - t["target"]) ** 2).sum()
    return t


def backward(t, step):
    x, weight = t["x"].data, t["weight"].data
    dy = t["y"].data - t["target"].data
    dx, dweight = np.zeros_like(x), np.zeros_like(weight)
    for i in range(x.shape[2]):
        dx[:, :, i] = dy[:, :, i * step] @ weight.T
        dweight += x[:, :, i].T @ dy[:, :, i * stride]
    return {"y": dy, "x": dx, "weight": dweight}


def gradients(t):
    return backward(t, 1)


def right(t):
    return backward(t, stride)

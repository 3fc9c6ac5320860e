"""Right: batch normalisation of a convolution's channels in one formula, sums for means."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = (
    "https://github.com/BVLC/caffe/issues/4110; BatchNormLayer backward; 2016 (asked whether a term is missing; it is right)",
    "right",
    None,
)


def forward(rng):
    t = {"w": ag.Tensor(rng.standard_normal((3, 2, 4, 2)))}
    t["x"] = ag.Tensor(rng.standard_normal((3, 2, 4, 2)), requires_grad=True)
    c = t["x"] - t["x"].mean(axis=(0, 2, 3), keepdims=True)
    t["std"] = ag.sqrt((c**2).mean(axis=(0, 2, 3), keepdims=True) + 1e-5)
    t["y"] = c / t["std"]
    t["loss"] = (ag.tanh(t["y"]) * t["w"]).sum()
    return t


def gradients(t):
    y, M = t["y"].data, 24
    dy = (1 - np.tanh(y) ** 2) * t["w"].data
    total = lambda a: a.sum(axis=(0, 2, 3), keepdims=True)
    dx = (M * dy - total(dy) - y * total(dy * y)) / (M * t["std"].data)
    return dict(y=dy, x=dx)

"""A network with leaky ReLU, 0.3 x below zero, whose derivative was copied from ReLU: 0 below zero."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/scientific-computing/FKB/issues/15; Wrong derivative of leaky-relu activation; 2021"
KIND = "activation derivative"
FIRST = "z1"
CAUSE = "below zero the slope is alpha = 0.3, not 0"
WORDS = [
    ["slope", "leak", "alpha", "0.3", "negative", "below", "side", "mask", "relu", "where", "half"]
]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((6, 3))), "y": ag.Tensor(rng.standard_normal((6, 2)))}
    for n, s in dict(w1=(3, 5), b1=(5,), w2=(5, 2), b2=(2,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["z1"] = t["x"] @ t["w1"] + t["b1"]
    t["a1"] = ag.maximum(0.3 * t["z1"], t["z1"])
    t["z2"] = t["a1"] @ t["w2"] + t["b2"]
    t["loss"] = ((t["z2"] - t["y"]) ** 2).mean()
    return t


def leaky_relu_prime(x, alpha):
    return np.where(0.3 * x > 0, 1.0, alpha)


def gradients(t, mended=False):
    dz2 = 2 * (t["z2"].data - t["y"].data) / t["y"].data.size
    da1 = dz2 @ t["w2"].data.T
    dz1 = da1 * leaky_relu_prime(t["z1"].data, 0.3 if mended else 0.0)
    return dict(
        z2=dz2,
        w2=t["a1"].data.T @ dz2,
        b2=dz2.sum(axis=0),
        a1=da1,
        z1=dz1,
        w1=t["x"].data.T @ dz1,
        b1=dz1.sum(axis=0),
    )


def right(t):
    return gradients(t, mended=True)

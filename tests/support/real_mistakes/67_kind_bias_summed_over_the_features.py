"""A layer with examples in rows. The bias's gradient is summed over axis 1, as in a course where the
examples are columns."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "kind: sums over the wrong axis, the bias's sum"
KIND = "axis"
FIRST = "b2"
CAUSE = "the bias's gradient is summed over axis 1 (the units) in place of axis 0 (the examples)"
WORDS = [["axis", "axes", "shape"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((6, 2))), "y": ag.Tensor(rng.integers(0, 3, 6))}
    for n, s in dict(W1=(2, 4), b1=(4,), W2=(4, 3), b2=(3,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["z1"] = t["X"] @ t["W1"] + t["b1"]
    t["a1"] = ag.expit(t["z1"])
    t["z2"] = t["a1"] @ t["W2"] + t["b2"]
    t["loss"] = F.cross_entropy(t["z2"], t["y"].data)
    return t


def gradients(t, mended=False):
    axis = 0 if mended else 1
    a1 = t["a1"].data
    dz2 = np.exp(t["z2"].data)
    dz2 /= dz2.sum(axis=1, keepdims=True)
    dz2[np.arange(6), t["y"].data] -= 1
    dz2 /= 6
    dz1 = dz2 @ t["W2"].data.T * a1 * (1 - a1)
    return dict(
        z2=dz2,
        W2=a1.T @ dz2,
        b2=dz2.sum(axis=axis),
        z1=dz1,
        W1=t["X"].data.T @ dz1,
        b1=dz1.sum(axis=axis),
    )


def right(t):
    return gradients(t, mended=True)

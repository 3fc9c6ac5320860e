"""A softmax layer with its own backward: s * (g - sum(g * s)). The sum runs over the batch, axis 0,
in place of the classes."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "kind: sums over the wrong axis inside a step, softmax's inner sum"
KIND = "axis"
FIRST = "z"
CAUSE = "softmax's inner sum runs over axis 0 in place of axis 1"
WORDS = [["axis", "axes", "batch", "rows", "columns"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((5, 3))), "T": ag.Tensor(rng.random((5, 4)))}
    t["W"] = ag.Tensor(rng.standard_normal((3, 4)), requires_grad=True)
    t["z"] = t["X"] @ t["W"]
    t["s"] = F.softmax(t["z"])
    t["loss"] = ((t["s"] - t["T"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    s = t["s"].data
    g = 2 * (s - t["T"].data)
    dz = s * (g - np.sum(g * s, axis=1 if mended else 0, keepdims=True))
    return dict(s=g, z=dz, W=t["X"].data.T @ dz)


def right(t):
    return gradients(t, mended=True)

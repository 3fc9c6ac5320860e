"""A two-layer net of an assignment. dh1 is kept for the report, and then masked in place for ReLU:
what was kept is masked as well. All that follows is right."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "kind: buffers, an array that was changed in place later"
KIND = "buffer"
FIRST = "h1"
CAUSE = "dh1 was overwritten in place by the mask of the next step: keep a copy"
WORDS = [["in place", "overwritten", "copy", "shares memory", "later", "buffer", "zero", "mask"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((6, 4))), "y": ag.Tensor(rng.integers(0, 3, 6))}
    for n, s in dict(W1=(4, 5), b1=(5,), W2=(5, 3), b2=(3,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["z1"] = t["X"] @ t["W1"] + t["b1"]
    t["h1"] = ag.maximum(0, t["z1"])
    t["scores"] = t["h1"] @ t["W2"] + t["b2"]
    t["loss"] = F.cross_entropy(t["scores"], t["y"].data)
    return t


def gradients(t, mended=False):
    grads = {}
    dscores = np.exp(t["scores"].data)
    dscores /= dscores.sum(axis=1, keepdims=True)
    dscores[np.arange(6), t["y"].data] -= 1
    dscores /= 6
    grads["scores"] = dscores
    grads["W2"], grads["b2"] = t["h1"].data.T.dot(dscores), dscores.sum(axis=0)
    dh1 = dscores.dot(t["W2"].data.T)
    grads["h1"] = dh1.copy() if mended else dh1
    dh1[t["h1"].data <= 0] = 0
    grads["z1"] = dh1
    grads["W1"], grads["b1"] = t["X"].data.T.dot(dh1), dh1.sum(axis=0)
    return grads


def right(t):
    return gradients(t, mended=True)

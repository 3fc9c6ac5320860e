"""Right: the two-layer net of an assignment, reg on the weights, in-place mask on a copy."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = "style: cs231n, in-place accumulation", "right", None


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((7, 4))), "y": ag.Tensor(rng.integers(0, 3, 7))}
    for n, s in dict(W1=(4, 6), b1=(6,), W2=(6, 3), b2=(3,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["h"] = ag.maximum(0, t["X"] @ t["W1"] + t["b1"])
    t["scores"] = t["h"] @ t["W2"] + t["b2"]
    reg = (t["W1"] ** 2).sum() + (t["W2"] ** 2).sum()
    t["loss"] = F.cross_entropy(t["scores"], t["y"].data) + 0.5 * 0.1 * reg
    return t


def gradients(t):
    grads, h = {}, t["h"].data
    dscores = np.exp(t["scores"].data)
    dscores /= dscores.sum(axis=1, keepdims=True)
    dscores[range(7), t["y"].data] -= 1
    dscores /= 7
    grads["W2"], grads["b2"] = h.T @ dscores, dscores.sum(axis=0)
    dh = dscores @ t["W2"].data.T
    grads["h"] = dh.copy()
    dh[h <= 0] = 0
    grads["W1"], grads["b1"] = t["X"].data.T @ dh, dh.sum(axis=0)
    grads["W2"] += 0.1 * t["W2"].data
    grads["W1"] += 0.1 * t["W1"].data
    return grads

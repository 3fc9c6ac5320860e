"""Right: three layers in float32, softmax with the largest subtracted, weights' decay in place."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = "style: float32, in-place accumulation", "right", None


def forward(rng):
    f = np.float32
    t = {
        "a0": ag.Tensor(rng.standard_normal((9, 5)).astype(f)),
        "y": ag.Tensor(rng.integers(0, 4, 9)),
    }
    for l, s in enumerate([(5, 6), (6, 7), (7, 4)], start=1):
        t[f"W{l}"] = ag.Tensor(rng.standard_normal(s).astype(f), requires_grad=True)
        t[f"b{l}"] = ag.Tensor(np.zeros(s[1], f), requires_grad=True)
        z = t[f"a{l - 1}"] @ t[f"W{l}"] + t[f"b{l}"]
        t[f"a{l}"] = z if l == 3 else ag.tanh(z)
    squares = (t["W1"] ** 2).sum() + (t["W2"] ** 2).sum() + (t["W3"] ** 2).sum()
    t["loss"] = F.cross_entropy(t["a3"], t["y"].data) + f(0.005) * squares
    return t


def gradients(t):
    z = t["a3"].data
    d = np.exp(z - z.max(axis=1, keepdims=True))
    d /= d.sum(axis=1, keepdims=True)
    d[np.arange(9), t["y"].data] -= 1
    d /= 9
    out = {"a3": d.copy()}
    for l in (3, 2, 1):
        out[f"W{l}"] = t[f"a{l - 1}"].data.T @ d
        out[f"W{l}"] += np.float32(0.01) * t[f"W{l}"].data
        out[f"b{l}"] = d.sum(axis=0)
        if l > 1:
            d = d @ t[f"W{l}"].data.T
            out[f"a{l - 1}"] = d.copy()
            d *= 1 - t[f"a{l - 1}"].data ** 2
    return out

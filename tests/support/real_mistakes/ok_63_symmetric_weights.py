"""Right: a symmetric matrix of weights, so that W and W.T give the same, and batch = width."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: sizes and values that coincide", "right", None


def forward(rng):
    S = rng.standard_normal((4, 4))
    t = {"X": ag.Tensor(rng.standard_normal((4, 4))), "Y": ag.Tensor(rng.standard_normal((4, 4)))}
    t["W"] = ag.Tensor(S + S.T, requires_grad=True)
    t["b"] = ag.Tensor(np.zeros(4), requires_grad=True)
    t["out"] = t["X"] @ t["W"] + t["b"]
    t["loss"] = ((t["out"] - t["Y"]) ** 2).mean()
    return t


def gradients(t):
    d = (t["out"].data - t["Y"].data) / 8
    return dict(out=d, W=t["X"].data.T @ d, b=d.sum(axis=0))

"""Attention pooling: softmax of scores, then a weighted sum of vectors, squared loss.
The backward of the softmax copies the gradient of its output to its input."""

import numpy as np

from autograd import Tensor
from nn import functional as F

SOURCE = (
    "https://github.com/pjreddie/darknet/pull/96; Softmax (backward pass of softmax_layer); 2017"
)
KIND = "attention"
FIRST = "scores"
CAUSE = "the gradient passes the softmax unchanged: its Jacobian, p (g - sum g p), is missing"
WORDS = [["softmax", "jacobian", "local factor", "forgotten"]]


def forward(rng):
    V = Tensor(rng.standard_normal((4, 6, 3)))
    w = Tensor(rng.standard_normal(3), requires_grad=True)
    target = Tensor(rng.standard_normal((4, 3)))
    scores = V @ w
    p = F.softmax(scores, dim=1)
    pooled = (p.reshape(4, 6, 1) * V).sum(axis=1)
    return {
        "V": V,
        "w": w,
        "target": target,
        "scores": scores,
        "p": p,
        "pooled": pooled,
        "loss": ((pooled - target) ** 2).mean(),
    }


def _below(t, g, dscores):
    return {**g, "scores": dscores, "w": np.einsum("nt,ntd->d", dscores, t["V"].data)}


def gradients(t):
    dpooled = 2 * (t["pooled"].data - t["target"].data) / 12
    dp = (dpooled[:, None, :] * t["V"].data).sum(axis=2)
    return _below(t, {"pooled": dpooled, "p": dp}, dp.copy())


def right(t):
    g, p = gradients(t), t["p"].data
    dscores = p * (g["p"] - (g["p"] * p).sum(axis=1, keepdims=True))
    return _below(t, {"pooled": g["pooled"], "p": g["p"]}, dscores)

"""Softmax regression with a mean over the examples. The gradient of the scores is p - y, without
1/N; all that follows is N times too large."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "kind: one global factor, no 1/N at the loss"
KIND = "scale"
FIRST = "scores"
CAUSE = "the 1/N of the mean is missing: 8 times too large"
WORDS = [["mean", "1/n", "divided", "8 times", "batch"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((8, 5))), "y": ag.Tensor(rng.integers(0, 4, 8))}
    t["W"] = ag.Tensor(rng.standard_normal((5, 4)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["scores"] = t["X"] @ t["W"] + t["b"]
    t["loss"] = F.cross_entropy(t["scores"], t["y"].data)
    return t


def gradients(t, mended=False):
    scores = t["scores"].data - t["scores"].data.max(axis=1, keepdims=True)
    dscores = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    dscores[np.arange(8), t["y"].data] -= 1
    if mended:
        dscores /= 8
    return dict(scores=dscores, W=t["X"].data.T @ dscores, b=dscores.sum(axis=0))


def right(t):
    return gradients(t, mended=True)

"""Siamese embeddings a and b of pairs under the contrastive loss: squared distance for similar pairs, margin minus it for the others.
For pairs that are not similar, the gradient is set to -alpha alone; it is -alpha times the difference a - b."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/BVLC/caffe/pull/7100; Fix missing diff[i] in legacy contrastive loss GPU backward; 2026"
KIND = "loss"
FIRST = "b"
CAUSE = "In the rows of the dissimilar pairs the derivative of the squared distance is a constant: the factor a - b is missing there."
WORDS = [["difference", "subtract", "a - b", "factor", "square", "power", "dist_sq"]]
MARGIN = 6.0


def forward(rng):
    x1, x2 = rng.standard_normal((2, 7, 4))
    similar = np.array([1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0])
    W = ag.Tensor(rng.standard_normal((4, 3)) * 0.6, requires_grad=True)
    x1, x2, similar = ag.Tensor(x1), ag.Tensor(x2), ag.Tensor(similar)
    a = x1 @ W
    b = x2 @ W
    dist_sq = ((a - b) ** 2).sum(axis=1)
    loss = (similar * dist_sq + (1 - similar) * ag.maximum(MARGIN - dist_sq, 0)).sum() / (2 * 7)
    return dict(x1=x1, x2=x2, similar=similar, W=W, a=a, b=b, dist_sq=dist_sq, loss=loss)


def _backward(t, dissimilar):
    v = {k: x.data for k, x in t.items()}
    diff = v["a"] - v["b"]
    out = {}
    for name, sign in ("a", 1.0), ("b", -1.0):
        alpha = sign / len(diff)
        d = np.zeros_like(diff)
        for i in range(len(diff)):
            if v["similar"][i]:
                d[i] = alpha * diff[i]
            elif MARGIN - v["dist_sq"][i] > 0:
                d[i] = dissimilar(alpha, diff[i])
        out[name] = d
    out["W"] = v["x1"].T @ out["a"] + v["x2"].T @ out["b"]
    return out


def gradients(t):
    return _backward(t, lambda alpha, diff: -alpha)


def right(t):
    return _backward(t, lambda alpha, diff: -alpha * diff)

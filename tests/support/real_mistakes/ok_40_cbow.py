"""Right: CBOW with a ReLU layer, the mask of the forward, biases by a product with ones."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = "style: (D, N), ones for sums, 1/N at the weights", "right", None


def forward(rng):
    x = rng.random((6, 5))
    t = {"x": ag.Tensor(x / x.sum(axis=0)), "y": ag.Tensor(np.eye(6)[:, rng.integers(0, 6, 5)])}
    for n, s in dict(W1=(4, 6), b1=(4, 1), W2=(6, 4), b2=(6, 1)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["h"] = ag.maximum(0, t["W1"] @ t["x"] + t["b1"])
    t["yhat"] = F.softmax(t["W2"] @ t["h"] + t["b2"], dim=0)
    t["loss"] = -(t["y"] * ag.log(t["yhat"])).sum() / 5
    return t


def gradients(t):
    x, h, d = t["x"].data, t["h"].data, t["yhat"].data - t["y"].data
    l1 = np.dot(t["W2"].data.T, d)
    l1[h == 0] = 0
    ones = np.ones((5, 1))
    return dict(
        W1=np.dot(l1, x.T) / 5,
        W2=np.dot(d, h.T) / 5,
        b1=np.dot(l1, ones) / 5,
        b2=np.dot(d, ones) / 5,
    )

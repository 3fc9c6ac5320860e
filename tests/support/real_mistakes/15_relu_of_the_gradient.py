"""CBOW of a course: where ReLU's derivative is due, ReLU itself is applied to the gradient that
arrives: what is negative is cut off, and where the layer was 0 the gradient passes."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://community.deeplearning.ai/t/incorrect-backprop-equations-nlp-course-2-week-4/303955; Incorrect Backprop Equations NLP Course 2 Week 4; 2023"
KIND = "activation derivative"
FIRST = "z1"
CAUSE = "ReLU applied to the gradient: it must be multiplied by (z1 > 0), the mask of the forward"
WORDS = [
    ["mask", "relu", "maximum", "derivative"],
    ["gradient", "arrives", "forward", "z1", "input", "itself"],
]


def forward(rng):
    V, N, m = 6, 4, 5
    x = rng.random((V, m))
    t = {"x": ag.Tensor(x / x.sum(0)), "y": ag.Tensor(np.eye(V)[:, rng.integers(0, V, m)])}
    for n, s in dict(W1=(N, V), b1=(N, 1), W2=(V, N), b2=(V, 1)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["z1"] = t["W1"] @ t["x"] + t["b1"]
    t["h"] = ag.maximum(t["z1"], 0)
    t["z2"] = t["W2"] @ t["h"] + t["b2"]
    t["yhat"] = F.softmax(t["z2"], dim=0)
    t["loss"] = -(t["y"] * ag.log(t["yhat"])).sum() / m
    return t


def gradients(t, mended=False):
    x, y, h, yhat = (t[n].data for n in ("x", "y", "h", "yhat"))
    batch_size = x.shape[1]
    dz2 = (yhat - y) / batch_size
    l1 = np.dot(t["W2"].data.T, dz2)
    dh = l1
    l1 = l1 * (t["z1"].data > 0) if mended else np.maximum(0, l1)
    return dict(
        z2=dz2,
        W2=np.dot(dz2, h.T),
        b2=dz2.sum(axis=1, keepdims=True),
        h=dh,
        z1=l1,
        W1=np.dot(l1, x.T),
        b1=l1.sum(axis=1, keepdims=True),
    )


def right(t):
    return gradients(t, mended=True)

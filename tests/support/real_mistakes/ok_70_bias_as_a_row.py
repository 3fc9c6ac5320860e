"""Right: the bias is the first row of the weights, and a column of ones is put before the inputs;
on the way back that row is left out: w2[1:]."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = (
    "https://forum.devtalk.com/t/programming-machine-learning/124473; Programming Machine Learning (asked about; it is right)",
    "right",
    None,
)


def forward(rng):
    ones = ag.Tensor(np.ones((6, 1)))
    t = {
        "X": ag.Tensor(rng.standard_normal((6, 3))),
        "Y": ag.Tensor(np.eye(4)[rng.integers(0, 4, 6)]),
    }
    t["w1"] = ag.Tensor(rng.standard_normal((4, 5)), requires_grad=True)
    t["w2"] = ag.Tensor(rng.standard_normal((6, 4)), requires_grad=True)
    t["h"] = ag.expit(ag.concatenate([ones, t["X"]], axis=1) @ t["w1"])
    t["y_hat"] = F.softmax(ag.concatenate([ones, t["h"]], axis=1) @ t["w2"])
    t["loss"] = -(t["Y"] * ag.log(t["y_hat"])).sum() / 6
    return t


def prepend_bias(X):
    return np.insert(X, 0, 1, axis=1)


def gradients(t):
    X, Y, h, y_hat, w2 = (t[n].data for n in ("X", "Y", "h", "y_hat", "w2"))
    w2_gradient = np.matmul(prepend_bias(h).T, y_hat - Y) / 6
    a_gradient = np.matmul(y_hat - Y, w2[1:].T) * h * (1 - h)
    w1_gradient = np.matmul(prepend_bias(X).T, a_gradient) / 6
    return dict(w1=w1_gradient, w2=w2_gradient)

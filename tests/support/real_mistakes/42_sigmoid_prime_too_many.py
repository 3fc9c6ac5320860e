"""A lab on backpropagation: two sigmoid layers and cross-entropy. diff = y_pred - y is the gradient
before the sigmoid already, and is multiplied by sigma_prime(l2) once more."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/hunkim/DeepLearningZeroToAll/issues/112; Minor error in lab-10-X1, backprop process; 2017"
KIND = "activation derivative"
FIRST = "l2"
CAUSE = (
    "sigmoid' is in y_pred - y already (cross-entropy): the factor sigma_prime(l2) is one too many"
)
WORDS = [
    ["sigmoid", "expit", "sigma", "derivative", "factor", "l2 * (1", "y_pred"],
    [
        "too many",
        "twice",
        "again",
        "once more",
        "already",
        "additional",
        "extra",
        "multiplied",
        "cross",
    ],
]


def forward(rng):
    t = {
        "X": ag.Tensor(rng.standard_normal((6, 3))),
        "Y": ag.Tensor(np.eye(2)[rng.integers(0, 2, 6)]),
    }
    for n, s in dict(w1=(3, 4), b1=(1, 4), w2=(4, 2), b2=(1, 2)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["l1"] = t["X"] @ t["w1"] + t["b1"]
    t["a1"] = ag.expit(t["l1"])
    t["l2"] = t["a1"] @ t["w2"] + t["b2"]
    t["y_pred"] = ag.expit(t["l2"])
    t["loss"] = -(t["Y"] * ag.log(t["y_pred"]) + (1 - t["Y"]) * ag.log(1 - t["y_pred"])).sum()
    return t


def sigma_prime(x):
    s = 1 / (1 + np.exp(-x))
    return s * (1 - s)


def gradients(t, mended=False):
    diff = t["y_pred"].data - t["Y"].data
    d_l2 = diff if mended else diff * sigma_prime(t["l2"].data)
    d_b2 = d_l2.sum(axis=0, keepdims=True)
    d_w2 = t["a1"].data.T @ d_l2
    d_a1 = d_l2 @ t["w2"].data.T
    d_l1 = d_a1 * sigma_prime(t["l1"].data)
    return dict(
        l2=d_l2,
        b2=d_b2,
        w2=d_w2,
        a1=d_a1,
        l1=d_l1,
        b1=d_l1.sum(axis=0, keepdims=True),
        w1=t["X"].data.T @ d_l1,
    )


def right(t):
    return gradients(t, mended=True)

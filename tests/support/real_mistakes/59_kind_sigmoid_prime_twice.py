"""A course's network: dAL * sigmoid'(Z) at the output, and then the helper that applies sigmoid's
derivative is called on the result: sigmoid' twice."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/Kulbear/deep-learning-coursera/pull/42; fix error in Building your Deep Neural Network - Step by Step IN [18]; 2018"
KIND = "activation derivative"
FIRST = "Z2"
CAUSE = "the sigmoid's derivative is applied twice"
WORDS = [
    ["sigmoid", "expit", "derivative", "local", "factor", "a * (1 - a)"],
    ["twice", "again", "too many", "squared", "once more", "2 times"],
]


def forward(rng):
    t = {
        "X": ag.Tensor(rng.standard_normal((3, 7))),
        "Y": ag.Tensor(rng.integers(0, 2, (1, 7)) * 1.0),
    }
    for n, s in dict(W1=(4, 3), b1=(4, 1), W2=(1, 4), b2=(1, 1)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["Z1"] = t["W1"] @ t["X"] + t["b1"]
    t["A1"] = ag.maximum(t["Z1"], 0)
    t["Z2"] = t["W2"] @ t["A1"] + t["b2"]
    t["AL"] = ag.expit(t["Z2"])
    t["loss"] = -(t["Y"] * ag.log(t["AL"]) + (1 - t["Y"]) * ag.log(1 - t["AL"])).sum() / 7
    return t


def sigmoid_backward(dA, Z):
    s = 1 / (1 + np.exp(-Z))
    return dA * s * (1 - s)


def gradients(t, mended=False):
    Y, AL, A1 = t["Y"].data, t["AL"].data, t["A1"].data
    dAL = -(np.divide(Y, AL) - np.divide(1 - Y, 1 - AL)) / 7
    dZ2 = sigmoid_backward(dAL, t["Z2"].data)
    if not mended:
        dZ2 = sigmoid_backward(dZ2, t["Z2"].data)
    dA1 = t["W2"].data.T @ dZ2
    dZ1 = dA1 * (A1 > 0)
    return dict(
        AL=dAL,
        Z2=dZ2,
        W2=dZ2 @ A1.T,
        b2=dZ2.sum(axis=1, keepdims=True),
        A1=dA1,
        Z1=dZ1,
        W1=dZ1 @ t["X"].data.T,
        b1=dZ1.sum(axis=1, keepdims=True),
    )


def right(t):
    return gradients(t, mended=True)

"""Moons classified by tanh and softmax: the loss is divided by the number of examples, the L2 term
with it, and the gradients are those of the sum."""

import numpy as np

import autograd as ag
from autograd import Tensor
from nn import functional as F

SOURCE = (
    "https://github.com/dennybritz/nn-from-scratch/issues/13; gradient checks do not match; 2017"
)
KIND = "scale"
FIRST = "z2"
CAUSE = "the loss is a mean over the examples: 1/N is missing in the gradient"
WORDS = [
    [
        "mean",
        "average",
        "batch",
        "1/6",
        "6 times",
        "times 6",
        "6 too",
        "factor 6",
        "factor of 6",
        "/ 6",
        "1/N",
        "number of examples",
        "rows",
        "divide",
    ],
]
reg = 0.01


def forward(rng):
    t = {"X": Tensor(rng.standard_normal((6, 2))), "Y": Tensor(np.eye(3)[rng.integers(0, 3, 6)])}
    for name, shape in ("W1", (2, 4)), ("b1", (1, 4)), ("W2", (4, 3)), ("b2", (1, 3)):
        t[name] = Tensor(rng.standard_normal(shape), requires_grad=True)
    t["z1"] = t["X"] @ t["W1"] + t["b1"]
    t["a1"] = ag.tanh(t["z1"])
    t["z2"] = t["a1"] @ t["W2"] + t["b2"]
    t["probs"] = F.softmax(t["z2"])
    data_loss = -(t["Y"] * ag.log(t["probs"])).sum()
    data_loss = data_loss + reg / 2 * ((t["W1"] ** 2).sum() + (t["W2"] ** 2).sum())
    t["loss"] = data_loss / 6
    return t


def gradients(t):
    X, Y, W1, W2, a1, probs = (t[k].data for k in ("X", "Y", "W1", "W2", "a1", "probs"))
    delta3 = probs - Y
    dW2 = a1.T.dot(delta3)
    db2 = np.sum(delta3, axis=0, keepdims=True)
    delta2 = delta3.dot(W2.T) * (1 - np.power(a1, 2))
    dW1 = np.dot(X.T, delta2)
    db1 = np.sum(delta2, axis=0, keepdims=True)
    dW2 += reg * W2
    dW1 += reg * W1
    return {"z2": delta3, "W2": dW2, "b2": db2, "z1": delta2, "W1": dW1, "b1": db1}


def right(t):
    return {name: g / 6 for name, g in gradients(t).items()}

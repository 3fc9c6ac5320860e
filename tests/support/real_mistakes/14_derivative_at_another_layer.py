"""Two hidden layers of the same width with tanh. In the formula of the first delta the derivative
is taken at z2, the next layer's input, for z1."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://github.com/dennybritz/nn-from-scratch/pull/3; Update nn-from-scratch.ipynb; 2016"
KIND = "activation derivative"
FIRST = "z1"
CAUSE = "1 - tanh(z2)**2 in place of 1 - tanh(z1)**2: the derivative at another layer's input"
WORDS = [["z2", "a2", "layer", "wrong variable", "another", "other", "tanh"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((6, 2))), "y": ag.Tensor(rng.integers(0, 3, 6))}
    for n, s in dict(W1=(2, 4), b1=(4,), W2=(4, 4), b2=(4,), W3=(4, 3), b3=(3,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s) * 0.8, requires_grad=True)
    t["z1"] = t["X"] @ t["W1"] + t["b1"]
    t["a1"] = ag.tanh(t["z1"])
    t["z2"] = t["a1"] @ t["W2"] + t["b2"]
    t["a2"] = ag.tanh(t["z2"])
    t["z3"] = t["a2"] @ t["W3"] + t["b3"]
    t["loss"] = F.cross_entropy(t["z3"], t["y"].data)
    return t


def gradients(t, mended=False):
    z1, z2, a1, a2 = (t[n].data for n in ("z1", "z2", "a1", "a2"))
    delta4 = np.exp(t["z3"].data) / np.exp(t["z3"].data).sum(axis=1, keepdims=True)
    delta4[np.arange(6), t["y"].data] -= 1
    delta4 /= 6
    delta3 = delta4 @ t["W3"].data.T * (1 - np.tanh(z2) ** 2)
    delta2 = delta3 @ t["W2"].data.T * (1 - np.tanh(z1 if mended else z2) ** 2)
    return dict(
        z3=delta4,
        W3=a2.T @ delta4,
        b3=delta4.sum(axis=0),
        z2=delta3,
        W2=a1.T @ delta3,
        b2=delta3.sum(axis=0),
        z1=delta2,
        W1=t["X"].data.T @ delta2,
        b1=delta2.sum(axis=0),
    )


def right(t):
    return gradients(t, mended=True)

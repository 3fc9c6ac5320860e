"""A hidden layer with tanh. "We should evaluate the derivative at X.dot(W) + b": 1 - z**2 with the
sum z for 1 - Z**2 with the output."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://github.com/lazyprogrammer/facial-expression-recognition/issues/2; Derivative of the activation function; 2017"
KIND = "activation derivative"
FIRST = "A"
CAUSE = "1 - A**2 with the pre-activation A; it must be 1 - Z**2 with the output Z = tanh(A)"
WORDS = [["tanh", "1 -", "derivative"], ["input", "output", "pre", "wrong variable", "variable"]]


def forward(rng):
    t = {
        "X": ag.Tensor(rng.standard_normal((7, 3))),
        "T": ag.Tensor(np.eye(3)[rng.integers(0, 3, 7)]),
    }
    for n, s in dict(W1=(3, 5), b1=(5,), W2=(5, 3), b2=(3,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["A"] = t["X"] @ t["W1"] + t["b1"]
    t["Z"] = ag.tanh(t["A"])
    t["logits"] = t["Z"] @ t["W2"] + t["b2"]
    t["pY"] = F.softmax(t["logits"])
    t["loss"] = -(t["T"] * ag.log(t["pY"])).sum()
    return t


def gradients(t, mended=False):
    Z, A = t["Z"].data, t["A"].data
    pY_T = t["pY"].data - t["T"].data
    dZ = pY_T.dot(t["W2"].data.T)
    dA = dZ * (1 - (Z * Z if mended else A * A))
    return dict(
        logits=pY_T,
        W2=Z.T.dot(pY_T),
        b2=pY_T.sum(axis=0),
        Z=dZ,
        A=dA,
        W1=t["X"].data.T.dot(dA),
        b1=dA.sum(axis=0),
    )


def right(t):
    return gradients(t, mended=True)

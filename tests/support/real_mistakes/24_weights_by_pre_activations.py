"""A network with sine activations: H is what comes into an activation, A what comes out. The
weights' gradients are made with H for A."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/maziarraissi/backprop/issues/1; Correct loss gradient calculated on weight; 2019"
KIND = "exchange"
FIRST = "W1"
CAUSE = (
    "H, from before the activation, in place of A, which is what the weights were multiplied with"
)
WORDS = [
    [
        "H1",
        "A1",
        "activation",
        "operand",
        "pre-activation",
        "before",
        "input",
        "sin(",
        "'sin'",
        "other",
    ]
]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((6, 2))), "Y": ag.Tensor(rng.standard_normal((6, 1)))}
    for n, s in dict(W0=(2, 4), b0=(1, 4), W1=(4, 1), b1=(1, 1)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["H1"] = t["X"] @ t["W0"] + t["b0"]
    t["A1"] = ag.sin(t["H1"])
    t["H2"] = t["A1"] @ t["W1"] + t["b1"]
    t["loss"] = 0.5 * ((t["H2"] - t["Y"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    H = [t["X"].data, t["H1"].data]
    A = [t["X"].data, t["A1"].data]
    G2 = t["H2"].data - t["Y"].data
    loss_W1 = np.dot((A if mended else H)[1].T, G2)
    loss_b1 = np.sum(G2, axis=0, keepdims=True)
    G1 = np.cos(H[1]) * np.dot(G2, t["W1"].data.T)
    loss_W0 = np.dot(A[0].T, G1)
    loss_b0 = np.sum(G1, axis=0, keepdims=True)
    return dict(H2=G2, W1=loss_W1, b1=loss_b1, H1=G1, W0=loss_W0, b0=loss_b0)


def right(t):
    return gradients(t, mended=True)

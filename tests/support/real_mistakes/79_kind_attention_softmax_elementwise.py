"""Attention with one head. The gradient goes back through the softmax by P * (1 - P) elementwise:
the other scores of the row are forgotten."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "kind: attention, softmax's Jacobian elementwise"
KIND = "attention"
FIRST = "S"
CAUSE = "softmax's Jacobian taken as diagonal: dS = P * (dP - sum(dP * P)) along the row"
WORDS = [
    ["softmax"],
    ["elementwise", "diagonal", "jacobian", "alone", "own", "row", "sum", "missing"],
]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((5, 6))), "G": ag.Tensor(rng.standard_normal((5, 3)))}
    for n, s in dict(Wq=(6, 4), Wk=(6, 4), Wv=(6, 3)).items():
        t[n] = ag.Tensor(rng.standard_normal(s) * 0.6, requires_grad=True)
    t["Q"], t["K"], t["V"] = (t["X"] @ t["W" + n] for n in "qkv")
    t["S"] = t["Q"] @ t["K"].T / np.sqrt(4)
    t["P"] = F.softmax(t["S"])
    t["O"] = t["P"] @ t["V"]
    t["loss"] = 0.5 * ((t["O"] - t["G"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    X, Q, K, V, P = (t[n].data for n in "XQKVP")
    dO = t["O"].data - t["G"].data
    dV = P.T @ dO
    dP = dO @ V.T
    dS = P * (dP - (dP * P).sum(axis=1, keepdims=True)) if mended else dP * P * (1 - P)
    dQ = dS @ K / 2
    dK = dS.T @ Q / 2
    return dict(O=dO, V=dV, P=dP, S=dS, Q=dQ, K=dK, Wq=X.T @ dQ, Wk=X.T @ dK, Wv=X.T @ dV)


def right(t):
    return gradients(t, mended=True)

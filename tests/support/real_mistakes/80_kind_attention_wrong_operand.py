"""Self-attention over as many steps as features. The keys' gradient is dS @ Q, without the transpose
of dS: right if the scores were symmetric."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "kind: attention, a product with the wrong transpose"
KIND = "attention"
FIRST = "K"
CAUSE = "dK = dS.T @ Q: the transpose of dS is missing"
WORDS = [["transpos", ".T"]]


def forward(rng):
    t = {"G": ag.Tensor(rng.standard_normal((2, 4, 3)))}
    for n, width in dict(Q=5, K=5, V=3).items():
        t[n] = ag.Tensor(rng.standard_normal((2, 4, width)), requires_grad=True)
    t["S"] = t["Q"] @ t["K"].transpose(0, 2, 1)
    t["P"] = F.softmax(t["S"] / np.sqrt(5))
    t["O"] = t["P"] @ t["V"]
    t["loss"] = ((t["O"] - t["G"]) ** 2).mean()
    return t


def gradients(t, mended=False):
    Q, K, V, P = (t[n].data for n in "QKVP")
    T = lambda x: x.transpose(0, 2, 1)
    dO = 2 * (t["O"].data - t["G"].data) / t["O"].data.size
    dV = T(P) @ dO
    dP = dO @ T(V)
    dS = P * (dP - (dP * P).sum(axis=-1, keepdims=True)) / np.sqrt(5)
    dQ = dS @ K
    dK = (T(dS) if mended else dS) @ Q
    return dict(O=dO, V=dV, P=dP, S=dS, Q=dQ, K=dK)


def right(t):
    return gradients(t, mended=True)

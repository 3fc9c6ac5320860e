"""Right: attention with one head, float32, softmax's backward by its row sums."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = "style: products and transposes, float32", "right", None


def forward(rng):
    f = np.float32
    t = {
        "X": ag.Tensor(rng.standard_normal((5, 6)).astype(f)),
        "G": ag.Tensor(rng.standard_normal((5, 3)).astype(f)),
    }
    for n, s in dict(Wq=(6, 4), Wk=(6, 4), Wv=(6, 3)).items():
        t[n] = ag.Tensor(rng.standard_normal(s).astype(f) / 2, requires_grad=True)
    t["Q"], t["K"], t["V"] = (t["X"] @ t["W" + n] for n in "qkv")
    t["S"] = t["Q"] @ t["K"].T / f(2)
    t["P"] = F.softmax(t["S"])
    t["O"] = t["P"] @ t["V"]
    t["loss"] = ((t["O"] - t["G"]) ** 2).mean()
    return t


def gradients(t):
    X, Q, K, V, P = (t[n].data for n in "XQKVP")
    dO = 2 * (t["O"].data - t["G"].data) / np.float32(15)
    dV = P.T @ dO
    dP = dO @ V.T
    dS = P * (dP - (P * dP).sum(axis=-1, keepdims=True)) / np.float32(2)
    dQ, dK = dS @ K, dS.T @ Q
    return dict(O=dO, V=dV, P=dP, Q=dQ, K=dK, Wq=X.T @ dQ, Wk=X.T @ dK, Wv=X.T @ dV)

"""Right: causal attention, scores above the diagonal set to -1e9, their gradient to 0."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = "style: masks", "right", None


def forward(rng):
    t = {"up": ag.Tensor(rng.standard_normal((4, 3)))}
    for n, s in dict(Q=(4, 5), K=(4, 5), V=(4, 3)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["S"] = t["Q"] @ t["K"].T / np.sqrt(5)
    t["M"] = ag.where(np.tril(np.ones((4, 4))) > 0, t["S"], -1e9)
    t["P"] = F.softmax(t["M"])
    t["O"] = t["P"] @ t["V"]
    t["loss"] = (t["O"] * t["up"]).sum()
    return t


def gradients(t):
    Q, K, V, P, dO = (t[n].data for n in ("Q", "K", "V", "P", "up"))
    dP = dO @ V.T
    dS = P * (dP - np.sum(dP * P, axis=1, keepdims=True))
    dS[np.triu_indices(4, k=1)] = 0
    return dict(V=P.T @ dO, P=dP, S=dS, Q=dS @ K / np.sqrt(5), K=dS.T @ Q / np.sqrt(5))

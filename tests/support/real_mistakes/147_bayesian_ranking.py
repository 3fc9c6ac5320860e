"""Bayesian personalised ranking, the sum of ln sigma(x_uij) less the L2 terms: the derivative of
ln sigma(x) was written with a minus sign."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/benfred/implicit/issues/716; Potential bug in calculation of gradient updates for BPR (comment on the paper's gradient); 2024"
KIND = "sign"
FIRST = "x_uij"
CAUSE = "d ln sigma(x)/dx is +exp(-x) / (1 + exp(-x)): the sign is wrong"
WORDS = [["sign", "minus", "-1", "negat", "opposite"]]
lam = 0.02


def forward(rng):
    t = {"W": Tensor(rng.standard_normal((4, 3)), requires_grad=True)}
    t["H"] = Tensor(rng.standard_normal((6, 3)), requires_grad=True)
    t["u"], t["i"], t["j"] = (Tensor(rng.integers(0, n, 7)) for n in (4, 3, 3))
    t["j"].data += 3  # liked are the first three
    u, i, j = (t[k].data for k in "uij")
    t["x_uij"] = (t["W"][u] * (t["H"][i] - t["H"][j])).sum(axis=1)
    likely = ag.log(ag.expit(t["x_uij"])).sum()
    t["loss"] = likely - lam / 2 * ((t["W"] ** 2).sum() + (t["H"] ** 2).sum())
    return t


def backward(t, sign):
    W, H, x_uij = (t[k].data for k in ("W", "H", "x_uij"))
    dx = sign * np.exp(-x_uij) / (1 + np.exp(-x_uij))
    dW, dH = -lam * W, -lam * H
    for d, u, i, j in zip(dx, t["u"].data, t["i"].data, t["j"].data):
        dW[u] += d * (H[i] - H[j])
        dH[i] += d * W[u]
        dH[j] -= d * W[u]
    return {"x_uij": dx, "W": dW, "H": dH}


def gradients(t):
    return backward(t, -1)


def right(t):
    return backward(t, 1)

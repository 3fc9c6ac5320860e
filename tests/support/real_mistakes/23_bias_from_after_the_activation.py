"""An MLP of a course: htilde = X Wh + bh, h = tanh(htilde). The hidden bias's gradient is taken from
that of h, which is on the other side of tanh; the weights' is right."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://github.com/arthurdouillard/deepcourse/pull/9; minor fixes in MLP backprop; 2021"
KIND = "exchange"
FIRST = "bh"
CAUSE = "the bias is added before tanh: sum the gradient of htilde, not that of h"
WORDS = [["htilde", "tanh", "activation", "derivative", "before", "local", "factor", "1 - h"]]


def forward(rng):
    t = {
        "x": ag.Tensor(rng.standard_normal((6, 3))),
        "y": ag.Tensor(np.eye(4)[rng.integers(0, 4, 6)]),
    }
    for n, s in dict(Wh=(3, 5), bh=(5,), Wy=(5, 4), by=(4,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["htilde"] = t["x"] @ t["Wh"] + t["bh"]
    t["h"] = ag.tanh(t["htilde"])
    t["ytilde"] = t["h"] @ t["Wy"] + t["by"]
    t["loss"] = -(t["y"] * F.log_softmax(t["ytilde"])).sum() / 6
    return t


def gradients(t, mended=False):
    x, y, h = t["x"].data, t["y"].data, t["h"].data
    probs = np.exp(t["ytilde"].data)
    probs /= probs.sum(axis=1, keepdims=True)
    grad_ytilde = (probs - y) / len(x)
    grad_Wy = h.T @ grad_ytilde
    grad_by = grad_ytilde.sum(axis=0)
    grad_h = grad_ytilde @ t["Wy"].data.T
    grad_htilde = (1 - h**2) * grad_h
    grad_Wh = x.T @ grad_htilde
    grad_bh = (grad_htilde if mended else grad_h).sum(axis=0)
    return dict(
        ytilde=grad_ytilde,
        Wy=grad_Wy,
        by=grad_by,
        h=grad_h,
        htilde=grad_htilde,
        Wh=grad_Wh,
        bh=grad_bh,
    )


def right(t):
    return gradients(t, mended=True)

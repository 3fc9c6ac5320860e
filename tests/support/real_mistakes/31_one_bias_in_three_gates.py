"""An LSTM step whose forward adds bo in the gates o, f and u, by copy and paste. The backward knows
of one use of bo only: the other two ways to the loss are left out."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/ddbourgin/numpy-ml/issues/42; Error in LSTM Implementation; 2019"
KIND = "forward differs"
FIRST = "bo"
CAUSE = "bo is used three times in the forward pass, and the gradient has one of the three terms"
WORDS = [
    ["use", "term", "missing", "way", "path", "several", "times", "left out", "forgotten", "part"]
]


def forward(rng):
    t = {n: ag.Tensor(rng.standard_normal((5, 3))) for n in ("C_prev", "dA", "dC")}
    t["Z"] = ag.Tensor(rng.standard_normal((5, 7)))
    for g in "ofuc":
        t["W" + g] = ag.Tensor(rng.standard_normal((7, 3)) * 0.5, requires_grad=True)
    t["bo"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["bc"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    for g in "ofuc":
        t["_G" + g] = t["Z"] @ t["W" + g] + t["bc" if g == "c" else "bo"]
        t["G" + g] = (ag.tanh if g == "c" else ag.expit)(t["_G" + g])
    t["C"] = t["Gf"] * t["C_prev"] + t["Gu"] * t["Gc"]
    t["A"] = t["Go"] * ag.tanh(t["C"])
    t["loss"] = (t["A"] * t["dA"] + t["C"] * t["dC"]).sum()
    return t


def gradients(t, mended=False):
    Z, Go, Gf, Gu, Gc, C = (t[n].data for n in ("Z", "Go", "Gf", "Gu", "Gc", "C"))
    dA = t["dA"].data
    dC = t["dC"].data + dA * Go * (1 - np.tanh(C) ** 2)
    d_Go = dA * np.tanh(C) * Go * (1 - Go)
    d_Gf = dC * t["C_prev"].data * Gf * (1 - Gf)
    d_Gu = dC * Gc * Gu * (1 - Gu)
    d_Gc = dC * Gu * (1 - Gc**2)
    dbo = d_Go.sum(axis=0)
    if mended:
        dbo = dbo + d_Gf.sum(axis=0) + d_Gu.sum(axis=0)
    return dict(
        A=dA,
        C=dC,
        _Go=d_Go,
        _Gf=d_Gf,
        _Gu=d_Gu,
        _Gc=d_Gc,
        Wo=Z.T @ d_Go,
        Wf=Z.T @ d_Gf,
        Wu=Z.T @ d_Gu,
        Wc=Z.T @ d_Gc,
        bo=dbo,
        bc=d_Gc.sum(axis=0),
    )


def right(t):
    return gradients(t, mended=True)

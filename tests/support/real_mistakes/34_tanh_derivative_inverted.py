"""An RNN of three steps. "dt = dh_next * (1 - h_next ** 2) is not correct": the derivative of artanh,
1 / (1 - h**2), was put there."""

import numpy as np
import autograd as ag

SOURCE = 'https://github.com/oreilly-japan/deep-learning-from-scratch-2/issues/26; RNN backward: "dt = dh_next * (1 - h_next ** 2)" is not correct, it is "dt = 1 / (1 - h_next ** 2)"; 2024'
KIND = "activation derivative"
FIRST = "t2"
CAUSE = "divided by 1 - h**2 in place of multiplied: that is the derivative of the inverse function"
WORDS = [["divided", "1 /", "inverse", "reciprocal", "1 - h", "tanh", "derivative"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((4, 3)))}
    t["Wh"] = ag.Tensor(rng.standard_normal((3, 3)) * 0.5, requires_grad=True)
    t["Wx"] = ag.Tensor(rng.standard_normal((2, 3)) * 0.5, requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(3) * 0.1, requires_grad=True)
    t["h_init"] = h = ag.Tensor(rng.uniform(-1, 1, (4, 3)))
    for k in range(3):
        t[f"x{k}"] = ag.Tensor(rng.standard_normal((4, 2)))
        t[f"t{k}"] = h @ t["Wh"] + t[f"x{k}"] @ t["Wx"] + t["b"]
        t[f"h{k}"] = h = ag.tanh(t[f"t{k}"])
    t["loss"] = 0.5 * ((h - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    Wh, Wx = t["Wh"].data, t["Wx"].data
    out = dict(Wh=np.zeros_like(Wh), Wx=np.zeros_like(Wx), b=np.zeros(3))
    dh = t["h2"].data - t["target"].data
    for k in (2, 1, 0):
        h_prev, h_next = t[f"h{k - 1}" if k else "h_init"].data, t[f"h{k}"].data
        out[f"h{k}"] = dh
        dt = dh * (1 - h_next**2) if mended else dh * (1 / (1 - h_next**2))
        out[f"t{k}"] = dt
        out["b"] += dt.sum(axis=0)
        out["Wh"] += h_prev.T @ dt
        out["Wx"] += t[f"x{k}"].data.T @ dt
        dh = dt @ Wh.T
    return out


def right(t):
    return gradients(t, mended=True)

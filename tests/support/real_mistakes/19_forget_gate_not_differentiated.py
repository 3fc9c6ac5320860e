"""An LSTM, one column a step, two steps. For the forget gate sigmoid(f) is multiplied in where the
derivative of the sigmoid is due; the other gates are right."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/CaptainE/RNN-LSTM-in-numpy/issues/1; Questions on the LSTM backpropagation code (issue 1); 2023"
KIND = "recurrence"
FIRST = "zf1"
CAUSE = "sigmoid(f) in place of the sigmoid's derivative f * (1 - f) at the forget gate"
WORDS = [
    ["sigmoid", "derivative", "expit", "gate"],
    ["derivative", "1 -", "forgotten", "sigmoid", "twice", "in place"],
]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def forward(rng):
    H, D = 3, 2
    t = {
        "W" + g: ag.Tensor(rng.standard_normal((H, H + D)) * 0.7, requires_grad=True)
        for g in "figo"
    }
    t["Wv"] = ag.Tensor(rng.standard_normal((2, H)), requires_grad=True)
    t["target"] = ag.Tensor(rng.standard_normal((2, 1)))
    h, c = ag.Tensor(rng.standard_normal((H, 1))), ag.Tensor(rng.standard_normal((H, 1)))
    t["C_prev0"] = c
    for k in range(2):
        x = ag.Tensor(rng.standard_normal((D, 1)))
        t[f"z{k}"] = ag.concatenate([h, x])
        for g in "figo":
            t[f"z{g}{k}"] = t["W" + g] @ t[f"z{k}"]
            t[f"{g}{k}"] = (ag.tanh if g == "g" else ag.expit)(t[f"z{g}{k}"])
        t[f"C{k}"] = t[f"f{k}"] * c + t[f"i{k}"] * t[f"g{k}"]
        t[f"h{k}"] = t[f"o{k}"] * ag.tanh(t[f"C{k}"])
        h, c = t[f"h{k}"], t[f"C{k}"]
    t["v"] = t["Wv"] @ h
    t["loss"] = 0.5 * ((t["v"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    d = {n: v.data for n, v in t.items()}
    dv = d["v"] - d["target"]
    out = {"v": dv, "Wv": dv @ d["h1"].T}
    dW = {g: np.zeros_like(d["W" + g]) for g in "figo"}
    dh, dC = d["Wv"].T @ dv, np.zeros((3, 1))
    for k in (1, 0):
        z, f, i, g, o, C = (d[f"{n}{k}"] for n in "zfigoC")
        C_prev = d["C0"] if k else d["C_prev0"]
        do = dh * np.tanh(C) * o * (1 - o)
        dC = dC + dh * o * (1 - np.tanh(C) ** 2)
        dg = dC * i * (1 - g**2)
        di = dC * g * i * (1 - i)
        df = dC * C_prev
        df = (f * (1 - f) if mended else sigmoid(f)) * df
        for n, grad in zip("figo", (df, di, dg, do)):
            out[f"z{n}{k}"] = grad
            dW[n] += grad @ z.T
        dz = d["Wf"].T @ df + d["Wi"].T @ di + d["Wg"].T @ dg + d["Wo"].T @ do
        out[f"C{k}"] = dC
        dh, dC = dz[:3], f * dC
    return out | {"W" + g: dW[g] for g in "figo"}


def right(t):
    return gradients(t, mended=True)

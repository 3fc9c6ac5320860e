"""An LSTM in columns. sigmoid(x, derivative=True) and tanh(x, derivative=True) differentiate at x;
they are called with the gates, which have been through them already."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/nicklashansen/rnn_lstm_from_scratch/issues/1; Your LSTM implementation does not pass gradient check successfully; year not shown"
KIND = "recurrence"
FIRST = "zo1"
CAUSE = "the derivative is taken at the gate's value o = sigmoid(z) in place of z: sigmoid twice"
WORDS = [
    ["sigmoid", "expit", "derivative", "gate"],
    ["output", "value of", "twice", "activation", "wrong variable", "o1", "in place"],
]


def sigmoid(x, derivative=False):
    f = 1 / (1 + np.exp(-x))
    return f * (1 - f) if derivative else f


def tanh(x, derivative=False):
    return 1 - np.tanh(x) ** 2 if derivative else np.tanh(x)


def forward(rng):
    t = {"W" + g: ag.Tensor(rng.standard_normal((3, 5)) * 0.8, requires_grad=True) for g in "figo"}
    t["target"] = ag.Tensor(rng.standard_normal((3, 1)))
    t["h-1"], t["C-1"] = (
        ag.Tensor(rng.standard_normal((3, 1))),
        ag.Tensor(rng.standard_normal((3, 1))),
    )
    for k in range(2):
        t[f"x{k}"] = ag.concatenate([t[f"h{k - 1}"], ag.Tensor(rng.standard_normal((2, 1)))])
        for g in "figo":
            t[f"z{g}{k}"] = t["W" + g] @ t[f"x{k}"]
            t[f"{g}{k}"] = (ag.tanh if g == "g" else ag.expit)(t[f"z{g}{k}"])
        t[f"C{k}"] = t[f"f{k}"] * t[f"C{k - 1}"] + t[f"i{k}"] * t[f"g{k}"]
        t[f"h{k}"] = t[f"o{k}"] * ag.tanh(t[f"C{k}"])
    t["loss"] = 0.5 * ((t["h1"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    d = {n: v.data for n, v in t.items()}
    out = {"W" + g: np.zeros((3, 5)) for g in "figo"}
    dh, dC = d["h1"] - d["target"], np.zeros((3, 1))
    for k in (1, 0):
        f, i, g, o, C = (d[f"{n}{k}"] for n in "figoC")
        at = {n: d[f"z{n}{k}"] if mended else d[f"{n}{k}"] for n in "figo"}
        out[f"h{k}"] = dh
        do = sigmoid(at["o"], True) * dh * tanh(C)
        dC = dC + dh * o * tanh(C if mended else tanh(C), True)
        dg = tanh(at["g"], True) * dC * i
        di = sigmoid(at["i"], True) * dC * g
        df = sigmoid(at["f"], True) * dC * d[f"C{k - 1}"]
        for n, grad in zip("figo", (df, di, dg, do)):
            out[f"z{n}{k}"] = grad
            out["W" + n] += grad @ d[f"x{k}"].T
        dh = sum(d["W" + n].T @ out[f"z{n}{k}"] for n in "figo")[:3]
        dC = f * dC
    return out


def right(t):
    return gradients(t, mended=True)

"""An LSTM over three steps, one sequence in columns, each gate with its own weights and bias, squared error on the last state.
The gradients of the biases of the input and output gates were copied from the line above: they take the forget gate's delta."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/hanbt/learn_dl/issues/53; Error in lstm.py; 2019"
KIND = "exchange"
FIRST = "bo"
CAUSE = "The bias of the output gate gets the forget gate's delta: another gate's gradient was added up, the one of bf."
A = [
    "another",
    "other",
    "exchang",
    "instead",
    "in place of",
    "swap",
    "belongs",
    "mixed",
    "bf",
    "that of",
]
WORDS = [A, ["bf", "forget", "gate", "delta", "tensor", "bias"]]
GATES = "fioc"


def forward(rng):
    n, d = 3, 2
    t = {f"x{k}": ag.Tensor(rng.standard_normal((d, 1))) for k in (1, 2, 3)}
    t["d"] = ag.Tensor(rng.standard_normal((n, 1)))
    for g in GATES:
        t[f"W{g}"] = ag.Tensor(rng.standard_normal((n, n + d)) * 0.7, requires_grad=True)
        t[f"b{g}"] = ag.Tensor(rng.standard_normal((n, 1)) * 0.3, requires_grad=True)
    h, c = t["h0"], t["c0"] = ag.Tensor(np.zeros((n, 1))), ag.Tensor(np.zeros((n, 1)))
    for k in (1, 2, 3):
        z = ag.concatenate([h, t[f"x{k}"]], axis=0)
        f, i, o = (ag.expit(t[f"W{g}"] @ z + t[f"b{g}"]) for g in "fio")
        ct = ag.tanh(t["Wc"] @ z + t["bc"])
        c = f * c + i * ct
        h = o * ag.tanh(c)
        t |= {f"{name}{k}": a for name, a in dict(z=z, f=f, i=i, o=o, ct=ct, c=c, h=h).items()}
    t["loss"] = 0.5 * ((h - t["d"]) ** 2).sum()
    return t


def _backward(t, bias_from):
    v = {k: x.data for k, x in t.items()}
    n = len(v["d"])
    out = {f"{p}{g}": np.zeros_like(v[f"{p}{g}"]) for g in GATES for p in "Wb"}
    delta_h, delta_c = v["h3"] - v["d"], np.zeros((n, 1))
    out["h3"] = delta_h
    for k in (3, 2, 1):
        f, i, o, ct, tanh_c = (
            *(v[f"{name}{k}"] for name in ("f", "i", "o", "ct")),
            np.tanh(v[f"c{k}"]),
        )
        delta_c = delta_c + delta_h * o * (1 - tanh_c**2)
        delta = dict(f=delta_c * v[f"c{k - 1}"] * f * (1 - f), i=delta_c * ct * i * (1 - i))
        delta |= dict(o=delta_h * tanh_c * o * (1 - o), c=delta_c * i * (1 - ct**2))
        for g in GATES:
            out[f"W{g}"] += np.dot(delta[g], v[f"z{k}"].T)
            out[f"b{g}"] += delta[bias_from[g]]
        delta_z = sum(np.dot(v[f"W{g}"].T, delta[g]) for g in GATES)
        delta_h, delta_c = delta_z[:n], delta_c * f
    return out


def gradients(t):
    return _backward(t, {"f": "f", "i": "f", "o": "f", "c": "c"})


def right(t):
    return _backward(t, {g: g for g in GATES})

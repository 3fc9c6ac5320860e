"""An RNN with an output at each step. dh_next is added, but never set in the loop: it stays 0, and
what the later steps have to say about h is forgotten."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/CaptainE/RNN-LSTM-in-numpy/issues/1; Questions on the LSTM backpropagation code (issue 2); 2023"
KIND = "recurrence"
FIRST = "h1"
CAUSE = "the gradient from the step after is missing: dh_next is never updated"
WORDS = [
    ["step", "next", "after", "later", "h2", "path", "way", "term", "use", "missing", "forgotten"]
]


def forward(rng):
    t = {"ys": ag.Tensor(rng.standard_normal((3, 2, 4)))}
    for n, s in dict(U=(5, 3), V=(5, 5), W=(2, 5), b=(5, 1)).items():
        t[n] = ag.Tensor(rng.standard_normal(s) * 0.6, requires_grad=True)
    t["h-1"] = ag.Tensor(np.zeros((5, 4)))
    t["loss"] = ag.Tensor(0.0)
    for k in range(3):
        t[f"x{k}"] = ag.Tensor(rng.standard_normal((3, 4)))
        t[f"h{k}"] = ag.tanh(t["U"] @ t[f"x{k}"] + t["V"] @ t[f"h{k - 1}"] + t["b"])
        t[f"o{k}"] = t["W"] @ t[f"h{k}"]
        t["loss"] = t["loss"] + 0.5 * ((t[f"o{k}"] - t["ys"][k]) ** 2).sum()
    return t


def gradients(t, mended=False):
    out = {n: np.zeros_like(t[n].data) for n in "UVWb"}
    dh_next = np.zeros((5, 4))
    for k in (2, 1, 0):
        h = t[f"h{k}"].data
        do = t[f"o{k}"].data - t["ys"].data[k]
        out["W"] += do @ h.T
        dh = t["W"].data.T @ do + dh_next
        dz = dh * (1 - h**2)
        out[f"o{k}"], out[f"h{k}"] = do, dh
        out["U"] += dz @ t[f"x{k}"].data.T
        out["V"] += dz @ t[f"h{k - 1}"].data.T
        out["b"] += dz.sum(axis=1, keepdims=True)
        dh_prev = t["V"].data.T @ dz
        if mended:
            dh_next = dh_prev
    return out


def right(t):
    return gradients(t, mended=True)

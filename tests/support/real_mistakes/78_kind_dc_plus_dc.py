"""An RNN from scratch, logits by a bias c. The bias's gradient is accumulated by dc += dc, for
dc += dy: it doubles 0, and stays 0."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/javaidnabi31/RNN-from-scratch/issues/2; dc update question in backward function; 2022"
KIND = "recurrence"
FIRST = "c"
CAUSE = "dc += dc adds 0 to itself: dc += dy"
WORDS = [["zero", "never", "dc", "itself", "empty", "filled"]]


def forward(rng):
    t = {"y": ag.Tensor(rng.integers(0, 4, 3))}
    for n, s in dict(U=(5, 2), W=(5, 5), V=(4, 5), b=(5, 1), c=(4, 1)).items():
        t[n] = ag.Tensor(rng.standard_normal(s) * 0.6, requires_grad=True)
    t["h-1"] = ag.Tensor(np.zeros((5, 1)))
    t["loss"] = ag.Tensor(0.0)
    for k in range(3):
        t[f"x{k}"] = ag.Tensor(rng.standard_normal((2, 1)))
        t[f"h{k}"] = ag.tanh(t["U"] @ t[f"x{k}"] + t["W"] @ t[f"h{k - 1}"] + t["b"])
        t[f"o{k}"] = t["V"] @ t[f"h{k}"] + t["c"]
        t["loss"] = (
            t["loss"] + ag.log(ag.exp(t[f"o{k}"]).sum()) - t[f"o{k}"][int(t["y"].data[k]), 0]
        )
    return t


def gradients(t, mended=False):
    out = {n: np.zeros_like(t[n].data) for n in "UWVbc"}
    dhnext = np.zeros((5, 1))
    for k in (2, 1, 0):
        h = t[f"h{k}"].data
        dy = np.exp(t[f"o{k}"].data) / np.exp(t[f"o{k}"].data).sum()
        dy[t["y"].data[k]] -= 1
        out["V"] += dy @ h.T
        out["c"] += dy if mended else out["c"]
        dh = t["V"].data.T @ dy + dhnext
        dhrec = (1 - h * h) * dh
        out["b"] += dhrec
        out["U"] += dhrec @ t[f"x{k}"].data.T
        out["W"] += dhrec @ t[f"h{k - 1}"].data.T
        dhnext = t["W"].data.T @ dhrec
    return out


def right(t):
    return gradients(t, mended=True)

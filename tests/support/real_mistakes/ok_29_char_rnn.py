"""Right: a character RNN in columns, one character a step, all sums in loops; float32."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: sums over time steps, float32", "right", None


def forward(rng):
    f = np.float32
    t = {"inputs": ag.Tensor(rng.integers(0, 4, 5)), "targets": ag.Tensor(rng.integers(0, 4, 5))}
    for n, s in dict(Wxh=(6, 4), Whh=(6, 6), Why=(4, 6), bh=(6, 1), by=(4, 1)).items():
        t[n] = ag.Tensor((rng.standard_normal(s) * 0.5).astype(f), requires_grad=True)
    t["h-1"] = ag.Tensor(np.zeros((6, 1), f))
    t["loss"] = ag.Tensor(f(0))
    for k in range(5):
        i, j = int(t["inputs"].data[k]), int(t["targets"].data[k])
        t[f"h{k}"] = ag.tanh(t["Wxh"][:, i : i + 1] + t["Whh"] @ t[f"h{k - 1}"] + t["bh"])
        t[f"y{k}"] = t["Why"] @ t[f"h{k}"] + t["by"]
        t["loss"] = t["loss"] + ag.log(ag.exp(t[f"y{k}"]).sum()) - t[f"y{k}"][j, 0]
    return t


def gradients(t):
    out = {n: np.zeros_like(t[n].data) for n in ("Wxh", "Whh", "Why", "bh", "by")}
    dhnext = np.zeros((6, 1), np.float32)
    for k in reversed(range(5)):
        h = t[f"h{k}"].data
        dy = np.exp(t[f"y{k}"].data)
        dy /= dy.sum()
        dy[t["targets"].data[k]] -= 1
        out["Why"] += np.dot(dy, h.T)
        out["by"] += dy
        dh = np.dot(t["Why"].data.T, dy) + dhnext
        dhraw = (1 - h * h) * dh
        out[f"h{k}"] = dh
        out["bh"] += dhraw
        out["Wxh"][:, t["inputs"].data[k]] += dhraw[:, 0]
        out["Whh"] += np.dot(dhraw, t[f"h{k - 1}"].data.T)
        dhnext = np.dot(t["Whh"].data.T, dhraw)
    return out

"""A GRU over four steps, h = f h_prev + (1 - f) z: what comes from the next step is multiplied by this
step's f, all of it, and what goes on to h_prev directly is not."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/open-lm-engine/accelerated-model-architectures/pull/249; fix GRU backward pass; 2025"
KIND = "recurrence"
FIRST = "y2"
CAUSE = "the direct path back to h_prev takes the forget gate of its own step, f[s+1]; you multiply all that comes back by f[s]"
WORDS = [
    ["f3", "f2", "forget", "gate", "path", "one step", "time step", "next step", "previous step"]
]
S = 4


def forward(rng):
    t = {}
    for k in "x", "xf", "xr", "W", "Wf", "Wr":
        shape = (S, 5, 3) if k[0] == "x" else (3, 3)
        t[k] = Tensor(rng.standard_normal(shape), requires_grad=True)
    t["weights"] = Tensor(rng.standard_normal((S, 5, 3)))
    h, total = Tensor(np.zeros((5, 3))), 0
    for s in range(S):
        t[f"f{s}"] = ag.expit(h @ t["Wf"] + t["xf"][s])
        t[f"r{s}"] = ag.expit(h @ t["Wr"] + t["xr"][s])
        t[f"z{s}"] = ag.tanh((h * t[f"r{s}"]) @ t["W"] + t["x"][s])
        h = t[f"y{s}"] = t[f"f{s}"] * h + (1 - t[f"f{s}"]) * t[f"z{s}"]
        total = total + (t["weights"][s] * h).sum()
    t["loss"] = total
    return t


def backward(t, mended):
    W, Wf, Wr = t["W"].data, t["Wf"].data, t["Wr"].data
    dx, dxf, dxr = (np.zeros((S, 5, 3)) for _ in range(3))
    dW, dWf, dWr = (np.zeros((3, 3)) for _ in range(3))
    g, dh = {}, np.zeros((5, 3))
    for s in reversed(range(S)):
        f, r, z = t[f"f{s}"].data, t[f"r{s}"].data, t[f"z{s}"].data
        y_prev = t[f"y{s - 1}"].data if s else np.zeros((5, 3))
        dy = t["weights"].data[s] + (dh if mended else f * dh)
        dh = f * dy if mended else dy.copy()
        g[f"y{s}"] = dy
        dx[s] = dy * (1 - f) * (1 - z**2)
        dW += (r * y_prev).T @ dx[s]
        drh = dx[s] @ W.T
        dxf[s] = dy * (y_prev - z) * f * (1 - f)
        dWf += y_prev.T @ dxf[s]
        dxr[s] = drh * y_prev * r * (1 - r)
        dWr += y_prev.T @ dxr[s]
        dh += drh * r + dxf[s] @ Wf.T + dxr[s] @ Wr.T
    return g | {"x": dx, "xf": dxf, "xr": dxr, "W": dW, "Wf": dWf, "Wr": dWr}


def gradients(t):
    return backward(t, mended=False)


def right(t):
    return backward(t, mended=True)

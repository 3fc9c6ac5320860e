"""Right: a factorisation machine by the trick of half the square of the sum minus the squares."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: loops over factors", "right", None


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((6, 5))), "y": ag.Tensor(rng.standard_normal(6))}
    t["w"] = ag.Tensor(rng.standard_normal(5), requires_grad=True)
    t["V"] = ag.Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    t["S"] = t["X"] @ t["V"]
    pairs = 0.5 * ((t["S"] ** 2).sum(axis=1) - (t["X"] ** 2 @ t["V"] ** 2).sum(axis=1))
    t["pred"] = t["X"] @ t["w"] + pairs
    t["loss"] = 0.5 * ((t["pred"] - t["y"]) ** 2).mean()
    return t


def gradients(t):
    X, V, S = t["X"].data, t["V"].data, t["S"].data
    d = (t["pred"].data - t["y"].data) / 6
    dV = np.zeros_like(V)
    for f in range(3):
        dV[:, f] = X.T @ (d * S[:, f]) - V[:, f] * ((X**2).T @ d)
    return dict(pred=d, w=X.T @ d, S=d[:, None] * S, V=dV)

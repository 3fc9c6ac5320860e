"""Right: batch normalisation in float32 of values around 5; the terms nearly cancel."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST, CHOICE = "style: float32, cancellation", "right", None, True


def forward(rng):
    f = np.float32
    t = {"target": ag.Tensor(rng.standard_normal((8, 3)).astype(f))}
    t["x"] = ag.Tensor((rng.standard_normal((8, 3)) + 5).astype(f), requires_grad=True)
    t["gamma"] = ag.Tensor(np.ones(3, f), requires_grad=True)
    t["beta"] = ag.Tensor(np.zeros(3, f), requires_grad=True)
    c = t["x"] - t["x"].mean(axis=0)
    t["inv"] = 1 / ag.sqrt((c**2).mean(axis=0) + f(1e-5))
    t["xh"] = c * t["inv"]
    t["y"] = t["gamma"] * t["xh"] + t["beta"]
    t["loss"] = ((t["y"] - t["target"]) ** 2).sum()
    return t


def gradients(t):
    xh = t["xh"].data
    dy = 2 * (t["y"].data - t["target"].data)
    dg, db = (dy * xh).sum(axis=0), dy.sum(axis=0)
    dx = t["gamma"].data * t["inv"].data / 8 * (8 * dy - db - xh * dg)
    return dict(y=dy, gamma=dg, beta=db, x=dx)

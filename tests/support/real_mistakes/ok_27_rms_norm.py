"""Right: RMS normalisation with a scale, in a residual block that is added in place."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: in-place accumulation, residual", "right", None


def forward(rng):
    t = {"up": ag.Tensor(rng.standard_normal((4, 5)))}
    t["x"] = ag.Tensor(rng.standard_normal((4, 5)), requires_grad=True)
    t["g"] = ag.Tensor(rng.uniform(0.5, 1.5, 5), requires_grad=True)
    t["W"] = ag.Tensor(rng.standard_normal((5, 5)), requires_grad=True)
    t["r"] = ag.sqrt((t["x"] ** 2).mean(axis=1, keepdims=True) + 1e-6)
    t["n"] = t["x"] / t["r"] * t["g"]
    t["y"] = t["x"] + t["n"] @ t["W"]
    t["loss"] = (ag.sin(t["y"]) * t["up"]).sum()
    return t


def gradients(t):
    x, r, g, W = (t[n].data for n in ("x", "r", "g", "W"))
    dy = np.cos(t["y"].data) * t["up"].data
    dx = dy.copy()
    dn = dy @ W.T
    dg = (dn * x / r).sum(axis=0)
    h = dn * g
    dx += h / r
    dx -= x * (h * x).sum(axis=1, keepdims=True) / (5 * r**3)
    return dict(y=dy, W=t["n"].data.T @ dy, n=dn, g=dg, x=dx)

"""Right: Huber's loss by np.clip, quadratic inside and linear outside."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: clip", "right", None


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((8, 2))), "y": ag.Tensor(rng.standard_normal(8) * 3)}
    t["w"] = ag.Tensor(rng.standard_normal(2), requires_grad=True)
    t["b"] = ag.Tensor(0.1, requires_grad=True)
    t["r"] = t["X"] @ t["w"] + t["b"] - t["y"]
    a = ag.abs(t["r"])
    t["loss"] = ag.where(a.data <= 1.5, 0.5 * t["r"] ** 2, 1.5 * (a - 0.75)).mean()
    return t


def gradients(t):
    dr = np.clip(t["r"].data, -1.5, 1.5) / 8
    return dict(r=dr, w=t["X"].data.T @ dr, b=dr.sum())

"""Right: quantile regression in a loop; at a residual of 0 it takes the slope of the lower side."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST, CHOICE = "style: loops, subgradients", "right", None, True


def forward(rng):
    t = {"x": ag.Tensor(rng.integers(-2, 3, 7) * 1.0), "y": ag.Tensor(rng.integers(-2, 3, 7) * 1.0)}
    t["a"] = ag.Tensor(1.0, requires_grad=True)
    t["b"] = ag.Tensor(0.0, requires_grad=True)
    t["r"] = t["y"] - (t["a"] * t["x"] + t["b"])
    t["loss"] = ag.maximum(0.8 * t["r"], -0.2 * t["r"]).sum()
    return t


def gradients(t):
    da = db = 0.0
    dr = np.zeros(7)
    for i in range(7):
        dr[i] = 0.8 if t["r"].data[i] > 0 else -0.2
        da -= dr[i] * t["x"].data[i]
        db -= dr[i]
    return dict(r=dr, a=da, b=db)

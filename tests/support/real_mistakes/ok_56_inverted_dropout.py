"""Right: inverted dropout, the mask with the scale in it, used in both directions."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: cs231n caches, masks", "right", None


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((5, 3))), "y": ag.Tensor(rng.standard_normal((5, 2)))}
    t["mask"] = ag.Tensor((rng.random((5, 6)) < 0.5) / 0.5)
    t["W1"] = ag.Tensor(rng.standard_normal((3, 6)), requires_grad=True)
    t["W2"] = ag.Tensor(rng.standard_normal((6, 2)), requires_grad=True)
    t["h"] = ag.maximum(0, t["X"] @ t["W1"])
    t["d"] = t["h"] * t["mask"]
    t["out"] = t["d"] @ t["W2"]
    t["loss"] = ((t["out"] - t["y"]) ** 2).mean()
    return t


def gradients(t):
    dout = 2 * (t["out"].data - t["y"].data) / 10
    dd = dout @ t["W2"].data.T
    dh = dd * t["mask"].data
    dz = np.where(t["h"].data > 0, dh, 0)
    return dict(out=dout, W2=t["d"].data.T @ dout, d=dd, h=dh, W1=t["X"].data.T @ dz)

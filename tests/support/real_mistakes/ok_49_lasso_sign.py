"""Right: L1 and L2 together; sign(0) = 0 where a weight is 0 exactly."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST, CHOICE = "style: subgradients", "right", None, True


def forward(rng):
    w = rng.standard_normal(5)
    w[[1, 3]] = 0
    t = {"X": ag.Tensor(rng.standard_normal((9, 5))), "y": ag.Tensor(rng.standard_normal(9))}
    t["w"] = ag.Tensor(w, requires_grad=True)
    t["pred"] = t["X"] @ t["w"]
    t["loss"] = (
        ((t["pred"] - t["y"]) ** 2).sum() / 18
        + 0.2 * ag.abs(t["w"]).sum()
        + 0.1 * (t["w"] ** 2).sum()
    )
    return t


def gradients(t):
    X, w = t["X"].data, t["w"].data
    d = (t["pred"].data - t["y"].data) / 9
    return dict(pred=d, w=X.T @ d + 0.2 * np.sign(w) + 2 * 0.1 * w)

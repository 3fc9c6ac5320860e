"""Right: a layer of which some units are dead, so that whole columns of the gradient are 0."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: zeros", "right", None


def forward(rng):
    t = {"X": ag.Tensor(rng.random((6, 3))), "y": ag.Tensor(rng.standard_normal((6, 2)))}
    t["W1"] = ag.Tensor(rng.random((3, 5)), requires_grad=True)
    t["b1"] = ag.Tensor(np.array([0.1, -9.0, 0.2, -9.0, 0.3]), requires_grad=True)
    t["W2"] = ag.Tensor(rng.standard_normal((5, 2)), requires_grad=True)
    t["z"] = t["X"] @ t["W1"] + t["b1"]
    t["a"] = ag.maximum(0, t["z"])
    t["out"] = t["a"] @ t["W2"]
    t["loss"] = ((t["out"] - t["y"]) ** 2).sum() / 6
    return t


def gradients(t):
    d = 2 * (t["out"].data - t["y"].data) / 6
    da = d @ t["W2"].data.T
    dz = da * (t["z"].data > 0)
    return dict(out=d, W2=t["a"].data.T @ d, a=da, z=dz, W1=t["X"].data.T @ dz, b1=dz.sum(axis=0))

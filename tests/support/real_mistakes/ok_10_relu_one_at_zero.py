"""Right: ReLU's slope is 1 at 0 (>=), only the weights' gradients are given."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST, CHOICE = "style: >= at ReLU's zero", "right", None, True


def forward(rng):
    t = {
        "X": ag.Tensor(rng.integers(-1, 2, (5, 3)) * 1.0),
        "y": ag.Tensor(rng.standard_normal((5, 1))),
    }
    t["W1"] = ag.Tensor(rng.integers(-1, 2, (3, 2)) * 1.0, requires_grad=True)
    t["W2"] = ag.Tensor(rng.standard_normal((2, 1)), requires_grad=True)
    t["z"] = t["X"] @ t["W1"]
    t["a"] = ag.maximum(t["z"], 0)
    t["loss"] = 0.5 * ((t["a"] @ t["W2"] - t["y"]) ** 2).sum()
    return t


def gradients(t):
    dout = t["a"].data @ t["W2"].data - t["y"].data
    dz = np.where(t["z"].data >= 0, dout @ t["W2"].data.T, 0)
    return dict(W2=t["a"].data.T @ dout, z=dz, W1=t["X"].data.T @ dz)

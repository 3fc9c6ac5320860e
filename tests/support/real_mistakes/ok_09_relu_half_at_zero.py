"""Right: ReLU with half the slope at 0, where integers make it 0 often."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST, CHOICE = "style: half at ReLU's zero", "right", None, True


def forward(rng):
    t = {
        "X": ag.Tensor(rng.integers(-1, 2, (6, 3)) * 1.0),
        "y": ag.Tensor(rng.standard_normal((6, 2))),
    }
    t["W1"] = ag.Tensor(rng.integers(-1, 2, (3, 4)) * 1.0, requires_grad=True)
    t["W2"] = ag.Tensor(rng.standard_normal((4, 2)), requires_grad=True)
    t["z"] = t["X"] @ t["W1"]
    t["a"] = ag.maximum(t["z"], 0)
    t["out"] = t["a"] @ t["W2"]
    t["loss"] = ((t["out"] - t["y"]) ** 2).sum()
    return t


def gradients(t):
    dout = 2 * (t["out"].data - t["y"].data)
    da = dout @ t["W2"].data.T
    dz = da * (np.sign(t["z"].data) + 1) / 2
    return dict(out=dout, W2=t["a"].data.T @ dout, a=da, z=dz, W1=t["X"].data.T @ dz)

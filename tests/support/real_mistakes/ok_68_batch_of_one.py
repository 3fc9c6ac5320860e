"""Right: one example, where means and sums over the batch are the same; outer products."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: a batch of one, outer products", "right", None


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal(4)), "y": ag.Tensor(rng.random(3))}
    for n, s in dict(W1=(5, 4), b1=(5,), W2=(3, 5), b2=(3,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["z1"] = t["W1"] @ t["x"] + t["b1"]
    t["a1"] = ag.expit(t["z1"])
    t["z2"] = t["W2"] @ t["a1"] + t["b2"]
    t["a2"] = ag.expit(t["z2"])
    t["loss"] = 0.5 * ((t["a2"] - t["y"]) ** 2).sum()
    return t


def gradients(t):
    a1, a2 = t["a1"].data, t["a2"].data
    delta2 = (a2 - t["y"].data) * a2 * (1 - a2)
    delta1 = (t["W2"].data.T @ delta2) * a1 * (1 - a1)
    return dict(
        z2=delta2,
        W2=np.outer(delta2, a1),
        b2=delta2,
        z1=delta1,
        W1=np.outer(delta1, t["x"].data),
        b1=delta1,
    )

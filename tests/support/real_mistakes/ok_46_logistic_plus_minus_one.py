"""Right: logistic loss with labels -1 and 1, and an L2 of lam/2, as in a course on optimisation."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: labels of -1 and 1", "right", None


def forward(rng):
    t = {"A": ag.Tensor(rng.standard_normal((7, 4))), "y": ag.Tensor(rng.choice([-1.0, 1.0], 7))}
    t["w"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["margin"] = t["y"] * (t["A"] @ t["w"])
    t["loss"] = ag.log(1 + ag.exp(-t["margin"])).mean() + 0.5 * 0.3 * (t["w"] ** 2).sum()
    return t


def gradients(t):
    s = 1 / (1 + np.exp(t["margin"].data))
    return dict(margin=-s / 7, w=-t["A"].data.T @ (t["y"].data * s) / 7 + 0.3 * t["w"].data)

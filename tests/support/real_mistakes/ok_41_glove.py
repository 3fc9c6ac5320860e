"""Right: GloVe's weighted squares of log counts, two tables and two biases."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: closed formula, outer sums", "right", None


def forward(rng):
    counts = rng.integers(1, 30, (5, 5)) * 1.0
    t = {"logX": ag.Tensor(np.log(counts)), "f": ag.Tensor(np.minimum(1, (counts / 20) ** 0.75))}
    for n, s in dict(w=(5, 3), u=(5, 3), b=(5,), c=(5,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["diff"] = t["w"] @ t["u"].T + t["b"][:, None] + t["c"][None] - t["logX"]
    t["loss"] = 0.5 * (t["f"] * t["diff"] ** 2).sum()
    return t


def gradients(t):
    g = t["f"].data * t["diff"].data
    return dict(diff=g, w=g @ t["u"].data, u=g.T @ t["w"].data, b=g.sum(axis=1), c=g.sum(axis=0))

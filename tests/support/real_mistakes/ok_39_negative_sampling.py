"""Right: word2vec with negative samples in a loop, words that come twice counted twice."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: loops, in-place accumulation", "right", None


def forward(rng):
    t = {"samples": ag.Tensor(np.array([2, 4, 2]))}
    t["v"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["U"] = ag.Tensor(rng.standard_normal((5, 4)), requires_grad=True)
    t["loss"] = (
        -ag.log(ag.expit(t["U"][1] @ t["v"]))
        - ag.log(ag.expit(-(t["U"][t["samples"].data] @ t["v"]))).sum()
    )
    return t


def gradients(t):
    v, U = t["v"].data, t["U"].data
    sigmoid = lambda x: 1 / (1 + np.exp(-x))
    dU = np.zeros_like(U)
    delta = sigmoid(U[1] @ v) - 1
    dv = delta * U[1]
    dU[1] += delta * v
    for k in t["samples"].data:
        p = sigmoid(U[k] @ v)
        dv += p * U[k]
        dU[k] += p * v
    return dict(v=dv, U=dU)

"""A log-softmax layer whose backward adds exp(output) to what arrives: right if each row of the
gradient that arrives sums to -1, as it does for a summed loss, and wrong for a mean."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://github.com/mlpack/mlpack/pull/2364; correction in backward function of log softmax layer; 2020"
KIND = "activation derivative"
FIRST = "input"
CAUSE = "exp(output) must be multiplied by the row sum of the gradient that arrives: gy - exp(output) * sum(gy)"
WORDS = [
    ["softmax", "probabilit", "exp", "label"],
    ["sum", "divided", "times", "scale", "factor", "1/", "missing"],
]


def forward(rng):
    t = {"labels": ag.Tensor(rng.integers(0, 4, 6)), "x": ag.Tensor(rng.standard_normal((6, 3)))}
    t["w"] = ag.Tensor(rng.standard_normal((3, 4)), requires_grad=True)
    t["input"] = t["x"] @ t["w"]
    t["output"] = F.log_softmax(t["input"])
    t["loss"] = F.nll_loss(t["output"], t["labels"].data)
    return t


def gradients(t, mended=False):
    output = t["output"].data
    gy = np.zeros_like(output)
    gy[np.arange(6), t["labels"].data] = -1 / 6
    if mended:
        g = gy - np.exp(output) * gy.sum(axis=1, keepdims=True)
    else:
        g = np.exp(output) + gy
    return dict(output=gy, input=g, w=t["x"].data.T @ g)


def right(t):
    return gradients(t, mended=True)

"""A softmax op whose gradient is output * (1 - output) elementwise, here under a squared error: the
elements off the diagonal of the Jacobian are left out."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://github.com/deeplearning4j/libnd4j/issues/440; Softmax derivative implementation incorrect; 2017"
KIND = "activation derivative"
FIRST = "in"
CAUSE = "softmax is not elementwise: each output depends on all inputs of its row"
WORDS = [
    ["softmax"],
    ["elementwise", "diagonal", "jacobian", "alone", "own", "row", "sum", "missing"],
]


def forward(rng):
    t = {
        "label": ag.Tensor(np.eye(5)[rng.integers(0, 5, 4)]),
        "x": ag.Tensor(rng.standard_normal((4, 3))),
    }
    t["w"] = ag.Tensor(rng.standard_normal((3, 5)), requires_grad=True)
    t["in"] = t["x"] @ t["w"]
    t["out"] = F.softmax(t["in"])
    t["loss"] = ((t["out"] - t["label"]) ** 2).sum() / 4
    return t


def gradients(t, mended=False):
    out = t["out"].data
    eps_out = 2 * (out - t["label"].data) / 4
    if mended:
        eps_in = out * (eps_out - (eps_out * out).sum(axis=1, keepdims=True))
    else:
        eps_in = eps_out * out * (1 - out)
    return {"out": eps_out, "in": eps_in, "w": t["x"].data.T @ eps_in}


def right(t):
    return gradients(t, mended=True)

"""A softmax by rows, whose backward is diag(Y) - outer(Y, Y) of the flattened batch: a right Jacobian
for one vector, which here lets the examples act on each other."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://stackoverflow.com/questions/59286911/vectorized-softmax-gradient; Vectorized softmax gradient; year not shown"
KIND = "axis"
FIRST = "X"
CAUSE = "the Jacobian couples the examples: one for each row, not one for the whole batch"
WORDS = [["softmax", "sum"], ["row", "example", "batch", "axis", "axes", "whole", "all"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.random((4, 2))), "inp": ag.Tensor(rng.standard_normal((4, 3)))}
    t["W"] = ag.Tensor(rng.standard_normal((3, 2)), requires_grad=True)
    t["X"] = t["inp"] @ t["W"]
    t["Y"] = F.softmax(t["X"])
    t["loss"] = 0.5 * ((t["Y"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    Y = t["Y"].data
    g = Y - t["target"].data
    if mended:
        dX = np.stack([(np.diag(p) - np.outer(p, p)) @ row for p, row in zip(Y, g)])
    else:
        ds = np.diag(Y.flatten()) - np.outer(Y, Y)
        dX = (ds @ g.flatten()).reshape(Y.shape)
    return dict(Y=g, X=dX, W=t["inp"].data.T @ dX)


def right(t):
    return gradients(t, mended=True)

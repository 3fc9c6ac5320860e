"""A softmax layer over the channels of (N, C, H, W): dX = dY (Y - Y^2), the diagonal of the Jacobian only."""

import numpy as np

from autograd import Tensor
from nn import functional as F

SOURCE = "https://github.com/wkcn/mobula/issues/3; [Bug] The backward propagation of Softmax is wrong; 2020"
KIND = "softmax Jacobian"
FIRST = "X"
CAUSE = "softmax's Jacobian has more than its diagonal: the sum of dY * Y over the channels is to be subtracted"
WORDS = [["softmax", "jacobian", "diagonal", "sum over", "sum of", "elementwise", "subtracted"]]


def forward(rng):
    t = {"X": Tensor(rng.standard_normal((3, 4, 2, 5)), requires_grad=True)}
    t["label"] = Tensor(rng.random((3, 4, 2, 5)))
    t["Y"] = F.softmax(t["X"].transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    t["loss"] = 0.5 * ((t["Y"] - t["label"]) ** 2).sum()
    return t


def gradients(t):
    Y = t["Y"].data
    dY = Y - t["label"].data
    return {"Y": dY, "X": np.multiply(dY, Y - np.square(Y))}


def right(t):
    Y = t["Y"].data
    dY = Y - t["label"].data
    return {"Y": dY, "X": Y * (dY - (dY * Y).sum(axis=1, keepdims=True))}

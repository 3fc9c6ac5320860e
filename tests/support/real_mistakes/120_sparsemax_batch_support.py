"""Sparsemax, which gives probabilities with zeros; its backward, s (g - mean of g over the support).
In a minibatch the size of the support is counted over all rows, not for each row."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = (
    "https://github.com/gokceneraslan/SparseMax.torch/pull/3; Fix backprop with minibatch; 2016"
)
KIND = "axis"
FIRST = "z"
CAUSE = "|S(z)| is one number for the batch: each row's sum must be divided by the size of its own support"
WORDS = [["axis", "axes", "row", "support", "batch", "count", "mean"]]


def forward(rng):
    x = Tensor(rng.standard_normal((4, 3)))
    W = Tensor(rng.standard_normal((3, 6)) / 2, requires_grad=True)
    target = Tensor(rng.dirichlet(np.ones(6), 4))
    z = x @ W
    descending = -np.sort(-z.data, axis=1)
    k = ((1 + np.arange(1, 7) * descending) > descending.cumsum(axis=1)).sum(axis=1, keepdims=True)
    support = Tensor((z.data >= np.take_along_axis(descending, k - 1, axis=1)).astype(float))
    tau = ((z * support).sum(axis=1, keepdims=True) - 1) / Tensor(k.astype(float))
    p = ag.maximum(z - tau, 0)
    return {"x": x, "W": W, "target": target, "z": z, "p": p, "loss": ((p - target) ** 2).sum() / 2}


def _back(t, size):
    p = t["p"].data
    s = (p > 0).astype(float)
    dp = p - t["target"].data
    v_hat = (s * dp).sum(axis=1, keepdims=True) / size(s)
    dz = s * (dp - v_hat)
    return {"p": dp, "z": dz, "W": t["x"].data.T @ dz}


def gradients(t):
    return _back(t, lambda s: s.sum())


def right(t):
    return _back(t, lambda s: s.sum(axis=1, keepdims=True))

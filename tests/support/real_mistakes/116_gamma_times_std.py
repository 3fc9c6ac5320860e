"""Batch normalisation; the gradients of gamma, beta and x as a library's manual gives them.
The manual multiplies by sqrt(var + eps) in the gradient of gamma, where it must divide."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = (
    "https://github.com/tensorflow/tensorflow/issues/14676; XLA operation semantics "
    "documentation BatchNormTrain error; 2017"
)
KIND = "norm"
FIRST = "gamma"
CAUSE = "x - mu is multiplied by the standard deviation, and must be divided by it: gamma's factor is x-hat"
WORDS = [
    [
        "divid",
        "standard deviation",
        "std",
        "sqrt",
        "normalis",
        "normaliz",
        "x-hat",
        "xhat",
        "variance",
    ]
]

EPS = 1e-3


def forward(rng):
    x = Tensor(3 * rng.standard_normal((6, 4)) * np.array([1, 2, 0.3, 1]), requires_grad=True)
    gamma = Tensor(rng.standard_normal(4), requires_grad=True)
    beta = Tensor(rng.standard_normal(4), requires_grad=True)
    target = Tensor(rng.standard_normal((6, 4)))
    mu = x.mean(axis=0)
    var = ((x - mu) ** 2).mean(axis=0)
    y = gamma * ((x - mu) / ag.sqrt(var + EPS)) + beta
    return {
        "x": x,
        "gamma": gamma,
        "beta": beta,
        "target": target,
        "mu": mu,
        "var": var,
        "y": y,
        "loss": ((y - target) ** 2).mean(),
    }


def gradients(t):
    x, mu, var, gamma = t["x"].data, t["mu"].data, t["var"].data, t["gamma"].data
    dy = 2 * (t["y"].data - t["target"].data) / 24
    dbeta = dy.sum(axis=0)
    dgamma = (dy * (x - mu) * np.sqrt(var + EPS)).sum(axis=0)
    xhat = (x - mu) / np.sqrt(var + EPS)
    dx = gamma / np.sqrt(var + EPS) * (dy - dy.mean(axis=0) - xhat * (dy * xhat).mean(axis=0))
    return {"y": dy, "beta": dbeta, "gamma": dgamma, "x": dx}


def right(t):
    g = gradients(t)
    centred = t["x"].data - t["mu"].data
    return {**g, "gamma": (g["y"] * centred / np.sqrt(t["var"].data + EPS)).sum(axis=0)}

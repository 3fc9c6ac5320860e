"""Boosting with a Laplace distribution: the derivatives of -log p by loc and by log(scale).
Both were written with logscale - Y, where the distance from the location is meant."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/stanfordmlgroup/ngboost/issues/177; Laplace distribution calculation seems to be off; 2020"
KIND = "wrong variable"
FIRST = "logscale"
CAUSE = "logscale - Y in place of loc - Y: the wrong parameter of the distribution is subtracted"
WORDS = [["loc", "another", "other tensor", "wrong variable", "in place of"]]


def forward(rng):
    X = Tensor(rng.standard_normal((7, 3)))
    Y = Tensor(2 * rng.standard_normal(7))
    wl = Tensor(rng.standard_normal(3), requires_grad=True)
    ws = Tensor(rng.standard_normal(3) / 3, requires_grad=True)
    loc, logscale = X @ wl, X @ ws
    score = ag.abs(Y - loc) / ag.exp(logscale) + logscale + np.log(2)
    return {
        "X": X,
        "Y": Y,
        "wl": wl,
        "ws": ws,
        "loc": loc,
        "logscale": logscale,
        "score": score,
        "loss": score.sum(),
    }


def _back(t, centre):
    X, Y, scale = t["X"].data, t["Y"].data, np.exp(t["logscale"].data)
    D = np.zeros((len(Y), 2))  # dS/d loc, dS/d log(scale)
    D[:, 0] = np.sign(centre - Y) / scale
    D[:, 1] = 1 - np.abs(centre - Y) / scale
    return {
        "score": np.ones(7),
        "loc": D[:, 0],
        "logscale": D[:, 1],
        "wl": X.T @ D[:, 0],
        "ws": X.T @ D[:, 1],
    }


def gradients(t):
    return _back(t, t["logscale"].data)


def right(t):
    return _back(t, t["loc"].data)

"""Boosting with a normal distribution whose parameters are loc and the logarithm of the scale. The
gradient proposed is that in the scale itself."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/stanfordmlgroup/ngboost/issues/6; gradient of normal distribution negative log-likelihood; 2019"
KIND = "loss"
FIRST = "log_scale"
CAUSE = "the derivative by the scale, not by its logarithm: the factor scale (exp's derivative) is missing"
WORDS = [["exp"], ["factor", "local", "derivative", "forgotten", "missing", "multiplied"]]


def forward(rng):
    t = {"Y": ag.Tensor(rng.standard_normal(7))}
    t["loc"] = ag.Tensor(rng.standard_normal(7), requires_grad=True)
    t["log_scale"] = ag.Tensor(rng.uniform(-1, 1, 7), requires_grad=True)
    t["scale"] = ag.exp(t["log_scale"])
    z = (t["Y"] - t["loc"]) / t["scale"]
    t["loss"] = (0.5 * z**2 + ag.log(t["scale"]) + 0.5 * np.log(2 * np.pi)).sum()
    return t


def gradients(t, mended=False):
    Y, loc, scale = t["Y"].data, t["loc"].data, t["scale"].data
    D0 = (Y - loc) / scale**2
    D1 = (Y - loc) ** 2 / scale**3 - 1 / scale
    if mended:
        D1 = D1 * scale
    return dict(loc=-D0, log_scale=-D1)


def right(t):
    return gradients(t, mended=True)

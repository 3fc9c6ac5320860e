"""Batch normalisation with the paper's formulas: dy * ivar is taken before dy is multiplied by
gamma, and used afterwards: gamma is missing in all that leads to x."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/denizyuret/Knet.jl/issues/288; Batchnorm backward on cpu doesn't seem to take care about scales; 2018"
KIND = "norm"
FIRST = "sigma2"
CAUSE = "gamma is missing: dy must be multiplied by gamma before it goes on to the normalised x"
WORDS = [["gamma", "scale", "factor", "forgotten", "missing"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((7, 3)))}
    t["x"] = ag.Tensor(rng.standard_normal((7, 3)) * 2, requires_grad=True)
    t["g"] = ag.Tensor(rng.uniform(0.5, 2.0, 3), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["mu"] = t["x"].mean(axis=0)
    t["x_mu"] = t["x"] - t["mu"]
    t["sigma2"] = (t["x_mu"] ** 2).mean(axis=0)
    t["y"] = t["g"] * t["x_mu"] / ag.sqrt(t["sigma2"] + 1e-5) + t["b"]
    t["loss"] = ((t["y"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    x_mu, g = t["x_mu"].data, t["g"].data
    m = len(x_mu)
    ivar = 1 / np.sqrt(t["sigma2"].data + 1e-5)
    dy = 2 * (t["y"].data - t["target"].data)
    dyivar = dy * ivar
    dg = (x_mu * dyivar).sum(axis=0)
    db = dy.sum(axis=0)
    dy_scaled = g * dy
    if mended:
        dyivar = dy_scaled * ivar
    dsigma2 = -0.5 * (dyivar * x_mu * ivar**2).sum(axis=0)
    dmu = -dyivar.sum(axis=0) - 2 * dsigma2 * x_mu.sum(axis=0) / m
    dx = dyivar + dsigma2 * 2 * x_mu / m + dmu / m
    return dict(y=dy, g=dg, b=db, sigma2=dsigma2, mu=dmu, x=dx)


def right(t):
    return gradients(t, mended=True)

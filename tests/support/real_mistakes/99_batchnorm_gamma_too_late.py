"""Batch normalisation in training, scaled by g and shifted by b, half the squared error.
dy * ivar is computed first and g multiplied into dy afterwards, where nothing reads it any more: g is in none of the gradients below it."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/denizyuret/Knet.jl/issues/288; Batchnorm backward on cpu doesn't seem to take care about scales; 2018"
KIND = "norm"
FIRST = "sigma2"
CAUSE = "The scale g (gamma) is missing: what comes back must be multiplied by g before it goes through the normalisation."
WORDS = [
    ["gamma", "scale", "'g'", "argument", "multipl", "factor"],
    ["forgotten", "missing", "left out", "lacks", "without", "not multiplied", "factor"],
]
EPS = 1e-5


def forward(rng):
    x = ag.Tensor(rng.standard_normal((6, 3)) * 2 + 1, requires_grad=True)
    g = ag.Tensor(rng.uniform(0.4, 2.5, 3), requires_grad=True)
    b = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    target = ag.Tensor(rng.standard_normal((6, 3)))
    mu = x.mean(axis=0)
    x_mu = x - mu
    sigma2 = (x_mu**2).mean(axis=0)
    ivar = 1 / ag.sqrt(sigma2 + EPS)
    y = x_mu * ivar * g + b
    loss = 0.5 * ((y - target) ** 2).sum()
    return dict(x=x, g=g, b=b, target=target, mu=mu, sigma2=sigma2, y=y, loss=loss)


def _backward(t, scale_first):
    x, g, mu = t["x"].data, t["g"].data, t["mu"].data
    x_mu, ivar = x - mu, 1 / np.sqrt(t["sigma2"].data + EPS)
    dout = dy = t["y"].data - t["target"].data
    dyivar = dy * ivar
    dg = np.sum(x_mu * dyivar, axis=0)
    db = np.sum(dy, axis=0)
    dy = g * dy
    if scale_first:
        dyivar = dy * ivar
    m = len(x)
    dsigma2 = -0.5 * np.sum(dyivar * x_mu * ivar**2, axis=0)
    dmu = -np.sum(dyivar, axis=0) - 2 * dsigma2 * np.sum(x_mu, axis=0) / m
    dx = dyivar + dsigma2 * 2 * x_mu / m + dmu / m
    return dict(y=dout, g=dg, b=db, sigma2=dsigma2, mu=dmu, x=dx)


def gradients(t):
    return _backward(t, scale_first=False)


def right(t):
    return _backward(t, scale_first=True)

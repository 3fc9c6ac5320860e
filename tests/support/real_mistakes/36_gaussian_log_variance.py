"""A decoder with a Gaussian: mean and log-variance of each number. In the gradient of the
log-variance, 0.5 - 0.5 * (x - mu)**2 / sigma**2, the second half is 1."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/y0ast/VAE-Torch/issues/13; GaussianCriterion gradient issue; 2016"
KIND = "loss"
FIRST = "logvar"
CAUSE = "the squared term has the factor 1 for 1/2"
WORDS = [["1/2", "0.5", "half", "twice", "2 times", "factor", "scale", "times what"]]


def forward(rng):
    t = {"h": ag.Tensor(rng.standard_normal((5, 4))), "x": ag.Tensor(rng.standard_normal((5, 3)))}
    for n in ("W_mu", "W_lv"):
        t[n] = ag.Tensor(rng.standard_normal((4, 3)) * 0.5, requires_grad=True)
    t["mu"] = t["h"] @ t["W_mu"]
    t["logvar"] = t["h"] @ t["W_lv"]
    square = (t["x"] - t["mu"]) ** 2 * ag.exp(-t["logvar"])
    t["loss"] = (0.5 * np.log(2 * np.pi) + 0.5 * t["logvar"] + 0.5 * square).sum()
    return t


def gradients(t, mended=False):
    x, mu, logvar, h = (t[n].data for n in ("x", "mu", "logvar", "h"))
    grad_mu = np.exp(-logvar) * (mu - x)
    grad_logvar = np.exp(-logvar) * (x - mu) ** 2 * (-0.5 if mended else -1) + 0.5
    return dict(mu=grad_mu, logvar=grad_logvar, W_mu=h.T @ grad_mu, W_lv=h.T @ grad_logvar)


def right(t):
    return gradients(t, mended=True)

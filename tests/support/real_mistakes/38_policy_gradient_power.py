"""A Gaussian policy, linear in the features. The gradient of log pi in the mean is "corrected" to
(a - mu) / sigma**3, by the 1/sigma in front of the density."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/brynhayder/reinforcement_learning_an_introduction/pull/5; typo in chapter_13; 2020"
KIND = "loss"
FIRST = "mu"
CAUSE = "sigma**3 for sigma**2: divided by sigma once too often"
WORDS = [["sigma", "power", "divided", "**2", "factor", "square"]]


def forward(rng):
    t = {
        "s": ag.Tensor(rng.standard_normal((6, 3))),
        "a": ag.Tensor(rng.standard_normal(6)),
        "G": ag.Tensor(rng.standard_normal(6)),
    }
    t["theta_mu"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["theta_sigma"] = ag.Tensor(rng.standard_normal(3) * 0.5, requires_grad=True)
    t["mu"] = t["s"] @ t["theta_mu"]
    t["sigma"] = ag.exp(t["s"] @ t["theta_sigma"])
    log_pi = -((t["a"] - t["mu"]) ** 2) / (2 * t["sigma"] ** 2) - ag.log(
        t["sigma"] * np.sqrt(2 * np.pi)
    )
    t["loss"] = -(t["G"] * log_pi).sum()
    return t


def gradients(t, mended=False):
    s, a, G, mu, sigma = (t[n].data for n in ("s", "a", "G", "mu", "sigma"))
    d_mu = -G * (a - mu) / (sigma**2 if mended else sigma**3)
    d_sigma = -G * ((a - mu) ** 2 / sigma**3 - 1 / sigma)
    return dict(mu=d_mu, sigma=d_sigma, theta_mu=s.T @ d_mu, theta_sigma=s.T @ (d_sigma * sigma))


def right(t):
    return gradients(t, mended=True)

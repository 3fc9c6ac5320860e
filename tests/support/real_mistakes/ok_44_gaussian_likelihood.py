"""Right: mean and log sigma of a normal distribution; the squared error's factor 1 is right here."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: closed formula, log sigma", "right", None


def forward(rng):
    t = {"y": ag.Tensor(rng.standard_normal(9))}
    t["mu"] = ag.Tensor(0.4, requires_grad=True)
    t["log_sigma"] = ag.Tensor(-0.2, requires_grad=True)
    z = (t["y"] - t["mu"]) * ag.exp(-t["log_sigma"])
    t["loss"] = (0.5 * z**2 + t["log_sigma"]).sum()
    return t


def gradients(t):
    y, mu, s = t["y"].data, t["mu"].data, np.exp(t["log_sigma"].data)
    return dict(mu=np.sum(mu - y) / s**2, log_sigma=len(y) - np.sum((y - mu) ** 2) / s**2)

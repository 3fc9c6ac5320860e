"""The log marginal likelihood of a Gaussian process, squared exponential kernel with log parameters and
a constant mean: the gradient of the mean has the wrong sign, those of the kernel are right."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/STOR-i/GaussianProcesses.jl/issues/26; Sign of derivative of log likelihood with respect to mean parameters seems to have the wrong sign; 2016"
KIND = "sign"
FIRST = "beta"
CAUSE = "the sign of the mean's gradient is wrong: it is 1' alpha, not -1' alpha"
WORDS = [["sign", "minus", "-1", "negat", "opposite"]]
n = 6


def forward(rng):
    x = np.sort(rng.uniform(0, 6, n))
    t = {"y": Tensor(np.sin(x) + 0.2), "distances": Tensor((x[:, None] - x) ** 2)}
    for name, value in ("beta", 0.1), ("ll", 0.2), ("lsf", -0.1), ("logNoise", -1.0):
        t[name] = Tensor(value + 0.1 * rng.standard_normal(), requires_grad=True)
    t["kernel"] = ag.exp(2 * t["lsf"] - 0.5 * t["distances"] * ag.exp(-2 * t["ll"]))
    t["Sigma"] = t["kernel"] + ag.exp(2 * t["logNoise"]) * Tensor(np.eye(n))
    residual = t["y"] - t["beta"] * Tensor(np.ones(n))
    t["alpha"] = ag.solve(t["Sigma"], residual)
    t["mll"] = -0.5 * (residual * t["alpha"]).sum() - 0.5 * ag.slogdet(t["Sigma"])[1]
    t["loss"] = t["mll"] - n / 2 * np.log(2 * np.pi)
    return t


def gradients(t):
    alpha, K, D = t["alpha"].data, t["kernel"].data, t["distances"].data
    ll, logNoise, Mgrads = t["ll"].data, t["logNoise"].data, np.ones(n)
    ααinvcKI = np.outer(alpha, alpha) - np.linalg.inv(t["Sigma"].data)
    return {
        "logNoise": np.exp(2 * logNoise) * np.trace(ααinvcKI),
        "beta": -np.dot(Mgrads, alpha),
        "ll": 0.5 * np.trace(ααinvcKI @ (K * D * np.exp(-2 * ll))),
        "lsf": 0.5 * np.trace(ααinvcKI @ (2 * K)),
    }


def right(t):
    g = gradients(t)
    return g | {"beta": -g["beta"]}

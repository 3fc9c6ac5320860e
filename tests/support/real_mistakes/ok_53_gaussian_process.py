"""Right: the marginal likelihood of a Gaussian process in the logarithms of its three numbers, by
half the trace of (K^-1 - alpha alpha^T) dK."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: traces", "right", None


def forward(rng):
    x = np.sort(rng.uniform(-2, 2, 6))
    t = {
        "D": ag.Tensor((x[:, None] - x) ** 2),
        "y": ag.Tensor(np.sin(x) + 0.1 * rng.standard_normal(6)),
    }
    for n, v in dict(ls=0.1, lf=0.2, ln=-1.0).items():
        t[n] = ag.Tensor(v, requires_grad=True)
    t["Kf"] = ag.exp(2 * t["lf"]) * ag.exp(-0.5 * t["D"] * ag.exp(-2 * t["ls"]))
    t["K"] = t["Kf"] + ag.exp(2 * t["ln"]) * np.eye(6)
    t["loss"] = 0.5 * t["y"] @ ag.solve(t["K"], t["y"]) + 0.5 * ag.slogdet(t["K"])[1]
    return t


def gradients(t):
    K, Kf, D, y = (t[n].data for n in ("K", "Kf", "D", "y"))
    Kinv = np.linalg.inv(K)
    alpha = Kinv @ y
    W = 0.5 * (Kinv - np.outer(alpha, alpha))
    return dict(
        K=W,
        lf=np.sum(W * 2 * Kf),
        ls=np.sum(W * Kf * D) * np.exp(-2 * t["ls"].data),
        ln=2 * np.exp(2 * t["ln"].data) * np.trace(W),
    )

"""Right: the energy of springs between points in the plane; forces collected in a loop."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: loops, both ends of a spring", "right", None
SPRINGS = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]


def forward(rng):
    t = {"rest": ag.Tensor(rng.uniform(0.5, 1.5, 5))}
    t["p"] = ag.Tensor(rng.standard_normal((4, 2)), requires_grad=True)
    t["k"] = ag.Tensor(rng.uniform(1, 2, 5), requires_grad=True)
    i, j = np.array(SPRINGS).T
    t["d"] = ag.sqrt(((t["p"][i] - t["p"][j]) ** 2).sum(axis=1))
    t["loss"] = 0.5 * (t["k"] * (t["d"] - t["rest"]) ** 2).sum()
    return t


def gradients(t):
    p, k, rest = t["p"].data, t["k"].data, t["rest"].data
    dp, dk, dd = np.zeros_like(p), np.zeros(5), np.zeros(5)
    for s, (i, j) in enumerate(SPRINGS):
        r = p[i] - p[j]
        d = np.linalg.norm(r)
        dk[s] = 0.5 * (d - rest[s]) ** 2
        dd[s] = k[s] * (d - rest[s])
        dp[i] += dd[s] * r / d
        dp[j] -= dd[s] * r / d
    return dict(d=dd, k=dk, p=dp)

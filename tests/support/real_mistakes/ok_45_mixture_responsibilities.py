"""Right: a mixture of normal distributions; all gradients by the responsibilities."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = "style: responsibilities", "right", None


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((8, 2)))}
    t["a"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["mu"] = ag.Tensor(rng.standard_normal((3, 2)), requires_grad=True)
    d2 = ((t["x"][:, None] - t["mu"][None]) ** 2).sum(axis=2)
    t["l"] = F.log_softmax(t["a"]) - 0.5 * d2
    t["loss"] = -ag.logsumexp(t["l"], axis=1).sum()
    return t


def gradients(t):
    l, x, mu, a = (t[n].data for n in ("l", "x", "mu", "a"))
    r = np.exp(l - l.max(axis=1, keepdims=True))
    r /= r.sum(axis=1, keepdims=True)
    pi = np.exp(a) / np.exp(a).sum()
    dmu = np.zeros_like(mu)
    for k in range(3):
        for n in range(8):
            dmu[k] -= r[n, k] * (x[n] - mu[k])
    return dict(l=-r, mu=dmu, a=8 * pi - r.sum(axis=0))

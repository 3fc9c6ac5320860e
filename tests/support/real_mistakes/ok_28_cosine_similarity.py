"""Right: the cosine of two batches of vectors, each divided by its length."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: closed formula", "right", None


def forward(rng):
    t = {"label": ag.Tensor(rng.choice([-1.0, 1.0], 6))}
    t["a"], t["b"] = (ag.Tensor(rng.standard_normal((6, 3)), requires_grad=True) for _ in range(2))
    length = lambda v: ag.sqrt((v * v).sum(axis=1))
    t["cos"] = (t["a"] * t["b"]).sum(axis=1) / (length(t["a"]) * length(t["b"]))
    t["loss"] = ((t["cos"] - t["label"]) ** 2).mean()
    return t


def gradients(t):
    a, b, cos = t["a"].data, t["b"].data, t["cos"].data
    d = 2 * (cos - t["label"].data) / 6
    na, nb = np.linalg.norm(a, axis=1), np.linalg.norm(b, axis=1)
    da = d[:, None] * (b / (na * nb)[:, None] - (cos / na**2)[:, None] * a)
    db = d[:, None] * (a / (na * nb)[:, None] - (cos / nb**2)[:, None] * b)
    return dict(cos=d, a=da, b=db)

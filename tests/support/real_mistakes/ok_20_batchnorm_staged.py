"""Right: batch normalisation in nine small steps of a computational graph, as in a blog."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: computational graph, staged", "right", None


def forward(rng):
    t = {"dout": ag.Tensor(rng.standard_normal((6, 4)))}
    t["x"] = ag.Tensor(rng.standard_normal((6, 4)) + 1, requires_grad=True)
    t["gamma"] = ag.Tensor(rng.uniform(0.5, 2, 4), requires_grad=True)
    t["beta"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["xmu"] = t["x"] - t["x"].mean(axis=0)
    t["var"] = (t["xmu"] ** 2).mean(axis=0)
    t["sqrtvar"] = ag.sqrt(t["var"] + 1e-5)
    t["ivar"] = 1 / t["sqrtvar"]
    t["xhat"] = t["xmu"] * t["ivar"]
    t["out"] = t["gamma"] * t["xhat"] + t["beta"]
    t["loss"] = (t["out"] * t["dout"]).sum()
    return t


def gradients(t):
    d = {n: v.data for n, v in t.items()}
    N = 6
    dbeta = np.sum(d["dout"], axis=0)
    dgamma = np.sum(d["dout"] * d["xhat"], axis=0)
    dxhat = d["dout"] * d["gamma"]
    divar = np.sum(dxhat * d["xmu"], axis=0)
    dsqrtvar = -1.0 / (d["sqrtvar"] ** 2) * divar
    dvar = 0.5 * 1.0 / np.sqrt(d["var"] + 1e-5) * dsqrtvar
    dsq = 1.0 / N * np.ones((N, 4)) * dvar
    dxmu = dxhat * d["ivar"] + 2 * d["xmu"] * dsq
    dmu = -1 * np.sum(dxmu, axis=0)
    dx = dxmu + 1.0 / N * np.ones((N, 4)) * dmu
    return dict(
        out=d["dout"],
        beta=dbeta,
        gamma=dgamma,
        xhat=dxhat,
        ivar=divar,
        sqrtvar=dsqrtvar,
        var=dvar,
        xmu=dxmu,
        x=dx,
    )

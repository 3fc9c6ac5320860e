"""Layer normalisation whose backward was copied from batch normalisation: the two means are over
axis 0, where layer normalisation has its statistics along axis 1."""

import numpy as np
import autograd as ag

SOURCE = "kind: sums over the wrong axis inside a step, layer norm's means"
KIND = "norm"
FIRST = "x"
CAUSE = "the means are over the batch (axis 0) in place of the features (axis 1)"
WORDS = [["axis", "axes", "batch", "features"]]


def forward(rng):
    t = {"w": ag.Tensor(rng.standard_normal((4, 6)))}
    t["x"] = ag.Tensor(rng.standard_normal((4, 6)), requires_grad=True)
    t["gamma"] = ag.Tensor(rng.uniform(0.5, 1.5, 6), requires_grad=True)
    t["beta"] = ag.Tensor(rng.standard_normal(6), requires_grad=True)
    mu = t["x"].mean(axis=1, keepdims=True)
    t["std"] = ag.sqrt(((t["x"] - mu) ** 2).mean(axis=1, keepdims=True) + 1e-5)
    t["xhat"] = (t["x"] - mu) / t["std"]
    t["out"] = t["xhat"] * t["gamma"] + t["beta"]
    t["loss"] = (ag.sin(t["out"]) * t["w"]).sum()
    return t


def gradients(t, mended=False):
    xhat, std = t["xhat"].data, t["std"].data
    dout = np.cos(t["out"].data) * t["w"].data
    dgamma, dbeta = (dout * xhat).sum(axis=0), dout.sum(axis=0)
    dxhat = dout * t["gamma"].data
    axis = 1 if mended else 0
    dx = (
        dxhat
        - dxhat.mean(axis=axis, keepdims=True)
        - xhat * (dxhat * xhat).mean(axis=axis, keepdims=True)
    ) / std
    return dict(out=dout, gamma=dgamma, beta=dbeta, x=dx)


def right(t):
    return gradients(t, mended=True)

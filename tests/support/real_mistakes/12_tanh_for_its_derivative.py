"""A layer with tanh. The helper that is to be the derivative computes (e - 1)/(e + 1) with
e = exp(2 x), which is tanh itself."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/andersbll/nnet/issues/4; L2 regularization problem (comment on helpers.py, tanh_d); 2016"
KIND = "activation derivative"
FIRST = "z"
CAUSE = "tanh in place of its derivative: it must be 1 - tanh(z)**2"
WORDS = [["tanh"], ["derivative", "1 -", "itself", "output", "**2", "in place"]]


def tanh_d(x):
    e = np.exp(2 * x)
    return (e - 1) / (e + 1)


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((5, 4))), "Y": ag.Tensor(rng.standard_normal((5, 2)))}
    t["W"] = ag.Tensor(rng.standard_normal((4, 3)), requires_grad=True)
    t["V"] = ag.Tensor(rng.standard_normal((3, 2)), requires_grad=True)
    t["z"] = t["X"] @ t["W"]
    t["a"] = ag.tanh(t["z"])
    t["out"] = t["a"] @ t["V"]
    t["loss"] = 0.5 * ((t["out"] - t["Y"]) ** 2).sum() / 5
    return t


def gradients(t, mended=False):
    output_grad = (t["out"].data - t["Y"].data) / 5
    dV = t["a"].data.T @ output_grad
    da = output_grad @ t["V"].data.T
    dz = da * (1 - np.tanh(t["z"].data) ** 2 if mended else tanh_d(t["z"].data))
    return dict(out=output_grad, V=dV, a=da, z=dz, W=t["X"].data.T @ dz)


def right(t):
    return gradients(t, mended=True)

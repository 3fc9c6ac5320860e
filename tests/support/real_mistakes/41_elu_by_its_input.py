"""A layer with ELU. Below zero the derivative is f(x) + alpha; the function gets x and computes
x + alpha, as if x were the output."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/mlpack/mlpack/pull/1540; Fixed bug in the derivative of the exponential linear unit; 2018"
KIND = "activation derivative"
FIRST = "z"
CAUSE = "the derivative's formula is in terms of the output, f + alpha = alpha * exp(z), and got the input z"
WORDS = [["elu", "exp", "output", "input", "derivative", "negative", "below", "where"]]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((5, 4))), "y": ag.Tensor(rng.standard_normal((5, 1)))}
    t["w"] = ag.Tensor(rng.standard_normal((4, 6)), requires_grad=True)
    t["v"] = ag.Tensor(rng.standard_normal((6, 1)), requires_grad=True)
    t["z"] = t["x"] @ t["w"]
    t["a"] = ag.where(t["z"].data > 0, t["z"], 1.5 * (ag.exp(t["z"]) - 1))
    t["out"] = t["a"] @ t["v"]
    t["loss"] = ((t["out"] - t["y"]) ** 2).sum()
    return t


def deriv(y, alpha):
    return np.where(y > 0, 1.0, y + alpha)


def gradients(t, mended=False):
    g = 2 * (t["out"].data - t["y"].data)
    da = g @ t["v"].data.T
    dz = da * deriv(t["a"].data if mended else t["z"].data, 1.5)
    return dict(out=g, v=t["a"].data.T @ g, a=da, z=dz, w=t["x"].data.T @ dz)


def right(t):
    return gradients(t, mended=True)

"""Layer norm's dx: the register for x_hat times its mean still holds mean(dy gamma), and accumulates,
so that mean(dy gamma) is subtracted twice."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/tenstorrent/tt-metal/pull/53215; [tt-train] Fix layernorm_bw dx double-subtract and non-L1 nested DST acquire; 2026"
KIND = "buffer"
FIRST = "x"
CAUSE = "mean(dy gamma) is subtracted twice"
WORDS = [["twice", "double", "mean", "2 times", "times 2", "subtracted"]]
eps = 1e-5


def forward(rng):
    t = {"x": Tensor(rng.standard_normal((4, 6)), requires_grad=True)}
    t["gamma"] = Tensor(rng.uniform(0.5, 1.5, 6), requires_grad=True)
    t["beta"] = Tensor(rng.standard_normal(6), requires_grad=True)
    t["target"] = Tensor(rng.standard_normal((4, 6)))
    centred = t["x"] - t["x"].mean(axis=1, keepdims=True)
    t["rstd"] = 1 / ag.sqrt((centred**2).mean(axis=1, keepdims=True) + eps)
    t["x_hat"] = centred * t["rstd"]
    t["y"] = t["x_hat"] * t["gamma"] + t["beta"]
    t["loss"] = 0.5 * ((t["y"] - t["target"]) ** 2).sum()
    return t


def backward(t, register_zeroed):
    gamma, x_hat, rstd = (t[k].data for k in ("gamma", "x_hat", "rstd"))
    dy = t["y"].data - t["target"].data
    dy_gamma = dy * gamma
    register = dy_gamma.mean(axis=1, keepdims=True)
    dx = dy_gamma - register
    if register_zeroed:
        register = np.zeros_like(register)
    register = register + x_hat * (dy_gamma * x_hat).mean(axis=1, keepdims=True)
    dx = (dx - register) * rstd
    dgamma, dbeta = (dy * x_hat).sum(axis=0), dy.sum(axis=0)
    return {"y": dy, "x_hat": dy_gamma, "gamma": dgamma, "beta": dbeta, "x": dx}


def gradients(t):
    return backward(t, register_zeroed=False)


def right(t):
    return backward(t, register_zeroed=True)

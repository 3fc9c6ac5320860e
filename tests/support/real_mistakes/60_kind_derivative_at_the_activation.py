"""Neurons that keep their output only. The derivative function, right for the sum that comes in, is
called with the output: 1 - tanh(tanh(z))**2."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/davidrmiller/neural2d/issues/40; Are the TF derivatives correctly implemented?; 2018"
KIND = "activation derivative"
FIRST = "z2"
CAUSE = "the derivative is taken at the output, tanh(z), in place of z"
WORDS = [
    ["tanh", "derivative"],
    ["output", "activation", "twice", "a2", "tanh(tanh", "wrong variable", "input", "at tanh"],
]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((5, 3))), "y": ag.Tensor(rng.uniform(-1, 1, (5, 2)))}
    for n, s in dict(w1=(3, 4), w2=(4, 2)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["z1"] = t["x"] @ t["w1"]
    t["a1"] = ag.tanh(t["z1"])
    t["z2"] = t["a1"] @ t["w2"]
    t["a2"] = ag.tanh(t["z2"])
    t["loss"] = 0.5 * ((t["a2"] - t["y"]) ** 2).sum()
    return t


def transfer_derivative(x):
    return 1.0 - np.tanh(x) * np.tanh(x)


def gradients(t, mended=False):
    at1, at2 = ("z1", "z2") if mended else ("a1", "a2")
    da2 = t["a2"].data - t["y"].data
    dz2 = da2 * transfer_derivative(t[at2].data)
    da1 = dz2 @ t["w2"].data.T
    dz1 = da1 * transfer_derivative(t[at1].data)
    return dict(a2=da2, z2=dz2, w2=t["a1"].data.T @ dz2, a1=da1, z1=dz1, w1=t["x"].data.T @ dz1)


def right(t):
    return gradients(t, mended=True)

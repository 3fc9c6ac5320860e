"""Reverse mode through a tanh network, r = W v + b, v' = tanh(r): the adjoint of a layer's input is
W' times that of its output v', not that of r, so the activation's derivative is lost."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/SciML/SciMLBook/issues/164; Typo in eq. 47 of notes 10 (Reverse-Mode AD and Inverse Problems)?; 2025"
KIND = "activation derivative"
FIRST = "v2"
CAUSE = "back through W goes the adjoint of r3, which has tanh's derivative, not that of v3"
WORDS = [["tanh", "derivative", "r3", "activation", "1 - v3"]]
sizes = [3, 5, 4, 2]


def forward(rng):
    t = {"v0": Tensor(rng.standard_normal(3)), "target": Tensor(rng.standard_normal(2))}
    for i in 1, 2, 3:
        t[f"W{i}"] = Tensor(rng.standard_normal((sizes[i], sizes[i - 1])), requires_grad=True)
        t[f"b{i}"] = Tensor(rng.standard_normal(sizes[i]), requires_grad=True)
        t[f"r{i}"] = t[f"W{i}"] @ t[f"v{i - 1}"] + t[f"b{i}"]
        t[f"v{i}"] = ag.tanh(t[f"r{i}"])
    t["loss"] = ((t["v3"] - t["target"]) ** 2).sum()
    return t


def backward(t, bar):
    g = {"v3": 2 * (t["v3"].data - t["target"].data)}
    for i in 3, 2, 1:
        g[f"r{i}"] = g[f"v{i}"] * (1 - np.tanh(t[f"r{i}"].data) ** 2)
        g[f"W{i}"] = np.outer(g[f"r{i}"], t[f"v{i - 1}"].data)
        g[f"b{i}"] = g[f"r{i}"]
        if i > 1:
            g[f"v{i - 1}"] = t[f"W{i}"].data.T @ g[f"{bar}{i}"]
    return g


def gradients(t):
    return backward(t, "v")


def right(t):
    return backward(t, "r")

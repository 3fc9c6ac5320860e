"""A sigmoid network, one example, neuron by neuron: the derivative function takes the weighted sum
and is called with the activation."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/benoitfragit/libBrain/issues/78; Error in backpropagation; 2017"
KIND = "activation derivative"
FIRST = "sum3"
CAUSE = "the sigmoid's derivative is taken at the activation; it must be taken at the weighted sum"
WORDS = [["sigmoid", "expit", "derivative", "twice", "activation", "1 - out3", "weighted sum"]]


def forward(rng):
    t = {"out0": Tensor(rng.standard_normal(4)), "desired": Tensor(rng.random(2))}
    for i, (n_out, n_in) in enumerate([(6, 4), (5, 6), (2, 5)], 1):
        t[f"w{i}"] = Tensor(rng.standard_normal((n_out, n_in)), requires_grad=True)
        t[f"b{i}"] = Tensor(rng.standard_normal(n_out), requires_grad=True)
        t[f"sum{i}"] = t[f"w{i}"] @ t[f"out{i - 1}"] + t[f"b{i}"]
        t[f"out{i}"] = ag.expit(t[f"sum{i}"])
    t["loss"] = 0.5 * ((t["out3"] - t["desired"]) ** 2).sum()
    return t


def derivative(x):
    s = 1 / (1 + np.exp(-x))
    return s * (1 - s)


def backward(t, at):
    g = {"out3": t["out3"].data - t["desired"].data}
    for i in 3, 2, 1:
        w, before = t[f"w{i}"].data, t[f"out{i - 1}"].data
        delta, errors, dw = np.zeros(len(w)), np.zeros(len(before)), np.zeros_like(w)
        for j in range(len(w)):
            delta[j] = g[f"out{i}"][j] * derivative(t[f"{at}{i}"].data[j])
            for k in range(len(before)):
                dw[j, k] = delta[j] * before[k]
                errors[k] += delta[j] * w[j, k]
        g[f"sum{i}"], g[f"w{i}"], g[f"b{i}"] = delta, dw, delta
        if i > 1:
            g[f"out{i - 1}"] = errors
    return g


def gradients(t):
    return backward(t, "out")


def right(t):
    return backward(t, "sum")

"""Four layers with sigmoid, one example in a column. The weights get delta * sigma', but delta itself
goes on to the layer before: no sigma' on the way through."""

import numpy as np
import autograd as ag

SOURCE = "https://stackoverflow.com/questions/53287032/multi-layer-neural-network-back-propagation-formula-using-stochastic-gradient-d; Multi-layer neural network back-propagation formula (using stochastic gradient descent); year not shown"
KIND = "activation derivative"
FIRST = "a2"
CAUSE = "the sigmoid's derivative is left out on the way back: W.T @ (delta * a * (1 - a)), not W.T @ delta"
WORDS = [["sigmoid", "expit", "derivative", "a3 * (1", "local", "z3", "activation"]]


def forward(rng):
    t = {"a0": ag.Tensor(rng.random((4, 1))), "y": ag.Tensor(rng.random((2, 1)))}
    for k, s in enumerate([(5, 4), (3, 5), (2, 3)], start=1):
        t[f"W{k}"] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
        t[f"a{k}"] = ag.expit(t[f"W{k}"] @ t[f"a{k - 1}"])
    t["loss"] = 0.5 * ((t["a3"] - t["y"]) ** 2).sum()
    return t


def sigmoid_prime(a):
    return a * (1 - a)


def gradients(t, mended=False):
    out = {}
    delta = t["a3"].data - t["y"].data
    for k in (3, 2, 1):
        out[f"a{k}"] = delta
        tmp = delta * sigmoid_prime(t[f"a{k}"].data)
        delta = np.dot(t[f"W{k}"].data.T, tmp if mended else delta)
        out[f"W{k}"] = np.dot(tmp, t[f"a{k - 1}"].data.T)
    return out


def right(t):
    return gradients(t, mended=True)

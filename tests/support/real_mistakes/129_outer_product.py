"""Three sigmoid/softmax layers on one digit: W's gradient is np.dot(error, the layer's own output),
a number, where it is the outer product of the error and the input of the layer."""

import numpy as np

import autograd as ag
from autograd import Tensor
from nn import functional as F

SOURCE = "https://github.com/casper-hansen/Neural-Network-From-Scratch/pull/1; Fix for apparently faulty Numpy NN backward pass; 2020"
KIND = "outer product"
FIRST = "W3"
CAUSE = "W3's gradient is the outer product of the error and the layer's input A2; you have the inner product of the error and the output A3"
WORDS = [["outer", "inner product", "dot product", "scalar", "shape", "A2", "sum"]]


def forward(rng):
    t = {"A0": Tensor(rng.random(6))}
    t["y"] = Tensor(np.eye(3)[rng.integers(3)])
    for name, shape in ("W1", (5, 6)), ("W2", (4, 5)), ("W3", (3, 4)):
        t[name] = Tensor(rng.standard_normal(shape), requires_grad=True)
    for i in "12":
        t["Z" + i] = t["W" + i] @ t["A" + str(int(i) - 1)]
        t["A" + i] = ag.expit(t["Z" + i])
    t["Z3"] = t["W3"] @ t["A2"]
    t["A3"] = F.softmax(t["Z3"])
    t["loss"] = -(t["y"] * ag.log(t["A3"])).sum()
    return t


def backward(t, product, of):
    a, W = {i: t[f"A{i}"].data for i in range(4)}, {i: t[f"W{i}"].data for i in (1, 2, 3)}
    change = {}
    error = a[3] - t["y"].data
    for i in 3, 2, 1:
        change[f"Z{i}"] = error
        change[f"W{i}"] = product(error, a[of(i)])
        if i > 1:
            error = np.dot(W[i].T, error) * a[i - 1] * (1 - a[i - 1])
    return change


def gradients(t):
    return backward(t, np.dot, lambda i: i)


def right(t):
    return backward(t, np.outer, lambda i: i - 1)

"""One neuron a layer, sigmoids, squared error: the gradient of the hidden neuron leaves out the output's
sigmoid, and those of the weights have the weight itself in place of the neuron's input."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://stats.stackexchange.com/questions/464262/backpropagation-demo-gives-always-the-same-result-after-training; Backpropagation demo gives always the same result after training; 2020"
KIND = "chain rule"
FIRST = "h"
CAUSE = "on the way back to h the derivative of the output's sigmoid, y (1 - y), is missing"
WORDS = [["sigmoid", "expit", "derivative", "activation", "1 - y"]]


def forward(rng):
    t = {"x": Tensor(rng.random(1)), "a": Tensor(np.ones(1))}
    for name in "w1", "b1", "w2", "b2":
        t[name] = Tensor(rng.standard_normal(1), requires_grad=True)
    t["h"] = ag.expit(t["x"] * t["w1"] + t["b1"])
    t["y"] = ag.expit(t["h"] * t["w2"] + t["b2"])
    t["loss"] = ((t["y"] - t["a"]) ** 2).sum()
    return t


def der_sigmoid(s):
    return s * (1 - s)


def gradients(t):
    x, a, w1, w2, h, y = (t[k].data for k in ("x", "a", "w1", "w2", "h", "y"))
    g = {"y": 2 * (y - a)}
    g["h"] = g["y"] * w2
    g["w2"] = g["y"] * der_sigmoid(y) * w2
    g["w1"] = g["h"] * der_sigmoid(h) * w1
    g["b2"] = g["y"] * der_sigmoid(y)
    g["b1"] = g["h"] * der_sigmoid(h)
    return g


def right(t):
    x, a, w2, h, y = (t[k].data for k in ("x", "a", "w2", "h", "y"))
    g = {"y": 2 * (y - a)}
    g["b2"] = g["y"] * der_sigmoid(y)
    g["h"] = g["b2"] * w2
    g["b1"] = g["h"] * der_sigmoid(h)
    g["w2"], g["w1"] = g["b2"] * h, g["b1"] * x
    return g

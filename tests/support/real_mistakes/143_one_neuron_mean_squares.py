"""A single sigmoid neuron, mean squared error: the gradients of the weights and the bias have 1/n,
where the mean of squares gives 2/n."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/Open-Deep-ML/DML-OpenProblem/issues/54; 25 Single Neuron with Backpropagation; 2024"
KIND = "scale"
FIRST = "bias"
CAUSE = "the 2 of the square is missing: 2/n, not 1/n"
WORDS = [
    [
        "half",
        "twice",
        "1/2",
        "0.5",
        "2 times",
        "times 2",
        "factor 2",
        "factor of 2",
        "2 * ",
        "* 2",
        "2/n",
        "2/7",
        "square",
    ],
]


def forward(rng):
    t = {"features": Tensor(rng.standard_normal((7, 3)))}
    t["labels"] = Tensor(rng.integers(0, 2, 7).astype(float))
    t["weights"] = Tensor(rng.standard_normal(3), requires_grad=True)
    t["bias"] = Tensor(rng.standard_normal(), requires_grad=True)
    t["z"] = t["features"] @ t["weights"] + t["bias"]
    t["predictions"] = ag.expit(t["z"])
    t["loss"] = ((t["predictions"] - t["labels"]) ** 2).mean()
    return t


def backward(t, factor):
    features, labels, p = (t[k].data for k in ("features", "labels", "predictions"))
    n = len(labels)
    errors = p - labels
    weight_gradients = factor / n * np.dot(features.T, errors * p * (1 - p))
    bias_gradient = factor / n * np.sum(errors * p * (1 - p))
    return {"weights": weight_gradients, "bias": bias_gradient}


def gradients(t):
    return backward(t, 1)


def right(t):
    return backward(t, 2)

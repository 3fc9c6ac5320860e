"""A digit network with one hidden layer, the bias as a last column of the weights: the last
layer's weights are stepped before the hidden deltas are computed from them."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/louisjc/mnist-neural-network/issues/1; Bugs?; 2018"
KIND = "update rule"
FIRST = "z1"
CAUSE = "the hidden deltas go back through the weights after their update; it must be those of the forward pass"
WORDS = [
    [
        "updat",
        "stepped",
        "overwritten",
        "in place",
        "in-place",
        "changed",
        "learning rate",
        "old W2",
        "old value",
        "later value",
        "values of W2",
        "another W2",
        "forward",
    ],
]


def forward(rng):
    t = {"x": Tensor(rng.random(5)), "target": Tensor(np.eye(3)[rng.integers(3)])}
    t["W1"] = Tensor(rng.standard_normal((4, 6)), requires_grad=True)
    t["W2"] = Tensor(rng.standard_normal((3, 5)), requires_grad=True)
    one = Tensor(np.ones(1))
    t["z1"] = t["W1"] @ ag.concatenate([t["x"], one])
    t["hidden"] = ag.expit(t["z1"])
    t["z2"] = t["W2"] @ ag.concatenate([t["hidden"], one])
    t["out"] = ag.expit(t["z2"])
    t["loss"] = 0.5 * ((t["out"] - t["target"]) ** 2).sum()
    return t


def backward(t, step_first):
    c = 1 / (0 + 10)
    x, target, hidden, outputs = (t[k].data for k in ("x", "target", "hidden", "out"))
    last = t["W2"].data.copy()
    output_deltas = outputs * (1 - outputs) * (outputs - target)
    dlast = np.outer(output_deltas, np.append(hidden, 1))
    if step_first:
        last -= c * dlast
    hidden_deltas = hidden * (1 - hidden) * np.dot(np.delete(last, 4, 1).T, output_deltas)
    dfirst = np.outer(hidden_deltas, np.append(x, 1))
    return {"z2": output_deltas, "W2": dlast, "z1": hidden_deltas, "W1": dfirst}


def gradients(t):
    return backward(t, step_first=True)


def right(t):
    return backward(t, step_first=False)

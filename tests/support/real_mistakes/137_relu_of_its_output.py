"""Two layers, ReLU between, squared error: relu2deriv is x >= 0 and is given ReLU's output, which is
never below 0, so everything passes."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/iamtrask/Grokking-Deep-Learning/issues/56; Inactive Activation gradients; 2021"
KIND = "activation derivative"
FIRST = "z1"
CAUSE = "ReLU's mask lets everything pass: output >= 0 always holds; it must be input > 0"
WORDS = [["relu", "mask", "maximum", "> 0", "below 0", "negative", "passes", "kink"]]


def forward(rng):
    t = {"layer_0": Tensor(rng.random((4, 6))), "labels": Tensor(np.eye(3)[rng.integers(0, 3, 4)])}
    t["weights_0_1"] = Tensor(rng.standard_normal((6, 5)), requires_grad=True)
    t["weights_1_2"] = Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    t["z1"] = t["layer_0"] @ t["weights_0_1"]
    t["layer_1"] = ag.maximum(t["z1"], 0.0)
    t["layer_2"] = t["layer_1"] @ t["weights_1_2"]
    t["loss"] = 0.5 * ((t["labels"] - t["layer_2"]) ** 2).sum()
    return t


def relu2deriv(x):
    return x >= 0


def backward(t, of):
    layer_2_delta = t["layer_2"].data - t["labels"].data
    layer_1_delta = layer_2_delta.dot(t["weights_1_2"].data.T) * relu2deriv(t[of].data)
    return {
        "layer_2": layer_2_delta,
        "weights_1_2": t["layer_1"].data.T.dot(layer_2_delta),
        "z1": layer_1_delta,
        "weights_0_1": t["layer_0"].data.T.dot(layer_1_delta),
    }


def gradients(t):
    return backward(t, "layer_1")


def right(t):
    return backward(t, "z1")

"""A linear layer with weight decay: the penalty 0.5 * decay * W**2 is added to the loss, and its
gradient subtracted, as if the update's minus had been meant."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/andersbll/nnet/issues/4; L2 regularization problem; 2016"
KIND = "regularisation"
FIRST = "W"
CAUSE = "the sign of the weight decay is wrong: + weight_decay * W"
WORDS = [
    ["sign", "minus", "subtract", "negative"],
    ["decay", "regular", "l2", "penalty", "term", "weight_decay", "0.1"],
]


def forward(rng):
    t = {
        "last_input": ag.Tensor(rng.standard_normal((6, 4))),
        "Y": ag.Tensor(rng.standard_normal((6, 3))),
    }
    t["W"] = ag.Tensor(rng.standard_normal((4, 3)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["out"] = t["last_input"] @ t["W"] + t["b"]
    t["loss"] = 0.5 * ((t["out"] - t["Y"]) ** 2).sum() / 6 + 0.5 * 0.1 * (t["W"] ** 2).sum()
    return t


def gradients(t, mended=False):
    n = len(t["last_input"].data)
    output_grad = t["out"].data - t["Y"].data
    sign = 1 if mended else -1
    dW = np.dot(t["last_input"].data.T, output_grad) / n + sign * 0.1 * t["W"].data
    db = output_grad.sum(axis=0) / n
    return dict(W=dW, b=db)


def right(t):
    return gradients(t, mended=True)

"""Softmax regression, the negative log-likelihood summed. The bias's gradient is summed over the
classes as well: one number, which broadcasting hides in the update."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://github.com/rasbt/stat453-deep-learning-ss21/issues/5; Small error in bias-computation in L08/code/softmax-regression_scratch.ipynb; 2022"
KIND = "axis"
FIRST = "b"
CAUSE = "the bias's gradient is summed over the examples only, axis 0, not over the classes too"
WORDS = [["axis", "axes", "sum", "shape"]]


def forward(rng):
    t = {
        "x": ag.Tensor(rng.standard_normal((8, 2))),
        "y": ag.Tensor(np.eye(3)[rng.integers(0, 3, 8)]),
    }
    t["w"] = ag.Tensor(rng.standard_normal((3, 2)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["logits"] = t["x"] @ t["w"].T + t["b"]
    t["probas"] = F.softmax(t["logits"])
    t["loss"] = -(t["y"] * ag.log(t["probas"])).sum()
    return t


def gradients(t, mended=False):
    x, y, probas = t["x"].data, t["y"].data, t["probas"].data
    grad_loss_wrt_w = -np.dot(x.T, y - probas).T
    grad_loss_wrt_b = -np.sum(y - probas, axis=0) if mended else -np.sum(y - probas)
    return dict(w=grad_loss_wrt_w, b=grad_loss_wrt_b)


def right(t):
    return gradients(t, mended=True)

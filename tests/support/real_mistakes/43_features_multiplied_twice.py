"""Admissions by logistic regression, record by record. The error term has the factor x, and the
weights' change has it again: x squared."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/udacity/deep-learning-v2-pytorch/issues/409; Introduction to neural networks: 35. Notebook: Analyzing Student Data: error_term_formula solution; 2023"
KIND = "linear"
FIRST = "weights"
CAUSE = (
    "the features are multiplied in twice: error term times x, where the error term has x already"
)
WORDS = [
    ["features", "factor", "operand", "input"],
    ["twice", "squar", "too many", "again", "once more", "**2", "already"],
]


def forward(rng):
    t = {
        "features": ag.Tensor(rng.standard_normal((8, 4))),
        "targets": ag.Tensor(rng.integers(0, 2, 8) * 1.0),
    }
    t["weights"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["z"] = t["features"] @ t["weights"]
    t["output"] = ag.expit(t["z"])
    t["loss"] = -(
        t["targets"] * ag.log(t["output"]) + (1 - t["targets"]) * ag.log(1 - t["output"])
    ).mean()
    return t


def error_term_formula(x, y, output, mended):
    return (y - output) if mended else (y - output) * x


def gradients(t, mended=False):
    features, targets = t["features"].data, t["targets"].data
    del_w = np.zeros(4)
    for x, y, output in zip(features, targets, t["output"].data):
        error_term = error_term_formula(x, y, output, mended)
        del_w += error_term * x
    return dict(z=(t["output"].data - targets) / 8, weights=-del_w / 8)


def right(t):
    return gradients(t, mended=True)

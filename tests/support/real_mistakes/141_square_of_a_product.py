"""The parameter of f(x) = theta x^2 fitted to points, E = 1/2 (theta x^2 - y)^2, its mean over the points:
the derivative in theta was written as x^2 - y."""

import numpy as np

from autograd import Tensor

SOURCE = "https://github.com/ADGEfficiency/teaching-monolith/issues/1; Wrong derivative for the squared error; 2019"
KIND = "chain rule"
FIRST = "theta"
CAUSE = "(theta x^2 - y) x^2: the inner derivative x^2 is missing, and so is theta in the error"
WORDS = [["x**2", "x^2", "x * x", "inner", "chain", "f - y", "prediction", "residual"]]


def forward(rng):
    t = {"x": Tensor(rng.standard_normal(5))}
    t["y"] = Tensor(3 * t["x"].data ** 2)
    t["theta"] = Tensor(rng.random(), requires_grad=True)
    t["f"] = t["theta"] * t["x"] ** 2
    t["E"] = 0.5 * (t["f"] - t["y"]) ** 2
    t["loss"] = t["E"].mean()
    return t


def gradients(t):
    rows = [x**2 - y for x, y in zip(t["x"].data, t["y"].data)]
    return {"theta": np.array(sum(rows) / len(rows))}


def right(t):
    theta = t["theta"].data
    rows = [(theta * x**2 - y) * x**2 for x, y in zip(t["x"].data, t["y"].data)]
    return {"theta": np.array(sum(rows) / len(rows))}

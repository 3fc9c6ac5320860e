"""Logistic regression, step by step as in lecture notes: "the derivative of the activation function
is a' = (1 - a)"; the other factor, a, is missing."""

import autograd as ag

SOURCE = "https://github.com/schneider128k/machine_learning_course/issues/1; Incorrect derivative of activation function in logistic_regression.pdf; 2020"
KIND = "activation derivative"
FIRST = "z"
CAUSE = "the sigmoid's derivative is a * (1 - a): the factor a is missing"
WORDS = [["a * (1 - a)", "factor", "derivative", "sigmoid", "expit", "1 - a", "output"]]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((7, 3))), "y": ag.Tensor(rng.integers(0, 2, 7) * 1.0)}
    t["w"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(), requires_grad=True)
    t["z"] = t["x"] @ t["w"] + t["b"]
    t["a"] = ag.expit(t["z"])
    t["loss"] = -(t["y"] * ag.log(t["a"]) + (1 - t["y"]) * ag.log(1 - t["a"])).sum()
    return t


def gradients(t, mended=False):
    y, a = t["y"].data, t["a"].data
    da = -y / a + (1 - y) / (1 - a)
    dz = da * (a * (1 - a) if mended else 1 - a)
    return dict(a=da, z=dz, w=t["x"].data.T @ dz, b=dz.sum())


def right(t):
    return gradients(t, mended=True)

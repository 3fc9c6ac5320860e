"""A network of two weights, (y - w1 w2 x)^2, on paper: the minus sign of the inner derivative is lost."""

from autograd import Tensor

SOURCE = "https://github.com/NeuromatchAcademy/course-content-dl/issues/176; Maybe a typo in solutions for Analytical Exercise 1.1 in W1D2_Tutorial2; 2021"
KIND = "sign"
FIRST = "w2"
CAUSE = "the sign is wrong: the derivative of y - w1 w2 x in the weights is negative"
WORDS = [["sign", "minus", "-1", "negat", "opposite"]]


def forward(rng):
    t = {name: Tensor(rng.standard_normal(), requires_grad=True) for name in ("w1", "w2")}
    t["x"], t["y"] = Tensor(rng.random() + 0.5), Tensor(rng.standard_normal())
    t["prediction"] = t["w1"] * t["w2"] * t["x"]
    t["loss"] = (t["y"] - t["prediction"]) ** 2
    return t


def gradients(t):
    w1, w2, x, y = (t[k].data for k in ("w1", "w2", "x", "y"))
    return {"w1": 2 * w2 * x * (y - w1 * w2 * x), "w2": 2 * w1 * x * (y - w1 * w2 * x)}


def right(t):
    return {name: -g for name, g in gradients(t).items()}

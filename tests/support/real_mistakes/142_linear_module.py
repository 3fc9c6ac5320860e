"""Lecture notes on modules, Y = W X: for the weights they have W' dC/dY, the formula of the inputs."""

from autograd import Tensor

SOURCE = (
    "https://github.com/Atcold/SP19-DL-collaborative-notes/pull/6; Lecture 01-b - formula fix; 2019"
)
KIND = "exchange"
FIRST = "W"
CAUSE = "W' dC/dY is X's gradient; W's is dC/dY X'"
WORDS = [["X.T", "of X", "X's", "shape", "transpos", "exchange", "input", "another tensor"]]


def forward(rng):
    t = {"W": Tensor(rng.standard_normal((4, 5)), requires_grad=True)}
    t["X"] = Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    t["target"] = Tensor(rng.standard_normal((4, 3)))
    t["Y"] = t["W"] @ t["X"]
    t["loss"] = 0.5 * ((t["Y"] - t["target"]) ** 2).sum()
    return t


def gradients(t):
    W = t["W"].data
    dC_dY = t["Y"].data - t["target"].data
    dC_dX = W.T @ dC_dY
    dC_dW = W.T @ dC_dY
    return {"Y": dC_dY, "X": dC_dX, "W": dC_dW}


def right(t):
    g = gradients(t)
    return g | {"W": g["Y"] @ t["X"].data.T}

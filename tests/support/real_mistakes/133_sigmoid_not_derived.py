"""The derivation of a multilayer perceptron, 1/2 |A - Y|^2: where delta of the output layer is
introduced, it has sigma where the lines before have sigma'."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = 'https://github.com/filipecalasans/mlp/issues/1; Missing "prime" symbol in local gradient definition?; 2022'
KIND = "activation derivative"
FIRST = "Zo"
CAUSE = "delta has sigma(Z) where sigma'(Z) = sigma(Z) (1 - sigma(Z)) belongs"
WORDS = [["sigmoid", "sigma", "expit", "derivative", "1 - Ao"]]


def forward(rng):
    t = {"X": Tensor(rng.standard_normal((2, 1))), "Y": Tensor(rng.random((3, 1)))}
    for name, shape in ("Wh", (4, 2)), ("Bh", (4, 1)), ("Wo", (3, 4)), ("Bo", (3, 1)):
        t[name] = Tensor(rng.standard_normal(shape), requires_grad=True)
    t["Zh"] = t["Wh"] @ t["X"] + t["Bh"]
    t["Ah"] = ag.expit(t["Zh"])
    t["Zo"] = t["Wo"] @ t["Ah"] + t["Bo"]
    t["Ao"] = ag.expit(t["Zo"])
    t["loss"] = 0.5 * ((t["Ao"] - t["Y"]) ** 2).sum()
    return t


def sigma(z):
    return 1 / (1 + np.exp(-z))


def sigma_prime(z):
    return sigma(z) * (1 - sigma(z))


def backward(t, at_the_output):
    X, Y, Wo, Zh, Ah, Zo, Ao = (t[k].data for k in ("X", "Y", "Wo", "Zh", "Ah", "Zo", "Ao"))
    gradC = Ao - Y
    delta_o = gradC * at_the_output(Zo)
    delta_h = Wo.T.dot(delta_o) * sigma_prime(Zh)
    return {
        "Ao": gradC,
        "Zo": delta_o,
        "Wo": delta_o.dot(Ah.T),
        "Bo": delta_o,
        "Zh": delta_h,
        "Wh": delta_h.dot(X.T),
        "Bh": delta_h,
    }


def gradients(t):
    return backward(t, sigma)


def right(t):
    return backward(t, sigma_prime)

"""Right: layers as classes with forward and backward, run once more in NumPy by themselves."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = "style: classes with forward and backward", "right", None


class Affine:
    def __init__(self, W, b):
        self.W, self.b = W, b

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Sigmoid:
    def forward(self, x):
        self.out = 1 / (1 + np.exp(-x))
        return self.out

    def backward(self, dout):
        return dout * (1.0 - self.out) * self.out


def forward(rng):
    t = {
        "x": ag.Tensor(rng.standard_normal((6, 3))),
        "T": ag.Tensor(np.eye(4)[rng.integers(0, 4, 6)]),
    }
    for n, s in dict(W1=(3, 5), b1=(5,), W2=(5, 4), b2=(4,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["h"] = ag.expit(t["x"] @ t["W1"] + t["b1"])
    t["loss"] = -(t["T"] * F.log_softmax(t["h"] @ t["W2"] + t["b2"])).sum() / 6
    return t


def gradients(t):
    layers = [Affine(t["W1"].data, t["b1"].data), Sigmoid(), Affine(t["W2"].data, t["b2"].data)]
    y = t["x"].data
    for layer in layers:
        y = layer.forward(y)
    p = np.exp(y) / np.exp(y).sum(axis=1, keepdims=True)
    dh = layers[2].backward((p - t["T"].data) / 6)
    layers[0].backward(layers[1].backward(dh))
    return dict(W2=layers[2].dW, b2=layers[2].db, h=dh, W1=layers[0].dW, b1=layers[0].db)

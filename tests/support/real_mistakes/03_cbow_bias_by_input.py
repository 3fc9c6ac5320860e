"""CBOW of a course: ReLU layer, softmax, cross-entropy, examples in columns. The biases' gradients
are sums of the weights' gradients: multiplied by the inputs, which a bias never meets."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE = "https://github.com/rust0258/Deeplearning.ai-Natural-Language-Processing-Specialization/issues/62; Improvisation in Course 2/Lab/Week4/Assignment - Backprop function; 2020"
KIND = "bias"
FIRST = "b2"
CAUSE = "a bias is added, so its gradient is the sum of d over the examples, without the factor h"
WORDS = [
    ["bias", "b2", "added"],
    ["factor", "input", "weight", "product", "operand", "sum", "multiplied"],
]


def forward(rng):
    V, N, m = 6, 4, 5
    x = rng.random((V, m))
    t = {"x": ag.Tensor(x / x.sum(0)), "y": ag.Tensor(np.eye(V)[:, rng.integers(0, V, m)])}
    for n, s in dict(W1=(N, V), b1=(N, 1), W2=(V, N), b2=(V, 1)).items():
        t[n] = ag.Tensor(rng.standard_normal(s) + 0.3, requires_grad=True)
    t["h"] = ag.maximum(t["W1"] @ t["x"] + t["b1"], 0)
    t["z"] = t["W2"] @ t["h"] + t["b2"]
    t["yhat"] = F.softmax(t["z"], dim=0)
    t["loss"] = -(t["y"] * ag.log(t["yhat"])).sum() / m
    return t


def gradients(t, mended=False):
    x, y, h, yhat = (t[n].data for n in ("x", "y", "h", "yhat"))
    batch_size = x.shape[1]
    l1 = (t["W2"].data.T @ (yhat - y)) * (h > 0)
    grad_W1 = (1 / batch_size) * np.dot(l1, x.T)
    grad_W2 = (1 / batch_size) * np.dot(yhat - y, h.T)
    if mended:
        grad_b1 = np.dot(l1, np.ones((batch_size, 1))) / batch_size
        grad_b2 = np.dot(yhat - y, np.ones((batch_size, 1))) / batch_size
    else:
        grad_b1 = np.sum((1 / batch_size) * np.dot(l1, x.T), axis=1, keepdims=True)
        grad_b2 = np.sum((1 / batch_size) * np.dot(yhat - y, h.T), axis=1, keepdims=True)
    return dict(W1=grad_W1, W2=grad_W2, b1=grad_b1, b2=grad_b2)


def right(t):
    return gradients(t, mended=True)

"""Continuous bag of words: averaged one-hot contexts in columns, one ReLU layer, softmax, mean cross-entropy.
On the way back the course's formula applies the ReLU to the gradient itself, in place of the mask of what was positive in the forward pass."""

import numpy as np

import autograd as ag

SOURCE = "https://community.deeplearning.ai/t/incorrect-backprop-equations-nlp-course-2-week-4/303955; Incorrect Backprop Equations NLP Course 2 Week 4; 2023"
KIND = "activation derivative"
FIRST = "z1"
CAUSE = "The ReLU's backward needs the mask z1 > 0 of the forward pass; here the gradient itself was clipped at 0: its own sign decides."
WORDS = [
    ["mask", "relu", "maximum", "sign", "positive", "negative", "clip", "z1"],
    [
        "gradient that arrives",
        "arriv",
        "incoming",
        "upstream",
        "gradient's",
        "gradient itself",
        "own sign",
        "its sign",
        "instead",
        "mask",
        "in place of",
    ],
]


def forward(rng):
    V, N, m = 6, 4, 5
    x = np.zeros((V, m))
    for k in range(m):
        for word in rng.integers(0, V, 4):
            x[word, k] += 0.25
    y = np.eye(V)[:, rng.integers(0, V, m)]
    W1 = ag.Tensor(rng.standard_normal((N, V)), requires_grad=True)
    b1 = ag.Tensor(rng.standard_normal((N, 1)) / 2, requires_grad=True)
    W2 = ag.Tensor(rng.standard_normal((V, N)), requires_grad=True)
    b2 = ag.Tensor(rng.standard_normal((V, 1)) / 2, requires_grad=True)
    x, y = ag.Tensor(x), ag.Tensor(y)
    z1 = W1 @ x + b1
    h = ag.maximum(0, z1)
    z2 = W2 @ h + b2
    loss = (ag.logsumexp(z2, axis=0) - (y * z2).sum(axis=0)).mean()
    return dict(x=x, y=y, W1=W1, b1=b1, W2=W2, b2=b2, z1=z1, h=h, z2=z2, loss=loss)


def _backward(t, relu_back):
    v = {k: a.data for k, a in t.items()}
    m = v["x"].shape[1]
    e = np.exp(v["z2"] - v["z2"].max(axis=0))
    yhat = e / e.sum(axis=0)
    dz2 = (yhat - v["y"]) / m
    dW2 = dz2 @ v["h"].T
    db2 = dz2.sum(axis=1, keepdims=True)
    l1 = v["W2"].T @ dz2
    dz1 = relu_back(l1, v["z1"])
    dW1 = dz1 @ v["x"].T
    db1 = dz1.sum(axis=1, keepdims=True)
    return dict(z2=dz2, W2=dW2, b2=db2, h=l1, z1=dz1, W1=dW1, b1=db1)


def gradients(t):
    return _backward(t, lambda l1, z1: np.maximum(0, l1))


def right(t):
    return _backward(t, lambda l1, z1: l1 * (z1 > 0))

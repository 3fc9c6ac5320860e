"""Three layers with the examples in columns (ReLU, ReLU, sigmoid), mean cross-entropy: the layout of the Deep Learning Specialization.
Right: dZ and dA are those of the sum over the examples, and 1/m comes in dW and db only; of those, dW and db alone are compared."""

import numpy as np

import autograd as ag

SOURCE = "https://community.deeplearning.ai/t/exercise-6-backward-propagation-in-programming-assignment-week-3/221994; Exercise 6 - backward_propagation in Programming Assignment Week 3; 2022"
KIND = "scale"
FIRST = None
CAUSE = None
WORDS = None


def forward(rng):
    n, m = [4, 5, 3, 1], 7
    t = dict(
        X=ag.Tensor(rng.standard_normal((n[0], m))),
        Y=ag.Tensor(rng.integers(0, 2, (1, m)).astype(float)),
    )
    A = t["X"]
    for l in (1, 2, 3):
        t[f"W{l}"] = ag.Tensor(rng.standard_normal((n[l], n[l - 1])), requires_grad=True)
        t[f"b{l}"] = ag.Tensor(rng.standard_normal((n[l], 1)) / 3, requires_grad=True)
        Z = t[f"W{l}"] @ A + t[f"b{l}"]
        A = ag.maximum(0, Z) if l < 3 else ag.expit(Z)
        t[f"A{l}"] = A
    logprobs = ag.log(A) * t["Y"] + ag.log(1 - A) * (1 - t["Y"])
    t["loss"] = -(1.0 / m) * logprobs.sum()
    return t


def gradients(t):
    X, Y, A1, A2, A3, W2, W3 = (t[k].data for k in ("X", "Y", "A1", "A2", "A3", "W2", "W3"))
    m = X.shape[1]
    dZ3 = A3 - Y
    dW3 = 1.0 / m * np.dot(dZ3, A2.T)
    db3 = 1.0 / m * np.sum(dZ3, axis=1, keepdims=True)
    dA2 = np.dot(W3.T, dZ3)
    dZ2 = np.multiply(dA2, np.int64(A2 > 0))
    dW2 = 1.0 / m * np.dot(dZ2, A1.T)
    db2 = 1.0 / m * np.sum(dZ2, axis=1, keepdims=True)
    dA1 = np.dot(W2.T, dZ2)
    dZ1 = np.multiply(dA1, np.int64(A1 > 0))
    dW1 = 1.0 / m * np.dot(dZ1, X.T)
    db1 = 1.0 / m * np.sum(dZ1, axis=1, keepdims=True)
    return dict(W3=dW3, b3=db3, W2=dW2, b2=db2, W1=dW1, b1=db1)


right = gradients

"""A network with one hidden sigmoid layer, the biases in column 0 of each theta, cross-entropy and an L2 penalty that leaves the biases out.
To leave the biases out of the penalty's gradient, column 0 was replaced by ones in place of zeros: reg/m is added to all of them."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/JWarmenhoven/Coursera-Machine-Learning/issues/3; Regarding regularized NN equation in exercise 4; 2017"
KIND = "regularisation"
FIRST = "theta2"
CAUSE = "The penalty doesn't see the bias column, yet a constant reg/m is added there: the column was filled with ones, not zeros."
WORDS = [
    [
        "column",
        "bias",
        "constant",
        "index 0",
        "ones",
        "penalty",
        "regular",
        "too much",
        "0 of axis 1",
    ]
]
REG = 1.5


def forward(rng):
    m = 7
    a1 = np.c_[np.ones((m, 1)), rng.standard_normal((m, 3))]
    y = np.eye(2)[rng.integers(0, 2, m)]
    theta1 = ag.Tensor(rng.standard_normal((5, 4)), requires_grad=True)
    theta2 = ag.Tensor(rng.standard_normal((2, 6)), requires_grad=True)
    a1, y = ag.Tensor(a1), ag.Tensor(y)
    z2 = theta1 @ a1.T
    a2 = ag.concatenate([np.ones((m, 1)), ag.expit(z2).T], axis=1)
    z3 = theta2 @ a2.T
    a3 = ag.expit(z3)
    J = -(ag.log(a3.T) * y + ag.log(1 - a3).T * (1 - y)).sum() / m
    loss = J + REG / (2 * m) * ((theta1[:, 1:] ** 2).sum() + (theta2[:, 1:] ** 2).sum())
    return dict(a1=a1, y=y, theta1=theta1, theta2=theta2, z2=z2, a2=a2, z3=z3, a3=a3, loss=loss)


def _backward(t, column):
    a1, y, theta1, theta2 = (t[k].data for k in ("a1", "y", "theta1", "theta2"))
    z2, a2, a3 = (t[k].data for k in ("z2", "a2", "a3"))
    m = len(y)
    s = 1 / (1 + np.exp(-z2))
    d3 = a3.T - y  # of the sum over the examples: 1/m comes below
    d2 = theta2[:, 1:].T.dot(d3.T) * s * (1 - s)
    delta1 = d2.dot(a1)
    delta2 = d3.T.dot(a2)
    theta1_ = np.c_[column((theta1.shape[0], 1)), theta1[:, 1:]]
    theta2_ = np.c_[column((theta2.shape[0], 1)), theta2[:, 1:]]
    return dict(theta1=delta1 / m + theta1_ * REG / m, theta2=delta2 / m + theta2_ * REG / m)


def gradients(t):
    return _backward(t, np.ones)


def right(t):
    return _backward(t, np.zeros)

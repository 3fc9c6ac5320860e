"""Two sigmoid layers under half the squared error, examples in rows, gradients derived by hand.
For the derivative of the last sigmoid, 1 minus the error was taken: the error was put in the place of the output, and the output was left out."""

import numpy as np

import autograd as ag

SOURCE = "https://datascience.stackexchange.com/questions/20139/gradients-for-bias-terms-in-backpropagation; Gradients for bias terms in backpropagation; 2017"
KIND = "activation derivative"
FIRST = "z2"
CAUSE = "The derivative of a sigmoid is h2 (1 - h2), made of its output h2; here the error h2 - y is in the place of h2 in it: the factor is wrong."
WORDS = [
    ["derivative", "slope", "factor", "sigmoid", "expit", "logistic"],
    [
        "expit",
        "sigmoid",
        "logistic",
        "h2",
        "output",
        "result",
        "arriv",
        "error",
        "forgotten",
        "missing",
    ],
]


def forward(rng):
    x = ag.Tensor(rng.standard_normal((6, 3)))
    y = ag.Tensor(rng.integers(0, 2, (6, 2)).astype(float))
    theta1 = ag.Tensor(rng.standard_normal((3, 4)), requires_grad=True)
    b1 = ag.Tensor(rng.standard_normal((1, 4)) / 4, requires_grad=True)
    theta2 = ag.Tensor(rng.standard_normal((4, 2)), requires_grad=True)
    b2 = ag.Tensor(rng.standard_normal((1, 2)) / 4, requires_grad=True)
    z1 = x @ theta1 + b1
    h1 = ag.expit(z1)
    z2 = h1 @ theta2 + b2
    h2 = ag.expit(z2)
    loss = 0.5 * ((h2 - y) ** 2).sum()
    return dict(
        x=x, y=y, theta1=theta1, b1=b1, theta2=theta2, b2=b2, z1=z1, h1=h1, z2=z2, h2=h2, loss=loss
    )


def _backward(t, slope):
    x, y, h1, h2 = (t[k].data for k in ("x", "y", "h1", "h2"))
    dh2 = h2 - y
    dz2 = slope(dh2, h2)
    dtheta2 = h1.T.dot(dz2)
    db2 = np.sum(dz2, axis=0, keepdims=True)
    dh1 = dz2.dot(t["theta2"].data.T)
    dz1 = dh1 * h1 * (1 - h1)
    dtheta1 = x.T.dot(dz1)
    db1 = np.sum(dz1, axis=0, keepdims=True)
    return dict(h2=dh2, z2=dz2, theta2=dtheta2, b2=db2, h1=dh1, z1=dz1, theta1=dtheta1, b1=db1)


def gradients(t):
    return _backward(t, lambda dh2, h2: dh2 * (1 - dh2))


def right(t):
    return _backward(t, lambda dh2, h2: dh2 * h2 * (1 - h2))

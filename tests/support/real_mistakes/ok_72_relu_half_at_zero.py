"""A ReLU network on whole numbers, so that many units are at 0 exactly; half the squared error.
Right: the ReLU was written as (z + |z|) / 2, and the sign of 0 is 0, so that its slope at 0 is one half (Theano)."""

import numpy as np

import autograd as ag

SOURCE = "https://stats.stackexchange.com/questions/222534/relus-and-gradient-descent-for-deep-neural-nets; ReLUs and Gradient Descent for Deep Neural Nets (comment: Theano's gives 0.5 at 0); 2016"
KIND = "activation derivative"
FIRST = None
CAUSE = None
WORDS = None


def forward(rng):
    x = ag.Tensor(rng.integers(-1, 2, (6, 3)).astype(float), requires_grad=True)
    W1 = ag.Tensor(rng.integers(-1, 2, (3, 5)).astype(float), requires_grad=True)
    b1 = ag.Tensor(np.zeros(5), requires_grad=True)
    W2 = ag.Tensor(rng.standard_normal((5, 2)), requires_grad=True)
    target = ag.Tensor(rng.standard_normal((6, 2)))
    z1 = x @ W1 + b1
    a1 = ag.maximum(z1, 0)
    y = a1 @ W2
    loss = 0.5 * ((y - target) ** 2).sum()
    return dict(x=x, W1=W1, b1=b1, W2=W2, target=target, z1=z1, a1=a1, y=y, loss=loss)


def gradients(t):
    x, W1, W2, z1, a1, y = (t[k].data for k in ("x", "W1", "W2", "z1", "a1", "y"))
    dy = y - t["target"].data
    dW2 = a1.T @ dy
    da1 = dy @ W2.T
    dz1 = 0.5 * (da1 + da1 * np.sign(z1))
    return dict(y=dy, W2=dW2, a1=da1, z1=dz1, W1=x.T @ dz1, b1=dz1.sum(0), x=dz1 @ W1.T)


right = gradients

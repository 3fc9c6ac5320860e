"""Matrix factorisation with biases by stochastic gradient descent: one rating of a user and an item at a time, L2 on all.
The user's factors are updated first, and the item's gradient is then computed from the new ones."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/albertauyeung/matrix-factorization-in-python/pull/3; Fix SGD; 2018"
KIND = "update rule"
FIRST = "Q"
CAUSE = "The gradient of Q was computed from P after P's update: it must use the old P, the one of the forward pass."
WORDS = [
    [
        "updat",
        "step",
        "new ",
        "already",
        "old",
        "learning rate",
        "alpha",
        "lr",
        "descent",
        "changed",
        "modified",
    ]
]
RATINGS = [(0, 2, 5.0), (1, 0, 3.0), (3, 4, 1.0), (2, 1, 4.0)]  # user, item, rating: each once
ALPHA, BETA, MEAN = 0.1, 0.02, 3.25


def forward(rng):
    P = ag.Tensor(rng.standard_normal((4, 3)), requires_grad=True)
    Q = ag.Tensor(rng.standard_normal((5, 3)), requires_grad=True)
    b_u = ag.Tensor(rng.standard_normal(4) / 2, requires_grad=True)
    b_i = ag.Tensor(rng.standard_normal(5) / 2, requires_grad=True)
    users, items, ratings = (np.array(c) for c in zip(*RATINGS))
    p, q, bu, bi = P[users], Q[items], b_u[users], b_i[items]
    e = ratings - (MEAN + bu + bi + (p * q).sum(axis=1))
    penalty = (p**2).sum() + (q**2).sum() + (bu**2).sum() + (bi**2).sum()
    loss = 0.5 * (e**2).sum() + 0.5 * BETA * penalty
    return dict(P=P, Q=Q, b_u=b_u, b_i=b_i, e=e, loss=loss)


def _backward(t, in_place):
    P, Q, b_u, b_i = (t[k].data.copy() for k in ("P", "Q", "b_u", "b_i"))
    d = {k: np.zeros_like(t[k].data) for k in ("P", "Q", "b_u", "b_i")}
    errors = []
    for i, j, r in RATINGS:
        e = r - (MEAN + b_u[i] + b_i[j] + P[i].dot(Q[j]))
        errors.append(e)
        d["b_u"][i] = -(e - BETA * b_u[i])
        d["b_i"][j] = -(e - BETA * b_i[j])
        b_u[i] -= ALPHA * d["b_u"][i]
        b_i[j] -= ALPHA * d["b_i"][j]
        P_i = P[i] if in_place else P[i].copy()
        d["P"][i] = -(e * Q[j] - BETA * P[i])
        P[i] -= ALPHA * d["P"][i]
        d["Q"][j] = -(e * P_i - BETA * Q[j])
        Q[j] -= ALPHA * d["Q"][j]
    return dict(e=np.array(errors), **d)


def gradients(t):
    return _backward(t, in_place=True)


def right(t):
    return _backward(t, in_place=False)

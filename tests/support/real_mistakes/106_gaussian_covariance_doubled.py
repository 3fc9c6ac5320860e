"""Negative log-likelihood of a Gaussian, its gradients with respect to the mean and to the whole covariance matrix, by matrix calculus.
From a formula for symmetric matrices: 2 A - diag(A) was said to be the right gradient; A is, where all elements count for themselves."""

import numpy as np

import autograd as ag

SOURCE = "https://stats.stackexchange.com/questions/27436/how-to-take-derivative-of-multivariate-normal-density; How to take derivative of multivariate normal density? (second answer); 2012-2018"
KIND = "matrix calculus"
FIRST = "Sigma"
CAUSE = "Twice too much off the diagonal, right on it: each pair of symmetric elements is counted as one variable moved together."
WORDS = [["diagonal", "symmetric", "twice", "double", "2 times", "factor 2", "counted"]]


def forward(rng):
    A = rng.standard_normal((3, 5))
    y = ag.Tensor(rng.standard_normal((6, 3)) * 1.5)
    mu = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    Sigma = ag.Tensor(A @ A.T / 5 + 0.5 * np.eye(3), requires_grad=True)
    d = y - mu
    quadratic = (d.T * ag.solve(Sigma, d.T)).sum()
    loss = 0.5 * (6 * ag.slogdet(Sigma).logabsdet + quadratic)
    return dict(y=y, mu=mu, Sigma=Sigma, d=d, loss=loss)


def _backward(t, of_symmetric):
    d = t["d"].data
    inverse = np.linalg.inv(t["Sigma"].data)
    dmu = np.zeros(3)
    A = np.zeros((3, 3))
    for row in d:
        dmu -= inverse @ row
        A += 0.5 * (inverse - inverse @ np.outer(row, row) @ inverse)
    if of_symmetric:
        A = 2 * A - np.diag(np.diag(A))
    return dict(d=d @ inverse, mu=dmu, Sigma=A)


def gradients(t):
    return _backward(t, of_symmetric=True)


def right(t):
    return _backward(t, of_symmetric=False)

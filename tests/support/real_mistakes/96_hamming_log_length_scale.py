"""A Gaussian process on categories: Hamming kernel, negative log marginal likelihood, its gradient for an optimiser that works on theta, the logarithms of the length scales.
The kernel's gradient was taken with respect to the length scales themselves: the factor of their own derivative is left out."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/scikit-optimize/scikit-optimize/issues/330; Derivative of the HammingKernel should be with respect to the log(length_scale) and not the length_scale; 2017"
KIND = "parametrisation"
FIRST = "theta"
CAUSE = "The derivative is with respect to the length scales; theta is their logarithm, so the factor exp(theta) of the chain rule is missing."
WORDS = [
    [
        "exp",
        "log",
        "length_scale",
        "length scale",
        "chain",
        "factor",
        "local",
        "forgotten",
        "missing",
    ]
]
NOISE = 0.1


def forward(rng):
    X = rng.integers(0, 3, (6, 4))
    y = rng.standard_normal(6)
    D = (X[:, None, :] != X[None, :, :]).astype(float)
    theta = ag.Tensor(rng.standard_normal(4) / 2 - 0.7, requires_grad=True)
    length_scale = ag.exp(theta)
    K = ag.exp(-(D * length_scale).sum(axis=2)) + NOISE * np.eye(6)
    data_fit = 0.5 * (ag.Tensor(y) * ag.solve(K, ag.Tensor(y))).sum()
    loss = data_fit + 0.5 * ag.slogdet(K).logabsdet
    return dict(
        D=ag.Tensor(D), y=ag.Tensor(y), theta=theta, length_scale=length_scale, K=K, loss=loss
    )


def _backward(t, per_parameter):
    D, y, K = t["D"].data, t["y"].data, t["K"].data
    alpha = np.linalg.solve(K, y)
    dK = -0.5 * (np.outer(alpha, alpha) - np.linalg.inv(K))
    kernel = K - NOISE * np.eye(len(y))
    K_gradient = -D * kernel[:, :, np.newaxis]  # of every element of K, for every length scale
    return dict(K=dK, theta=np.einsum("ij,ijk->k", dK, per_parameter(K_gradient)))


def gradients(t):
    return _backward(t, lambda K_gradient: K_gradient)


def right(t):
    return _backward(t, lambda K_gradient: K_gradient * np.exp(t["theta"].data))

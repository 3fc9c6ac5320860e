"""Group normalisation of (N, C, L): G groups of C/G channels that lie side by side, gamma and beta for each channel.
For the gradient of gamma, channel c takes the mean and the standard deviation of group c % G; it belongs to group c // (C/G)."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/tenstorrent/tt-metal/pull/56202; Fix moreh_group_norm_backward gamma_grad group index from global channel; 2026"
KIND = "norm"
FIRST = "gamma"
CAUSE = "Channels are normalised with the mean and deviation of another group than their own: channel c is of group c // (C/G), not c % G."
WORDS = [
    [
        "group",
        "normali",
        "deviation",
        "std",
        "variance",
        "x_hat",
        "statistic",
        "centred",
        "centered",
    ]
]
G, EPS = 2, 1e-5


def forward(rng):
    x = ag.Tensor(rng.standard_normal((3, 6, 4)) + np.arange(6)[:, None], requires_grad=True)
    gamma = ag.Tensor(rng.uniform(0.5, 2, 6), requires_grad=True)
    beta = ag.Tensor(rng.standard_normal(6), requires_grad=True)
    target = ag.Tensor(rng.standard_normal((3, 6, 4)))
    grouped = x.reshape(3, G, 12)
    centred = grouped - grouped.mean(axis=2, keepdims=True)
    std = ag.sqrt((centred**2).mean(axis=2, keepdims=True) + EPS)
    x_hat = (centred / std).reshape(3, 6, 4)
    y = x_hat * gamma[:, None] + beta[:, None]
    loss = 0.5 * ((y - target) ** 2).sum()
    return dict(x=x, gamma=gamma, beta=beta, target=target, x_hat=x_hat, y=y, loss=loss)


def _backward(t, group_of):
    x, x_hat, gamma = (t[k].data for k in ("x", "x_hat", "gamma"))
    N, C, L = x.shape
    dy = t["y"].data - t["target"].data
    mean = x.reshape(N, G, -1).mean(axis=2)
    rstd = 1 / np.sqrt(x.reshape(N, G, -1).var(axis=2) + EPS)
    dgamma, dbeta = np.zeros(C), np.zeros(C)
    for c in range(C):
        for n in range(N):
            group = group_of(c, C)
            dgamma[c] += np.sum(dy[n, c] * (x[n, c] - mean[n, group]) * rstd[n, group])
            dbeta[c] += np.sum(dy[n, c])
    dx_hat = dy * gamma[:, None]
    g, h = dx_hat.reshape(N, G, -1), x_hat.reshape(N, G, -1)
    inner = g - g.mean(axis=2, keepdims=True) - h * (g * h).mean(axis=2, keepdims=True)
    return dict(
        y=dy, beta=dbeta, gamma=dgamma, x_hat=dx_hat, x=(inner * rstd[:, :, None]).reshape(x.shape)
    )


def gradients(t):
    return _backward(t, lambda c, C: c % G)


def right(t):
    return _backward(t, lambda c, C: c // (C // G))

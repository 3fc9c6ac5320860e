"""Max pooling of images in few grey levels, where many windows see a tie, then a linear layer and squared error.
Right: all that tie for the largest of a window share its gradient evenly, as some libraries choose to do."""

import numpy as np

import autograd as ag

SOURCE = "https://github.com/jax-ml/jax/issues/13600; .max() yields nan gradient despite individual values and gradients being nan-free (mattjj on ties); 2022"
KIND = "pooling"
FIRST = None
CAUSE = None
WORDS = None


def forward(rng):
    x = ag.Tensor(rng.integers(0, 3, (3, 6, 4)) / 2, requires_grad=True)
    W = ag.Tensor(rng.standard_normal((6, 5)), requires_grad=True)
    target = ag.Tensor(rng.standard_normal((3, 5)))
    pooled = x.reshape(3, 3, 2, 2, 2).max(axis=(2, 4))
    y = pooled.reshape(3, 6) @ W
    loss = ((y - target) ** 2).mean()
    return dict(x=x, W=W, target=target, pooled=pooled, y=y, loss=loss)


def gradients(t):
    x, W, pooled = t["x"].data, t["W"].data, t["pooled"].data
    dy = 2 * (t["y"].data - t["target"].data) / t["y"].data.size
    dW = pooled.reshape(3, 6).T @ dy
    dpooled = (dy @ W.T).reshape(pooled.shape)
    dx = np.zeros_like(x)
    for n, i, j in np.ndindex(pooled.shape):
        window = x[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        mask = window == window.max()
        dx[n, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2] = dpooled[n, i, j] * mask / mask.sum()
    return dict(y=dy, W=dW, pooled=dpooled, x=dx)


right = gradients

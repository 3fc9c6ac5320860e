"""A padded convolution with stride 2, images as (N, H, W, C), in loops over images, places and filters; tanh, half the squared error.
Right: the input's gradient is scattered window by window with the filter as it is; a reader missed a rotation by 180 degrees there."""

import numpy as np

import autograd as ag

SOURCE = "https://community.deeplearning.ai/t/should-it-have-a-rot180-on-filter-to-calculate-da-prev/121204; Should it have a rot180 on filter to calculate dA_prev?; 2022"
KIND = "convolution"
FIRST = None
CAUSE = None
WORDS = None
STRIDE, PAD, SIZE = 2, 1, 3


def forward(rng):
    A_prev = ag.Tensor(rng.standard_normal((2, 5, 7, 3)), requires_grad=True)
    W = ag.Tensor(rng.standard_normal((SIZE, SIZE, 3, 2)) / 3, requires_grad=True)
    b = ag.Tensor(rng.standard_normal((1, 1, 1, 2)), requires_grad=True)
    target = ag.Tensor(rng.standard_normal((2, 3, 4, 2)))
    padded = ag.pad(A_prev, ((0, 0), (PAD, PAD), (PAD, PAD), (0, 0)))
    Z = b
    for u, v in np.ndindex(SIZE, SIZE):
        Z = Z + padded[:, u : u + 5 : STRIDE, v : v + 7 : STRIDE] @ W[u, v]
    A = ag.tanh(Z)
    loss = 0.5 * ((A - target) ** 2).sum()
    return dict(A_prev=A_prev, W=W, b=b, target=target, Z=Z, A=A, loss=loss)


def gradients(t):
    A_prev, W, A = t["A_prev"].data, t["W"].data, t["A"].data
    dA = A - t["target"].data
    dZ = dA * (1 - A**2)
    dA_prev, dW, db = np.zeros_like(A_prev), np.zeros_like(W), np.zeros((1, 1, 1, 2))
    for i in range(len(A_prev)):
        a_prev_pad = np.pad(A_prev[i], ((PAD, PAD), (PAD, PAD), (0, 0)))
        da_prev_pad = np.zeros_like(a_prev_pad)
        for h, w, c in np.ndindex(dZ.shape[1:]):
            rows = slice(h * STRIDE, h * STRIDE + SIZE)
            columns = slice(w * STRIDE, w * STRIDE + SIZE)
            da_prev_pad[rows, columns, :] += W[:, :, :, c] * dZ[i, h, w, c]
            dW[:, :, :, c] += a_prev_pad[rows, columns, :] * dZ[i, h, w, c]
            db[:, :, :, c] += dZ[i, h, w, c]
        dA_prev[i] = da_prev_pad[PAD:-PAD, PAD:-PAD, :]
    return dict(A=dA, Z=dZ, W=dW, b=db, A_prev=dA_prev)


right = gradients

"""conv_backward in loops, NHWC: the windows begin at h and w, not at h * stride and w * stride
as in the forward pass."""

import numpy as np

import autograd as ag
from autograd import Tensor

SOURCE = "https://github.com/Kulbear/deep-learning-coursera/pull/34; bug fix (stride missing in conv_backward); 2018"
KIND = "convolution"
FIRST = "W"
CAUSE = "the windows of the backward pass begin at h, w in place of h * stride, w * stride"
WORDS = [["stride", "window", "place", "position", "offset"]]
f, stride, pad = 2, 2, 1


def forward(rng):
    t = {"A_prev": Tensor(rng.standard_normal((3, 4, 6, 2)), requires_grad=True)}
    t["W"] = Tensor(rng.standard_normal((f, f, 2, 5)), requires_grad=True)
    t["b"] = Tensor(rng.standard_normal((1, 1, 1, 5)), requires_grad=True)
    padded = ag.pad(t["A_prev"], ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    rows = []
    for h in range(3):
        row = []
        for w in range(4):
            window = padded[:, h * stride : h * stride + f, w * stride : w * stride + f, :]
            row.append(window.reshape(3, -1) @ t["W"].reshape(-1, 5))
        rows.append(ag.stack(row, axis=1))
    t["Z"] = ag.stack(rows, axis=1) + t["b"]
    t["loss"] = 0.5 * (t["Z"] ** 2).sum()
    return t


def backward(t, step):
    dZ, W, A_prev = t["Z"].data, t["W"].data, t["A_prev"].data
    (m, n_H, n_W, n_C), dW, db = dZ.shape, np.zeros_like(W), np.zeros((1, 1, 1, 5))
    A_prev_pad = np.pad(A_prev, ((0, 0), (pad, pad), (pad, pad), (0, 0)))
    dA_prev_pad = np.zeros_like(A_prev_pad)
    for i in range(m):
        for h in range(n_H):
            for w in range(n_W):
                for c in range(n_C):
                    here = slice(h * step, h * step + f), slice(w * step, w * step + f)
                    dA_prev_pad[i][here] += W[:, :, :, c] * dZ[i, h, w, c]
                    dW[:, :, :, c] += A_prev_pad[i][here] * dZ[i, h, w, c]
                    db[:, :, :, c] += dZ[i, h, w, c]
    return {"Z": dZ, "A_prev": dA_prev_pad[:, pad:-pad, pad:-pad, :], "W": dW, "b": db}


def gradients(t):
    return backward(t, 1)


def right(t):
    return backward(t, stride)

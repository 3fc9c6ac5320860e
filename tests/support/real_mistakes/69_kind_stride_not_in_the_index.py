"""A course's convolution backward, channels last, stride 2. The windows of the backward begin at
(h, w) for (h * stride, w * stride)."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/enggen/Deep-Learning-Coursera/issues/7; stride not multiplied in backward pass; 2019"
KIND = "convolution"
FIRST = "W"
CAUSE = "the windows' index ignores the stride: h * stride, w * stride"
WORDS = [["stride", "window", "index", "shift", "offset", "step"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((2, 2, 3, 4)))}
    t["A_prev"] = ag.Tensor(rng.standard_normal((2, 5, 7, 3)), requires_grad=True)
    t["W"] = ag.Tensor(rng.standard_normal((3, 3, 3, 4)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    x = t["A_prev"].transpose(0, 3, 1, 2)
    windows = ag.sliding_windows(x, (3, 3), (2, 2), (1, 1))
    t["Z"] = ag.einsum("ncijuv,uvco->nijo", windows, t["W"]) + t["b"]
    t["loss"] = 0.5 * ((t["Z"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    A_prev, W = t["A_prev"].data, t["W"].data
    stride, f = 2, 3
    dZ = t["Z"].data - t["target"].data
    dA_prev, dW, db = np.zeros_like(A_prev), np.zeros_like(W), np.zeros(4)
    for i in range(2):
        for h in range(2):
            for w in range(3):
                for c in range(4):
                    vert_start, horiz_start = (h * stride, w * stride) if mended else (h, w)
                    rows, columns = (
                        slice(vert_start, vert_start + f),
                        slice(horiz_start, horiz_start + f),
                    )
                    dA_prev[i, rows, columns] += W[..., c] * dZ[i, h, w, c]
                    dW[..., c] += A_prev[i, rows, columns] * dZ[i, h, w, c]
                    db[c] += dZ[i, h, w, c]
    return dict(Z=dZ, W=dW, b=db, A_prev=dA_prev)


def right(t):
    return gradients(t, mended=True)

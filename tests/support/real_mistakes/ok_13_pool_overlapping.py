"""Right: max pooling with overlapping windows, channels last, masks added up."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: loops with masks, NHWC", "right", None


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((2, 2, 3, 4)))}
    t["A_prev"] = ag.Tensor(rng.standard_normal((2, 5, 7, 4)), requires_grad=True)
    windows = ag.sliding_windows(t["A_prev"].transpose(0, 3, 1, 2), (3, 3), (2, 2), (1, 1))
    t["A"] = windows.max(axis=(4, 5)).transpose(0, 2, 3, 1)
    t["loss"] = 0.5 * ((t["A"] - t["target"]) ** 2).sum()
    return t


def gradients(t):
    A_prev = t["A_prev"].data
    dA = t["A"].data - t["target"].data
    dA_prev = np.zeros_like(A_prev)
    for i in range(2):
        for h in range(2):
            for w in range(3):
                for c in range(4):
                    piece = A_prev[i, 2 * h : 2 * h + 3, 2 * w : 2 * w + 3, c]
                    dA_prev[i, 2 * h : 2 * h + 3, 2 * w : 2 * w + 3, c] += (
                        piece == piece.max()
                    ) * dA[i, h, w, c]
    return dict(A=dA, A_prev=dA_prev)

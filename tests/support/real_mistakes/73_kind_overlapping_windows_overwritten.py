"""Max pooling, windows of 3 and stride 2, so that they overlap. The gradient is stored with = : an
element that is the maximum of two windows keeps the last window's share only."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/FluxML/NNlib.jl/issues/205; Wrong MaxPool gradient; 2020"
KIND = "pooling"
FIRST = "x"
CAUSE = "= for +=: where windows overlap, the shares must be added"
WORDS = [["overlap", "overwritten", "+=", "added", "accumulat", "last"]]


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((4, 2, 4)))}
    t["x"] = ag.Tensor(rng.standard_normal((4, 2, 9)), requires_grad=True)
    t["y"] = ag.sliding_windows(t["x"], (3,), (2,), (1,)).max(axis=-1)
    t["loss"] = ((t["y"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    x = t["x"].data
    dy = 2 * (t["y"].data - t["target"].data)
    dx = np.zeros_like(x)
    for n in range(4):
        for c in range(2):
            for i in range(4):
                j = 2 * i + np.argmax(x[n, c, 2 * i : 2 * i + 3])
                if mended:
                    dx[n, c, j] += dy[n, c, i]
                else:
                    dx[n, c, j] = dy[n, c, i]
    return dict(y=dy, x=dx)


def right(t):
    return gradients(t, mended=True)

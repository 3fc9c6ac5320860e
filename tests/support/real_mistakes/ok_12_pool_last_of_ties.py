"""Right: max pooling in loops that keep the last of those that tie (>=)."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST, CHOICE = "style: loops, the last that ties", "right", None, True


def forward(rng):
    t = {"up": ag.Tensor(rng.standard_normal((3, 4)))}
    t["x"] = ag.Tensor(rng.integers(0, 3, (3, 12)) * 1.0, requires_grad=True)
    t["y"] = t["x"].reshape(3, 4, 3).max(axis=2)
    t["loss"] = (t["y"] * t["up"]).sum()
    return t


def gradients(t):
    x, dx = t["x"].data, np.zeros((3, 12))
    for n in range(3):
        for i in range(4):
            best = 3 * i
            for j in range(3 * i, 3 * i + 3):
                if x[n, j] >= x[n, best]:
                    best = j
            dx[n, best] += t["up"].data[n, i]
    return dict(x=dx)

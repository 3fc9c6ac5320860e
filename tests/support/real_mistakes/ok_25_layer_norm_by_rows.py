"""Right: layer normalisation, row by row, with the full Jacobian of a row; float32."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: loops, full Jacobians, float32", "right", None


def forward(rng):
    f = np.float32
    t = {"target": ag.Tensor(rng.standard_normal((4, 6)).astype(f))}
    t["x"] = ag.Tensor(rng.standard_normal((4, 6)).astype(f), requires_grad=True)
    c = t["x"] - t["x"].mean(axis=1, keepdims=True)
    t["s"] = ag.sqrt((c**2).mean(axis=1, keepdims=True) + f(1e-5))
    t["y"] = c / t["s"]
    t["loss"] = ((t["y"] - t["target"]) ** 2).sum()
    return t


def gradients(t):
    y, dy = t["y"].data, 2 * (t["y"].data - t["target"].data)
    dx = np.zeros_like(y)
    for n in range(4):
        J = (
            np.eye(6, dtype=np.float32) - np.float32(1 / 6) - np.outer(y[n], y[n]) / np.float32(6)
        ) / t["s"].data[n]
        dx[n] = J @ dy[n]
    return dict(y=dy, x=dx)

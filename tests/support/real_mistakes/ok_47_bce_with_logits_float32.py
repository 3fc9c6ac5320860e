"""Right: cross-entropy from logits, float32, some of them far out where p - y is nearly 0."""

import numpy as np
import autograd as ag
from nn import functional as F

SOURCE, KIND, FIRST = "style: float32, stable formula", "right", None


def forward(rng):
    f = np.float32
    t = {
        "X": ag.Tensor((rng.standard_normal((6, 3)) * 4).astype(f)),
        "y": ag.Tensor(rng.integers(0, 2, 6).astype(f)),
    }
    t["w"] = ag.Tensor(rng.standard_normal(3).astype(f), requires_grad=True)
    t["z"] = t["X"] @ t["w"]
    t["loss"] = F.binary_cross_entropy_with_logits(t["z"], t["y"])
    return t


def gradients(t):
    z, y = t["z"].data, t["y"].data
    p = np.where(
        z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z)))
    )
    dz = (p - y) / np.float32(6)
    return dict(z=dz, w=t["X"].data.T @ dz)

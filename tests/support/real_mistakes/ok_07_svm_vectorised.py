"""Right: the hinge loss of an assignment by a mask whose row sums go to the right class."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: cs231n, masks", "right", None


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((6, 4))), "y": ag.Tensor(rng.integers(0, 5, 6))}
    t["W"] = ag.Tensor(rng.standard_normal((4, 5)), requires_grad=True)
    t["s"] = t["X"] @ t["W"]
    y = t["y"].data
    m = ag.maximum(0, t["s"] - t["s"][np.arange(6), y][:, None] + 1)
    t["loss"] = (m * (np.arange(5) != y[:, None])).sum() / 6 + 0.2 * (t["W"] ** 2).sum()
    return t


def gradients(t):
    s, y = t["s"].data, t["y"].data
    margin = s - s[np.arange(6), y][:, None] + 1
    margin[np.arange(6), y] = 0
    mask = (margin > 0).astype(float)
    mask[np.arange(6), y] = -mask.sum(axis=1)
    mask /= 6
    return dict(s=mask, W=t["X"].data.T @ mask + 2 * 0.2 * t["W"].data)

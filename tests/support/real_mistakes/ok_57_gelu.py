"""Right: GELU by tanh in a feed-forward block, its derivative by the product rule."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: closed formula", "right", None
C = np.sqrt(2 / np.pi)


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((4, 3))), "up": ag.Tensor(rng.standard_normal((4, 3)))}
    t["W1"] = ag.Tensor(rng.standard_normal((3, 7)), requires_grad=True)
    t["W2"] = ag.Tensor(rng.standard_normal((7, 3)), requires_grad=True)
    t["u"] = t["x"] @ t["W1"]
    t["g"] = 0.5 * t["u"] * (1 + ag.tanh(C * (t["u"] + 0.044715 * t["u"] ** 3)))
    t["loss"] = (t["g"] @ t["W2"] * t["up"]).sum()
    return t


def gradients(t):
    u, up = t["u"].data, t["up"].data
    th = np.tanh(C * (u + 0.044715 * u**3))
    dg = up @ t["W2"].data.T
    du = dg * (0.5 * (1 + th) + 0.5 * u * (1 - th**2) * C * (1 + 3 * 0.044715 * u**2))
    return dict(g=dg, W2=t["g"].data.T @ up, u=du, W1=t["x"].data.T @ du)

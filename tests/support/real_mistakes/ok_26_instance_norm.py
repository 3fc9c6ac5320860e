"""Right: instance normalisation of images, reshaped so that a row is a channel of an image."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: reshaped to rows", "right", None


def forward(rng):
    t = {"up": ag.Tensor(rng.standard_normal((3, 2, 4, 5)))}
    t["x"] = ag.Tensor(rng.standard_normal((3, 2, 4, 5)), requires_grad=True)
    t["gamma"] = ag.Tensor(rng.standard_normal(2), requires_grad=True)
    c = t["x"] - t["x"].mean(axis=(2, 3), keepdims=True)
    t["var"] = (c**2).mean(axis=(2, 3), keepdims=True)
    t["xh"] = c / ag.sqrt(t["var"] + 1e-5)
    t["y"] = t["xh"] * t["gamma"][:, None, None]
    t["loss"] = (t["y"] * t["up"]).sum()
    return t


def gradients(t):
    rows = lambda a: a.reshape(6, 20)
    xh, up = rows(t["xh"].data), t["up"].data
    d = rows(up * t["gamma"].data[:, None, None])
    inv = rows(1 / np.sqrt(np.broadcast_to(t["var"].data, up.shape) + 1e-5))
    dx = inv * (d - d.mean(1, keepdims=True) - xh * (d * xh).mean(1, keepdims=True))
    return dict(gamma=(up * t["xh"].data).sum(axis=(0, 2, 3)), x=dx.reshape(3, 2, 4, 5))

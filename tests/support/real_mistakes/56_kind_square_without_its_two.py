"""A regression network under a mean of squares: the gradient is scale * (out - y); the 2 of the
square "doesn't matter"."""

import numpy as np
import autograd as ag

SOURCE = (
    "https://github.com/davisking/dlib/issues/1169; Is loss_mean_square gradient corrent?; 2018"
)
KIND = "scale"
FIRST = "out"
CAUSE = "the 2 of the square is missing: half the gradient"
WORDS = [["half", "1/2", "0.5", "twice", "factor", "the 2", "2 *", "2/"]]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((6, 3))), "y": ag.Tensor(rng.standard_normal((6, 1)))}
    for n, s in dict(w1=(3, 4), w2=(4, 1)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["a"] = ag.maximum(t["x"] @ t["w1"], 0)
    t["out"] = t["a"] @ t["w2"]
    t["loss"] = ((t["y"] - t["out"]) ** 2).mean()
    return t


def gradients(t, mended=False):
    scale = 1.0 / 6
    g = np.zeros_like(t["out"].data)
    for i in range(6):
        temp2 = t["y"].data[i] - t["out"].data[i]
        g[i] = -(2 if mended else 1) * scale * temp2
    da = g @ t["w2"].data.T
    return dict(out=g, w2=t["a"].data.T @ g, a=da, w1=t["x"].data.T @ (da * (t["a"].data > 0)))


def right(t):
    return gradients(t, mended=True)

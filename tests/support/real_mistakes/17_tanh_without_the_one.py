"""An autoencoder with tanh and tied weights, one example in a row. The table of derivatives it was
written from says -tanh(x)**2: the 1 is missing."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/scutan90/DeepLearning-500-questions/issues/544; 3.4.3 (error of the derivative of tanh in the table); 2024"
KIND = "activation derivative"
FIRST = "a"
CAUSE = "the derivative of tanh is 1 - h**2: the 1 is missing"
WORDS = [
    ["tanh", "derivative", "1 -", "h**2"],
    ["the 1", "1 -", "missing", "forgotten", "term", "derivative"],
]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((4, 5)))}
    t["W"] = ag.Tensor(rng.standard_normal((5, 3)) * 0.6, requires_grad=True)
    t["c"] = ag.Tensor(rng.standard_normal(5), requires_grad=True)
    t["a"] = t["x"] @ t["W"]
    t["h"] = ag.tanh(t["a"])
    t["r"] = t["h"] @ t["W"].T + t["c"]
    t["loss"] = 0.5 * ((t["r"] - t["x"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    x, W, h = t["x"].data, t["W"].data, t["h"].data
    dr = t["r"].data - x
    dc = dr.sum(axis=0)
    dh = dr @ W
    da = dh * ((1 - np.tanh(t["a"].data) ** 2) if mended else -(np.tanh(t["a"].data) ** 2))
    dW = dr.T @ h + x.T @ da
    return dict(r=dr, c=dc, h=dh, a=da, W=dW)


def right(t):
    return gradients(t, mended=True)

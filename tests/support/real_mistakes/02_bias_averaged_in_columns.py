"""Two linear layers and a sum of squares, examples in columns, as in notes on backpropagation. The
gradient of the first bias is averaged over the examples, though every example adds its own."""

import numpy as np
import autograd as ag

SOURCE = "https://github.com/kvfrans/notes/issues/5; Issue on page /2-training-neural-networks/backpropagation.html; 2025"
KIND = "scale"
FIRST = "b1"
CAUSE = "the bias's gradient is the sum over the examples, not their mean"
WORDS = [["mean", "average", "divided", "sum"]]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((3, 7))), "y": ag.Tensor(rng.standard_normal((2, 7)))}
    for n, s in dict(w1=(5, 3), b1=(5, 1), w2=(2, 5)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["h1"] = t["w1"] @ t["x"]
    t["h2"] = t["h1"] + t["b1"]
    t["h3"] = ag.maximum(t["h2"], 0)
    t["out"] = t["w2"] @ t["h3"]
    t["loss"] = ((t["out"] - t["y"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    d_out = 2 * (t["out"].data - t["y"].data)
    d_w2 = d_out @ t["h3"].data.T
    d_h3 = t["w2"].data.T @ d_out
    d_h2 = d_h3 * (t["h2"].data > 0)
    if mended:
        d_b1 = np.sum(d_h2, axis=1, keepdims=True)
    else:
        d_b1 = np.mean(d_h2, axis=1, keepdims=True)
    d_h1 = d_h2
    d_w1 = d_h1 @ t["x"].data.T
    return dict(out=d_out, w2=d_w2, h3=d_h3, h2=d_h2, b1=d_b1, h1=d_h1, w1=d_w1)


def right(t):
    return gradients(t, mended=True)

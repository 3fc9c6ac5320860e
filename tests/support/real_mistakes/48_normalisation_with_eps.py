"""Rows divided by their length plus eps. The backward takes length + eps wherever the length stands:
the length's own derivative is x / length, without the eps."""

import autograd as ag

SOURCE = "https://github.com/chainer/chainer/pull/4190; Fix backward of NormalizeL2; 2018"
KIND = "norm"
FIRST = "x"
CAUSE = "the derivative of the length is x / length; there x / (length + eps) was used"
WORDS = [["eps", "length", "norm", "term", "sqrt"]]
EPS = 0.3


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((5, 4)))}
    t["x"] = ag.Tensor(rng.standard_normal((5, 4)), requires_grad=True)
    t["length"] = ag.sqrt((t["x"] ** 2).sum(axis=1, keepdims=True))
    t["y"] = t["x"] / (t["length"] + EPS)
    t["loss"] = 0.5 * ((t["y"] - t["target"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    x, length = t["x"].data, t["length"].data
    norm = length + EPS
    gy = t["y"].data - t["target"].data
    x_gy = (x * gy).sum(axis=1, keepdims=True)
    gx = gy * norm - x_gy * x / (length if mended else norm)
    gx = gx / norm**2
    return dict(y=gy, x=gx)


def right(t):
    return gradients(t, mended=True)

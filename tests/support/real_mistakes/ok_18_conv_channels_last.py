"""Right: a 1 x 1 convolution on NHWC as a product, with the transposes to NCHW in place."""

import autograd as ag

SOURCE, KIND, FIRST = "style: layouts, the transposes in place", "right", None


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((2, 4, 3, 5)))}
    t["x"] = ag.Tensor(rng.standard_normal((2, 6, 3, 5)), requires_grad=True)
    t["w"] = ag.Tensor(rng.standard_normal((4, 6)), requires_grad=True)
    t["y"] = ag.einsum("nchw,oc->nohw", t["x"], t["w"])
    t["loss"] = ((t["y"] - t["target"]) ** 2).sum() / 2
    return t


def gradients(t):
    nhwc = lambda a: a.transpose(0, 2, 3, 1)
    dy = nhwc(t["y"].data) - nhwc(t["target"].data)
    rows, xs = dy.reshape(-1, 4), nhwc(t["x"].data).reshape(-1, 6)
    dw = rows.T @ xs
    dx = (rows @ t["w"].data).reshape(2, 3, 5, 6).transpose(0, 3, 1, 2)
    return dict(y=dy.transpose(0, 3, 1, 2), w=dw, x=dx)

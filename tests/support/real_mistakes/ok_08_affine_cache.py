"""Right: affine_forward and affine_backward with a cache, images reshaped to rows and back."""

import numpy as np
import autograd as ag

SOURCE, KIND, FIRST = "style: cs231n caches", "right", None


def forward(rng):
    t = {"dout": ag.Tensor(rng.standard_normal((4, 5)))}
    t["x"] = ag.Tensor(rng.standard_normal((4, 2, 3)), requires_grad=True)
    t["w"] = ag.Tensor(rng.standard_normal((6, 5)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(5), requires_grad=True)
    t["out"] = t["x"].reshape(4, 6) @ t["w"] + t["b"]
    t["loss"] = (t["out"] * t["dout"]).sum()
    return t


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


def gradients(t):
    cache = t["x"].data, t["w"].data, t["b"].data
    dx, dw, db = affine_backward(t["dout"].data, cache)
    return dict(out=t["dout"].data, x=dx, w=dw, b=db)

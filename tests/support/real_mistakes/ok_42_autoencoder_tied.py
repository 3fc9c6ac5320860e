"""Right: an autoencoder with tied weights: two shares of W's gradient, one of them transposed."""

import autograd as ag

SOURCE, KIND, FIRST = "style: in-place accumulation, tied weights", "right", None


def forward(rng):
    t = {"x": ag.Tensor(rng.random((6, 5)))}
    for n, s in dict(W=(5, 3), b=(3,), c=(5,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["h"] = ag.expit(t["x"] @ t["W"] + t["b"])
    t["r"] = ag.expit(t["h"] @ t["W"].T + t["c"])
    t["loss"] = -(t["x"] * ag.log(t["r"]) + (1 - t["x"]) * ag.log(1 - t["r"])).sum() / 6
    return t


def gradients(t):
    x, h, r, W = (t[n].data for n in ("x", "h", "r", "W"))
    dz2 = (r - x) / 6
    dW = dz2.T @ h
    dh = dz2 @ W
    dz1 = dh * h * (1 - h)
    dW += x.T @ dz1
    return dict(W=dW, c=dz2.sum(axis=0), h=dh, b=dz1.sum(axis=0))

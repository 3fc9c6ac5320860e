"""A restricted Boltzmann-like autoencoder of square size: hidden bias b, visible bias c. Returned in
the wrong order, b has c's gradient, and c has b's."""

import autograd as ag

SOURCE = "kind: names exchanged, b has c's gradient"
KIND = "exchange"
FIRST = "c"
CAUSE = "this is b's gradient: the names are exchanged"
WORDS = [
    ["exchange", "swap", "gradient of b", "gradient of 'b'", "that of b", "other name", "names"]
]


def forward(rng):
    t = {"v": ag.Tensor(rng.random((6, 4)))}
    t["W"] = ag.Tensor(rng.standard_normal((4, 4)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["c"] = ag.Tensor(rng.standard_normal(4), requires_grad=True)
    t["h"] = ag.expit(t["v"] @ t["W"] + t["b"])
    t["r"] = t["h"] @ t["W"].T + t["c"]
    t["loss"] = ((t["r"] - t["v"]) ** 2).sum() / 6
    return t


def gradients(t, mended=False):
    v, h, W = t["v"].data, t["h"].data, t["W"].data
    dr = 2 * (t["r"].data - v) / 6
    dh = dr @ W
    dz = dh * h * (1 - h)
    dW = dr.T @ h + v.T @ dz
    db, dc = dz.sum(axis=0), dr.sum(axis=0)
    if not mended:
        db, dc = dc, db
    return dict(r=dr, h=dh, W=dW, b=db, c=dc)


def right(t):
    return gradients(t, mended=True)

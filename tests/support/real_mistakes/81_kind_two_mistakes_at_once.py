"""A regression with a sigmoid at the output, mean of squares. The output's delta is y_hat - y: the
2/n of the loss and the sigmoid's derivative are both missing."""

import autograd as ag

SOURCE = "kind: two mistakes at once, sigma' and 2/n missing"
KIND = "scale"
FIRST = "z2"
CAUSE = "sigmoid'(z2) and the factor 2/n are missing"
WORDS = [["sigmoid", "expit", "derivative", "local"]]


def forward(rng):
    t = {"x": ag.Tensor(rng.standard_normal((8, 2))), "y": ag.Tensor(rng.random((8, 1)))}
    for n, s in dict(w1=(2, 3), b1=(3,), w2=(3, 1), b2=(1,)).items():
        t[n] = ag.Tensor(rng.standard_normal(s), requires_grad=True)
    t["z1"] = t["x"] @ t["w1"] + t["b1"]
    t["a1"] = ag.expit(t["z1"])
    t["z2"] = t["a1"] @ t["w2"] + t["b2"]
    t["y_hat"] = ag.expit(t["z2"])
    t["loss"] = ((t["y_hat"] - t["y"]) ** 2).mean()
    return t


def gradients(t, mended=False):
    a1, y_hat = t["a1"].data, t["y_hat"].data
    dz2 = y_hat - t["y"].data
    if mended:
        dz2 = dz2 * 2 / 8 * y_hat * (1 - y_hat)
    dz1 = dz2 @ t["w2"].data.T * a1 * (1 - a1)
    return dict(
        z2=dz2,
        w2=a1.T @ dz2,
        b2=dz2.sum(axis=0),
        z1=dz1,
        w1=t["x"].data.T @ dz1,
        b1=dz1.sum(axis=0),
    )


def right(t):
    return gradients(t, mended=True)

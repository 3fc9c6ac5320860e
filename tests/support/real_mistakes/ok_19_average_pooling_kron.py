"""Right: average pooling, backward by repeat, divided by the size of the window."""

import autograd as ag

SOURCE, KIND, FIRST = "style: repeat", "right", None


def forward(rng):
    t = {"target": ag.Tensor(rng.standard_normal((2, 3, 2, 3)))}
    t["x"] = ag.Tensor(rng.standard_normal((2, 3, 4, 9)), requires_grad=True)
    t["y"] = t["x"].reshape(2, 3, 2, 2, 3, 3).mean(axis=(3, 5))
    t["loss"] = ((t["y"] - t["target"]) ** 2).mean()
    return t


def gradients(t):
    dy = 2 * (t["y"].data - t["target"].data) / t["y"].data.size
    return dict(y=dy, x=dy.repeat(2, axis=2).repeat(3, axis=3) / 6)

"""y = x - mean(x). Each x was taken to reach its own y only: the gradient 1 - 1/n, where the mean
reaches all of them."""

import autograd as ag

SOURCE = "https://github.com/pytorch/pytorch/issues/107007; Incorrect gradient computation possibly due to broadcasting; 2023"
KIND = "broadcast"
FIRST = "x"
CAUSE = "x reaches every y through the mean: the mean of all of dy is subtracted, not dy/n"
WORDS = [["mean", "sum", "diagonal", "own", "every"]]


def forward(rng):
    t = {"c": ag.Tensor(rng.standard_normal(6)), "u": ag.Tensor(rng.standard_normal((6, 3)))}
    t["w"] = ag.Tensor(rng.standard_normal(3), requires_grad=True)
    t["x"] = t["u"] @ t["w"]
    t["y"] = t["x"] - t["x"].mean()
    t["loss"] = ((t["y"] - t["c"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    dy = 2 * (t["y"].data - t["c"].data)
    n = dy.size
    dx = dy - dy.mean() if mended else dy * (1 - 1 / n)
    return dict(y=dy, x=dx, w=t["u"].data.T @ dx)


def right(t):
    return gradients(t, mended=True)

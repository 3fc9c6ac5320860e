"""Linear regression from scratch: the loss is a mean already, and the parameters' gradients are
divided by the batch size again, in the step."""

import autograd as ag

SOURCE = "https://github.com/d2l-ai/d2l-en/pull/1000; bug fix: linear reg scratch; 2020"
KIND = "scale"
FIRST = "b"
CAUSE = "divided by the batch size twice: the mean has done it"
WORDS = [["twice", "again", "divided", "1/10", "mean", "batch"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((10, 2))), "y": ag.Tensor(rng.standard_normal((10, 1)))}
    t["w"] = ag.Tensor(rng.standard_normal((2, 1)), requires_grad=True)
    t["b"] = ag.Tensor(rng.standard_normal(1), requires_grad=True)
    t["y_hat"] = t["X"] @ t["w"] + t["b"]
    t["loss"] = ((t["y_hat"] - t["y"]) ** 2 / 2).mean()
    return t


def gradients(t, mended=False):
    d = (t["y_hat"].data - t["y"].data) / 10
    batch_size = 1 if mended else 10
    return dict(y_hat=d, w=t["X"].data.T @ d / batch_size, b=d.sum(axis=0) / batch_size)


def right(t):
    return gradients(t, mended=True)

"""Inverted dropout around a layer. The backward divides by 1 - p, as the forward did, and forgets
the mask: what was dropped gets a gradient."""

import autograd as ag

SOURCE = "https://github.com/ddbourgin/numpy-ml/issues/94; Backpropagation of dropout wrapper does not apply the mask; 2024"
KIND = "dropout"
FIRST = "a1"
CAUSE = "dropout's mask is missing in the backward pass"
WORDS = [["mask", "dropped", "dropout", "factor"]]


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((6, 4))), "y": ag.Tensor(rng.standard_normal((6, 2)))}
    mask = rng.random((6, 5)) >= 0.4
    mask[0, :2] = False, True
    t["mask"] = ag.Tensor(mask * 1.0)
    t["W1"] = ag.Tensor(rng.standard_normal((4, 5)), requires_grad=True)
    t["W2"] = ag.Tensor(rng.standard_normal((5, 2)), requires_grad=True)
    t["z1"] = t["X"] @ t["W1"]
    t["a1"] = ag.expit(t["z1"])
    t["d1"] = t["a1"] * t["mask"] / (1 - 0.4)
    t["out"] = t["d1"] @ t["W2"]
    t["loss"] = 0.5 * ((t["out"] - t["y"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    dLdy = t["out"].data - t["y"].data
    dW2 = t["d1"].data.T @ dLdy
    dd1 = dLdy @ t["W2"].data.T
    da1 = dd1 / (1.0 - 0.4)
    if mended:
        da1 = da1 * t["mask"].data
    a1 = t["a1"].data
    dz1 = da1 * a1 * (1 - a1)
    return dict(out=dLdy, W2=dW2, d1=dd1, a1=da1, z1=dz1, W1=t["X"].data.T @ dz1)


def right(t):
    return gradients(t, mended=True)

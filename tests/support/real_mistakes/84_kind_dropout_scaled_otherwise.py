"""Dropout whose forward only masks (the scaling is left to the test), and whose backward divides by
the probability of keeping, as inverted dropout does."""

import autograd as ag

SOURCE = "kind: the forward differs, dropout scaled otherwise"
KIND = "forward differs"
FIRST = "a"
CAUSE = "divided by keep = 0.6 in the backward, and not in the forward"
WORDS = [["0.6", "1.66", "1.67", "5/3", "3/5", "keep", "factor", "scale", "divided"]]
KEEP = 0.6


def forward(rng):
    t = {"X": ag.Tensor(rng.standard_normal((5, 3))), "y": ag.Tensor(rng.standard_normal((5, 2)))}
    t["mask"] = ag.Tensor((rng.random((5, 4)) < KEEP) * 1.0)
    t["W1"] = ag.Tensor(rng.standard_normal((3, 4)), requires_grad=True)
    t["W2"] = ag.Tensor(rng.standard_normal((4, 2)), requires_grad=True)
    t["a"] = ag.tanh(t["X"] @ t["W1"])
    t["dropped"] = t["a"] * t["mask"]
    t["out"] = t["dropped"] @ t["W2"]
    t["loss"] = ((t["out"] - t["y"]) ** 2).sum()
    return t


def gradients(t, mended=False):
    dout = 2 * (t["out"].data - t["y"].data)
    dW2 = t["dropped"].data.T @ dout
    ddropped = dout @ t["W2"].data.T
    da = ddropped * t["mask"].data
    if not mended:
        da = da / KEEP
    dW1 = t["X"].data.T @ (da * (1 - t["a"].data ** 2))
    return dict(out=dout, W2=dW2, dropped=ddropped, a=da, W1=dW1)


def right(t):
    return gradients(t, mended=True)

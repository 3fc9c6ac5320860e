"""Layer normalisation over the last axis of (batch, time, features), its backward by hand.
The backward takes the input for a matrix: its means run over time and features of an example."""

import autograd as ag
from autograd import Tensor

SOURCE = (
    "https://github.com/flagos-ai/FlagGems/issues/5392; layer_norm_backward assumes 2-D input: "
    "silently wrong gradients + out-of-bounds writes for rank >= 3 inputs; 2026"
)
KIND = "axis"
FIRST = "x"
CAUSE = "the means of the backward run over axes 1 and 2; those of the forward over axis 2 alone"
WORDS = [["axis", "axes", "over"]]

EPS = 1e-5


def forward(rng):
    x = Tensor(rng.standard_normal((3, 4, 5)), requires_grad=True)
    w = Tensor(rng.standard_normal(5), requires_grad=True)
    b = Tensor(rng.standard_normal(5), requires_grad=True)
    target = Tensor(rng.standard_normal((3, 4, 5)))
    centred = x - x.mean(axis=2, keepdims=True)
    std = ag.sqrt((centred**2).mean(axis=2, keepdims=True) + EPS)
    xhat = centred / std
    out = xhat * w + b
    return {
        "x": x,
        "w": w,
        "b": b,
        "target": target,
        "std": std,
        "xhat": xhat,
        "out": out,
        "loss": ((out - target) ** 2).sum() / 3,
    }


def _back(t, axes):
    xhat = t["xhat"].data
    dout = 2 * (t["out"].data - t["target"].data) / 3
    dw, db = (dout * xhat).sum(axis=(0, 1)), dout.sum(axis=(0, 1))
    wdy = dout * t["w"].data
    c1 = (xhat * wdy).mean(axis=axes, keepdims=True)
    c2 = wdy.mean(axis=axes, keepdims=True)
    return {"out": dout, "w": dw, "b": db, "x": (wdy - xhat * c1 - c2) / t["std"].data}


def gradients(t):
    return _back(t, axes=(1, 2))  # M = shape[0], N = size // M: a row is all of an example


def right(t):
    return _back(t, axes=2)

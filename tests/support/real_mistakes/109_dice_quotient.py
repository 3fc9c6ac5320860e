"""A Dice coefficient of segmentation masks, its backward written by the quotient rule.
The two terms of the numerator were added, not subtracted."""

import numpy as np

from autograd import Tensor
from nn import functional as F

SOURCE = (
    "https://github.com/milesial/Pytorch-UNet/issues/35; error about backward in dice_loss.py; 2018"
)
KIND = "loss"
FIRST = "pred"
CAUSE = "(u/v)' = (u'v - uv')/v^2: the term of the denominator has the wrong sign, + in place of -"
WORDS = [["sign", "minus", "-1", "subtract", "negat"]]


def forward(rng):
    x = Tensor(rng.standard_normal((4, 7)))
    W = Tensor(rng.standard_normal((7, 5)), requires_grad=True)
    target = Tensor((rng.random((4, 5)) < 0.5).astype(float))
    pred = F.sigmoid(x @ W)
    inter = (pred * target).sum(axis=1)
    union = pred.sum(axis=1) + target.sum(axis=1)
    dice = 2 * inter / union
    return {
        "x": x,
        "W": W,
        "target": target,
        "pred": pred,
        "inter": inter,
        "union": union,
        "dice": dice,
        "loss": 1 - dice.mean(),
    }


def _below(t, dpred):
    x, pred = t["x"].data, t["pred"].data
    return {"pred": dpred, "W": x.T @ (dpred * pred * (1 - pred))}


def gradients(t):
    target, inter, union = t["target"].data, t["inter"].data[:, None], t["union"].data[:, None]
    ddice = np.full(4, -1 / 4)
    dpred = ddice[:, None] * 2 * (target * union + inter) / (union * union)
    return {"dice": ddice, **_below(t, dpred)}


def right(t):
    target, inter, union = t["target"].data, t["inter"].data[:, None], t["union"].data[:, None]
    ddice = np.full(4, -1 / 4)
    dpred = ddice[:, None] * 2 * (target * union - inter) / (union * union)
    return {"dice": ddice, **_below(t, dpred)}

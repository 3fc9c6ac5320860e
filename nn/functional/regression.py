"""Losses between numbers and numbers. A target is taken in the dtype of x, and has its shape."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.functional.arguments import Reduction, as_target, in_single, number, of_lists, reduced


@of_lists
@in_single
def mse_loss(x: Tensor, target: Any, reduction: Reduction = "mean") -> Tensor:
    """(x - target)^2.

    Args:
        x, target: of one shape.
        reduction: the mean over all elements, the sum, or one loss for each.

    Raises:
        ValueError: the shapes differ, or the mean of nothing is asked for.
    """
    error = x - as_target("mse_loss", x, target)
    return reduced("mse_loss", error * error, reduction)


@of_lists
@in_single
def l1_loss(x: Tensor, target: Any, reduction: Reduction = "mean") -> Tensor:
    """|x - target|, with slope 0 where they are equal. Arguments as in `mse_loss`."""
    return reduced("l1_loss", ag.abs(x - as_target("l1_loss", x, target)), reduction)


@of_lists
@in_single
def huber_loss(
    x: Tensor, target: Any, reduction: Reduction = "mean", delta: Tensor | float = 1.0
) -> Tensor:
    """e^2 / 2 for e = |x - target| up to delta, and delta (e - delta / 2) beyond (Huber 1964).

    Where e = delta the second derivative is 1, as inside. Other arguments as in `mse_loss`; a delta
    that is a tensor and wants a gradient gets one, and one that is not above 0 is a ValueError.
    """
    delta = number("huber_loss", "delta", delta, x)
    if not delta > 0:
        raise ValueError(f"huber_loss: delta={delta} given, a number above 0 expected")
    error = x - as_target("huber_loss", x, target)
    if delta == np.inf:
        return reduced("huber_loss", 0.5 * ag.square(error), reduction)
    near = ag.clip(error, -delta, delta)
    return reduced("huber_loss", 0.5 * ag.square(near) + delta * ag.abs(error - near), reduction)


@of_lists
@in_single
def smooth_l1_loss(
    x: Tensor, target: Any, reduction: Reduction = "mean", beta: Tensor | float = 1.0
) -> Tensor:
    """e^2 / (2 beta) for e = |x - target| up to beta, and e - beta / 2 beyond (Girshick 2015, eq.
    3).

    Huber's loss by beta, where e = beta too; with beta 0 the L1 loss. Other arguments as in
    `mse_loss`; a beta that is a tensor and wants a gradient gets one, and a negative one is a
    ValueError.
    """
    beta = number("smooth_l1_loss", "beta", beta, x)
    if not beta >= 0:
        raise ValueError(f"smooth_l1_loss: beta={beta} given, at least 0 expected")
    error = x - as_target("smooth_l1_loss", x, target)
    if not beta:
        beyond = 0.5 * beta * ag.abs(ag.sign(error))  # 0, with a slope where beta has one
        return reduced("smooth_l1_loss", ag.abs(error) - beyond, reduction)
    near = ag.clip(error, -beta, beta)
    return reduced("smooth_l1_loss", 0.5 * near / beta * near + ag.abs(error - near), reduction)

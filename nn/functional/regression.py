"""Losses between numbers and numbers. A target is taken in the dtype of x, and has its shape; an x
of integers in that of the target, or in float64."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from nn.functional.arguments import Reduction, as_target, in_single, number, of_tensors, reduced


@of_tensors
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


@of_tensors
@in_single
def l1_loss(x: Tensor, target: Any, reduction: Reduction = "mean") -> Tensor:
    """|x - target|, with slope 0 where they are equal. Arguments as in `mse_loss`."""
    return reduced("l1_loss", ag.abs(x - as_target("l1_loss", x, target)), reduction)


@of_tensors
@in_single
def huber_loss(
    x: Tensor, target: Any, reduction: Reduction = "mean", delta: Tensor | float = 1.0
) -> Tensor:
    """e^2 / 2 for e = |x - target| up to delta, and delta (e - delta / 2) beyond (Huber 1964).

    Where e = delta the second derivative is 1, as inside. Other arguments as in `mse_loss`; a delta
    that is a tensor broadcasts, and has a gradient; one that is not above 0 is a ValueError.
    """
    delta = number(
        "huber_loss", "delta", delta, x, expected="a number above 0", holds=lambda d: d > 0
    )
    error = x - as_target("huber_loss", x, target)
    near = ag.clip(error, -delta, delta)
    # Where delta is infinite nothing is beyond it, and the slope there, which meets a 0, does not
    # matter.
    slope = (
        ag.where(delta == np.inf, 1, delta)
        if isinstance(delta, Tensor)
        else delta
        if delta < np.inf
        else 1.0
    )
    return reduced("huber_loss", 0.5 * ag.square(near) + slope * ag.abs(error - near), reduction)


@of_tensors
@in_single
def smooth_l1_loss(
    x: Tensor, target: Any, reduction: Reduction = "mean", beta: Tensor | float = 1.0
) -> Tensor:
    """e^2 / (2 beta) for e = |x - target| up to beta, and e - beta / 2 beyond (Girshick 2015, eq.
    3).

    Huber's loss by beta, where e = beta too; with beta 0 the L1 loss. Other arguments as in
    `mse_loss`; a beta that is a tensor broadcasts, and has a gradient, at 0 the limit from above;
    a negative one is a ValueError.
    """
    op = "smooth_l1_loss"
    beta = number(op, "beta", beta, x, expected="at least 0", holds=lambda b: b >= 0)
    error = x - as_target(op, x, target)
    zero = beta == 0
    safe = ag.where(zero, 1, beta) if isinstance(beta, Tensor) else beta or 1.0
    near = ag.clip(error, -safe, safe)
    losses = 0.5 * near / safe * near + ag.abs(error - near)
    if ag.any(zero) if isinstance(zero, Tensor) else zero:
        # The limit: beta / 2 less than the L1 loss but where there is no error.
        limit = ag.where(error == 0, 0, ag.abs(error) - 0.5 * beta)
        losses = ag.where(zero, limit, losses)
    return reduced(op, losses, reduction)

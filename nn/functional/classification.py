"""Losses between scores and classes."""

from __future__ import annotations

from typing import Any

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.engine.modes import array_of, array_within
from nn.functional.activations import log_softmax
from nn.functional.arguments import (
    Reduction,
    as_indices,
    as_target,
    expect_shape,
    expect_to_fit,
    in_dtype_of,
    in_single,
    number,
    of_tensors,
    reduced,
)


@of_tensors
@in_single
def cross_entropy(
    x: Tensor,
    target: Any,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
    label_smoothing: Tensor | float = 0.0,
) -> Tensor:
    """-log softmax(x)[target], or with label smoothing eps against a distribution that gives the
    right class 1 - eps and then eps / C to every class (Szegedy et al. 2016, section 7). Losses and
    slopes are right to the rounding of 1.

    Args:
        x: (N, C) scores before the softmax, or (N, C, ...).
        target: (N,) or (N, ...) integer classes below C.
        weight: (C,), what the loss of each class is multiplied by.
        ignore_index: a class, or a number that is none, whose samples do not count.
        reduction: the mean over N, weighted by the weights; the sum; or one loss for each sample.
        label_smoothing: eps, from 0 to 1; one number, which has a gradient where it is
            a tensor.

    Raises:
        ValueError: other shapes, classes that do not exist, or a mean where no sample counts.
    """
    smoothing = number(
        "cross_entropy",
        "label_smoothing",
        label_smoothing,
        x,
        expected="0 to 1",
        holds=lambda eps: 0 <= eps <= 1,
        single=True,
    )
    classes = _expect_classes("cross_entropy", x, target, weight, ignore_index)
    return _negative_log(
        "cross_entropy",
        log_softmax(_classes_last(x)),
        classes,
        weight,
        ignore_index,
        reduction,
        smoothing,
    )


@of_tensors
@in_single
def nll_loss(
    x: Tensor,
    target: Any,
    weight: Tensor | None = None,
    ignore_index: int = -100,
    reduction: Reduction = "mean",
) -> Tensor:
    """-x[target], for x the logarithms of probabilities, as of `log_softmax`.

    Arguments and errors are those of `cross_entropy`.
    """
    classes = _expect_classes("nll_loss", x, target, weight, ignore_index)
    return _negative_log("nll_loss", _classes_last(x), classes, weight, ignore_index, reduction)


@of_tensors
@in_single
def binary_cross_entropy_with_logits(
    x: Tensor,
    target: Any,
    weight: Tensor | None = None,
    reduction: Reduction = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """-(q t log(s) + (1 - t) log(1 - s)) for s = 1 / (1 + e^-x), computed without s as
    q t log(1 + e^-x) + (1 - t) log(1 + e^x), in which nothing overflows or cancels.

    Args:
        x: scores of any shape.
        target: t, of the same shape, from 0 to 1.
        weight: what each loss is multiplied by; broadcasts to the shape of x.
        reduction: the mean over all elements, the sum, or one loss for each.
        pos_weight: q, the weight of the positive part; broadcasts to the shape of x.

    Raises:
        ValueError: shapes that do not go together.
    """
    op = "binary_cross_entropy_with_logits"
    t = as_target(op, x, target)
    for name, given in (("weight", weight), ("pos_weight", pos_weight)):
        expect_to_fit(op, name, given, x.shape)
    positive = t if pos_weight is None else t * in_dtype_of(x, pos_weight)
    losses = positive * ag.softplus(-x) + (1 - t) * ag.softplus(x)
    if weight is not None:
        losses = losses * in_dtype_of(x, weight)
    return reduced(op, losses, reduction)


def _negative_log(
    op: str,
    logs: Tensor,
    classes: Any,
    weight: Tensor | None,
    ignore_index: int,
    reduction: Reduction,
    smoothing: Tensor | float = 0.0,
) -> Tensor:
    """From logs (M, C) and a class for each row, the losses in the shape of `classes`."""
    chosen = classes.reshape(-1)
    ignored = chosen == ignore_index
    found = ignored.any()  # a tensor while a program is made, which `as_indices` has guarded
    some_ignored = bool(array_of(found) if isinstance(found, Tensor) else found)
    if reduction == "mean" and (not len(chosen) or (some_ignored and ignored.all())):
        raise ValueError(
            f"{op}: of scores {logs.shape} no target counts, and there is no mean; "
            "at least one expected"
        )
    if some_ignored:
        chosen = np.where(ignored, 0, chosen)
    losses = -logs[np.arange(len(chosen)), chosen]
    weights = None if weight is None else in_dtype_of(logs, weight)
    total: Any = None
    if weights is not None:
        of_samples = weights[chosen]
        losses = losses * of_samples
        total = ag.where(ignored, 0, of_samples).sum()
    elif some_ignored:
        total = len(chosen) - ignored.sum()
    if isinstance(smoothing, Tensor) or smoothing:
        everywhere = -(logs if weights is None else logs * weights).sum(axis=1)
        losses = (1 - smoothing) * losses + smoothing / logs.shape[1] * everywhere
    if some_ignored:
        losses = ag.where(ignored, 0, losses)
    if classes.ndim > 1:
        losses = losses.reshape(*classes.shape)
    return reduced(op, losses, reduction, total)


def _classes_last(x: Tensor) -> Tensor:
    """(N, C, ...) -> (N * ..., C)."""
    if x.ndim == 2:
        return x
    return x.transpose(0, *range(2, x.ndim), 1).reshape(-1, x.shape[1])


def _expect_classes(
    op: str, x: Tensor, target: Any, weight: Tensor | None, ignore_index: int
) -> Any:
    """The target as classes that exist, one for each sample of x; see `as_indices`."""
    classes = np.asarray(array_within(target) if isinstance(target, Tensor) else target)
    if x.ndim < 2 or classes.shape != (x.shape[0], *x.shape[2:]) or classes.dtype.kind not in "iu":
        raise ValueError(
            f"{op}: scores (N, C) and N integer classes expected, or (N, C, ...) and (N, ...); "
            f"shapes {x.shape} and {classes.shape} ({classes.dtype}) given"
        )
    if weight is not None and not isinstance(weight, Tensor):
        raise TypeError(f"{op}: weight {weight!r} given, a Tensor ({x.shape[1]},) expected")
    expect_shape(op, "weight", weight, (x.shape[1],))
    return as_indices(op, "classes", target, x.shape[1], ignore_index)

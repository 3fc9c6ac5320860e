"""Normalisation: numbers less their mean, by their deviation. In float32 for float16."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import TypeAlias

import numpy as np

import autograd as ag
from autograd import Tensor
from autograd.engine.modes import array_of
from autograd.ops.shapes.shape import as_tensor
from nn.functional.arguments import expect_shape, in_single, number, of_tensors, traced
from nn.parallel.processes import Group

Statistics: TypeAlias = "Tensor | None"  # which training changes, so that no copy may stand for it


@of_tensors
@in_single
def batch_norm(
    x: Tensor,
    running_mean: Statistics,
    running_var: Statistics,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
    group: Group | None = None,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel (Ioffe & Szegedy 2015, alg. 1).
    Slopes are right to the rounding of weight / sqrt(var + eps): see layer_norm.

    In training, mean and (biased) variance are those of x over all axes but 1, and the running ones
    move towards them by `momentum`, the variance with Bessel's correction, as in PyTorch. Otherwise
    they are the running ones, or where these are None, those of x.

    Args:
        x: (N, C, ...).
        running_mean, running_var: (C,), both or neither. In training they are bound to new arrays.
        weight, bias: (C,).
        group: processes whose batches, each with its x, are normalised as one.

    Raises:
        TypeError: plain arrays for running_mean and running_var in training.
        ValueError: other shapes; one of running_mean and running_var without the other; or one
            value per channel in training, which has no variance.
    """
    momentum = number("batch_norm", "momentum", momentum)
    eps = number("batch_norm", "eps", eps, x)
    if x.ndim < 2:
        raise ValueError(f"batch_norm: x (N, C, ...) expected, shape {x.shape} given")
    if (running_mean is None) != (running_var is None):
        missing = "running_mean" if running_mean is None else "running_var"
        raise ValueError(
            f"batch_norm: {missing}=None given, running_mean and running_var expected, or neither"
        )
    for name, given in {
        "running_mean": running_mean,
        "running_var": running_var,
        "weight": weight,
        "bias": bias,
    }.items():
        expect_shape("batch_norm", name, given, (x.shape[1],))
        if training and not isinstance(given, Tensor | None):
            raise TypeError(
                f"batch_norm: {type(given).__name__} given for {name}, a Tensor expected in "
                "training, which binds it to a new array"
            )
    axes = (0, *range(2, x.ndim))
    channels = (x.shape[1],) + (1,) * (x.ndim - 2)
    if training or running_mean is None or running_var is None:
        n = x.size // max(x.shape[1], 1)
        if group is None:
            _expect_several(n, training, x)
            mean = x.mean(axis=axes, keepdims=True)
            centred = x - mean
            squares = ag.sum_of_squares(centred, axes)
        else:
            count = np.array(n)
            counting = group.start_sum(count, "batch norm")  # on its way beside what follows
            total = ag.allreduce(x.sum(axis=axes, keepdims=True), group=group)
            counting.wait()
            n = int(count)
            _expect_several(n, training, x)
            mean = total / n
            centred = x - mean
            squares = ag.allreduce(ag.sum_of_squares(centred, axes), group=group)
        var = squares.reshape(channels) / n
        if training and running_mean is not None and running_var is not None:
            _move(running_mean, mean, momentum)
            _move(running_var, var, momentum, n / (n - 1))
    else:
        centred = x - running_mean.reshape(channels)
        var = running_var.reshape(channels)
    scale = 1 / ag.sqrt(var + eps)
    if weight is not None:
        scale = weight.reshape(channels) * scale
    y = centred * scale
    return y if bias is None else y + bias.reshape(channels)


def _expect_several(n: int, training: bool, x: Tensor) -> None:
    if training and n < 2:
        raise ValueError(
            f"batch_norm: more than one value per channel expected in training, x of shape "
            f"{x.shape} given; use a larger batch, or eval()"
        )


def _move(running: Tensor, value: Tensor, momentum: float, factor: float = 1.0) -> None:
    """Move a running statistic towards factor * value."""
    if not traced():
        old, new = running.data, value.data
        blended = (1 - momentum) * old + momentum * (new.reshape(-1) * factor)
        running.data = blended.astype(running.dtype)
        return
    with ag.no_grad():
        moved = (1 - momentum) * running + momentum * (value.reshape(-1) * factor)
        running.data = array_of(as_tensor(moved.astype(running.dtype)))


@of_tensors
@in_single
def layer_norm(
    x: Tensor,
    normalized_shape: int | tuple[int, ...],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias over the last axes (Ba et al. 2016, eq. 3, 4).

    Slopes are right to the rounding of weight / sqrt(var + eps), of which little is left where one
    element is far from all others: at its own place nothing, from 1e8 on in float64.

    Args:
        x: (..., *normalized_shape).
        normalized_shape: the lengths of the axes over which mean and (biased) variance are taken.
        weight, bias: of normalized_shape.
    """
    given = normalized_shape
    shape = tuple(given) if isinstance(given, Sequence) else (index(given),)
    if not shape or min(shape) < 1 or x.shape[-len(shape) :] != shape:
        expected = ", ".join(map(str, ("...", *shape)))
        raise ValueError(f"layer_norm: x ({expected}) expected, shape {x.shape} given")
    expect_shape("layer_norm", "weight", weight, shape)
    expect_shape("layer_norm", "bias", bias, shape)
    y = _standardized("layer_norm", x, tuple(range(x.ndim - len(shape), x.ndim)), eps)
    if weight is not None:
        y = y * weight
    return y if bias is None else y + bias


@of_tensors
@in_single
def group_norm(
    x: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias, mean and (biased) variance those of a sample's
    group of channels (Wu & He 2018, eq. 1, 7). Slopes are right to the rounding of weight /
    sqrt(var + eps): see layer_norm.

    Args:
        x: (N, C, ...).
        num_groups: a divisor of C. 1 takes all channels together, C each alone.
        weight, bias: (C,).
    """
    if x.ndim < 2:
        raise ValueError(f"group_norm: x (N, C, ...) expected, shape {x.shape} given")
    n, channels = x.shape[:2]
    if num_groups < 1 or channels % num_groups:
        raise ValueError(
            f"group_norm: num_groups={num_groups} given, a divisor of the {channels} channels "
            f"expected of x, which has shape {x.shape}"
        )
    expect_shape("group_norm", "weight", weight, (channels,))
    expect_shape("group_norm", "bias", bias, (channels,))
    grouped = x.reshape(n, num_groups, channels // num_groups * prod(x.shape[2:]))
    y = _standardized("group_norm", grouped, (2,), eps).reshape(*x.shape)
    affine = (channels,) + (1,) * (x.ndim - 2)
    if weight is not None:
        y = y * weight.reshape(affine)
    return y if bias is None else y + bias.reshape(affine)


def _standardized(op: str, x: Tensor, axes: tuple[int, ...], eps: float) -> Tensor:
    eps = number(op, "eps", eps, x)
    mean = x.mean(axis=axes, keepdims=True)
    centred = x - mean
    n = prod(x.shape[a] for a in axes)
    var = ag.sum_of_squares(centred, axes).reshape(*mean.shape) / n
    return centred * (1 / ag.sqrt(var + eps))

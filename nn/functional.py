"""The layers as functions: forward compositions of autograd ops, and nothing else.

Images are (N, C, H, W): batch, channels, height, width. Convolution keeps them in memory as
(C, H, W, N): the numbers of a batch side by side, so that every shift of a window is a copy of long
runs, and a convolution is one matrix product with no transpose before or after.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any, Literal

import numpy as np

import autograd as ag
from autograd import Tensor

Pair = int | tuple[int, int]
Reduction = Literal["mean", "sum", "none"]


def relu(x: Tensor) -> Tensor:
    """max(0, x); the slope at 0 is 0, because the tie goes to the first argument."""
    return ag.maximum(0, x)


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x W^T + b. x (..., in), weight (out, in), bias (out,); the result is (..., out)."""
    if not x.ndim or x.shape[-1] != weight.shape[-1]:
        raise ValueError(
            f"linear: x of shape {x.shape} given, (..., {weight.shape[-1]}) expected by a weight "
            f"of shape {weight.shape}"
        )
    _expect_length("linear", "bias", bias, weight.shape[0])
    y = x @ weight.T
    return y if bias is None else y + bias


def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair = 0,
    dilation: Pair = 1,
) -> Tensor:
    """Cross-correlation with stride s, dilation d and p zeros of padding:

    y[n,f,i,j] = b[f] + sum_{c,u,v} W[f,c,u,v] x[n, c, s i + d u - p, s j + d v - p].
    Computed as im2col and one matrix product (Chellapilla et al. 2006).

    Args:
        x: (N, C, H, W).
        weight: (F, C, U, V).
        bias: (F,).
        stride, padding, dilation: in pixels, for both axes or (height, width).

    Returns:
        (N, F, (H + 2 p - d (U - 1) - 1) // s + 1, and so for the width).
    """
    _expect_images("conv2d", x)
    if weight.ndim != 4 or weight.shape[1] != x.shape[1]:
        raise ValueError(
            f"conv2d: x of shape {x.shape} has {x.shape[1]} channels, a weight "
            f"(F, {x.shape[1]}, U, V) expected, one of shape {weight.shape} given"
        )
    filters = weight.shape[0]
    window = (weight.shape[2], weight.shape[3])
    steps, border = pair("conv2d: stride", stride), pair("conv2d: padding", padding, least=0)
    spread = pair("conv2d: dilation", dilation)
    _expect_length("conv2d", "bias", bias, filters)
    _expect_room("conv2d", x, window, border, spread)
    x = _pad(_batch_innermost(x), border, 0.0)
    windows = ag.sliding_windows(x, window, steps, spread)
    n, _, height, width = windows.shape[:4]
    columns = windows.transpose(1, 4, 5, 2, 3, 0).reshape(weight.data[0].size, height * width * n)
    y = weight.reshape(filters, -1) @ columns
    if bias is not None:
        y = y + bias.reshape(filters, 1)
    return y.reshape(filters, height, width, n).transpose(3, 0, 1, 2)


def max_pool2d(
    x: Tensor, kernel_size: Pair, stride: Pair | None = None, padding: Pair = 0
) -> Tensor:
    """The maximum of each window; the first in row-major order gets the gradient of a tie.

    Args:
        x: (N, C, H, W).
        kernel_size, padding: in pixels, for both axes or (height, width). Padding is never chosen;
            it may be at most half a window.
        stride: by default the window's size.
    """
    _expect_images("max_pool2d", x)
    window = pair("max_pool2d: kernel_size", kernel_size)
    border = pair("max_pool2d: padding", padding, least=0)
    steps = window if stride is None else pair("max_pool2d: stride", stride)
    if any(2 * p > w for p, w in zip(border, window, strict=True)):
        raise ValueError(
            f"max_pool2d: padding {border} given, at most half of the window {window} expected"
        )
    _expect_room("max_pool2d", x, window, border, (1, 1))
    x = _pad(x, border, -np.inf)
    return ag.sliding_windows(x, window, steps, (1, 1)).max(axis=(-2, -1))


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """(x - mean) / sqrt(var + eps) * weight + bias for each channel (Ioffe & Szegedy 2015, alg. 1).

    In training, mean and (biased) variance are those of x over all axes but 1, and the running ones
    move towards them by `momentum`, the variance with Bessel's correction, as in PyTorch. Otherwise
    they are the running ones, or where these are None, those of x.

    Args:
        x: (N, C, ...). running_mean, running_var, weight, bias: (C,).
    """
    if x.ndim < 2:
        raise ValueError(f"batch_norm: x (N, C, ...) expected, shape {x.shape} given")
    for name, given in {
        "running_mean": running_mean,
        "running_var": running_var,
        "weight": weight,
        "bias": bias,
    }.items():
        _expect_length("batch_norm", name, given, x.shape[1])
    axes = (0, *range(2, x.ndim))
    channels = (x.shape[1],) + (1,) * (x.ndim - 2)
    if training or running_mean is None or running_var is None:
        n = x.size // max(x.shape[1], 1)
        if training and n < 2:
            raise ValueError(
                f"batch_norm: more than one value per channel expected in training, x of shape "
                f"{x.shape} given; use a larger batch, or eval()"
            )
        mean = x.mean(axis=axes, keepdims=True)
        centred = x - mean
        var = ag.sum_of_squares(centred, axes).reshape(channels) / n
        if training and running_mean is not None and running_var is not None:
            _move(running_mean, mean.data.reshape(-1), momentum)
            _move(running_var, var.data.reshape(-1) * (n / (n - 1)), momentum)
    else:
        centred = x - running_mean.reshape(channels)
        var = running_var.reshape(channels)
    scale = 1 / ag.sqrt(var + eps)
    if weight is not None:
        scale = weight.reshape(channels) * scale
    y = centred * scale
    return y if bias is None else y + bias.reshape(channels)


def _move(running: Tensor, value: Any, momentum: float) -> None:
    blended = (1 - momentum) * running.data + momentum * value
    running.data = blended.astype(running.dtype)


def flatten(x: Tensor, start_dim: int = 1) -> Tensor:
    """Axes from `start_dim` on as one."""
    return x.reshape(*x.shape[:start_dim], prod(x.shape[start_dim:]))


def softmax(x: Tensor, dim: int = -1) -> Tensor:
    """exp(x) / sum(exp(x)) along one axis, shifted by the maximum so that nothing overflows."""
    _expect_axis("softmax", x, dim)
    e = ag.exp(x - x.detach().max(axis=dim, keepdims=True))
    return e / e.sum(axis=dim, keepdims=True)


def log_softmax(x: Tensor, dim: int = -1) -> Tensor:
    """x - log(sum(exp(x))) along one axis, by the shifted log-sum-exp (Blanchard et al. 2021)."""
    _expect_axis("log_softmax", x, dim)
    shifted = x - x.detach().max(axis=dim, keepdims=True)
    return shifted - ag.log(ag.exp(shifted).sum(axis=dim, keepdims=True))


def cross_entropy(x: Tensor, target: Any, reduction: Reduction = "mean") -> Tensor:
    """-log softmax(x)[target].

    Args:
        x: (N, C) scores before the softmax.
        target: (N,) integer classes below C.
        reduction: the mean over N, the sum, or one loss for each sample.
    """
    classes = np.asarray(target.data if isinstance(target, Tensor) else target)
    if x.ndim != 2 or classes.shape != x.shape[:1] or classes.dtype.kind not in "iu":
        raise ValueError(
            f"cross_entropy: scores (N, C) and N integer classes expected, shapes {x.shape} and "
            f"{classes.shape} ({classes.dtype}) given"
        )
    if classes.size and not 0 <= classes.min() <= classes.max() < x.shape[1]:
        raise ValueError(
            f"cross_entropy: classes from 0 to {x.shape[1] - 1} expected, "
            f"{classes.min()} to {classes.max()} given"
        )
    if reduction == "mean" and not classes.size:
        raise ValueError(f"cross_entropy: scores {x.shape} have no mean; at least one expected")
    losses = -log_softmax(x)[np.arange(len(classes)), classes]
    if reduction == "none":
        return losses
    if reduction not in ("mean", "sum"):
        raise ValueError(
            f"cross_entropy: reduction '{reduction}' given, mean, sum or none expected"
        )
    return losses.mean() if reduction == "mean" else losses.sum()


def pair(what: str, value: Pair, least: int = 1) -> tuple[int, int]:
    """One length for both axes, or (height, width); refused below `least`, named by `what`."""
    lengths = tuple(value) if isinstance(value, Sequence) else (value, value)
    try:
        height, width = (index(length) for length in lengths)
    except (TypeError, ValueError):
        raise ValueError(f"{what} {value} given, a length or (height, width) expected") from None
    if min(height, width) < least:
        raise ValueError(f"{what} {value} given, at least {least} expected")
    return height, width


def _pad(x: Tensor, border: tuple[int, int], value: float) -> Tensor:
    if border == (0, 0):
        return x
    return ag.pad(x, ((0, 0), (0, 0), (border[0],) * 2, (border[1],) * 2), value)


def _batch_innermost(x: Tensor) -> Tensor:
    """The same (N, C, H, W) tensor in (C, H, W, N) memory; nothing is copied where it is so."""
    return ag.ascontiguousarray(x.transpose(1, 2, 3, 0)).transpose(3, 0, 1, 2)


def _expect_length(op: str, name: str, given: Tensor | None, length: int) -> None:
    if given is not None and given.shape != (length,):
        raise ValueError(f"{op}: {name} of shape ({length},) expected, {given.shape} given")


def _expect_axis(op: str, x: Tensor, dim: int) -> None:
    if not -x.ndim <= dim < x.ndim:
        raise ValueError(f"{op}: dim={dim} given, an axis of a tensor of shape {x.shape} expected")


def _expect_room(
    op: str, x: Tensor, window: Sequence[int], border: Sequence[int], dilation: Sequence[int]
) -> None:
    padded = tuple(n + 2 * p for n, p in zip(x.shape[2:], border, strict=True))
    span = tuple(d * (w - 1) + 1 for w, d in zip(window, dilation, strict=True))
    if any(s > n for s, n in zip(span, padded, strict=True)):
        raise ValueError(
            f"{op}: a window of {span} pixels does not fit into images of {padded}, "
            "padding included; enlarge one or shrink the other"
        )


def _expect_images(op: str, x: Tensor) -> None:
    if x.ndim != 4:
        raise ValueError(f"{op}: images (N, C, H, W) expected, shape {x.shape} given")

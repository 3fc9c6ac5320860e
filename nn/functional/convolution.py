"""Convolution over one or two axes, by im2col and a matrix product, or by Winograd's algorithm."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Literal

import autograd as ag
from autograd import Tensor
from nn.functional.arguments import (
    Length,
    Lengths,
    Pair,
    expect_images,
    expect_shape,
    lengths,
    no_room,
    of_tensors,
)
from nn.functional.winograd import winograd_conv2d, winograd_size

Border = list[tuple[int, int]]


@of_tensors
def conv1d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Length = 1,
    padding: Length | Literal["same", "valid"] = 0,
    dilation: Length = 1,
    groups: int = 1,
) -> Tensor:
    """`conv2d` along one axis: x (N, C, L), weight (F, C / groups, U), the result (N, F, L')."""
    return _convolve("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


@of_tensors
def conv2d(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Pair = 1,
    padding: Pair | Literal["same", "valid"] = 0,
    dilation: Pair = 1,
    groups: int = 1,
) -> Tensor:
    """Cross-correlation with stride s, dilation d and p zeros of padding:

    y[n,f,i,j] = b[f] + sum_{c,u,v} W[f,c,u,v] x[n, c, s i + d u - p, s j + d v - p].
    Computed as im2col and one matrix product (Chellapilla et al. 2006), or one for each group;
    filters of 3 by 3 with stride and dilation 1 in the way of `winograd_conv2d`, which states its
    error, where the shapes make that faster (`winograd_size`).

    Args:
        x: (N, C, H, W).
        weight: (F, C / groups, U, V).
        bias: (F,).
        stride, padding, dilation: in pixels, for both axes or (height, width). Padding "valid" is
            none; "same" keeps height and width, the odd pixel at the end, and wants a stride of 1.
        groups: into how many parts the channels are divided, each with filters of its own; C of
            them make the convolution depthwise.

    Returns:
        (N, F, (H + 2 p - d (U - 1) - 1) // s + 1, and so for the width).

    Raises:
        ValueError: shapes that do not go together, or a window that is larger than the image.
    """
    return _convolve("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def _convolve(
    op: str,
    axes: int,
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Lengths,
    padding: Lengths | str,
    dilation: Lengths,
    groups: int,
) -> Tensor:
    expect_images(op, x, axes)
    filters = _expect_weight(op, x, weight, groups)
    window = weight.shape[2:]
    steps = lengths(f"{op}: stride", stride, axes)
    spread = lengths(f"{op}: dilation", dilation, axes)
    span = tuple(d * (w - 1) + 1 for w, d in zip(window, spread, strict=True))
    border = _border(op, padding, span, steps)
    expect_shape(op, "bias", bias, (filters,))
    padded = tuple(n + sum(p) for n, p in zip(x.shape[2:], border, strict=True))
    if any(s > n for s, n in zip(span, padded, strict=True)):
        raise no_room(op, span, padded)
    x = _batch_innermost(x)
    if (window, steps, spread, groups) == ((3, 3), (1, 1), (1, 1), 1) and _is_floating(x, weight):
        height, width = (n - 2 for n in padded)
        size = winograd_size(x.shape[1], filters, (height, width), x.shape[0])
        if size is not None:
            y = winograd_conv2d(x.transpose(1, 2, 3, 0), weight, (border[0], border[1]), size)
            if bias is not None:
                y = y + bias.reshape(filters, 1, 1, 1)
            return y.transpose(3, 0, 1, 2)
    if any(map(any, border)):
        x = ag.pad(x, ((0, 0), (0, 0), *border))
    windows = ag.sliding_windows(x, window, steps, spread)
    n, _, *places = windows.shape[: 2 + axes]
    taps = prod(weight.shape[1:])
    columns = windows.transpose(1, *range(2 + axes, 2 + 2 * axes), *range(2, 2 + axes), 0)
    length = windows.size // max(taps * groups, 1)
    if groups == 1:
        y = weight.reshape(filters, -1) @ columns.reshape(taps, length)
    else:
        kernels = weight.reshape(groups, filters // groups, taps)
        y = (kernels @ columns.reshape(groups, taps, length)).reshape(filters, length)
    if bias is not None:
        y = y + bias.reshape(filters, 1)
    return y.reshape(filters, *places, n).transpose(1 + axes, *range(1 + axes))


def _expect_weight(op: str, x: Tensor, weight: Tensor, groups: int) -> int:
    """Refuse a weight that does not go with x; otherwise the number of filters."""
    channels = x.shape[1]
    if groups < 1 or channels % groups:
        raise ValueError(
            f"{op}: groups={groups} given, a divisor of the {channels} channels of x expected, "
            f"which has shape {x.shape}"
        )
    if weight.ndim != x.ndim or weight.shape[1] != channels // groups:
        sizes = ", ".join("UV"[: x.ndim - 2])
        raise ValueError(
            f"{op}: x of shape {x.shape} has {channels} channels, a weight "
            f"(F, {channels // groups}, {sizes}) expected with groups={groups}, one of shape "
            f"{weight.shape} given"
        )
    if weight.shape[0] % groups:
        raise ValueError(
            f"{op}: groups={groups} given, a divisor of the {weight.shape[0]} filters expected"
        )
    return weight.shape[0]


def _is_floating(*tensors: Tensor) -> bool:
    """Whether all have at least the precision that Winograd's algorithm is made for."""
    return all(t.dtype.kind == "f" and t.dtype.itemsize >= 4 for t in tensors)


def _border(op: str, padding: Lengths | str, span: Sequence[int], steps: Sequence[int]) -> Border:
    """Pixels of padding before and after, for each axis."""
    if padding == "valid":
        return [(0, 0)] * len(span)
    if padding == "same":
        if any(s != 1 for s in steps):
            raise ValueError(f"{op}: stride {steps} given, 1 expected with padding 'same'")
        return [((s - 1) // 2, s - 1 - (s - 1) // 2) for s in span]
    if isinstance(padding, str):
        raise ValueError(f"{op}: padding '{padding}' given, same, valid or pixels expected")
    return [(p, p) for p in lengths(f"{op}: padding", padding, len(span), least=0)]


def _batch_innermost(x: Tensor) -> Tensor:
    """The same (N, C, ...) tensor in (C, ..., N) memory; nothing is copied where it is so."""
    last = x.ndim - 1
    return ag.ascontiguousarray(x.transpose(*range(1, x.ndim), 0)).transpose(last, *range(last))

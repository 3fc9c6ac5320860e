"""Pooling over one or two axes: the maximum or the mean of each window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import autograd as ag
from autograd import Tensor
from nn.functional.arguments import (
    Length,
    Lengths,
    Pair,
    expect_images,
    in_single,
    lengths,
    no_room,
    of_tensors,
    traced,
)


@of_tensors
def max_pool1d(
    x: Tensor,
    kernel_size: Length,
    stride: Length | None = None,
    padding: Length = 0,
    dilation: Length = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """`max_pool2d` along one axis: (N, C, L) -> (N, C, L')."""
    return _max_pool("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode)


@of_tensors
def max_pool2d(
    x: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    dilation: Pair = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """The maximum of each window; the first in row-major order gets the gradient of a tie.

    Args:
        x: (N, C, H, W).
        kernel_size, padding, dilation: in pixels, for both axes or (height, width). Padding is
            never chosen; it may be at most half a window.
        stride: by default the window's size.
        ceil_mode: whether a last window that reaches over the edge counts too.

    Returns:
        (N, C, (H + 2 p - d (k - 1) - 1) // s + 1, and so for the width).

    Raises:
        ValueError: a window that is larger than the image, or more padding than half a window.
    """
    return _max_pool("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode)


@of_tensors
@in_single
def avg_pool1d(
    x: Tensor,
    kernel_size: Length,
    stride: Length | None = None,
    padding: Length = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:
    """`avg_pool2d` along one axis: (N, C, L) -> (N, C, L')."""
    return _avg_pool(
        "avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, None
    )


@of_tensors
@in_single
def avg_pool2d(
    x: Tensor,
    kernel_size: Pair,
    stride: Pair | None = None,
    padding: Pair = 0,
    ceil_mode: bool = False,
    count_include_pad: bool = True,
    divisor_override: int | None = None,
) -> Tensor:
    """The mean of each window.

    Args:
        x: (N, C, H, W).
        kernel_size, padding: in pixels, for both axes or (height, width). Padding is at most half a
            window.
        stride: by default the window's size.
        ceil_mode: whether a last window that reaches over the edge counts too.
        count_include_pad: whether the zeros of padding count as values.
        divisor_override: what sums are divided by instead of the number of values.

    Returns:
        (N, C, (H + 2 p - k) // s + 1, and so for the width).

    Raises:
        ValueError: a window that is larger than the image, or more padding than half a window.
    """
    return _avg_pool(
        "avg_pool2d",
        2,
        x,
        kernel_size,
        stride,
        padding,
        ceil_mode,
        count_include_pad,
        divisor_override,
    )


@of_tensors
@in_single
def adaptive_avg_pool2d(x: Tensor, output_size: int | tuple[int | None, int | None]) -> Tensor:
    """The means of output_size windows that cover each axis: window i of m on n pixels goes from
    floor(i n / m) to ceil((i + 1) n / m).

    Args:
        x: (N, C, H, W).
        output_size: one length or (height, width); 1 is the mean of each channel, None keeps an
            axis.

    Returns:
        (N, C, *output_size).
    """
    expect_images("adaptive_avg_pool2d", x, 2)
    if 0 in x.shape[2:]:
        raise ValueError(f"adaptive_avg_pool2d: images with pixels expected, {x.shape} given")
    wanted: Any = output_size if isinstance(output_size, Sequence) else (output_size, output_size)
    if len(wanted) == 2:  # else refused below
        wanted = tuple(n if m is None else m for n, m in zip(x.shape[2:], wanted, strict=True))
    sizes = lengths("adaptive_avg_pool2d: output_size", wanted, 2)
    if sizes == (1, 1):
        return x.mean(axis=(2, 3), keepdims=True)
    for axis, size in zip((2, 3), sizes, strict=True):
        x = _adapt(x, axis, size)
    return x


def _adapt(x: Tensor, axis: int, m: int) -> Tensor:
    """The means of m windows along one axis. They differ in length by at most one pixel or two."""
    n, before, after = x.shape[axis], x.shape[:axis], x.shape[axis + 1 :]
    if n % m == 0:
        return x.reshape(*before, m, n // m, *after).mean(axis=axis + 1)
    start = np.arange(m) * n // m
    count = -(-(np.arange(m) + 1) * n // m) - start
    place = np.arange(count.max())
    inside = place < count[:, None]
    windows = x[(slice(None),) * axis + (np.minimum(start[:, None] + place, n - 1),)]
    aligned = inside.reshape(*inside.shape, *(1,) * len(after))
    sums = ag.where(aligned, windows, 0).sum(axis=axis + 1)
    return sums / count.reshape(m, *(1,) * len(after)).astype(x.dtype)


class _Grid(NamedTuple):
    """Where windows lie, for each axis."""

    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[int, ...]
    dilation: tuple[int, ...]
    border: list[tuple[int, int]]  # pixels to add before and after
    counts: tuple[int, ...]  # windows

    def starts(self, axis: int) -> NDArray[np.int64]:
        """The first pixel of each window; negative ones lie in the padding."""
        return np.arange(self.counts[axis]) * self.stride[axis] - self.padding[axis]


def _grid(
    op: str,
    axes: int,
    x: Tensor,
    kernel_size: Lengths,
    stride: Lengths | None,
    padding: Lengths,
    dilation: Lengths,
    ceil_mode: bool,
) -> _Grid:
    expect_images(op, x, axes)
    window = lengths(f"{op}: kernel_size", kernel_size, axes)
    border = lengths(f"{op}: padding", padding, axes, least=0)
    steps = window if stride is None else lengths(f"{op}: stride", stride, axes)
    spread = lengths(f"{op}: dilation", dilation, axes)
    if any(2 * p > w for p, w in zip(border, window, strict=True)):
        raise ValueError(
            f"{op}: padding {border} given, at most half of the window {window} expected"
        )
    span = tuple(d * (w - 1) + 1 for w, d in zip(window, spread, strict=True))
    padded = tuple(n + 2 * p for n, p in zip(x.shape[2:], border, strict=True))
    counts, after = [], []
    for n, p, s, extent in zip(padded, border, steps, span, strict=True):
        count = (n - extent) // s + 1
        # A last window may reach over the edge, but not begin in the padding there.
        if ceil_mode and (n - extent) % s and count * s < n - p:
            count += 1
        counts.append(count)
        after.append(max(p, p + (count - 1) * s + extent - n))
    if min(counts) < 1:
        raise no_room(op, span, padded)
    sides = list(zip(border, after, strict=True))
    return _Grid(window, steps, border, spread, sides, tuple(counts))


def _windows(x: Tensor, grid: _Grid, value: float) -> Tensor:
    if any(map(any, grid.border)):
        x = ag.pad(x, ((0, 0), (0, 0), *grid.border), constant_values=value)
    return ag.sliding_windows(x, grid.window, grid.stride, grid.dilation)


def _max_pool(
    op: str,
    axes: int,
    x: Tensor,
    kernel_size: Lengths,
    stride: Lengths | None,
    padding: Lengths,
    dilation: Lengths,
    ceil_mode: bool,
) -> Tensor:
    grid = _grid(op, axes, x, kernel_size, stride, padding, dilation, ceil_mode)
    y = _windows(x, grid, _lowest(x.dtype)).max(axis=tuple(range(-len(grid.window), 0)))
    if x.size and any(map(any, grid.border)) and _any_infinite(y):
        return _first_of_the_infinite(x, y, grid)
    return y


def _any_infinite(y: Tensor) -> bool:
    """Whether a maximum is minus infinity; a program holds for one of the two."""
    return bool((y == -np.inf).any()) if traced() else bool(np.isneginf(y.data).any())


def _lowest(dtype: np.dtype[Any]) -> float:
    if dtype.kind in "iu":
        return int(np.iinfo(dtype).min)
    return False if dtype.kind == "b" else -np.inf


def _first_of_the_infinite(x: Tensor, y: Tensor, grid: _Grid) -> Tensor:
    """y, but where it is -inf, the first pixel of the window instead: of a tie between -inf and
    padding, the padding would else get the gradient."""
    first, exists = [], np.ones((), np.bool_)
    for axis, (n, d) in enumerate(zip(x.shape[2:], grid.dilation, strict=True)):
        start = grid.starts(axis)
        start = np.where(start < 0, start % d, start)
        exists = exists[..., None] & (start < n)
        first.append(np.minimum(start, n - 1))
    # NaN equals nothing: a window without a pixel in it stays as it is.
    empty = ag.equal(y, np.where(exists, -np.inf, np.nan).astype(y.dtype))
    index = (..., *np.ix_(*first))
    return ag.where(empty, x[index], y)


def _avg_pool(
    op: str,
    axes: int,
    x: Tensor,
    kernel_size: Lengths,
    stride: Lengths | None,
    padding: Lengths,
    ceil_mode: bool,
    count_include_pad: bool,
    divisor: int | None,
) -> Tensor:
    grid = _grid(op, axes, x, kernel_size, stride, padding, 1, ceil_mode)
    sums = _windows(x, grid, 0).sum(axis=tuple(range(-len(grid.window), 0)))
    if divisor is not None:
        if divisor == 0:
            raise ValueError(f"{op}: divisor_override=0 given, another number expected")
        return sums / divisor
    # How many values each window has; ceil_mode's last one reaches past what padding there is.
    values = np.ones((), np.int64)
    for axis, (n, p) in enumerate(zip(x.shape[2:], grid.padding, strict=True)):
        start, border = grid.starts(axis), p if count_include_pad else 0
        end = np.minimum(start + grid.window[axis], n + border)
        values = values[..., None] * (end - np.maximum(start, -border))
    if values.min() == values.max():
        return sums / int(values.flat[0])
    return sums / values.astype(x.dtype)
